import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, Tally } from './check.ts';

const tallyOf = (records: readonly { origin?: string; n?: unknown }[]): Tally => {
  const tally = new Tally();
  for (const record of records) tally.add(record);
  return tally;
};

test('what is missing, doubled or strange is found; what nobody promised may be missing', () => {
  const origins = [{ name: 'a', count: 4, unsure: new Set([2]) }];
  const whole = tallyOf([{ origin: 'a', n: 0 }, { origin: 'a', n: '1' }, { origin: 'a', n: 3 }, {}, { origin: 'a' }]);
  assert.deepEqual(judge('x', origins, whole.held), []);
  assert.equal(whole.others, 2);
  assert.equal(whole.count('a'), 3);
  const bad = tallyOf([
    { origin: 'a', n: 0 },
    { origin: 'a', n: 0 },
    { origin: 'a', n: 9 },
    { origin: 'b', n: 0 },
  ]);
  assert.deepEqual(judge('x', origins, bad.held), [
    'x: records of b, which nobody wrote',
    'x: 2 records of a are missing: 1, 3',
    'x: 1 records of a are there more than once: 0',
    'x: 1 records of a were never written: 9',
  ]);
});
