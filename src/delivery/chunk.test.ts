import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultBuffer } from '../config/model.ts';
import type { BufferModel } from '../config/model.ts';
import { Batch } from '../core/batch.ts';
import { FakeClock } from '../core/clock.ts';
import { getField } from '../core/record.ts';
import { jsonBlock } from '../router/journal-fake.ts';
import { OpenChunks } from './chunk.ts';
import type { RecordChunk } from './chunk.ts';
import { takeFrame } from './part.ts';
import { Counts, ShardProgress } from './progress.ts';

interface Cut {
  readonly full: RecordChunk[];
  readonly open: OpenChunks;
  readonly clock: FakeClock;
  readonly progress: ShardProgress;
  readonly add: (payloads: readonly string[], options?: { tag?: string; seconds?: number }) => void;
}

function cut(buffer: Partial<BufferModel>, bytesMax = 1e9): Cut {
  const clock = new FakeClock();
  const full: RecordChunk[] = [];
  const model = { ...defaultBuffer, ...buffer };
  const open: OpenChunks = new OpenChunks(
    model,
    bytesMax,
    clock,
    (chunk) => full.push(chunk),
    () => full.push(open.takeOldest() as RecordChunk),
  );
  const counts = new Counts(undefined, () => undefined);
  const progress = new ShardProgress('s', counts, { start: 0, low: 0, done: [], partials: {} });
  return {
    full,
    open,
    clock,
    progress,
    add(payloads, { tag = 't', seconds = 1_700_000_000 } = {}) {
      const block = jsonBlock('s', progress.next, payloads, { seconds });
      const frame = { shard: 's', from: progress.next, to: progress.next + payloads.length, appendMs: 1, bytes: 100 };
      for (const part of takeFrame(progress, frame, [Batch.of(tag, block)], undefined)) open.add(part);
    },
  };
}
const ids = (chunk: RecordChunk | undefined): string[] =>
  (chunk?.batches ?? []).flatMap((part) => Array.from({ length: part.batch.count }, (_, row) => part.emissionId(row)));
const numbered = (count: number): string[] => Array.from({ length: count }, (_, n) => JSON.stringify({ n }));

test('an unfiltered frame is one part over the whole batch', () => {
  const { open, add } = cut({});
  add(numbered(64));
  const chunk = open.takeOldest();
  assert.equal(chunk?.batches.length, 1);
  assert.ok(chunk?.batches[0]?.batch.wholeJson());
  assert.equal(ids(chunk).at(-1), 's-63');
});

test('a chunk ends at its bytes or records, between batches where it can', () => {
  const byRecords = cut({ chunkRecordsMax: 10 });
  byRecords.add(numbered(7));
  byRecords.add(numbered(7));
  assert.deepEqual(
    byRecords.full.map(({ count }) => count),
    [7],
  );
  byRecords.add(numbered(25));
  assert.deepEqual(
    byRecords.full.map(({ count }) => count),
    [7, 7, 10, 10],
  );
  assert.equal(byRecords.open.takeOldest()?.count, 5);
  const byBytes = cut({ chunkBytesMax: 100 });
  byBytes.add([...numbered(3), JSON.stringify({ large: 'x'.repeat(500) }), ...numbered(2)]);
  assert.deepEqual(
    byBytes.full.map(({ count }) => count),
    [3, 1],
  );
  assert.deepEqual(
    [...byBytes.full, byBytes.open.takeOldest()].flatMap(ids),
    [0, 1, 2, 3, 4, 5].map((n) => `s-${n}`),
  );
});

test('records that come together may take a chunk over its bytes, not over what the output holds', () => {
  const { add, full, open } = cut({ chunkBytesMax: 100, mayExceedBytes: true }, 400);
  add(numbered(10));
  assert.deepEqual([full.length, open.count], [0, 1]);
  add(numbered(20));
  assert.deepEqual(
    full.map(({ count }) => count),
    [30],
  );
  add(numbered(5));
  add(numbered(80));
  assert.deepEqual(
    full.map(({ count }) => count),
    [30, 5, 51, 29],
  );
});

test('tag, time and fields keep records apart, in order within a chunk', () => {
  const { open, add } = cut({ chunkKeys: ['tag', 'k', '$.a.b', "$['a']['c'][1]"] });
  add(['{"k":"x","a":{"b":1,"c":[0,true]}}', '{"k":null}', '{"k":"x","a":{"b":1,"c":[0,true]}}'], { tag: 'one' });
  add(['{"k":"x","a":{"b":1,"c":[0,true]}}'], { tag: 'two' });
  const chunks = open.takeAll();
  assert.deepEqual(chunks.map(ids), [['s-0', 's-2'], ['s-1'], ['s-3']]);
  assert.equal(chunks[2]?.tag, 'two');
  assert.deepEqual(
    [...(chunks[0]?.fields ?? [])],
    [
      ['k', 'x'],
      ['$.a.b', '1'],
      ["$['a']['c'][1]", 'true'],
    ],
  );
  assert.deepEqual([...(chunks[1]?.fields.values() ?? [])], ['', '', '']);
});

