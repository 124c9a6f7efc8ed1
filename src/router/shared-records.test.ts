import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../core/batch.ts';
import { fieldEntries } from '../core/record.ts';
import { batchOf } from '../../test/fixture.ts';
import { SharedRecords } from './shared-records.ts';

const texts = ['{"n":1,"o":{"k":"a"}}', '{"n":2,"o":{"k":"b"},"p":[1]}'];
const all = (batch: Batch): unknown[] => Array.from({ length: batch.count }, (_, row) => batch.fields(row));

test('a record that is shared is seen as it became', () => {
  const batch = batchOf('t', texts);
  const shared = new SharedRecords(batch, true);
  shared.note(batch.select([1]), 0, { n: 3, o: { k: 'c' } });
  assert.deepEqual(all(shared.after()), [
    { n: 1, o: { k: 'a' } },
    { n: 3, o: { k: 'c' } },
  ]);
});

test('of a copy only nested values are, as long as they are the same', () => {
  const batch = batchOf('t', texts);
  for (const isWhole of [true, false]) {
    const shared = new SharedRecords(batch, isWhole);
    const copy = batch.map((fields) => new Map([...fieldEntries(fields), ['n', 9]]));
    shared.note(copy, 1, { n: 8, o: { k: 'c' }, p: 'text', q: {} });
    const later = batch.map((_fields, row) => ({ n: 7, o: { k: row === 1 ? 'c' : 'other' } }));
    shared.note(later, 1, { o: { k: 'd' } });
    shared.note(later, 0, { o: { k: 'e' } });
    assert.deepEqual(all(shared.after()), [
      { n: 1, o: { k: 'a' } },
      { n: 2, o: { k: 'd' }, p: [1] },
    ]);
  }
});

test('records that do not come from there change nothing', () => {
  const batch = batchOf('t', texts);
  const shared = new SharedRecords(batch.select([0]), true);
  shared.note(batch, 1, { n: 3 });
  assert.equal(shared.after().count, 1);
  assert.deepEqual(all(shared.after()), [{ n: 1, o: { k: 'a' } }]);
});
