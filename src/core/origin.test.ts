import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OriginBuilder, Origins, joinOrdinals, packOrigins, streamOf, unpackOrigins } from './origin.ts';
import type { OriginRun, RowOrigin } from './origin.ts';

const row = (stream: string, offset: number, ordinal = -1, before = 0, after = 0): RowOrigin => ({
  stream,
  offset,
  ordinal,
  before,
  after,
});
const run = (stream: string, rows: number, offset: number, ordinal = -1, before = 0, after = 0): OriginRun => ({
  stream,
  rows,
  offset,
  ordinal,
  before,
  after,
});

test('records in a row are one run, and what passed between them belongs to it', () => {
  const builder = new OriginBuilder();
  for (const offset of [5, 6, 7]) builder.add(row('s.a', offset));
  builder.pass(row('s.a', 8));
  builder.pass(row('s.a', 9));
  builder.add(row('s.a', 10));
  builder.pass(row('s.a', 11));
  builder.add(undefined);
  builder.add(undefined);
  builder.pass(row('s.b', 3));
  builder.pass(row('s.b', 4));
  builder.add(row('s.b', 5, 2));
  builder.add(row('s.b', 6));
  assert.deepEqual(builder.runs, [
    run('s.a', 3, 5, -1, 0, 2),
    run('s.a', 1, 10, -1, 0, 1),
    run('', 2, 0, 0),
    // What passed had another ordinal than the record behind it.
    run('s.b', 1, 5, 2),
    run('s.b', 1, 6),
  ]);
  const gapFirst = new OriginBuilder();
  gapFirst.pass(row('s.a', 0));
  gapFirst.pass(row('s.a', 1, -1, 0, 2));
  gapFirst.add(row('s.a', 4));
  gapFirst.addRun(run('s.a', 3, 5));
  assert.deepEqual(gapFirst.runs, [run('s.a', 4, 4, -1, 4, 0)]);
});

test('each record has the origin that it was given, however it is asked for', () => {
  const origin = fc.record({
    stream: fc.constantFrom('s.a', 's.b'),
    offset: fc.nat(20),
    ordinal: fc.integer({ min: -1, max: 2 }),
    before: fc.constant(0),
    after: fc.constant(0),
  });
  fc.assert(
    fc.property(fc.array(fc.option(origin, { nil: undefined })), fc.array(fc.nat(30)), (all, asked) => {
      const builder = new OriginBuilder();
      for (const one of all) builder.add(one);
      const runs = unpackOrigins(JSON.parse(JSON.stringify(packOrigins(builder.runs))), all.length);
      assert.ok(runs);
      const origins = new Origins(runs);
      for (const index of [...all.keys(), ...asked])
        assert.deepEqual(origins.at(index), all[index] && { ...all[index] });
    }),
  );
});

test('no two ways of splitting a record give one ordinal', () => {
  const seen = new Map<number, string>();
  for (let first = -1; first < 100; first++)
    for (let second = -1; second < 100; second++) {
      const joined = joinOrdinals(joinOrdinals(-1, first) ?? Number.NaN, second);
      assert.ok(joined !== undefined);
      const way = first < 0 || second < 0 ? `${Math.max(first, second)}` : `${first}.${second}`;
      assert.equal(seen.get(joined) ?? way, way);
      seen.set(joined, way);
    }
  assert.equal(joinOrdinals(-1, 5000), undefined);
  assert.equal(joinOrdinals(4096 * 4096, 1), undefined);
});

test('a stream is named by its shard and all outputs on the way', () => {
  const one = streamOf('abc', 'forward');
  assert.match(one, /^abc\.[0-9a-f]{10}$/);
  assert.equal(one, streamOf('abc', 'forward'));
  const two = streamOf(one, 'forward');
  assert.equal(new Set([one, two, streamOf('abc', 'other'), streamOf(one, 'other')]).size, 4);
  assert.match(two, /^abc\.[0-9a-f]{10}$/);
});

test('what is no sound statement is taken for none', () => {
  const good = packOrigins([run('s.a', 2, 5), run('', 1, 0, 0)]);
  assert.deepEqual(unpackOrigins(good, 3), [run('s.a', 2, 5), run('', 1, 0, 0)]);
  const bad: unknown[] = [
    null,
    [],
    [['s.a'], [0, 2, 5, -1, 0]],
    [['s a'], [0, 3, 5, -1, 0, 0]],
    [['s.a'.repeat(40)], [0, 3, 5, -1, 0, 0]],
    [['s.a'], [1, 3, 5, -1, 0, 0]],
    [['s.a'], [0, 2, 5, -1, 0, 0]],
    [['s.a'], [0, 3, 5, -2, 0, 0]],
    [['s.a'], [0, 3, 5, -1, 6, 0]],
    [['s.a'], [0, 3, 1.5, -1, 0, 0]],
    [['s.a'], [0, 3, Number.MAX_SAFE_INTEGER, -1, 0, 0]],
    [['s.a'], [0, 3, 5, 2 ** 31, 0, 0]],
    [['s.a'], [0, 0, 5, -1, 0, 0, 0, 3, 5, -1, 0, 0]],
    [{}, [0, 3, 5, -1, 0, 0]],
  ];
  for (const one of bad) assert.equal(unpackOrigins(one, 3), undefined, JSON.stringify(one));
});
