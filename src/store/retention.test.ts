import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { decideRetention, isPartitionOver } from './retention.ts';

const nowMs = Date.UTC(2026, 10, 21, 15, 30);
const minuteMs = 60_000;
const roomy = { bytesMax: 1000, keepMs: undefined, freeBytes: 1e9, reserveBytes: 100 };
const partition = (ageMinutes: number, bytes = 100, isOpen = false, records = 10) => ({
  bytes,
  records,
  appendMsMax: records > 0 ? nowMs - ageMinutes * minuteMs : undefined,
  isOpen,
});

describe('retention', () => {
  test('drops nothing while there is room', () => {
    const all = [partition(9000), partition(1, 100, true)];
    assert.deepEqual(decideRetention(all, roomy, nowMs), { drop: [], isOpenDropped: false, isFull: false });
  });
  test('drops the oldest beyond the size, however young', () => {
    const all = [partition(0, 400), partition(0, 400), partition(0, 400, true)];
    const { drop, isFull } = decideRetention(all, roomy, nowMs);
    assert.deepEqual(drop, [all[0]]);
    assert.equal(isFull, false);
  });
  test('drops by age of the last append, the open one too', () => {
    const all = [partition(90), partition(50), partition(70), partition(61, 100, true)];
    const decision = decideRetention(all, { ...roomy, keepMs: 60 * minuteMs }, nowMs);
    assert.deepEqual(decision.drop, [all[0], all[2], all[3]]);
    assert.equal(decision.isOpenDropped, true);
  });
  test('when only the open one is left it goes too, but not what is younger than a minute', () => {
    const old = [partition(2, 2000, true)];
    assert.deepEqual(decideRetention(old, roomy, nowMs), { drop: old, isOpenDropped: true, isFull: false });
    const young = [partition(0.5, 2000, true)];
    assert.deepEqual(decideRetention(young, roomy, nowMs), { drop: [], isOpenDropped: false, isFull: true });
    const empty = [partition(0, 2000, true, 0)];
    assert.deepEqual(decideRetention(empty, roomy, nowMs), { drop: [], isOpenDropped: false, isFull: true });
  });
  test('makes room for the reserve with what is not young, and is full when that is not enough', () => {
    const all = [partition(5, 40), partition(4, 40), partition(0.5, 40), partition(0.2, 40, true)];
    const little = decideRetention(all, { ...roomy, freeBytes: 30 }, nowMs);
    assert.deepEqual(little, { drop: [all[0], all[1]], isOpenDropped: false, isFull: false });
    const none = decideRetention(all, { ...roomy, freeBytes: 0 }, nowMs);
    assert.deepEqual(none, { drop: [all[0], all[1]], isOpenDropped: false, isFull: true });
  });
  test('a partition is over at a new day, at a new hour when it is large, and beyond an eighth of the limit', () => {
    const open = { startMs: Date.UTC(2026, 10, 21, 14), bytes: 10, records: 5 };
    const large = { ...open, records: 1_000_000 };
    assert.equal(isPartitionOver(open, 1000, nowMs), false);
    assert.equal(isPartitionOver(large, 1000, nowMs), true);
    assert.equal(isPartitionOver(large, 1000, open.startMs + 59 * minuteMs), false);
    assert.equal(isPartitionOver(open, 1000, Date.UTC(2026, 10, 22)), true);
    assert.equal(isPartitionOver({ ...open, records: 0 }, 1000, Date.UTC(2026, 10, 22)), false);
    assert.equal(isPartitionOver({ ...open, bytes: 126 }, 1000, nowMs), true);
    // A clock that was set back begins nothing.
    assert.equal(isPartitionOver(large, 1000, Date.UTC(2026, 10, 20)), false);
  });
});
