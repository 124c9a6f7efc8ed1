/** Logins, as browsers and programs use them. */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { hashSync } from 'bcryptjs';
import { Attempts } from './attempts.ts';
import { isForeign, isSameOrigin } from './auth.ts';
import { FakeStore, backendWith, fakeBackend } from './backend-fake.ts';
import { withAdminServer } from './server-fixture.ts';
import { Sessions } from './sessions.ts';
import type { AdminOptions } from './server.ts';

async function withUsers(lines: string, use: (usersPath: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-access-'));
  try {
    const path = join(directory, 'users');
    await writeFile(path, lines);
    await use(path);
  } finally {
    await rm(directory, { recursive: true });
  }
}
const anna = `anna:${hashSync('secret', 4)}\n`;

function post(url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: new URL(url).origin, ...headers },
    body: JSON.stringify(body),
  });
}
const statusOf = async (answer: Promise<Response>): Promise<number> => (await answer).status;
/** The cookie of a login, as a browser sends it back. */
function cookieOf(answer: Response): string {
  return (answer.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
}

test('without token and users nobody has to log in', async () => {
  await withAdminServer(fakeBackend(), {}, async (url) => {
    assert.deepEqual(await (await fetch(`${url}/api/session`)).json(), { isOpen: true, user: null, methods: [] });
    assert.equal(await statusOf(post(`${url}/api/session`, { token: 'x' })), 409);
  });
});

test('a browser logs in with the token, stays logged in by its cookie, and logs out', async () => {
  await withAdminServer(fakeBackend(), { token: 'right token', explorer: '/nowhere' }, async (url) => {
    const status = (headers: Record<string, string> = {}): Promise<number> =>
      statusOf(fetch(`${url}/api/status`, { headers }));
    const session = async (headers: Record<string, string> = {}): Promise<unknown> =>
      (await fetch(`${url}/api/session`, { headers })).json();
    const refused = await fetch(`${url}/api/status`);
    assert.equal(refused.status, 401);
    assert.equal(refused.headers.get('www-authenticate'), 'Bearer');
    assert.match(
      ((await refused.json()) as { detail: string }).detail,
      /Log in on the page at \/, or send Authorization/,
    );
    assert.deepEqual(await session(), { isOpen: false, user: null, methods: ['token'] });
    // The page itself needs none: it has the form.
    assert.equal(await statusOf(fetch(`${url}/`)), 503);

    assert.equal(await statusOf(post(`${url}/api/session`, { token: 'wrong' })), 401);
    assert.equal(await statusOf(post(`${url}/api/session`, { user: 'anna', password: 'x' })), 400);
    assert.equal(await statusOf(post(`${url}/api/session`, [])), 400);
    const login = await post(`${url}/api/session`, { token: 'right token' });
    assert.equal(login.status, 204);
    const { port } = new URL(url);
    assert.match(
      login.headers.get('set-cookie') ?? '',
      new RegExp(`^p2l_session_${port}=[-\\w]{43}; Path=/; HttpOnly; SameSite=Strict$`),
    );
    const cookie = cookieOf(login);
    assert.equal(await status({ cookie: `other=1; ${cookie}` }), 200);
    assert.deepEqual(await session({ cookie }), { isOpen: false, user: 'token', methods: ['token'] });
    assert.equal(await status({ cookie: `${cookie.slice(0, -1)}${cookie.endsWith('A') ? 'B' : 'A'}` }), 401);

    const out = await fetch(`${url}/api/session`, { method: 'DELETE', headers: { cookie, origin: url } });
    assert.equal(out.status, 204);
    assert.match(out.headers.get('set-cookie') ?? '', /=; .*Max-Age=0$/);
    assert.equal(await status({ cookie }), 401);
  });
});

test('the cookie is Secure where the page came over TLS', async () => {
  await withAdminServer(fakeBackend(), { token: 't' }, async (url) => {
    const host = new URL(url).host;
    const login = await post(`${url}/api/session`, { token: 't' }, { origin: `https://${host}` });
    assert.match(login.headers.get('set-cookie') ?? '', /; SameSite=Strict; Secure$/);
  });
});

test('with a cookie only pages of this server change anything', async () => {
  await withAdminServer(fakeBackend(), { token: 't' }, async (url) => {
    const cookie = cookieOf(await post(`${url}/api/session`, { token: 't' }));
    const drop = (headers: Record<string, string>): Promise<number> =>
      statusOf(fetch(`${url}/api/outputs/old/drop`, { method: 'POST', headers }));
    assert.equal(await drop({ cookie, origin: url }), 200);
    assert.equal(await drop({ cookie, 'sec-fetch-site': 'same-origin' }), 200);
    for (const foreign of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site', origin: url },
    ])
      assert.equal(await drop({ cookie, ...foreign }), 403, JSON.stringify(foreign));
    // A login from another site's page would put its visitor into a stranger's session.
    assert.equal(await statusOf(post(`${url}/api/session`, { token: 't' }, { origin: 'https://evil.example' })), 403);
    assert.equal(await drop({ authorization: 'Bearer t' }), 200);
  });
});

