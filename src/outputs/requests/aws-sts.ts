/**
 * Temporary keys from the AWS token service: AssumeRole, signed with other keys, and AssumeRoleWithWebIdentity, with a
 * token that somebody else signed. Source: "AWS Security Token Service API Reference", version 2011-06-15.
 */
import { errorText } from '../../core/errors.ts';
import { signRequest } from './aws-signature.ts';
import type { AwsKeys } from './aws-signature.ts';

export interface AwsRole {
  readonly arn: string;
  /** Names the session in the logs of AWS. */
  readonly sessionName: string;
  readonly externalId?: string | undefined;
  /** A file with a token of an identity provider that the role trusts (IRSA). */
  readonly tokenFile?: string | undefined;
}

export interface RoleRequest {
  readonly role: AwsRole;
  readonly with: { readonly keys: AwsKeys } | { readonly token: string };
  readonly region: string;
  /** URL or host of the token service; undefined: that of the region. */
  readonly endpoint: string | undefined;
  readonly nowMs: number;
}

/** An answer takes the token service less than a second; a hanging one must not hold a chunk for longer. */
const answerMsMax = 15_000;

/** Keys of a role. @throws Error with what the token service said */
export async function assumeRole({ role, with: by, region, endpoint, nowMs }: RoleRequest): Promise<AwsKeys> {
  const url = urlOf(region, endpoint);
  const action = 'token' in by ? 'AssumeRoleWithWebIdentity' : 'AssumeRole';
  const form = new URLSearchParams({
    Action: action,
    Version: '2011-06-15',
    RoleArn: role.arn,
    RoleSessionName: role.sessionName,
    ...('token' in by ? { WebIdentityToken: by.token } : role.externalId && { ExternalId: role.externalId }),
  });
  const plain = {
    address: {
      isTls: url.protocol === 'https:',
      hostname: url.hostname.replace(/^\[(.*)\]$/, '$1'),
      port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
      path: url.pathname,
      shown: url.origin,
    },
    method: 'POST' as const,
    headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
    body: Buffer.from(form.toString()),
  };
  const request = 'keys' in by ? await signRequest(plain, by.keys, { service: 'sts', region }, nowMs) : plain;
  const doing = `${action} of ${role.arn} at ${url.origin}`;
  let text: string;
  try {
    const { method, headers } = request;
    const signal = AbortSignal.timeout(answerMsMax);
    const answer = await fetch(url, { method, body: form.toString(), headers, signal, redirect: 'error' });
    text = await answer.text();
    if (!answer.ok) {
      const said = [element(text, 'Code'), element(text, 'Message')].filter(Boolean).join(': ');
      throw new Error(`${answer.status} ${said}`.trim());
    }
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    throw new Error(`${doing}: ${errorText(error)}${cause === undefined ? '' : ` (${errorText(cause)})`}`, {
      cause: error,
    });
  }
  return keysOf(text, doing);
}

function urlOf(region: string, endpoint: string | undefined): URL {
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const written = endpoint ?? `sts.${region}.${domain}`;
  const url = URL.parse(/^https?:\/\//i.test(written) ? written : `https://${written}`);
  if (!url) throw new Error(`the address of the token service ${JSON.stringify(written)} is no URL`);
  return url;
}

function keysOf(xml: string, doing: string): AwsKeys {
  const accessKeyId = element(xml, 'AccessKeyId');
  const secretAccessKey = element(xml, 'SecretAccessKey');
  const sessionToken = element(xml, 'SessionToken');
  const expiration = new Date(element(xml, 'Expiration') ?? '');
  if (accessKeyId === undefined || secretAccessKey === undefined || sessionToken === undefined)
    throw new Error(`${doing}: the answer holds no keys`);
  if (Number.isNaN(expiration.getTime())) throw new Error(`${doing}: the answer does not say when the keys expire`);
  return { accessKeyId, secretAccessKey, sessionToken, expiration };
}

/** The text of the first element of that name. The answers hold no attributes, comments or CDATA. */
function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.trim().replaceAll(/&(lt|gt|quot|apos|amp);/g, (_, entity: keyof typeof entities) => entities[entity]);
}
const entities = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
