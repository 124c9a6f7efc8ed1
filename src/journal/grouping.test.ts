import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { codecs } from '../core/batch.ts';
import type { JournalAppend } from './contract.ts';
import { groupAppends } from './grouping.ts';
import type { GroupedAppend } from './grouping.ts';
import { appendOf } from './journal-fixture.ts';

function waiting(request: JournalAppend, bytes = 10): GroupedAppend {
  return { request, bytes, offset: -1 };
}

const append = fc
  .record({
    source: fc.constantFrom('tail', 'http'),
    tag: fc.constantFrom('a', 'b', 'c'),
    generation: fc.constantFrom(1, 1, 1, 2),
    codec: fc.constantFrom(codecs.json, codecs.json, codecs.msgpack),
    count: fc.nat(3),
    hasState: fc.boolean(),
  })
  .map(({ source, tag, generation, codec, count, hasState }) => {
    const request = appendOf(
      Array.from({ length: count }, (_, i) => i),
      { source, tag, generation, ...(hasState && source === 'tail' ? { state: { file: 1 } } : {}) },
    );
    return { ...request, records: { ...request.records, codec } };
  });

test('frames hold each append once, whole, with one source, tag, codec and generation', () => {
  fc.assert(
    fc.property(fc.array(append), (requests) => {
      const appends = requests.map((request) => waiting(request));
      const groups = groupAppends(appends);
      assert.deepEqual(new Set(groups.flatMap(({ members }) => members)), new Set(appends));
      let offset = 0;
      for (const { members, source, tag, generation, codec, count } of groups) {
        for (const { request, offset: at } of members) {
          assert.equal(at, offset);
          offset += request.records.payloads.length;
          assert.deepEqual(
            [request.source, request.tag, request.generation, request.records.codec],
            [source, tag, generation, codec],
          );
        }
        assert.equal(
          count,
          members.reduce((sum, { request }) => sum + request.records.payloads.length, 0),
        );
      }
    }),
  );
});

test('state never lies before records of its source that were appended before it', () => {
  fc.assert(
    fc.property(fc.array(append), (requests) => {
      const appends = requests.map((request) => waiting(request));
      const groups = groupAppends(appends);
      const groupOf = (wanted: GroupedAppend): number => groups.findIndex(({ members }) => members.includes(wanted));
      for (const [index, one] of appends.entries()) {
        if (!one.request.state) continue;
        for (const before of appends.slice(0, index))
          if (before.request.source === one.request.source) assert(groupOf(before) <= groupOf(one));
      }
    }),
  );
});

test('64 callers of one tag share a frame; a large frame is not made larger', () => {
  assert.equal(groupAppends(Array.from({ length: 64 }, (_, n) => waiting(appendOf([n])))).length, 1);
  assert.equal(groupAppends([waiting(appendOf([1]), 300_000), waiting(appendOf([2]))]).length, 2);
});

test('keys and state of the appends that share a frame are merged in order', () => {
  const [group, ...others] = groupAppends([
    waiting(appendOf([1], { keys: ['k1'], state: { file: 1, gone: 1 } })),
    waiting(appendOf([2], { keys: ['k2', 'k3'], state: { file: 2, gone: undefined } })),
  ]);
  assert.equal(others.length, 0);
  assert.equal(group?.keys, '["k1","k2","k3"]');
  assert.deepEqual(JSON.parse(group?.state ?? ''), { file: 2, gone: null });
});
