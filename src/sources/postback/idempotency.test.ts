import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../core/clock.ts';
import { OperatingError } from '../../core/errors.ts';
import type { PeerCalls } from '../../core/plugin.ts';
import { FakeContext, detailOf, send, sendJson, startSource } from './harness.test.ts';
import { keyOwner, storedKey } from './idempotency.ts';

const keyed = (key: string) => ({ 'idempotency-key': key });

/** A key that process `index` of `count` owns, for tag post2log. */
function keyOf(index: number, count: number, name = 'k'): string {
  for (let i = 0; ; i++)
    if (keyOwner(storedKey('postback', 'post2log', `${name}${i}`), count) === index) return `${name}${i}`;
}

/** Contexts of several workers in one process, joined as IPC would join them; `down`: processes that do not answer. */
function workers(count: number): { contexts: FakeContext[]; down: Set<number>; calls: unknown[] } {
  const handlers: ((request: unknown) => Promise<unknown>)[] = [];
  const down = new Set<number>();
  const calls: unknown[] = [];
  const contexts = Array.from({ length: count }, (_, index) => {
    const context = new FakeContext(new FakeClock(), { index, count });
    context.peers = {
      call: async (to, request) => {
        calls.push(request);
        const handler = handlers[to];
        if (down.has(to) || !handler) throw new Error(`process ${to} died`);
        return structuredClone(await handler(structuredClone(request)));
      },
      serve: (handler) => {
        handlers[index] = handler;
      },
    } satisfies PeerCalls;
    return context;
  });
  return { contexts, down, calls };
}

test('a repeated key is answered as the first time and not taken again, whatever its body', async (t) => {
  const { port, context } = await startSource(t);
  assert.equal((await sendJson(port, '/postback', '{"a":1}', keyed('x'))).text, '{"status":"success"}');
  assert.equal((await sendJson(port, '/postback', '{"a":1}', keyed('x'))).text, '{"status":"success"}');
  assert.equal((await sendJson(port, '/postback', '{"a":2}', keyed('x'))).status, 200);
  assert.equal((await sendJson(port, '/postback', '{"a":3}', keyed('y'))).status, 200);
  assert.equal((await sendJson(port, '/postback', '{"a":4}', keyed(''))).status, 200);
  assert.equal((await sendJson(port, '/postback', '{"a":4}', keyed(''))).status, 200);
  assert.deepEqual(
    context.records.map(({ a }) => a),
    [1, 3, 4, 4],
  );
  assert.deepEqual(context.appended[0]?.keys, [storedKey('postback', 'post2log', 'x')]);
  assert.equal(context.appended[2]?.keys, undefined);
  assert.match(await context.metrics.registry.metrics(), /postback_duplicates_total\{source="postback"\} 2/);
});

test('a key is of its tag, and of one size whatever is sent', async (t) => {
  const { port, context } = await startSource(t, { endpoints: ['/postback', '/postback/*'] });
  for (const path of ['/postback', '/postback/a', '/postback/a/b'])
    assert.equal((await sendJson(port, path, '{}', keyed('x'.repeat(5000)))).status, 200);
  assert.equal(context.texts.length, 3);
  for (const { keys } of context.appended) assert.equal(keys?.[0]?.length, 22);
});

test('a batch has one key', async (t) => {
  const { port, context } = await startSource(t);
  for (let i = 0; i < 2; i++)
    assert.equal((await sendJson(port, '/postback', '[{"a":1},{"a":2}]', keyed('b'))).status, 200);
  assert.deepEqual(context.records, [{ a: 1 }, { a: 2 }]);
  assert.equal(context.appended[0]?.keys?.length, 1);
});

test('another header, or a field of body, form or query', async (t) => {
  const { port, context } = await startSource(t, { idempotencyHeader: 'X-Event-Id', idempotencyField: 'txid' });
  const post = async (path: string, body: string, headers: Record<string, string> = {}) =>
    assert.equal((await send(port, path, { body, headers })).status, 200);
  await post('/postback', '{"n":1}', { 'x-event-id': '7' });
  await post('/postback', '{"n":2}', { 'x-event-id': '7', ...keyed('ignored') });
  await post('/postback', '{"n":3,"txid":"7"}');
  await post('/postback', '{"n":4,"txid":7.0}', {});
  await post('/postback', '{"n":5,"txid":8}');
  await post('/postback', 'n=6&txid=8', { 'content-type': 'application/x-www-form-urlencoded' });
  await post('/postback?txid=8&n=7', '');
  await post('/postback?txid=9&n=8', '{"x":1}');
  assert.deepEqual(
    context.records.map(({ n }) => n),
    [1, 4, 5, '8'],
  );
});

