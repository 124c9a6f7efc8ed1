import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { KubernetesApi } from './api.ts';
import { FakeApi, status } from './api-fake.ts';
import type { ClusterSettings } from './contract.ts';
import { certify, clusterSettings, loggedTexts } from './cluster-fixture.ts';

interface Secure {
  readonly directory: string;
  readonly path: (name: string) => string;
  readonly api: FakeApi;
  readonly clock: FakeClock;
  readonly texts: readonly string[];
  /** Asks with these settings; resolves with undefined, since there is nothing. */
  readonly ask: (more: Partial<ClusterSettings>) => Promise<unknown>;
  readonly client: (more: Partial<ClusterSettings>) => () => Promise<unknown>;
}

/** An API whose certificate is for `subject`; `asksClients`: it takes only clients that show client.crt. */
async function start(context: TestContext, subject = 'IP:127.0.0.1', asksClients = false): Promise<Secure> {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-kube-tls-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const path = (name: string): string => join(directory, name);
  certify(directory, 'api', subject);
  certify(directory, 'other', subject);
  certify(directory, 'client', 'DNS:client');
  const api = await FakeApi.start(context, {
    cert: readFileSync(path('api.crt')),
    key: readFileSync(path('api.key')),
    ...(asksClients && { ca: readFileSync(path('client.crt')), requestCert: true, rejectUnauthorized: true }),
  });
  const clock = new FakeClock();
  const { log, texts } = loggedTexts();
  const client = (more: Partial<ClusterSettings>) => {
    const made = new KubernetesApi(api.url, clusterSettings(api.url, more), clock, log);
    context.after(() => made.close());
    return () => made.get('/api/v1/namespaces/shop', 'namespace shop', 'get namespaces');
  };
  return { directory, path, api, clock, texts, client, ask: (more) => client(more)() };
}

const refused = (pattern: RegExp) => (error: Error) => {
  assert.match(`${error.name}: ${error.message}`, pattern);
  return true;
};

test('the API’s certificate must come from the CA file, or from one of a directory; the error says where to look', async (context) => {
  const { path, ask } = await start(context);
  assert.equal(await ask({ caFile: path('api.crt') }), undefined);
  mkdirSync(path('certificates'));
  copyFileSync(path('api.crt'), path('certificates/api.crt'));
  assert.equal(await ask({ caPath: path('certificates') }), undefined);
  const wrong = /KUBERNETES_UNAVAILABLE: .*check the file of the API's CA/;
  await assert.rejects(ask({ caFile: path('other.crt') }), refused(wrong));
  await assert.rejects(ask({}), refused(wrong));
  assert.equal(await ask({ caFile: path('other.crt'), verifies: false }), undefined, 'unless it is not looked at');
});

test('the certificate must name the host where that is asked for; another name may be looked for', async (context) => {
  const { path, ask } = await start(context, 'DNS:kubernetes.default.svc');
  const caFile = path('api.crt');
  await assert.rejects(ask({ caFile }), refused(/does not match.*or the name to look for \(tls\.vhost\)/));
  assert.equal(await ask({ caFile, verifiesHost: false }), undefined);
  assert.equal(await ask({ caFile, serverName: 'kubernetes.default.svc' }), undefined);
  await assert.rejects(ask({ caFile, serverName: 'elsewhere' }), refused(/does not match/));
});

test('a client certificate is shown', async (context) => {
  const { path, ask } = await start(context, 'IP:127.0.0.1', true);
  const caFile = path('api.crt');
  assert.equal(await ask({ caFile, clientCert: path('client.crt'), clientKey: path('client.key') }), undefined);
  await assert.rejects(ask({ caFile }), refused(/KUBERNETES_UNAVAILABLE/));
});

test('a CA file that was renewed is read again after a handshake that failed', async (context) => {
  const { path, client } = await start(context);
  const caFile = path('ca.crt');
  copyFileSync(path('other.crt'), caFile);
  const ask = client({ caFile });
  await assert.rejects(ask());
  copyFileSync(path('api.crt'), caFile);
  assert.equal(await ask(), undefined);
});

test('a token file that is replaced is taken up, at the latest when the API refuses the old one', async (context) => {
  const { path, api, client, clock } = await start(context);
  const tokenFile = path('token');
  const ask = client({ caFile: path('api.crt'), tokenFile, tokenTtlMs: 60_000 });
  writeFileSync(tokenFile, 'one');
  await ask();
  writeFileSync(tokenFile, 'two');
  clock.advance(60_000);
  await ask();
  writeFileSync(tokenFile, 'three');
  api.answer = () =>
    api.requests.at(-1)?.authorization === 'Bearer three'
      ? undefined
      : { status: 401, body: status(401, 'Unauthorized') };
  await ask();
  assert.deepEqual(
    api.requests.map(({ authorization }) => authorization),
    ['Bearer one', 'Bearer two', 'Bearer two', 'Bearer three'],
  );
});

test('a command prints the token; it is run again as a file is read, and what goes wrong is said without what it printed', async (context) => {
  const { path, api, client, clock, texts } = await start(context);
  const count = path('count');
  const ask = client({
    caFile: path('api.crt'),
    tokenCommand: `echo x >> ${count}; echo token-$(wc -l < ${count} | tr -d ' ')`,
    tokenTtlMs: 60_000,
  });
  await ask();
  await ask();
  clock.advance(60_000);
  await ask();
  const sent = () => api.requests.map(({ authorization }) => authorization);
  assert.deepEqual(sent(), ['Bearer token-1', 'Bearer token-1', 'Bearer token-2']);
  assert.deepEqual(texts, []);

  const broken = client({ caFile: path('api.crt'), tokenCommand: 'echo secret-words of several; exit 0' });
  await broken();
  const failing = client({ caFile: path('api.crt'), tokenCommand: 'echo secret-token; exit 3' });
  await failing();
  assert.deepEqual(sent().slice(3), [undefined, undefined]);
  assert.match(texts[0] ?? '', /the token from the token command: it holds no token.*requests go without one/);
  assert.match(texts[1] ?? '', /the token from the token command: it ended with 3; requests go without one/);
  assert.doesNotMatch(texts.join(), /secret/);
});
