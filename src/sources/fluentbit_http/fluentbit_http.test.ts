import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { configOf } from '../../../test/fixture.ts';
import { post, taken } from '../http/harness.test.ts';
import { FakeContext, send } from '../postback/harness.test.ts';
import { fluentbitHttpSource } from './index.ts';
import type { FluentbitHttpOptions } from './index.ts';
import { FluentbitHttpSource } from './source.ts';

async function start(t: TestContext, changes: Partial<FluentbitHttpOptions> = {}) {
  const { options } = configOf(fluentbitHttpSource, { port: 0, tag: 'http.0', ...changes });
  const context = new FakeContext();
  const source = new FluentbitHttpSource(options as FluentbitHttpOptions, undefined, context);
  await source.start();
  t.after(() => source.stop());
  return { context, port: source.address?.port ?? 0 };
}

const json = 'application/json';

test('objects, arrays of them and several of either; the path is the tag', async (t) => {
  const { context, port } = await start(t);
  for (const [path, body] of [
    ['/app.log', '{"a":1,"é":"ü"}'],
    ['/app/sub/x-y?q=1', '[{"a":1},{"b":[1,2.0]}]'],
    ['/', '{"r":true},{"s":"}\\""}\n'],
    ['/none', '[]'],
  ] as const) {
    const answer = await post(port, path, `${json}; charset=utf-8`, body);
    assert.deepEqual([answer.status, answer.text, answer.headers['content-type']], [201, '', undefined]);
  }
  assert.deepEqual(
    taken(context).map(({ tag, fields }) => [tag, Object.keys(fields).join()]),
    [
      ['app.log', 'a,é'],
      ['app_sub_x_y', 'a'],
      ['app_sub_x_y', 'b'],
      ['http.0', 'r'],
      ['http.0', 's'],
    ],
  );
});

test('what is refused, and how', async (t) => {
  const { context, port } = await start(t);
  const of = async (type: string, body: string) => {
    const { status, text } = await post(port, '/x', type, body);
    return `${status} ${text}`;
  };
  const unable = '400 error: unable to process records\n';
  for (const body of ['{"a":', '42', '"s"', '[1,2]', '{"a":1} trailing', `${'['.repeat(300)}${']'.repeat(300)}`])
    assert.equal(await of(json, body), unable, body);
  assert.equal(await of(json, ''), '400 error: no payload found\n');
  assert.equal(await of('text/plain', '{}'), "400 error: invalid 'Content-Type'\n");
  const put = await send(port, '/x', { method: 'PUT', body: '{}' });
  assert.deepEqual([put.status, put.text], [400, 'error: invalid HTTP method\n']);
  const large = await post(port, '/x', json, `{"a":"${'x'.repeat(4_100_000)}"}`);
  assert.deepEqual([large.status, large.text], [413, '']);
  assert.equal(await of('', '{}'), "400 error: header 'Content-Type' is not set\n");
  for (const body of ['a', '=b', '&']) assert.equal(await of('application/x-www-form-urlencoded', body), unable, body);
  assert.deepEqual(taken(context), []);
});

test('forms, tag_key, addresses, and the answer wanted', async (t) => {
  const { context, port } = await start(t, {
    tagKey: 'to',
    addRemoteAddr: true,
    successfulResponseCode: 200,
    successHeaders: ['X-Ok: yes'],
  });
  const form = await post(port, '/f', 'application/x-www-form-urlencoded', 'a=1&b=two+words&c=%C3%A9&d', {
    'x-forwarded-for': '203.0.113.7, 10.0.0.1',
  });
  assert.deepEqual([form.status, form.headers['x-ok']], [200, 'yes']);
  await post(port, '/g', 'application/x-www-form-urlencoded', 'a%20b=%zz&=x&c= d &c=é');
  await post(port, '/f', json, '[{"to":"one-1"},{"to":5}]');
  await post(port, '/f', json, '{"REMOTE_ADDR":"mine"}', { 'x-forwarded-for': '203.0.113.7' });
  assert.deepEqual(
    taken(context).map(({ tag, fields }) => [tag, fields]),
    [
      ['f', { a: '1', b: 'two words', c: 'é', REMOTE_ADDR: '203.0.113.7' }],
      ['g', { 'a%20b': '%zz', c: 'é' }],
      ['one_1', { to: 'one-1' }],
      ['f', { to: 5 }],
      ['f', { REMOTE_ADDR: 'mine' }],
    ],
  );
});
