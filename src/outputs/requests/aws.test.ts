import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FakeClock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import {
  IdentityProvider,
  fakeContainerEndpoint,
  fakeSignedService,
  fakeTokenService,
} from '../../../test/aws/services-fake.ts';
import { AwsSigner } from './aws.ts';
import type { AwsSettings } from './aws.ts';
import { HttpClient } from './client.ts';
import type { Address, ClientAnswer } from './client.ts';

const region = 'ap-northeast-2';
const service = 'es';
const minuteMs = 60_000;
const signal = new AbortController().signal;

function addressOf(url: string, path: string): Address {
  const { hostname, port } = new URL(url);
  return { isTls: false, hostname, port: Number(port), path, shown: url };
}

/** A service, the keys it knows, and a way to send it requests that a signer signs. */
async function world(t: TestContext, rest: { service?: string } = {}) {
  // Providers of the SDK go by the system's time.
  const clock = new FakeClock(Date.now());
  const keys = new Map<string, { secret: string; token?: string }>([['AKIDBASE', { secret: 'base/secret+' }]]);
  const expired = new Set<string>();
  const target = await fakeSignedService(t, { keys, region, service, ...rest, nowMs: () => clock.nowMs(), expired });
  const client = new HttpClient(
    {
      openTimeoutMs: 5000,
      handshakeTimeoutMs: 5000,
      readTimeoutMs: 5000,
      reuses: true,
      proxy: undefined,
      connectionsMax: 1,
    },
    {},
  );
  t.after(() => client.close());
  const signerOf = (settings: Partial<AwsSettings>, env: Record<string, string> = {}): AwsSigner =>
    new AwsSigner({ region, service, ...rest, ...settings }, clock, env);
  const send = async (
    signer: AwsSigner,
    path = '/_bulk',
    headers: Record<string, string> = { 'Content-Type': 'application/x-ndjson' },
  ): Promise<ClientAnswer> => {
    const parts = { address: addressOf(target.url, path), method: 'POST', headers, body: Buffer.from('{"a":1}\n') };
    return client.send(await signer.sign({ ...parts, method: 'POST' }), signal);
  };
  return { clock, keys, expired, target, signerOf, send };
}

/** Sets variables of the process for one test: the SDK looks at no others. */
function withEnvironment(t: TestContext, values: Record<string, string>): void {
  const clean = { AWS_EC2_METADATA_DISABLED: 'true', AWS_SHARED_CREDENTIALS_FILE: '/nonexistent/credentials' };
  const all: Record<string, string> = { ...clean, AWS_CONFIG_FILE: '/nonexistent/config', ...values };
  const before = Object.fromEntries(Object.keys(all).map((name) => [name, process.env[name]]));
  Object.assign(process.env, all);
  t.after(() => {
    for (const [name, value] of Object.entries(before))
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
  });
}

async function fileWith(t: TestContext, text: string): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-aws-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'file');
  await writeFile(path, text);
  return path;
}