test('concurrent duplicate: waits for the first one’s fsync and gets its answer', async (t) => {
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startSource(t, {}, context);
  const answers = [1, 2, 3].map((n) => sendJson(port, '/postback', `{"a":${n}}`, keyed('x')));
  await context.until(() => context.held.length === 1);
  const other = sendJson(port, '/postback', '{"a":"other"}', keyed('y'));
  await context.until(() => context.held.length === 2);
  for (const held of context.held.splice(0)) held.resolve();
  for (const answer of await Promise.all([...answers, other])) assert.equal(answer.status, 200);
  assert.equal(context.texts.length, 2);
});

test('concurrent duplicate: a failed first one is answered 503 to all, and releases the key', async (t) => {
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startSource(t, {}, context);
  const answers = [sendJson(port, '/postback', '{"a":1}', keyed('x'))];
  await context.until(() => context.held.length === 1);
  const metrics = () => context.metrics.registry.metrics();
  answers.push(sendJson(port, '/postback', '{"a":1}', keyed('x')));
  while (!/postback_duplicates_total\{[^}]*\} 1/.test(await metrics())) await send(port, '/healthz', { method: 'GET' });
  context.held.shift()?.reject(new OperatingError('JOURNAL_FULL', 'full'));
  for (const answer of await Promise.all(answers)) assert.equal(answer.status, 503);
  context.isHolding = false;
  assert.equal((await sendJson(port, '/postback', '{"a":2}', keyed('x'))).status, 200);
  assert.deepEqual(context.records, [{ a: 2 }]);
});

test('the window: a key is forgotten when it ends, and 0 turns deduplication off', async (t) => {
  const clock = new FakeClock();
  const { port, context } = await startSource(t, { idempotencyWindow: 1000 }, new FakeContext(clock));
  const post = (p: number) => sendJson(p, '/postback', '{}', keyed('x'));
  await post(port);
  clock.advance(999);
  await post(port);
  assert.equal(context.texts.length, 1);
  clock.advance(1);
  await post(port);
  assert.equal(context.texts.length, 2);
  clock.setWall(0);
  await post(port);
  assert.equal(context.texts.length, 2, 'a clock that goes back shortens and lengthens nothing');
  const off = await startSource(t, { idempotencyWindow: 0 });
  await post(off.port);
  await post(off.port);
  assert.equal(off.context.texts.length, 2);
  assert.equal(off.context.appended[0]?.keys, undefined);
});

test('a restart reads the keys of the window back', async (t) => {
  const clock = new FakeClock();
  const before = new FakeContext(clock);
  const first = await startSource(t, { idempotencyWindow: 1000 }, before);
  await sendJson(first.port, '/postback', '{"a":1}', keyed('old'));
  clock.advance(600);
  await sendJson(first.port, '/postback', '{"a":2}', keyed('new'));
  clock.advance(401);
  const after = new FakeContext(clock);
  after.keys = before.keys;
  const second = await startSource(t, { idempotencyWindow: 1000 }, after);
  await sendJson(second.port, '/postback', '{"a":3}', keyed('new'));
  await sendJson(second.port, '/postback', '{"a":4}', keyed('old'));
  assert.deepEqual(after.records, [{ a: 4 }]);
  clock.advance(599);
  await sendJson(second.port, '/postback', '{"a":5}', keyed('new'));
  assert.deepEqual(after.records, [{ a: 4 }, { a: 5 }], 'its window began when it was appended, not at the restart');
});

test('the table is bounded: the oldest keys are forgotten first, at a restart too', async (t) => {
  const before = new FakeContext();
  const { port } = await startSource(t, { idempotencyKeysMax: 2 }, before);
  const post = (p: number, key: string) => sendJson(p, '/postback', `{"k":"${key}"}`, keyed(key));
  for (const key of ['a', 'b', 'c']) await post(port, key);
  await post(port, 'b');
  await post(port, 'c');
  assert.equal(before.texts.length, 3);
  await post(port, 'a');
  assert.equal(before.texts.length, 4);
  const after = new FakeContext();
  after.keys = before.keys.toReversed().map(({ key, appendMs }, index) => ({ key, appendMs: appendMs - index }));
  const second = await startSource(t, { idempotencyKeysMax: 2 }, after);
  for (const key of ['a', 'c', 'b']) await post(second.port, key);
  assert.deepEqual(
    after.records.map(({ k }) => k),
    ['b'],
  );
});

