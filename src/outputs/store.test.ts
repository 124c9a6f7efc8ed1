import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf, packedBatchOf } from '../../test/fixture.ts';
import { Trial } from '../../test/delivery/trial.ts';
import { Batch, Block } from '../core/batch.ts';
import { OperatingError } from '../core/errors.ts';
import { Origins } from '../core/origin.ts';
import type { OriginRun } from '../core/origin.ts';
import type { Chunk, ChunkBatch } from '../core/plugin.ts';
import type { StoreAccess, StoredBatch } from '../core/record-store.ts';
import { copyFields, setField } from '../core/record.ts';
import { storeOutput } from './store.ts';

/** A store that keeps what it is given. */
function recording() {
  const state = { given: [] as StoredBatch[], held: 0, failure: undefined as Error | undefined };
  const access: StoreAccess = {
    hold() {
      state.held++;
      return {
        insert(batches) {
          if (state.failure) return Promise.reject(state.failure);
          // As it is now: what is behind the views may be used again.
          state.given.push(...structuredClone(batches));
          return Promise.resolve();
        },
        release: () => void state.held--,
      };
    },
  };
  return { state, access };
}

async function opened() {
  const store = recording();
  const context = contextOf([]);
  assert(storeOutput.kind === 'output');
  const output = storeOutput.create(configOf(storeOutput), outputContextOf(context, { store: store.access }));
  await output.open?.();
  const never = new AbortController().signal;
  const write = async (chunk: Chunk, signal = never) => {
    const writing = output.write(chunk, signal);
    writing.catch(() => undefined);
    for (let turn = 0; turn < 5; turn++) await nextTurn();
    context.clock.advance(100);
    return writing;
  };
  return { ...store, ...context, output, write };
}

function textsOf({ payload, bounds }: StoredBatch): string[] {
  const bytes = Buffer.from(payload);
  return Array.from(bounds.subarray(1), (end, i) => bytes.toString('utf8', bounds[i], end));
}

function part(batch: ChunkBatch['batch'], more: Partial<ChunkBatch> = {}): ChunkBatch {
  return { ...(chunkOf([batch]).batches[0] as ChunkBatch), ...more };
}
function chunk(...batches: ChunkBatch[]): Chunk {
  return { ...chunkOf(batches.map(({ batch }) => batch)), batches };
}

test('an unchanged frame passes as it lies in the journal', async () => {
  const { state, write } = await opened();
  const batch = batchOf('app', ['{"n":1.0}', '{"한":"글"}'], [{ seconds: -5, nanos: 7 }]);
  await write(chunk(part(batch, { span: { from: 0, to: 9 }, doneBelow: 0 })));
  const [given] = state.given;
  assert(given);
  assert.deepEqual(textsOf(given), ['{"n":1.0}', '{"한":"글"}']);
  assert.deepEqual([...given.offsets], [0, 1]);
  assert.deepEqual([...given.seconds], [-5, 1_709_618_821]);
  assert.deepEqual([...given.nanos], [7, 0]);
  assert.equal(given.ordinals, undefined);
  const { shard, source, tag, appendMs, span, doneBelow } = given;
  assert.deepEqual(
    { shard, source, tag, appendMs, span, doneBelow },
    { shard: '00', source: 'test', tag: 'app', appendMs: 0, span: { from: 0, to: 9 }, doneBelow: 0 },
  );
});

test('selected, changed and MessagePack records become JSON, each batch its own', async () => {
  const { state, write } = await opened();
  const base = batchOf('a', ['{"n":0}', '{"n":1}', '{"n":2}']);
  const changed = base.map((fields, row) => {
    if (row === 0) return undefined;
    const copy = copyFields(fields);
    if (row === 1) setField(copy, 'more', 'x'.repeat(100_000));
    return row === 1 ? copy : fields;
  });
  const span = { from: 0, to: 3 };
  await write(
    chunk(part(changed, { span }), part(packedBatchOf('p', [{ b: 2n ** 60n }]), { span: { from: 3, to: 4 } })),
  );
  assert.deepEqual(state.given.map(textsOf), [
    [`{"n":1,"more":"${'x'.repeat(100_000)}"}`, '{"n":2}'],
    ['{"b":1152921504606846976}'],
  ]);
  assert.deepEqual([...(state.given[0]?.offsets ?? [])], [1, 2]);
});

