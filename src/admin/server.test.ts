import assert from 'node:assert/strict';
import { request } from 'node:http';
import { stat } from 'node:fs/promises';
import { test } from 'node:test';
import { ConfigError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { equalSecrets, isLoopback } from './auth.ts';
import type { AdminBackend } from './backend.ts';
import { fakeBackend } from './backend-fake.ts';
import { startAdminServer } from './server.ts';
import { withAdminServer } from './server-fixture.ts';

function withServer(
  over: Partial<AdminBackend>,
  token: string | undefined,
  use: (url: string, socketPath: string) => Promise<void>,
): Promise<void> {
  return withAdminServer(fakeBackend(over), { token }, (url, _directory, socketPath) => use(url, socketPath));
}

test('health, readiness, metrics, status and API docs are served', async () => {
  await withServer({ notReady: () => Promise.resolve(['output x retries']) }, undefined, async (url) => {
    assert.equal(await (await fetch(`${url}/healthz`)).text(), 'ok');
    const ready = await fetch(`${url}/readyz`);
    assert.equal(ready.status, 503);
    assert.deepEqual(await ready.json(), { ready: false, reasons: ['output x retries'], targets: [] });
    assert.equal(await (await fetch(`${url}/metrics`)).text(), 'metric 1\n');
    const api = (await (await fetch(`${url}/openapi.json`)).json()) as { paths: Record<string, unknown> };
    assert.ok(api.paths['/postback'] && api.paths['/api/status']);
    assert.match(await (await fetch(`${url}/docs`)).text(), /swagger/i);
    assert.equal((await fetch(`${url}/nothing`)).status, 404);
    const head = await fetch(`${url}/healthz?verbose`, { method: 'HEAD' });
    assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [200, '2', '']);
    assert.equal((await fetch(`${url}/healthz`, { method: 'POST' })).status, 404);
  });
});

test('what the program cannot tell is an answer, and not the end of it', async () => {
  await withServer({ metricsText: () => Promise.reject(new Error('no figures')) }, undefined, async (url) => {
    const answer = await fetch(`${url}/metrics`);
    assert.equal(answer.status, 500);
    assert.deepEqual(await answer.json(), { detail: 'no figures' });
  });
});

test('a name is every address that it has', async () => {
  await withAdminServer(fakeBackend(), { host: 'localhost' }, async (url) => {
    assert.equal(await (await fetch(`${url}/healthz`)).text(), 'ok');
    assert.equal(await (await fetch(url.replace('localhost', '127.0.0.1') + '/healthz')).text(), 'ok');
  });
});

test('reload answers what is wrong; drop and replay answer counts', async () => {
  const bad = new ConfigError([{ at: { file: 'f.conf', line: 2, column: 3 }, text: 'no such plugin' }]);
  await withServer({ reload: () => Promise.reject(bad) }, undefined, async (url) => {
    const answer = await fetch(`${url}/api/reload`, { method: 'POST' });
    assert.equal(answer.status, 422);
    assert.deepEqual(await answer.json(), { detail: ['f.conf:2:3: no such plugin'] });
    assert.deepEqual(await (await fetch(`${url}/api/outputs/old/drop`, { method: 'POST' })).json(), { dropped: 3 });
    assert.equal((await fetch(`${url}/api/outputs/new/drop`, { method: 'POST' })).status, 409);
    const replay = (body: unknown) =>
      fetch(`${url}/api/dead-letters/replay`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    assert.deepEqual(await (await replay({ ids: 'all' })).json(), { replayed: 9 });
    assert.deepEqual(await (await replay({ ids: ['a'] })).json(), { replayed: 1 });
    assert.equal((await replay({ ids: [1] })).status, 400);
    assert.equal((await replay(null)).status, 400);
    assert.equal((await replay({ ids: 'all', output: 5 })).status, 400);
    assert.equal((await fetch(`${url}/api/dead-letters?limit=0`)).status, 400);
    assert.equal((await fetch(`${url}/api/dead-letters/s-1`)).status, 404);
    const dropped = await fetch(`${url}/api/dead-letters/drop`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ ids: 'all', output: 'es' }),
    });
    assert.deepEqual(await dropped.json(), { dropped: 0 });
  });
});