test('across workers: one process owns a key; a request that arrives elsewhere is handed over whole', async (t) => {
  const { contexts, calls } = workers(2);
  const [zero, one] = contexts as [FakeContext, FakeContext];
  const ports = [await startSource(t, {}, zero), await startSource(t, {}, one)].map(({ port }) => port) as [
    number,
    number,
  ];
  const key = keyOf(1, 2);
  assert.equal((await sendJson(ports[0], '/postback?q=1', '[{"a":1.0},{"a":2}]', keyed(key))).status, 200);
  assert.equal((await sendJson(ports[1], '/postback', '{"a":3}', keyed(key))).status, 200);
  assert.equal((await sendJson(ports[0], '/postback', '{"a":3}', keyed(key))).status, 200);
  assert.equal(zero.texts.length, 0);
  assert.match(one.texts[0] ?? '', /^\{"q":"1","a":1\.0,"_path"/);
  assert.equal(one.texts.length, 2);
  assert.deepEqual(one.appended[0]?.records.exact, [true, false]);
  assert.deepEqual(one.appended[0]?.keys, [storedKey('postback', 'post2log', key)]);
  assert.equal(calls.length, 2);
  assert.equal((await sendJson(ports[0], '/postback', '{}', keyed(keyOf(0, 2)))).status, 200);
  assert.equal(zero.texts.length, 1);
  assert.equal((await sendJson(ports[0], '/postback', '{}')).status, 200);
  assert.equal(calls.length, 2, 'requests without a key stay where they are');
});

test('across workers: a concurrent duplicate at another process waits for the first one’s fsync', async (t) => {
  const { contexts, calls } = workers(2);
  const [zero, one] = contexts as [FakeContext, FakeContext];
  one.isHolding = true;
  const ports = [await startSource(t, {}, zero), await startSource(t, {}, one)].map(({ port }) => port) as [
    number,
    number,
  ];
  const key = keyOf(1, 2);
  const first = sendJson(ports[1], '/postback', '{"a":1}', keyed(key));
  await one.until(() => one.held.length === 1);
  const second = sendJson(ports[0], '/postback', '{"a":2}', keyed(key));
  while (calls.length === 0) await send(ports[0], '/healthz', { method: 'GET' });
  assert.equal(one.held.length, 1);
  one.held.shift()?.resolve();
  assert.deepEqual([(await first).status, (await second).status], [200, 200]);
  assert.deepEqual(one.records, [{ a: 1 }]);
});

test('across workers: what the owner’s journal says comes back; an owner that is gone is 503', async (t) => {
  const { contexts, down } = workers(2);
  const [zero, one] = contexts as [FakeContext, FakeContext];
  const { port } = await startSource(t, {}, zero);
  await startSource(t, {}, one);
  const post = () => sendJson(port, '/postback', '{}', keyed(keyOf(1, 2)));
  one.appendWith = () => Promise.reject(new OperatingError('JOURNAL_FULL', 'full', { retryAfterMs: 7000 }));
  const full = await post();
  assert.deepEqual([full.status, full.headers['retry-after'], detailOf(full)], [503, '7', 'the journal is full']);
  one.appendWith = () => Promise.reject(new OperatingError('RECORD_TOO_LARGE', 'large'));
  assert.equal((await post()).status, 413);
  one.appendWith = () => Promise.reject(new TypeError('bug'));
  assert.equal((await post()).status, 500);
  one.appendWith = undefined;
  down.add(1);
  const gone = await post();
  assert.deepEqual([gone.status, gone.headers['retry-after']], [503, '1']);
  assert.equal(zero.refusals.get('peer_unavailable post2log'), 1);
  down.delete(1);
  assert.equal((await post()).status, 200);
  assert.equal(one.texts.length, 1);
});

test('across workers: after a restart with another count each process remembers the keys it now owns', async (t) => {
  const before = new FakeContext();
  const { port } = await startSource(t, {}, before);
  const names = [keyOf(0, 2), keyOf(1, 2)];
  for (const name of names) await sendJson(port, '/postback', '{}', keyed(name));
  const { contexts } = workers(2);
  const ports: number[] = [];
  for (const context of contexts) {
    context.keys = before.keys.map(({ key }) => ({ key, appendMs: context.clock.nowMs() }));
    ports.push((await startSource(t, {}, context)).port);
  }
  for (const each of ports) for (const name of names) await sendJson(each, '/postback', '{}', keyed(name));
  assert.deepEqual(
    contexts.map(({ texts }) => texts.length),
    [0, 0],
  );
});