async function failure(work: Promise<unknown>): Promise<OperatingError> {
  const error: unknown = await work.then(
    () => assert.fail('it worked'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OperatingError, String(error));
  return error;
}

const written = { accessKeyId: 'AKIDBASE', secretAccessKey: 'base/secret+' };

test('requests with written keys are signed right, whatever their path, query and headers', async (t) => {
  const { signerOf, send, target } = await world(t);
  const signer = signerOf({ keys: written, signedHeaders: ['user-agent'] });
  const paths = [
    '/',
    '/_bulk',
    '/a//b/./c/../d',
    '/in/%E2%82%AC%20x/',
    '/x:y@z',
    '/_bulk?pipeline=a+b&x=%2F&x=1&&flag',
  ];
  for (const path of paths) {
    const answer = await send(signer, path, { 'content-type': 'a/b', 'User-Agent': 'it  me', 'X-Amz-Other': ' 1 ' });
    assert.equal(answer.status, 200, `${path}: ${answer.text}`);
  }
  assert.match(target.taken[0]?.rawHeaders.join('\n') ?? '', /content-type;host;user-agent;x-amz-content-sha256/);
  assert.equal(target.taken.at(-1)?.url, '/_bulk?pipeline=a%20b&x=%2F&x=1&&flag');
});

test('another service and region are signed for', async (t) => {
  const { signerOf, send } = await world(t, { service: 'aoss' });
  assert.equal((await send(signerOf({ keys: written }))).status, 200);
  const wrong = await send(signerOf({ keys: written, service: 'es' }));
  assert.equal(wrong.status, 403);
  assert.match(signerOf({ keys: written }).problemOf(wrong) ?? '', /the service name/);
});

test('keys of the environment', async (t) => {
  const { signerOf, send, keys } = await world(t);
  keys.set('AKIDENV', { secret: 's', token: 'session' });
  withEnvironment(t, { AWS_ACCESS_KEY_ID: 'AKIDENV', AWS_SECRET_ACCESS_KEY: 's', AWS_SESSION_TOKEN: 'session' });
  assert.equal((await send(signerOf({}))).status, 200);
});

test('keys of the shared files, of the profile that is written', async (t) => {
  const { signerOf, send, keys } = await world(t);
  keys.set('AKIDFILE', { secret: 'f' });
  const path = await fileWith(
    t,
    '[default]\naws_access_key_id = no\naws_secret_access_key = no\n[logs]\naws_access_key_id = AKIDFILE\naws_secret_access_key = f\n',
  );
  withEnvironment(t, { AWS_SHARED_CREDENTIALS_FILE: path });
  assert.equal((await send(signerOf({ profile: 'logs' }))).status, 200);
});

test('without any keys it says where they are looked for', async (t) => {
  const { signerOf, send } = await world(t);
  withEnvironment(t, {});
  const error = await failure(send(signerOf({})));
  assert.equal(error.code, 'OUTPUT_UNREACHABLE');
  assert.match(error.message, /getting AWS credentials: .*AWS_ACCESS_KEY_ID/);
});

/** The recording fake of the token service, whose keys the service then knows. */
async function tokenService(t: TestContext, { clock, keys }: Awaited<ReturnType<typeof world>>, externalId?: string) {
  const provider = new IdentityProvider();
  const rules = {
    keys,
    provider,
    subject: 'system:serviceaccount:logging:post2log',
    role: 'arn:aws:iam::123456789012:role/logs',
    region,
    nowMs: () => clock.nowMs(),
    give: (id: string, secret: string, token: string) => void keys.set(id, { secret, token }),
    lifeMs: 60 * minuteMs,
    ...(externalId !== undefined && { externalId }),
  };
  return { ...rules, sts: await fakeTokenService(t, rules) };
}

test('web identity of the environment (IRSA), against a recording fake of the token service', async (t) => {
  const all = await world(t);
  const { sts, provider, subject, role } = await tokenService(t, all);
  const path = await fileWith(t, provider.token(subject, all.clock.nowMs() + minuteMs));
  withEnvironment(t, { AWS_WEB_IDENTITY_TOKEN_FILE: path, AWS_ROLE_ARN: role, AWS_ENDPOINT_URL_STS: sts.url });
  assert.equal((await all.send(all.signerOf({}))).status, 200);
  assert.deepEqual(
    sts.taken.map(({ problem }) => problem),
    [undefined],
  );
});

test('a role assumed with a token file, fetched anew before its keys expire; a forged token is refused', async (t) => {
  const all = await world(t);
  const { sts, provider, subject, role } = await tokenService(t, all);
  const tokenFile = await fileWith(t, provider.token(subject, all.clock.nowMs() + 100 * minuteMs));
  const signer = all.signerOf({ role: { arn: role, sessionName: 'fluentd', tokenFile }, stsEndpoint: sts.url });
  await Promise.all([all.send(signer), all.send(signer), all.send(signer)]);
  all.clock.advance(54 * minuteMs);
  await all.send(signer);
  assert.equal(sts.taken.length, 1);
  all.clock.advance(2 * minuteMs);
  await all.send(signer);
  assert.equal(sts.taken.length, 2);
  assert.ok(all.target.taken.every(({ problem }) => problem === undefined));
  // What cannot be renewed serves until it ends; then it is said.
  await writeFile(tokenFile, new IdentityProvider().token(subject, all.clock.nowMs() + 100 * minuteMs));
  all.clock.advance(56 * minuteMs);
  assert.equal((await all.send(signer)).status, 200);
  all.clock.advance(5 * minuteMs);
  assert.match((await failure(all.send(signer))).message, /AssumeRoleWithWebIdentity .*403 InvalidIdentityToken/);
  await rm(tokenFile);
  assert.match((await failure(all.send(signer))).message, /token file/);
});

test('a role assumed with other keys, with an external id', async (t) => {
  const all = await world(t);
  const { sts, role } = await tokenService(t, all, 'customer/7');
  const stsEndpoint = sts.url.replace('127.0.0.1', 'localhost');
  const made = (arn: string): AwsSigner =>
    all.signerOf({ keys: written, role: { arn, sessionName: 'x'.repeat(3), externalId: 'customer/7' }, stsEndpoint });
  assert.equal((await all.send(made(role))).status, 200);
  const error = await failure(all.send(made('arn:aws:iam::1:role/other')));
  assert.match(error.message, /403 AccessDenied: Not authorized .* check that role arn:aws:iam::1:role\/other/);
  assert.ok(!error.message.includes('base/secret'));
  const down = all.signerOf({
    keys: written,
    role: { arn: role, sessionName: 'xx' },
    stsEndpoint: 'http://127.0.0.1:9',
  });
  assert.match((await failure(all.send(down))).message, /AssumeRole of .* at http:\/\/127.0.0.1:9/);
});

test('keys of a container, by the environment with a token file and by an option', async (t) => {
  const all = await world(t);
  all.keys.set('ASIAPOD', { secret: 'p', token: 'pod' });
  const expiration = new Date(all.clock.nowMs() + 60 * minuteMs).toISOString();
  const given = { AccessKeyId: 'ASIAPOD', SecretAccessKey: 'p', Token: 'pod', Expiration: expiration };
  const endpoint = await fakeContainerEndpoint(t, { authorization: 'pod-token', keys: () => given });
  const path = await fileWith(t, 'pod-token');
  const variables = { AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: path };
  withEnvironment(t, { ...variables, AWS_CONTAINER_CREDENTIALS_FULL_URI: `${endpoint.url}/v1/credentials` });
  assert.equal((await all.send(all.signerOf({}))).status, 200);
  assert.equal((await all.send(all.signerOf({ containerUri: `${endpoint.url}/v2/x` }))).status, 200);
  assert.deepEqual(
    endpoint.taken.map(({ url, problem }) => [url, problem]),
    [
      ['/v1/credentials', undefined],
      ['/v2/x', undefined],
    ],
  );
});

test('keys that a service calls expired before their time are fetched anew', async (t) => {
  const all = await world(t);
  const { sts, role } = await tokenService(t, all);
  const signer = all.signerOf({ keys: written, role: { arn: role, sessionName: 'xx' }, stsEndpoint: sts.url });
  await all.send(signer);
  all.expired.add('ASIAFAKE1');
  const answer = await all.send(signer);
  assert.match(signer.problemOf(answer) ?? '', /fetched anew/);
  assert.equal((await all.send(signer)).status, 200);
  assert.equal(signer.problemOf({ status: 403, text: 'blocked by the firewall' }), undefined);
  assert.equal(signer.problemOf({ status: 500, text: 'ExpiredToken' }), undefined);
});
