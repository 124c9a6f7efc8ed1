/**
 * Recording fakes of what Cloud Logging needs, built from the published descriptions: entries:write of the Logging API v2
 * (limits, validation and partial errors included), the metadata service of Compute Engine, Google's OAuth token endpoint
 * (RFC 7523) and its token exchange (RFC 8693). No Google service is asked. Tokens and assertions are checked with node:crypto,
 * not with the library that made them.
 */
import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { gunzipSync } from 'node:zlib';

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function serve(t: TestContext, answer: (received: Received, res: ServerResponse) => void): Promise<string> {
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      const { method = '', url = '', headers } = req;
      answer({ method, url, headers, body: Buffer.concat(parts) }, res);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(res: ServerResponse, status: number, value: unknown, headers: Record<string, string> = {}): void {
  res.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
}

// ---------------------------------------------------------------------------------------------------- tokens

/** The tokens that the fakes have given and not taken back. */
export class Tokens {
  readonly valid = new Set<string>();
  #count = 0;
  give(): string {
    const token = `ya29.fake-${++this.#count}`;
    this.valid.add(token);
    return token;
  }
}

/** A service account and its key, as a key file holds it. */
export class ServiceAccount {
  readonly email: string;
  readonly projectId: string;
  readonly #key: KeyObject;
  constructor(email = 'writer@file-project.iam.gserviceaccount.com', projectId = 'file-project') {
    this.email = email;
    this.projectId = projectId;
    this.#key = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  }
  get privateKey(): string {
    return String(this.#key.export({ type: 'pkcs8', format: 'pem' }));
  }
  keyFile(tokenUrl: string): string {
    return JSON.stringify({
      type: 'service_account',
      project_id: this.projectId,
      private_key_id: 'abc',
      private_key: this.privateKey,
      client_email: this.email,
      client_id: '1',
      token_uri: tokenUrl,
    });
  }
  /** What is wrong with an assertion of this account; undefined: nothing. */
  problemOf(assertion: string, nowMs: number): string | undefined {
    const [head = '', body = '', signature = ''] = assertion.split('.');
    const { alg } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg: string };
    if (alg !== 'RS256') return `algorithm ${alg}`;
    const key = createPublicKey(this.#key);
    if (!verify('sha256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url')))
      return 'Invalid JWT Signature.';
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    if (claims['iss'] !== this.email) return `issuer ${String(claims['iss'])}`;
    if (claims['aud'] !== 'https://oauth2.googleapis.com/token') return `audience ${String(claims['aud'])}`;
    if (claims['scope'] !== 'https://www.googleapis.com/auth/logging.write') return `scope ${String(claims['scope'])}`;
    const [iat, exp] = [Number(claims['iat']) * 1000, Number(claims['exp']) * 1000];
    if (!(iat <= nowMs + 60_000 && exp > nowMs && exp - iat <= 3_600_000)) return 'token must be short-lived';
    return undefined;
  }
}

/** A recording fake of the OAuth token endpoint: gives tokens for assertions that a service account signed. */
export async function fakeTokenEndpoint(t: TestContext, account: ServiceAccount, tokens: Tokens) {
  const problems: (string | undefined)[] = [];
  const url = await serve(t, ({ method, body }, res) => {
    const form = new URLSearchParams(body.toString());
    const isRight = method === 'POST' && form.get('grant_type') === 'urn:ietf:params:oauth:grant-type:jwt-bearer';
    const problem = isRight ? account.problemOf(form.get('assertion') ?? '', Date.now()) : 'unsupported_grant_type';
    problems.push(problem);
    if (problem === undefined) json(res, 200, { access_token: tokens.give(), expires_in: 3599, token_type: 'Bearer' });
    else json(res, 400, { error: 'invalid_grant', error_description: problem });
  });
  return { url: `${url}/token`, problems };
}

/** A recording fake of the token exchange of workload identity federation. */
export async function fakeTokenExchange(t: TestContext, subjectToken: string, audience: string, tokens: Tokens) {
  const problems: (string | undefined)[] = [];
  const url = await serve(t, ({ body }, res) => {
    const form = new URLSearchParams(body.toString());
    const wanted: Record<string, string> = {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      audience,
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
      scope: 'https://www.googleapis.com/auth/logging.write',
    };
    const wrong = Object.entries(wanted).find(([name, value]) => form.get(name) !== value);
    problems.push(wrong && `${wrong[0]}: ${form.get(wrong[0])}`);
    if (wrong) json(res, 400, { error: 'invalid_request', error_description: wrong[0] });
    else
      json(res, 200, {
        access_token: tokens.give(),
        expires_in: 3600,
        token_type: 'Bearer',
        issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      });
  });
  return { url, problems };
}

// ---------------------------------------------------------------------------------------------------- metadata

/** A machine of a GKE cluster, by path below computeMetadata/v1. */
export const gkeNode: Readonly<Record<string, string>> = {
  'project/project-id': 'my-project2-303004',
  'instance/id': '657336926711535358',
  'instance/zone': 'projects/12345/zones/us-central1-b',
  'instance/attributes/': 'cluster-location\ncluster-name\ncluster-uid\n',
  'instance/attributes/cluster-name': 'fastapi-cluster',
  'instance/attributes/cluster-location': 'us-central1-b',
};

/** A recording fake of the metadata service of Compute Engine. */
export async function fakeMetadataService(t: TestContext, values: Readonly<Record<string, string>>, tokens: Tokens) {
  const asked: string[] = [];
  const state = { lifeSeconds: 3600, isDown: false };
  const url = await serve(t, ({ url: path, headers }, res) => {
    asked.push(path);
    if (state.isDown) return void res.writeHead(503).end('starting');
    res.setHeader('Metadata-Flavor', 'Google');
    if (path === '/') return void res.end('0.1/\ncomputeMetadata/\n');
    if (headers['metadata-flavor'] !== 'Google') return void res.writeHead(403).end('Missing Metadata-Flavor:Google');
    if (/^\/computeMetadata\/v1\/instance\/service-accounts\/[^/]+\/token$/.test(path))
      return json(res, 200, { access_token: tokens.give(), expires_in: state.lifeSeconds, token_type: 'Bearer' });
    const value = values[path.replace('/computeMetadata/v1/', '')];
    if (value === undefined) res.writeHead(404).end('not found');
    else res.end(value);
  });
  return { url, asked, state };
}

// ---------------------------------------------------------------------------------------------------- entries

export interface WriteRequest {
  readonly headers: IncomingHttpHeaders;
  readonly bytes: number;
  readonly body: { readonly entries: Record<string, unknown>[]; readonly [key: string]: unknown };
}
/** An answer in place of the service's own. */
type Override = (
  request: WriteRequest,
) => { status: number; body: unknown; headers?: Record<string, string> } | undefined;

const entryFields: ReadonlySet<string> = new Set(
  (
    'logName resource timestamp severity insertId httpRequest labels operation trace spanId traceSampled ' +
    'sourceLocation split textPayload jsonPayload'
  ).split(' '),
);

/** What the service says against an entry; undefined: nothing. Source: LogEntry of the Logging API v2. */
function entryProblem(entry: Record<string, unknown>, root: Record<string, unknown>): string | undefined {
  const unknown = Object.keys(entry).find((name) => !entryFields.has(name));
  if (unknown !== undefined) return `Unknown name "${unknown}"`;
  const logName = entry['logName'] ?? root['logName'];
  if (typeof logName !== 'string' || !/^projects\/[^/]+\/logs\/[A-Za-z0-9/_.%-]{1,512}$/.test(logName))
    return `Log name contains illegal character : ${String(logName)}`;
  const resource = (entry['resource'] ?? root['resource']) as { type?: unknown } | undefined;
  if (typeof resource?.type !== 'string') return 'A monitored resource is required';
  if (('textPayload' in entry ? 1 : 0) + ('jsonPayload' in entry ? 1 : 0) !== 1) return 'Log entry payload is required';
  if ('textPayload' in entry && typeof entry['textPayload'] !== 'string') return 'textPayload: TYPE_STRING';
  const time = entry['timestamp'];
  if (!isText(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/)) return 'timestamp';
  const labels = Object.values((entry['labels'] ?? {}) as Record<string, unknown>);
  if (labels.some((value) => typeof value !== 'string')) return 'labels: TYPE_STRING';
  const { latency } = (entry['httpRequest'] ?? {}) as { latency?: unknown };
  if (!isText(latency, /^\d+(\.\d{1,9})?s$/)) return 'httpRequest.latency';
  const bytes = Buffer.byteLength(JSON.stringify(entry));
  if (bytes > 256 * 1024) return `Log entry with size ${(bytes / 1024).toFixed(1)}K exceeds maximum size of 256.0K`;
  return undefined;
}

/** Whether a field is absent or a text of that form. */
function isText(value: unknown, form: RegExp): boolean {
  return value === undefined || (typeof value === 'string' && form.test(value));
}

/** A recording fake of entries:write. Entries that are taken are in `entries`, one for each log name, timestamp and insertId. */
export async function fakeCloudLogging(t: TestContext, tokens: Tokens) {
  const requests: WriteRequest[] = [];
  const entries: Record<string, unknown>[] = [];
  const known = new Set<string>();
  const state: { override: Override | undefined } = { override: undefined };
  const url = await serve(t, (received, res) => {
    assert.equal(`${received.method} ${received.url}`, 'POST /v2/entries:write');
    const token = /^Bearer (.*)$/.exec(received.headers.authorization ?? '')?.[1] ?? '';
    const isPacked = received.headers['content-encoding'] === 'gzip';
    const text = isPacked ? gunzipSync(received.body) : received.body;
    const body = JSON.parse(text.toString()) as WriteRequest['body'];
    const request = { headers: received.headers, bytes: text.length, body };
    requests.push(request);
    if (!tokens.valid.has(token))
      return json(res, 401, {
        error: { code: 401, message: 'Request had invalid authentication credentials.', status: 'UNAUTHENTICATED' },
      });
    const instead = state.override?.(request);
    if (instead) return json(res, instead.status, instead.body, instead.headers);
    if (text.length > 10_000_000)
      return json(res, 400, {
        error: {
          code: 400,
          message: 'Request payload size exceeds the limit: 10485760 bytes.',
          status: 'INVALID_ARGUMENT',
        },
      });
    const { entries: sent, ...root } = body;
    const problems = sent.map((entry) => entryProblem(entry, root));
    const bad = problems.flatMap((problem, index) => (problem === undefined ? [] : [[index, problem] as const]));
    for (const [index, entry] of sent.entries()) {
      if (problems[index] !== undefined || (bad.length > 0 && root['partialSuccess'] !== true)) continue;
      const name = JSON.stringify([entry['logName'], entry['timestamp'], entry['insertId']]);
      if (entry['insertId'] !== undefined && known.has(name)) continue;
      known.add(name);
      entries.push({ ...root, ...entry });
    }
    if (bad.length === 0) return json(res, 200, {});
    return json(res, 400, partialErrors(new Map(bad.map(([index, message]) => [index, { code: 3, message }]))));
  });
  return { url, requests, entries, state };
}

/** An answer that names entries. */
export function partialErrors(errors: ReadonlyMap<number, { code: number; message: string }>): unknown {
  const [first] = errors.values();
  return {
    error: {
      code: first?.code === 7 ? 403 : 400,
      message: first?.message,
      status: 'INVALID_ARGUMENT',
      details: [
        {
          '@type': 'type.googleapis.com/google.logging.v2.WriteLogEntriesPartialErrors',
          logEntryErrors: Object.fromEntries(errors),
        },
        { '@type': 'type.googleapis.com/google.rpc.DebugInfo', detail: 'x' },
      ],
    },
  };
}