test('times that a filter gave are the records’ times, also where nothing else was changed', async () => {
  const { state, write } = await opened();
  const batch = batchOf('a', ['{"n":0}', '{"n":1}']).map((fields) => fields, [undefined, { seconds: 1, nanos: 2 }]);
  await write(chunk(part(batch, { span: { from: 0, to: 2 } })));
  assert.deepEqual([...(state.given[0]?.seconds ?? [])], [1_709_618_820, 1]);
  assert.deepEqual([...(state.given[0]?.nanos ?? [])], [0, 2]);
});

test('several emissions of a record have their ordinals, in ascending order', async () => {
  const { state, write } = await opened();
  const batch = batchOf('a', ['{"n":0}', '{"n":1}']).select([1, 0, 1]);
  const ordinals = [1, -1, 0];
  await write(chunk(part(batch, { ordinal: (row) => ordinals[row] as number })));
  const [given] = state.given;
  assert(given);
  assert.deepEqual([...given.offsets], [0, 1, 1]);
  assert.deepEqual([...(given.ordinals ?? [])], [-1, 0, 1]);
  assert.equal(given.span, undefined);
});

test('what is no record is refused alone', async () => {
  const { state, write } = await opened();
  const { parts } = packedBatchOf('p', [{ a: 1 }, { a: 2 }, { a: 3 }]).block;
  parts.payload[parts.bounds[1] as number] = 0xc1;
  const damaged = Batch.of('p', new Block(parts));
  const result = await write(chunk(part(batchOf('a', ['{"n":0}'])), part(damaged, { span: { from: 0, to: 3 } })));
  assert.deepEqual(
    (result ?? {}).refused?.map(({ row, reason }) => [row, reason.startsWith('no record: ')]),
    [[2, true]],
  );
  assert.deepEqual(state.given.map(textsOf), [['{"n":0}'], ['{"a":1}', '{"a":3}']]);
  assert.deepEqual([...(state.given[1]?.offsets ?? [])], [0, 2]);
});

test('what the store says is handed on, and it is held from open to close', async () => {
  const { state, output, write } = await opened();
  assert.equal(state.held, 1);
  state.failure = new OperatingError('STORE_UNAVAILABLE', 'starting');
  await assert.rejects(write(chunk(part(batchOf('a', ['{}'])))), { code: 'STORE_UNAVAILABLE' });
  await output.close();
  assert.equal(state.held, 0);
  await assert.rejects(write(chunk(part(batchOf('a', ['{}'])))), { code: 'STORE_UNAVAILABLE' });
});

test('small chunks are gathered for a while, large ones and an end are not waited for', async () => {
  const { output, clock, state } = await opened();
  const abort = new AbortController();
  let isOver = false;
  const writing = output.write(chunk(part(batchOf('a', ['{"n":0}']))), abort.signal).then(() => (isOver = true));
  for (let turn = 0; turn < 5; turn++) await nextTurn();
  assert.equal(state.given.length, 1);
  clock.advance(99);
  await nextTurn();
  assert.equal(isOver, false);
  clock.advance(1);
  await writing;
  const large = chunk(part(batchOf('a', [JSON.stringify({ x: 'x'.repeat(1024 * 1024) })])));
  await output.write(large, abort.signal);
  const last = output.write(chunk(part(batchOf('a', ['{"n":0}']))), abort.signal);
  await nextTurn();
  abort.abort();
  await last;
});

