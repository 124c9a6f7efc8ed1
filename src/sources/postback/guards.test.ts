import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeContext, checkOf, configWith, detailOf, sendJson, startSource } from './harness.test.ts';
import type { GuardSection } from './harness.test.ts';
import type { PostbackOptions } from './options.ts';

test('bearer token: only requests that carry it are taken', async (t) => {
  const { port, context } = await startSource(t, { bearerToken: 'open-sesame' });
  const post = (authorization?: string) =>
    sendJson(port, '/postback', '{}', authorization === undefined ? {} : { authorization });
  assert.equal((await post('Bearer open-sesame')).status, 200);
  assert.equal((await post('bearer  open-sesame')).status, 200);
  for (const value of [
    undefined,
    'open-sesame',
    'Bearer',
    'Bearer ',
    'Bearer open-sesam',
    'Bearer open-sesamee',
    'Basic x',
  ]) {
    const answer = await post(value);
    assert.equal(answer.status, 401, value);
    assert.equal(answer.headers['www-authenticate'], 'Bearer');
    assert.doesNotMatch(answer.text, /sesame/);
  }
  assert.equal(context.records.length, 2);
  assert.equal(context.refusals.get('unauthorized post2log'), 7);
});

test('IP allow list: other addresses are answered 403', async (t) => {
  const closed = await startSource(t, { allowFrom: ['10.0.0.0/8', '2001:db8::/32'] });
  const answer = await sendJson(closed.port, '/postback', '{}');
  assert.deepEqual([answer.status, detailOf(answer)], [403, 'this address may not send here']);
  assert.equal(closed.context.refusals.get('forbidden post2log'), 1);
  const open = await startSource(t, { allowFrom: ['10.0.0.0/8', '127.0.0.0/8'] });
  assert.equal((await sendJson(open.port, '/postback', '{}')).status, 200);
});

test('IP allow list: behind a trusted proxy the forwarded address counts', async (t) => {
  const { port } = await startSource(t, { allowFrom: ['203.0.113.7'], trustedProxies: ['127.0.0.1'] });
  const post = (forwarded: string) => sendJson(port, '/postback', '{}', { 'x-forwarded-for': forwarded });
  assert.equal((await post('203.0.113.7')).status, 200);
  assert.equal((await post('198.51.100.1, 203.0.113.7')).status, 200);
  assert.equal((await post('203.0.113.7, 198.51.100.1')).status, 403, 'a client cannot name itself');
  assert.equal((await sendJson(port, '/postback', '{}')).status, 403);
});

test('rate limit: too many requests of a client are answered 429 with Retry-After', async (t) => {
  const { port, context } = await startSource(t, { rateLimit: 0.01, rateBurst: 2 });
  assert.equal((await sendJson(port, '/postback', '{}')).status, 200);
  assert.equal((await sendJson(port, '/postback', '{}')).status, 200);
  const answer = await sendJson(port, '/postback', '{}');
  assert.equal(answer.status, 429);
  const waitSeconds = Number(answer.headers['retry-after']);
  assert.ok(waitSeconds > 90 && waitSeconds <= 100);
  assert.equal(context.refusals.get('rate_limited post2log'), 1);
});

test('guards of one path: over those of the source, which hold elsewhere', async (t) => {
  const guards = [
    { path: '/postback/a', bearerToken: 'token-a' },
    { path: '/postback/b/*', allowFrom: ['10.0.0.0/8'] },
  ];
  const context = new FakeContext();
  const { port } = await startSource(
    t,
    { endpoints: ['/postback', '/postback/*'], bearerToken: 'base' },
    context,
    guards,
  );
  const post = async (path: string, token: string) =>
    (await sendJson(port, path, '{}', { authorization: `Bearer ${token}` })).status;
  assert.equal(await post('/postback', 'base'), 200);
  assert.equal(await post('/postback/a', 'base'), 401);
  assert.equal(await post('/postback/a', 'token-a'), 200);
  assert.equal(await post('/postback/%61', 'base'), 401, 'an escape is no way around a guard');
  assert.equal(await post('/postback/x', 'base'), 200);
  assert.equal(await post('/postback/b/x', 'base'), 403);
  assert.equal(context.refusals.get('unauthorized a'), 2);
});

test('guards do not stand before GET / and /healthz', async (t) => {
  const { port } = await startSource(t, { bearerToken: 'x', allowFrom: ['10.0.0.1'] });
  const response = await fetch(`http://127.0.0.1:${port}/healthz`);
  assert.equal(await response.text(), 'ok');
});

test('guards: options that cannot work are said', () => {
  const cases: readonly [Partial<PostbackOptions>, readonly GuardSection[], RegExp][] = [
    [{ allowFrom: ['10.0.0.0/33'] }, [], /allow_from: "10.0.0.0\/33" is not an address or CIDR range/],
    [{ trustedProxies: ['proxy'] }, [], /trusted_proxies: "proxy" is not/],
    [{ rateLimit: -1 }, [], /rate_limit must be between/],
    [{ bearerToken: '' }, [], /bearer_token is empty/],
    [{}, [{ path: '/other', bearerToken: 'x' }], /path \/other is none of the endpoints \/postback/],
    [{}, [{ path: 'postback', bearerToken: 'x' }], /must begin with/],
    [{}, [{ path: '/postback', signature: 'slack' }], /<guard> of \/postback: signature slack needs signature_secret/],
  ];
  for (const [options, guards, text] of cases) assert.match(checkOf(configWith(options, guards)) ?? '', text);
});
