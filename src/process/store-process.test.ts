import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { until } from '../../test/program.ts';
import { FakeClock } from '../core/clock.ts';
import { silentLog } from '../core/log.ts';
import { Metrics } from '../core/metrics.ts';
import type { StoredBatch } from '../core/record-store.ts';
import { QueryError } from '../store/query/query-error.ts';
import { addStoreMetrics } from './store-metrics.ts';
import { StoreProcess } from './store-process.ts';

const never = new AbortController().signal;

function batch(tag: string, count = 1): StoredBatch[] {
  return [
    {
      shard: '00',
      source: 'test',
      tag,
      appendMs: 0,
      span: undefined,
      doneBelow: 0,
      offsets: Float64Array.from({ length: count }, (_, i) => i),
      ordinals: undefined,
      seconds: new Float64Array(count),
      nanos: new Uint32Array(count),
      payload: Buffer.from('{}'.repeat(count)),
      bounds: Uint32Array.from({ length: count + 1 }, (_, i) => 2 * i),
    },
  ];
}

/** A store's process on a clock that stands still; what it logs is in `said`. */
function started(context: TestContext, behaviour = 'plain') {
  const said: string[] = [];
  const log = silentLog();
  for (const level of ['info', 'error'] as const)
    log[level] = (...given: unknown[]) => void said.push(`${level} ${String(given.at(-1))}`);
  const clock = new FakeClock();
  const mainPath = fileURLToPath(new URL('store-child-fixture.ts', import.meta.url));
  const store = new StoreProcess({ mainPath, args: [behaviour], clock, log });
  context.after(async () => {
    const stopped = store.stop(0);
    clock.advance(10_000);
    await stopped;
  });
  const running = () => until('the store', () => store.state().state === 'running');
  const down = () => until('its end', () => store.state().state !== 'running');
  return { store, clock, said, running, down };
}

test('it runs while it is held, and is asked', async (context) => {
  const { store, clock, said } = started(context);
  assert.deepEqual(store.state(), { state: 'off', lastError: undefined });
  await assert.rejects(store.queries.status(), { code: 'STORE_UNAVAILABLE', message: /P2L_STORE=on/ });
  const held = store.hold();
  assert.equal(store.state().state, 'starting');
  await held.insert(batch('kept', 3), never);
  assert.equal((await store.queries.status()).records, 3);
  const pages: unknown[] = [];
  for await (const page of store.queries.export(
    { query: '', fromMs: undefined, toMs: undefined, order: 'newest' },
    never,
  ))
    pages.push(page);
  assert.deepEqual(pages, [[], []]);
  assert.throws(() => store.queries.tail({ query: 'a:(', fromMs: undefined, toMs: undefined }, never), QueryError);
  const [child] = store.processes();
  assert.deepEqual([child?.role, child?.restarts], ['store', 0]);
  // A change of its output gives it up for a moment.
  held.release();
  held.release();
  const again = store.hold();
  clock.advance(10_000);
  assert.equal((await store.queries.status()).bytes, child?.pid);
  again.release();
  clock.advance(10_000);
  await until('its end', () => store.state().state === 'off');
  assert.deepEqual(said, []);
});

for (const [tag, reason] of [
  ['killed', /ended by signal SIGKILL/],
  ['broken', /the database is invalid/],
  ['garbage', /a frame of 4294967295 bytes/],
] as const)
  test(`when it is ${tag} inserts fail for now, questions wait, and it is started again`, async (context) => {
    const { store, clock, running, down, said } = started(context);
    const held = store.hold();
    await running();
    await assert.rejects(held.insert(batch(tag), never), { code: 'STORE_UNAVAILABLE', retryable: true });
    await down();
    await until('the wait for its restart', () => store.processes()[0]?.pid === 0);
    assert.match(String(store.state().lastError), reason);
    await assert.rejects(held.insert(batch('kept'), never), { code: 'STORE_UNAVAILABLE', retryAfterMs: 100 });
    const question = store.queries.status();
    clock.advance(100);
    assert.equal((await question).records, 0);
    await held.insert(batch('kept'), never);
    assert.deepEqual([store.restarts, store.inserted, store.state().lastError], [1, 1, undefined]);
    assert.equal(said.length, 2);
    assert.match(said[0] ?? '', /^error The process of the store ended: .*other outputs go on/);
    assert.match(said[1] ?? '', /^info The store runs again/);
  });