test('the timekey begins at local midnight of its zone', () => {
  const { open, add } = cut({ chunkKeys: ['time'], timekeySeconds: 86_400, timezone: '+09:00' });
  const midnight = Date.parse('2024-05-05T00:00:00+09:00') / 1000;
  add(['{}'], { seconds: midnight - 1 });
  add(['{}'], { seconds: midnight });
  add(['{}'], { seconds: midnight + 86_399 });
  assert.deepEqual(
    open.takeAll().map(({ timekeySeconds, count }) => [timekeySeconds, count]),
    [
      [midnight - 86_400, 1],
      [midnight, 2],
    ],
  );
});

test('interval chunks fall due after the interval, lazy ones at the end of their time; none is left alone for more than a minute', () => {
  const interval = cut({ flushMode: 'interval', flushIntervalMs: 5000 });
  interval.add(['{}']);
  assert.deepEqual(interval.open.takeDue(4999), []);
  assert.equal(interval.open.nextDueMs(60_000), 5000);
  assert.equal(interval.open.takeDue(5000).length, 1);
  const lazy = cut({
    flushMode: 'lazy',
    chunkKeys: ['time'],
    timekeySeconds: 60,
    timekeyWaitMs: 2000,
    timezone: 'UTC',
  });
  const nowSeconds = lazy.clock.nowMs() / 1000;
  lazy.add(['{}'], { seconds: nowSeconds });
  const endMs = (Math.floor(nowSeconds / 60) * 60 + 60) * 1000 + 2000;
  assert.equal(lazy.open.nextDueMs(60_000), Math.min(60_000, endMs - lazy.clock.nowMs()));
  lazy.add(['{}'], { seconds: nowSeconds - 3600 });
  assert.equal(lazy.open.nextDueMs(60_000), 0);
  const long = cut({ flushMode: 'lazy', chunkKeys: ['time'], timekeySeconds: 86_400, timezone: 'UTC' });
  long.add(['{}']);
  assert.equal(long.open.nextDueMs(60_000), 60_000);
  assert.deepEqual(long.open.takeDue(60_000), []);
  assert.deepEqual(long.open.takeBegun(-1, 0), []);
  assert.equal(long.open.takeBegun(0, 0).length, 1);
  const full = cut({ flushMode: 'lazy' });
  full.add(['{}']);
  assert.deepEqual(full.open.takeDue(Number.MAX_SAFE_INTEGER), []);
});

test('ever new keys do not open chunks without end', () => {
  const { open, full, add } = cut({ chunkKeys: ['n'] });
  add(numbered(1000));
  assert.equal(open.count, 256);
  assert.equal(full.length, 744);
});

test('split keeps order, and each offset is done once its row is', () => {
  const { open, add, progress } = cut({});
  add(numbered(6));
  add(numbered(4));
  const [even, odd] = (open.takeOldest() as RecordChunk).split(2, (row) => row % 2);
  assert.deepEqual(
    ids(even),
    [0, 2, 4, 6, 8].map((n) => `s-${n}`),
  );
  for (const part of odd?.batches ?? []) part.finish();
  assert.equal(progress.low, 0);
  assert.equal(progress.waiting(10), 5);
  for (const part of even?.batches ?? []) part.finish();
  assert.equal(progress.low, 10);
  assert.equal(progress.counts.passed, 0);
});

test('records that are not for the output pass with the part before them, or at once', () => {
  const { progress } = cut({});
  const block = jsonBlock('s', 0, numbered(5));
  const frame = { shard: 's', from: 0, to: 5, appendMs: 1, bytes: 1 };
  const odd = Batch.of('t', block).map((fields) => (Number(getField(fields, 'n')) % 2 ? fields : undefined));
  const [part] = takeFrame(progress, frame, [odd], undefined);
  assert.equal(progress.low, 0);
  assert.deepEqual(takeFrame(progress, { ...frame, from: 5, to: 9 }, undefined, part), []);
  assert.equal(progress.low, 0);
  part?.finish();
  assert.equal(progress.low, 9);
  assert.equal(progress.counts.passed, 7);
  takeFrame(progress, { ...frame, from: 9, to: 12 }, undefined, part);
  assert.equal(progress.low, 12);
});

test('several emissions of a record are numbered, and the record is done with the last; a cursor remembers which are over', () => {
  const { progress } = cut({});
  const frame = { shard: 's', from: 0, to: 3, appendMs: 1, bytes: 1 };
  const batch = Batch.of('t', jsonBlock('s', 0, numbered(3)));
  const twice = [batch, batch.select([1])];
  const [all, again] = takeFrame(progress, frame, twice, undefined);
  assert.deepEqual([all?.emissionId(0), all?.emissionId(1), again?.emissionId(0)], ['s-0', 's-1.0', 's-1.1']);
  all?.finish();
  assert.equal(progress.low, 1);
  assert.deepEqual(progress.cursor().partials, { 1: [0] });
  const restarted = new ShardProgress('s', new Counts(progress.counts.cursor(), () => undefined), progress.cursor());
  const parts = takeFrame(restarted, frame, twice, undefined);
  assert.deepEqual(
    parts.map((part) => part.emissionId(0)),
    ['s-1.1'],
  );
  parts[0]?.finish();
  assert.equal(restarted.low, 3);
  assert.deepEqual([restarted.counts.passed, restarted.counts.derived], [0, 1]);
});
