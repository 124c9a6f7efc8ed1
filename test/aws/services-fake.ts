/**
 * Recording fakes of what gives AWS keys: the token service (AssumeRole and AssumeRoleWithWebIdentity, in the form of the
 * "AWS Security Token Service API Reference", 2011-06-15) and the credentials endpoint of containers ("Container credential
 * provider", AWS SDKs and Tools Reference Guide), and a service that takes signed requests. No AWS is asked.
 * Each checks whom it serves: signatures with signature-check.ts, identity tokens with node:crypto.
 */
import { createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { signatureProblem } from './signature-check.ts';
import type { KnownKeys, SignedRequest } from './signature-check.ts';

export interface Taken extends SignedRequest {
  /** What is wrong with its signature or token. */
  readonly problem: string | undefined;
}

type Serve = (request: SignedRequest, res: ServerResponse) => string | undefined;

/** A server on loopback that keeps what it gets, closed when the test ends. */
async function serve(t: TestContext, answer: Serve): Promise<{ url: string; taken: Taken[] }> {
  const taken: Taken[] = [];
  const server = createServer((req: IncomingMessage, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const { method = '', url = '', rawHeaders } = req;
      const request = { method, url, rawHeaders, body: Buffer.concat(parts) };
      taken.push({ ...request, problem: answer(request, res) });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, taken };
}

/** An identity provider, such as that of a Kubernetes cluster: makes tokens as JWT with RS256. */
export class IdentityProvider {
  readonly #key: KeyObject;
  readonly issuer: string;
  constructor(issuer = 'https://oidc.eks.example.com/id/EXAMPLE') {
    this.#key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    this.issuer = issuer;
  }
  token(subject: string, expiresMs: number, audience = 'sts.amazonaws.com'): string {
    const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: this.issuer, sub: subject, aud: [audience], exp: Math.floor(expiresMs / 1000) };
    const text = `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}`;
    return `${text}.${sign('sha256', Buffer.from(text), this.#key).toString('base64url')}`;
  }
  /** What is wrong with a token; undefined: nothing. */
  problemOf(token: string, subject: string, nowMs: number): string | undefined {
    const [head = '', body = '', signature = ''] = token.split('.');
    const right = verify(
      'sha256',
      Buffer.from(`${head}.${body}`),
      createPublicKey(this.#key),
      Buffer.from(signature, 'base64url'),
    );
    if (!right) return 'InvalidIdentityToken: the signature is not of the provider';
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    if (claims['iss'] !== this.issuer || claims['sub'] !== subject) return 'AccessDenied: another issuer or subject';
    if (!(claims['aud'] as string[]).includes('sts.amazonaws.com')) return 'InvalidIdentityToken: wrong audience';
    return (claims['exp'] as number) * 1000 < nowMs ? 'ExpiredTokenException: the token has expired' : undefined;
  }
}

export interface StsRules {
  /** Keys that may assume the role. */
  readonly keys: KnownKeys;
  readonly provider: IdentityProvider;
  readonly subject: string;
  readonly role: string;
  readonly externalId?: string;
  readonly region: string;
  readonly nowMs: () => number;
  /** Called for each set of keys that is given; adds it to what services know. */
  readonly give: (id: string, secret: string, token: string) => void;
  readonly lifeMs: number;
}

/** A recording fake of the token service. */
export function fakeTokenService(t: TestContext, rules: StsRules): Promise<{ url: string; taken: Taken[] }> {
  let count = 0;
  return serve(t, (request, res) => {
    const form = new URLSearchParams(request.body.toString());
    const problem = stsProblem(request, form, rules);
    if (problem !== undefined) {
      const [code = '', text = ''] = problem.split(/: (.*)/s);
      res.writeHead(403, { 'content-type': 'text/xml' });
      res.end(
        `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <Error>\n    <Type>Sender</Type>\n    <Code>${code}</Code>\n    <Message>${text}</Message>\n  </Error>\n  <RequestId>4d8e</RequestId>\n</ErrorResponse>\n`,
      );
      return problem;
    }
    count++;
    const [id, secret, token] = [`ASIAFAKE${count}`, `secret/+${count}`, `session&token==${count}`];
    rules.give(id, secret, token);
    const name = `${form.get('Action')}`;
    const expiration = new Date(rules.nowMs() + rules.lifeMs).toISOString();
    res.writeHead(200, { 'content-type': 'text/xml' });
    res.end(
      `<${name}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">\n  <${name}Result>\n    <AssumedRoleUser>\n      <AssumedRoleId>AROA:x</AssumedRoleId>\n      <Arn>arn:aws:sts::123456789012:assumed-role/logs/x</Arn>\n    </AssumedRoleUser>\n    <Credentials>\n      <AccessKeyId>${id}</AccessKeyId>\n      <SecretAccessKey>${secret}</SecretAccessKey>\n      <SessionToken>${token.replaceAll('&', '&amp;')}</SessionToken>\n      <Expiration>${expiration}</Expiration>\n    </Credentials>\n  </${name}Result>\n  <ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata>\n</${name}Response>\n`,
    );
    return undefined;
  });
}

function stsProblem(request: SignedRequest, form: URLSearchParams, rules: StsRules): string | undefined {
  if (request.method !== 'POST' || form.get('Version') !== '2011-06-15') return 'InvalidAction: no such version';
  if (form.get('RoleArn') !== rules.role) return `AccessDenied: Not authorized to assume ${form.get('RoleArn')}`;
  if (!/^[\w+=,.@-]{2,64}$/.test(form.get('RoleSessionName') ?? '')) return 'ValidationError: RoleSessionName';
  if (form.get('Action') === 'AssumeRoleWithWebIdentity')
    return rules.provider.problemOf(form.get('WebIdentityToken') ?? '', rules.subject, rules.nowMs());
  if (form.get('Action') !== 'AssumeRole') return `InvalidAction: ${form.get('Action')}`;
  if ((form.get('ExternalId') ?? undefined) !== rules.externalId) return 'AccessDenied: another external id';
  return signatureProblem(request, { keys: rules.keys, region: rules.region, service: 'sts', nowMs: rules.nowMs() });
}

/** A recording fake of the credentials endpoint of containers. */
export function fakeContainerEndpoint(
  t: TestContext,
  rules: { readonly authorization: string; readonly keys: () => Readonly<Record<string, string>> },
): Promise<{ url: string; taken: Taken[] }> {
  return serve(t, (request, res) => {
    const at = request.rawHeaders.findIndex((name) => name.toLowerCase() === 'authorization');
    const given = at < 0 ? undefined : request.rawHeaders[at + 1];
    const isRight = request.method === 'GET' && given === rules.authorization;
    res.writeHead(isRight ? 200 : 401, { 'content-type': 'application/json' });
    res.end(JSON.stringify(isRight ? rules.keys() : { code: 'AccessDenied', message: 'wrong token' }));
    return isRight ? undefined : 'wrong authorization token';
  });
}

/** A recording fake of a service that takes signed requests; what is signed wrong is answered 403 in its words. */
export function fakeSignedService(
  t: TestContext,
  rules: { keys: KnownKeys; region: string; service: string; nowMs: () => number; expired?: ReadonlySet<string> },
): Promise<{ url: string; taken: Taken[] }> {
  return serve(t, (request, res) => {
    const { keys, region, service } = rules;
    const at = request.rawHeaders.findIndex((name) => name.toLowerCase() === 'authorization');
    const id = /Credential=([^/]+)/.exec(request.rawHeaders[at + 1] ?? '')?.[1] ?? '';
    const problem =
      signatureProblem(request, { keys, region, service, nowMs: rules.nowMs(), needsContentHash: true }) ??
      (rules.expired?.has(id)
        ? 'ExpiredTokenException: The security token included in the request is expired'
        : undefined);
    res.writeHead(problem === undefined ? 200 : 403, { 'content-type': 'application/json' });
    res.end(JSON.stringify(problem === undefined ? {} : { message: problem }));
    return problem;
  });
}