test('a question waits two seconds for it at the most, and no longer than it is wanted', async (context) => {
  const { store, clock } = started(context, 'unopened');
  store.hold();
  await until('its failure', () => store.state().lastError !== undefined);
  const question = assert.rejects(store.queries.status(), {
    code: 'STORE_UNAVAILABLE',
    message: /being started \(opening the store: the files are of a newer version\)/,
  });
  const abort = new AbortController();
  const request = { query: '', fromMs: undefined, toMs: undefined };
  const given = assert.rejects(store.queries.fields(request, abort.signal), /enough/);
  abort.abort(new Error('enough'));
  await given;
  clock.advance(2000);
  await question;
  assert.equal(await store.status(), undefined);
});

test('one that cannot be opened is tried again and again, and said once a minute', async (context) => {
  const { store, clock, said } = started(context, 'unopened');
  store.hold();
  for (let restarts = 0; restarts < 3; restarts++) {
    await until('its end', () => store.restarts === restarts && store.processes()[0]?.pid === 0);
    clock.advance(1000);
  }
  assert.equal(store.restarts, 3);
  assert.equal(said.length, 1);
  await until('its end', () => store.processes()[0]?.pid === 0);
  clock.advance(60_000);
  await until('its end', () => store.processes()[0]?.pid === 0);
  assert.equal(said.length, 2);
});

test('it ends when it is told to, or is killed at the end of the grace; held again it does not come back', async (context) => {
  for (const behaviour of ['plain', 'hanging']) {
    const { store, clock, running } = started(context, behaviour);
    store.hold();
    await running();
    let isOver = false;
    const stopping = store.stop(3000).then(() => (isOver = true));
    if (behaviour === 'hanging') {
      await assert.rejects(store.queries.status(), { code: 'STORE_UNAVAILABLE' });
      assert.equal(isOver, false);
      clock.advance(3000);
    }
    await stopping;
    store.hold();
    assert.equal(store.state().state, 'off');
  }
});

/** Takes all descriptors it may have, holds the store, gives them back, and says what the store said meanwhile and then. */
const exhausted = `
import { closeSync, openSync } from 'node:fs';
const [, main, program, clocks, logs] = process.argv;
const { StoreProcess } = await import(program);
const { FakeClock } = await import(clocks);
const { silentLog } = await import(logs);
// The store's process would get this text to run, too.
process.execArgv = [];
const clock = new FakeClock();
const store = new StoreProcess({ mainPath: main, args: ['plain'], clock, log: silentLog() });
const taken = [];
try { for (;;) taken.push(openSync('/dev/null')); } catch {}
store.hold();
await new Promise((resolve) => setImmediate(resolve));
const before = store.state();
for (const one of taken) closeSync(one);
clock.advance(100);
while (store.state().state !== 'running') await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify([before, store.state()]));
await store.stop(1000);
`;

test('where no process can be made the program goes on, and it is started later', async () => {
  const place = (path: string) => new URL(path, import.meta.url).href;
  const { stdout } = await promisify(execFile)(
    'sh',
    [
      '-c',
      'ulimit -n 128; exec "$@"',
      'sh',
      process.execPath,
      '--input-type=module',
      '-e',
      exhausted,
      '--',
      fileURLToPath(place('store-child-fixture.ts')),
      place('store-process.ts'),
      place('../core/clock.ts'),
      place('../core/log.ts'),
    ],
    { timeout: 120_000 },
  );
  assert.deepEqual(JSON.parse(stdout), [
    { state: 'starting', lastError: 'it could not be started: too many open files' },
    { state: 'running' },
  ]);
});

test('metrics ask it once, and leave out what only it knows while it does not run', async (context) => {
  const { store, running } = started(context);
  const metrics = new Metrics();
  addStoreMetrics(metrics, store);
  assert.doesNotMatch(await metrics.registry.metrics(), /^store_records /m);
  const held = store.hold();
  await running();
  await held.insert(batch('kept', 2), never);
  const text = await metrics.registry.metrics();
  assert.match(text, /^store_records 2$/m);
  assert.match(text, /^store_inserted_records_total 2$/m);
  assert.match(text, /^store_restarts_total 0$/m);
});
