import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge } from './check.ts';

test('what is missing, doubled, or out of order is named; what may be lost is counted', () => {
  const log = { lines: 3, excused: [], mayLose: false };
  const written = [
    { ...log, name: 'well' },
    { ...log, name: 'missing' },
    { ...log, name: 'excused', excused: [{ from: 1, to: 2 }] },
    { ...log, name: 'twice' },
    { ...log, name: 'turned' },
    { ...log, name: 'lossy', mayLose: true },
  ];
  const arrived = new Map([
    ['well', [0, 1, 2]],
    ['missing', [0, 2]],
    ['excused', [0, 2]],
    ['twice', [0, 1, 1, 2]],
    ['turned', [0, 2, 1]],
    ['lossy', [2]],
  ]);
  const { problems, lost } = judge(written, arrived);
  assert.deepEqual([...problems.keys()], ['missing', 'twice', 'turned']);
  assert.match(problems.get('missing') ?? '', /1 missing \(1\)/);
  assert.deepEqual(
    lost.map(({ n }) => n),
    [0, 1],
  );
});
