import assert from 'node:assert/strict';
import { test } from 'node:test';
import { send, sendJson, startSource, detailOf } from './harness.test.ts';
import { Routes } from './routes.ts';

const routes = (...endpoints: string[]) => new Routes<object>(endpoints, undefined, new Map());
const tagOf = (endpoint: string, path: string) => routes(endpoint).find(path)?.tag;

test('routes: an endpoint without a star takes its path only', () => {
  const table = routes('/postback', '/a/b');
  assert.equal(table.find('/postback')?.path, '/postback');
  assert.equal(table.find('/a/b')?.pathJson, '"/a/b"');
  for (const path of ['/', '/postback/', '/postback/x', '/post', '/postbacks', '/a', '*', ''])
    assert.equal(table.find(path), undefined, path);
});

test('routes: a trailing /* takes the rest of the path', () => {
  const table = routes('/postback/*');
  assert.equal(table.find('/postback/x')?.path, '/postback/x');
  assert.equal(table.find('/postback/x/y/z')?.tag, 'x/y/z');
  assert.equal(table.find('/postback'), undefined);
  assert.equal(table.find('/postback/'), undefined);
});

test('routes: escapes in a path are undone before it is looked up; _path is the path as sent', () => {
  const found = routes('/postback/*').find('/postback/%61%20b%ED%95%9C');
  assert.equal(found?.tag, 'a b한');
  assert.equal(found?.path, '/postback/%61%20b%ED%95%9C');
  assert.equal(routes('/postback').find('/%70ostback')?.tag, 'post2log');
  // Bytes outside ASCII, as Node hands them over.
  const raw = routes('/postback/*').find(Buffer.from('/postback/한').toString('latin1'));
  assert.deepEqual([raw?.tag, raw?.path], ['한', '/postback/한']);
});

test('tags: everything behind /postback/, else post2log', () => {
  assert.equal(tagOf('/postback', '/postback'), 'post2log');
  assert.equal(tagOf('/postback/', '/postback/'), 'post2log');
  assert.equal(tagOf('/postback/test', '/postback/test'), 'test');
  assert.equal(tagOf('/postback/a/b', '/postback/a/b'), 'a/b');
  assert.equal(tagOf('/postback/*', '/postback/a/b'), 'a/b');
  assert.equal(tagOf('/postback/a/*', '/postback/a/b'), 'a/b');
  assert.equal(tagOf('/hooks/*', '/hooks/a'), 'post2log');
  assert.equal(tagOf('/hooks', '/hooks'), 'post2log');
});

test('tags: a path that cannot be a tag is refused with its reason', () => {
  for (const [path, text] of [
    ['/postback/a%00b', /control character/],
    ['/postback/a%0Ab', /control character/],
    ['/postback/%zz', /invalid escape .* at byte 10/],
    ['/postback/a%ff', /not UTF-8, at byte 11/],
    ['/postback/../x', /only dots/],
    ['/postback/a/%2e%2e', /only dots/],
    [`/postback/${'x'.repeat(4097)}`, /longer than 4096 bytes/],
  ] as const)
    assert.throws(() => routes('/postback/*').find(path), { name: 'Refusal', reason: 'invalid_path', message: text });
});

test('routes: the guard of the longest fitting path holds, else that of the source', () => {
  const [base, start, longer, exact] = [{ g: 0 }, { g: 1 }, { g: 2 }, { g: 3 }];
  const guards = new Map([
    ['/postback/*', start],
    ['/postback/a/*', longer],
    ['/postback/a/b', exact],
  ]);
  const table = new Routes(['/postback', '/postback/*'], base, guards);
  const guardOf = (path: string) => table.find(path)?.guard;
  assert.equal(guardOf('/postback'), base);
  assert.equal(guardOf('/postback/x'), start);
  assert.equal(guardOf('/postback/a/x'), longer);
  assert.equal(guardOf('/postback/a/b'), exact);
});

test('other paths: 404 {"detail":"Not Found"}', async (t) => {
  const { port, context } = await startSource(t);
  for (const path of ['/', '/postback/x', '/nowhere', '/healthz/x', '/openapi.json']) {
    const answer = await send(port, path, { method: path === '/' ? 'DELETE' : 'POST' });
    if (path === '/') assert.equal(answer.status, 405);
    else assert.deepEqual([answer.status, answer.text], [404, '{"detail":"Not Found"}'], path);
  }
  assert.equal(context.refusals.get('not_found post2log'), 4);
  assert.equal(context.appended.length, 0);
});

test('GET / and GET /healthz answer ok', async (t) => {
  const { port } = await startSource(t, { endpoints: ['/postback', '/healthz/x'] });
  for (const path of ['/', '/healthz', '/healthz?x=1']) {
    const answer = await send(port, path, { method: 'GET' });
    assert.deepEqual([answer.status, answer.text], [200, 'ok']);
    const head = await send(port, path, { method: 'HEAD' });
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', '2']);
  }
});

test('other methods: 405 {"detail":"Method Not Allowed"} with Allow', async (t) => {
  const { port, context } = await startSource(t);
  for (const method of ['GET', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const answer = await send(port, '/postback?a=1', { method });
    assert.deepEqual([answer.status, answer.text], [405, '{"detail":"Method Not Allowed"}']);
    assert.equal(answer.headers.allow, 'POST');
  }
  const head = await send(port, '/postback', { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.allow, head.text], [405, 'POST', '']);
  const health = await send(port, '/healthz', { method: 'POST' });
  assert.deepEqual([health.status, health.headers.allow], [405, 'GET, HEAD']);
  assert.equal(context.appended.length, 0);
  assert.equal(context.refusals.get('method_not_allowed post2log'), 7);
});

test('methods: GET and PUT can be added', async (t) => {
  const { port, context } = await startSource(t, { methods: ['POST', 'get', 'PUT'] });
  assert.equal((await send(port, '/postback?a=1', { method: 'GET' })).text, '{"status":"success"}');
  assert.equal((await send(port, '/postback?a=2', { method: 'PUT', body: '{"b":1}' })).status, 200);
  assert.equal((await send(port, '/', { method: 'GET' })).text, 'ok');
  const answer = await send(port, '/postback', { method: 'DELETE' });
  assert.equal(answer.headers.allow, 'POST, GET, PUT');
  assert.deepEqual(context.records, [{ a: '1' }, { a: '2', b: 1 }]);
});

test('several endpoints: each has its tag', async (t) => {
  const { port, context } = await startSource(t, { endpoints: ['/postback', '/hook', '/postback/ads/*'] });
  for (const path of ['/postback', '/hook', '/postback/ads/x/y'])
    assert.equal((await sendJson(port, path, '{}')).status, 200);
  assert.deepEqual(
    context.appended.map(({ tag }) => tag),
    ['post2log', 'post2log', 'ads/x/y'],
  );
});

test('a path that cannot be a tag is answered 400; an absolute request target is understood', async (t) => {
  const { port, context } = await startSource(t, { endpoints: ['/postback/*'] });
  const answer = await sendJson(port, '/postback/a%0ab', '{}');
  assert.equal(answer.status, 400);
  assert.match(detailOf(answer), /control character/);
  assert.equal((await sendJson(port, 'http://example.com/postback/x?q=1', '{}')).status, 200);
  assert.equal(context.texts.length, 1);
  assert.equal(context.appended[0]?.tag, 'x');
});