test('with a token only its bearer passes, but health stays open; the socket is private', async () => {
  await withServer({}, 'right token', async (url, socketPath) => {
    assert.equal((await fetch(`${url}/api/status`)).status, 401);
    assert.equal((await fetch(`${url}/api/status`, { headers: { authorization: 'Bearer wrong' } })).status, 401);
    assert.equal((await fetch(`${url}/api/status`, { headers: { authorization: 'Bearer right token' } })).status, 200);
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.equal((await stat(socketPath)).mode & 0o777, 0o600);
  });
});

test('a foreign Host header is refused on loopback, so that a web page cannot rebind to it', async () => {
  await withServer({}, undefined, async (url) => {
    const { hostname, port } = new URL(url);
    const status = await new Promise<number>((resolve, reject) => {
      request({ hostname, port, path: '/api/status', headers: { host: 'evil.example' } }, (answer) =>
        resolve(answer.statusCode ?? 0),
      )
        .on('error', reject)
        .end();
    });
    assert.equal(status, 403);
  });
});

test('beyond loopback it refuses to start without a token', async () => {
  await assert.rejects(
    startAdminServer(
      { host: '0.0.0.0', port: 0, token: undefined, socketPath: '/nowhere/x.sock' },
      fakeBackend(),
      silentLog(),
    ),
    ConfigError,
  );
});

test('a busy port names the next step: LISTEN_FAILED', async () => {
  await withServer({}, undefined, async (url, socketPath) => {
    const port = Number(new URL(url).port);
    await assert.rejects(
      startAdminServer(
        { host: '127.0.0.1', port, token: undefined, socketPath: `${socketPath}2` },
        fakeBackend(),
        silentLog(),
      ),
      { code: 'LISTEN_FAILED', message: /P2L_ADMIN_PORT/ },
    );
  });
});

test('secrets and loopback names', () => {
  assert.equal(equalSecrets('a', 'a'), true);
  assert.equal(equalSecrets('a', 'ab'), false);
  for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1', '[::1]'])
    assert.equal(isLoopback(host), true, host);
  for (const host of ['0.0.0.0', '10.0.0.1', 'localhost.evil', '127.0.0.1.evil', ''])
    assert.equal(isLoopback(host), false, host);
});

test('a page of another site can change nothing', async () => {
  await withServer({}, undefined, async (url) => {
    const post = (origin?: string): Promise<number> =>
      fetch(`${url}/api/outputs/old/drop`, { method: 'POST', headers: origin === undefined ? {} : { origin } }).then(
        ({ status }) => status,
      );
    assert.equal(await post(), 200);
    assert.equal(await post(url), 200);
    for (const origin of ['https://evil.example', 'http://127.0.0.1:1', 'null', `${url}.evil.example`])
      assert.equal(await post(origin), 403, origin);
    assert.equal((await fetch(`${url}/api/status`, { headers: { origin: 'https://evil.example' } })).status, 200);
  });
});

test('/readyz tells of targets without failing for them; their words only to who may look', async () => {
  const target = { output: 'es', answers: false, sinceMs: 5, said: 'connect ECONNREFUSED es:9200' };
  const read = async (url: string, init?: RequestInit): Promise<unknown> => {
    const answer = await fetch(`${url}/readyz`, init);
    assert.equal(answer.status, 200);
    return ((await answer.json()) as { targets: unknown }).targets;
  };
  await withServer({ targets: () => [target] }, undefined, async (url) => assert.deepEqual(await read(url), [target]));
  await withServer({ targets: () => [target] }, 'secret-token', async (url) => {
    assert.deepEqual(await read(url), [{ output: 'es', answers: false, sinceMs: 5 }]);
    const headers = { authorization: 'Bearer secret-token' };
    assert.deepEqual(await read(url, { headers }), [target]);
  });
});