test('users log in by form or HTTP Basic; a changed password ends their logins', async () => {
  await withUsers(anna, async (usersPath) => {
    const options: Partial<AdminOptions> = { usersPath };
    await withAdminServer(fakeBackend(), options, async (url) => {
      const status = (headers: Record<string, string>): Promise<number> =>
        statusOf(fetch(`${url}/api/status`, { headers }));
      const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` });
      assert.equal(await status({}), 401);
      assert.equal(await status(basic('anna:secret')), 200);
      assert.equal(await status(basic('anna:secret')), 200);
      for (const wrong of ['anna:wrong', 'bo:secret', 'anna', ':', 'anna:secret\0'])
        assert.equal(await status(basic(wrong)), 401, wrong);
      assert.equal(await status({ authorization: 'Bearer secret' }), 401);
      assert.equal(await status({ authorization: 'Digest x' }), 401);
      assert.equal(await statusOf(post(`${url}/api/session`, { user: 'anna', password: 'nope' })), 401);
      const login = await post(`${url}/api/session`, { user: 'anna', password: 'secret' });
      assert.equal(login.status, 204);
      const cookie = cookieOf(login);
      assert.deepEqual(await (await fetch(`${url}/api/session`, { headers: { cookie } })).json(), {
        isOpen: false,
        user: 'anna',
        methods: ['password'],
      });
      assert.equal(await status({ cookie }), 200);
    });
  });
});

test('beyond loopback users are enough; a bad users file is a configuration error with its line', async () => {
  await withUsers(`${anna}bo:plain\n`, async (usersPath) => {
    await assert.rejects(
      withAdminServer(fakeBackend(), { host: '0.0.0.0', usersPath }, () => Promise.resolve()),
      { name: 'ConfigError', message: /users:2:1: user bo: .*htpasswd -B/ },
    );
    await writeFile(usersPath, anna);
    await withAdminServer(fakeBackend(), { host: '0.0.0.0', usersPath }, async (url) => {
      assert.equal(await statusOf(fetch(`${url.replace('0.0.0.0', '127.0.0.1')}/api/status`)), 401);
    });
  });
});

test('after ten wrong tokens an address has to wait, with the right one too; a login goes on', async () => {
  await withAdminServer(fakeBackend(), { token: 't' }, async (url) => {
    const cookie = cookieOf(await post(`${url}/api/session`, { token: 't' }));
    const status = (headers: Record<string, string>): Promise<number> =>
      statusOf(fetch(`${url}/api/status`, { headers }));
    for (let count = 0; count < 10; count++) assert.equal(await status({ authorization: 'Bearer x' }), 401);
    const waiting = await fetch(`${url}/api/status`, { headers: { authorization: 'Bearer t' } });
    assert.equal(waiting.status, 429);
    assert.match(waiting.headers.get('retry-after') ?? '', /^[1-6]$/);
    assert.equal(await statusOf(post(`${url}/api/session`, { token: 't' })), 429);
    assert.equal(await status({ cookie }), 200);
  });
});

test('attempts: per address, in total, and given back by time and by being right', () => {
  let nowMs = 0;
  const attempts = new Attempts(() => nowMs);
  const taken = (address: string, count: number): number =>
    Array.from({ length: count }, () => attempts.take(address)).filter((wait) => wait === undefined).length;
  assert.equal(taken('1.1.1.1', 15), 10);
  assert.equal(attempts.take('1.1.1.1'), 6000);
  // The same address written as IPv6, and the other addresses of an IPv6 network.
  assert.equal(taken('::ffff:1.1.1.1', 1), 0);
  assert.equal(taken('2001:db8::1', 15) + taken('2001:db8:0:0:9::1', 5), 10);
  assert.equal(taken('2001:db8:0:1::1', 1), 1);
  nowMs = 5999;
  assert.equal(taken('1.1.1.1', 1), 0);
  nowMs = 6000;
  assert.equal(taken('1.1.1.1', 2), 1);
  attempts.giveBack('1.1.1.1');
  assert.equal(taken('1.1.1.1', 2), 1);
  const others = Array.from({ length: 30 }, (_, index) => taken(`9.9.9.${index}`, 10));
  assert.ok(others.reduce((sum, count) => sum + count, 0) <= 100);
  assert.equal(attempts.take('8.8.8.8'), 500);
});

test('sessions end after twelve hours without use; the one used least recently makes room', () => {
  let nowMs = 0;
  const sessions = new Sessions(() => nowMs);
  const first = sessions.begin({ user: 'anna', hash: 'h' });
  const hour = 3_600_000;
  nowMs = 12 * hour;
  assert.deepEqual(sessions.use(first)?.user, 'anna');
  nowMs = 24 * hour;
  assert.ok(sessions.use(first));
  nowMs = 36 * hour + 1;
  assert.equal(sessions.use(first), undefined);
  assert.equal(sessions.use('x'), undefined);
  const ids = Array.from({ length: 1000 }, () => sessions.begin({ user: undefined, hash: undefined }));
  assert.ok(sessions.use(ids[0] ?? ''));
  sessions.begin({ user: undefined, hash: undefined });
  assert.ok(sessions.use(ids[0] ?? ''));
  assert.equal(sessions.use(ids[1] ?? ''), undefined);
  assert.equal(new Set(ids).size, 1000);
});

test('whose page asks', () => {
  const host = 'admin.example:5601';
  assert.equal(isForeign({ host }), false);
  assert.equal(isSameOrigin({ host }), false);
  for (const headers of [
    { origin: 'http://admin.example:5601' },
    { 'sec-fetch-site': 'none' },
    { 'sec-fetch-site': 'same-origin', origin: 'https://proxy' },
  ])
    assert.deepEqual([isForeign({ host, ...headers }), isSameOrigin({ host, ...headers })], [false, true]);
  for (const headers of [{ origin: 'null' }, { origin: 'http://admin.example' }, { 'sec-fetch-site': 'cross-site' }])
    assert.deepEqual([isForeign({ host, ...headers }), isSameOrigin({ host, ...headers })], [true, false]);
});

test('a live tail ends with the login it began with', async () => {
  const store = new FakeStore();
  await withAdminServer(backendWith(store), { token: 't', pingMs: 5 }, async (url) => {
    const cookie = cookieOf(await post(`${url}/api/session`, { token: 't' }));
    const tail = await fetch(`${url}/api/tail`, { headers: { cookie } });
    assert.equal(tail.status, 200);
    await fetch(`${url}/api/session`, { method: 'DELETE', headers: { cookie, origin: url } });
    assert.match(await tail.text(), /^retry: 2000\n\n/);
    await store.until(() => store.asked[0]?.signal.aborted === true);
  });
});

test('everything has the headers that keep browsers strict', async () => {
  await withAdminServer(fakeBackend(), { token: 't' }, async (url) => {
    const authorization = 'Bearer t';
    for (const path of ['/', '/docs', '/openapi.json', '/healthz', '/api/status', '/nothing', '/api/search']) {
      const answer = await fetch(`${url}${path}`, { headers: { authorization } });
      const { headers } = answer;
      assert.match(
        headers.get('content-security-policy') ?? '',
        /^default-src 'self'; .*frame-ancestors 'none'$/,
        path,
      );
      assert.doesNotMatch(headers.get('content-security-policy') ?? '', /unsafe/);
      assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
      assert.equal(headers.get('referrer-policy'), 'no-referrer', path);
      await answer.body?.cancel();
    }
  });
});

test('the socket needs no login', async () => {
  await withAdminServer(fakeBackend(), { token: 't' }, async (_url, _directory, socketPath) => {
    for (const [path, expected] of [
      ['/api/status', 200],
      ['/api/session', 200],
      ['/docs', 200],
    ] as const) {
      const status = await new Promise<number | undefined>((resolve, reject) => {
        request({ socketPath, path }, (answer) => {
          answer.resume();
          resolve(answer.statusCode);
        })
          .on('error', reject)
          .end();
      });
      assert.equal(status, expected, path);
    }
  });
});