test('delivery says what is done with each batch', async () => {
  const trial = new Trial();
  const seen: unknown[] = [];
  const plan = trial.plan('x', (_ids, { batches }) => {
    for (const one of batches)
      seen.push([one.span, one.doneBelow, Array.from({ length: one.batch.count }, (_, row) => one.ordinal(row))]);
  });
  await trial.start([plan]);
  trial.append(2);
  await trial.settle(600);
  trial.append(1, 'y');
  await trial.settle(600);
  trial.append(1);
  await trial.settle(600);
  assert.deepEqual(seen, [
    [{ from: 0, to: 2 }, 0, [-1, -1]],
    [{ from: 3, to: 4 }, 3, [-1]],
  ]);
  await trial.stop();
});

/** A batch whose records came with origins. */
function withOrigins(texts: readonly string[], runs: readonly OriginRun[]): Batch {
  const plain = batchOf('app', texts);
  return Batch.of('app', new Block({ ...plain.block.parts, origins: new Origins(runs) }));
}
const run = (rows: number, offset: number, more: Partial<OriginRun> = {}): OriginRun => ({
  stream: 's.a',
  rows,
  offset,
  ordinal: -1,
  before: 0,
  after: 0,
  ...more,
});

test('records with origins count under them, and what is done with them has no holes', async () => {
  const { state, write } = await opened();
  const batch = withOrigins(['{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}'], [run(3, 10, { before: 4 }), run(1, 20)]);
  // The second was not for the store.
  await write(chunk(part(batch.select([0, 2, 3]), { span: { from: 0, to: 9 }, doneBelow: 7 })));
  const [given, ...others] = state.given;
  assert.ok(given);
  assert.deepEqual(others, []);
  assert.deepEqual(textsOf(given), ['{"n":0}', '{"n":2}', '{"n":3}']);
  assert.deepEqual([...given.offsets], [10, 12, 20]);
  assert.equal(given.ordinals, undefined);
  assert.equal(given.shard, 's.a');
  assert.equal(given.span, undefined);
  assert.equal(given.doneBelow, 0);
  assert.deepEqual(given.covered, [
    { ordinal: -1, low: 6, high: 13 },
    { ordinal: -1, low: 20, high: 21 },
  ]);
});

test('streams are batches of their own, in the order of their offsets, each record once', async () => {
  const { state, write } = await opened();
  const texts = ['"b3"', '"own"', '"b2"', '"b2 again"', '"a"'].map((name) => `{"name":${name}}`);
  const none = { stream: '', offset: 0, ordinal: 0 };
  const batch = withOrigins(texts, [
    run(1, 3, { stream: 's.b' }),
    run(1, 0, none),
    run(1, 2, { stream: 's.b' }),
    run(1, 2, { stream: 's.b' }),
    run(1, 7),
  ]);
  await write(chunk(part(batch, { span: { from: 0, to: 5 } })));
  assert.deepEqual(
    state.given.map((one) => [one.shard, [...one.offsets], textsOf(one), one.span, one.covered]),
    [
      ['s.b', [2, 3], ['{"name":"b2"}', '{"name":"b3"}'], undefined, [{ ordinal: -1, low: 2, high: 4 }]],
      ['s.a', [7], ['{"name":"a"}'], undefined, [{ ordinal: -1, low: 7, high: 8 }]],
      ['00', [1], ['{"name":"own"}'], undefined, undefined],
    ],
  );
});

test('records made of one that came with an ordinal get one of their own', async () => {
  const { state, write } = await opened();
  const batch = withOrigins(['{"n":0}'], [run(1, 5, { ordinal: 2 })]);
  await write(chunk(part(batch, { ordinal: () => 0 }), part(batch, { ordinal: () => 1 })));
  assert.deepEqual(
    state.given.map(({ offsets, ordinals }) => [[...offsets], [...(ordinals ?? [])]]),
    [
      [[5], [3 * 4096]],
      [[5], [3 * 4096 + 1]],
    ],
  );
});
