import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FoundRecord } from '../api/types.ts';
import { JsonObject } from '../json/exact.ts';
import { changeLive, liveRowsMax, mergeRows, noLiveRecords } from './live-records.ts';

const record = (id: string | number): FoundRecord => ({
  id: String(id),
  time: '',
  timeMs: 0,
  appendMs: 0,
  tag: '',
  source: '',
  fields: new JsonObject([], '{}'),
});
const ids = (records: readonly FoundRecord[]): string => records.map(({ id }) => id).join(' ');
const arrived = (records: FoundRecord[], isHeld = false) => ({ kind: 'arrived', records, isHeld }) as const;

test('the last to arrive is on top, and none is there twice', () => {
  let live = changeLive(noLiveRecords, arrived([record('c'), record('d')]));
  live = changeLive(live, arrived([record('d'), record('e')]));
  assert.equal(ids(live.shown), 'e d c');
  assert.equal(ids(mergeRows(live, [record('c'), record('b'), record('a')])), 'e d c b a');
});

test('what is held moves nothing until it is released', () => {
  let live = changeLive(noLiveRecords, arrived([record('a')]));
  live = changeLive(live, arrived([record('b')], true));
  live = changeLive(live, arrived([record('b'), record('c')], true));
  assert.equal(ids(mergeRows(live, [record('b'), record('0')])), 'a b 0');
  assert.equal(ids(changeLive(live, { kind: 'release' }).shown), 'c b a');
  assert.equal(ids(changeLive(live, arrived([record('d')])).shown), 'd c b a');
});

test('more than is kept: only live rows remain', () => {
  const many = Array.from({ length: liveRowsMax + 1 }, (_, index) => record(index));
  const live = changeLive(noLiveRecords, arrived(many));
  assert.equal(live.shown.length, liveRowsMax);
  assert.equal(live.shown[0]?.id, String(liveRowsMax));
  assert.equal(mergeRows(live, [record('old')]).length, liveRowsMax);
  assert.equal(changeLive(live, { kind: 'restart' }), noLiveRecords);
});

test('skipped records add up', () => {
  const live = changeLive(changeLive(noLiveRecords, { kind: 'skipped', count: 2 }), { kind: 'skipped', count: 3 });
  assert.equal(live.skipped, 5);
});
