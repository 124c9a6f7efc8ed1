import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Database } from './database.ts';
import { afterSql, compareKeys, formatPageKey, keyBefore, parsePageKey, type RowKey } from './page-key.ts';
import { QueryError } from './query/query-error.ts';

const keys: fc.Arbitrary<RowKey> = fc.record({
  seconds: fc.integer({ min: -(10 ** 14), max: 10 ** 14 }),
  nanos: fc.nat(999_999_999),
  shard: fc.nat(2 ** 31 - 1),
  offset: fc.nat(Number.MAX_SAFE_INTEGER),
  ordinal: fc.integer({ min: -1, max: 2 ** 31 - 1 }),
});

test('a key survives its text, and the places before a second do', () => {
  fc.assert(
    fc.property(keys, fc.constantFrom('newest' as const, 'oldest' as const), (key, order) => {
      assert.deepEqual(parsePageKey(formatPageKey(key)), { ...key });
      const before = keyBefore(order, key.seconds);
      assert.deepEqual(parsePageKey(formatPageKey(before)), before);
      assert.ok(compareKeys(order, before, key) < 0);
      assert.ok(compareKeys(order, key, { ...key, ordinal: key.ordinal + 1 }) !== 0);
    }),
  );
});

test('a text that is no key is refused as a bad request', () => {
  const good = 'k1_1_2_3_4_-1';
  assert.equal(formatPageKey(parsePageKey(good)), good);
  for (const bad of [
    '',
    'k1',
    'k2_1_2_3_4_-1',
    'k1_1_2_3_4',
    'k1_1_2_3_4_-1_0',
    'k1_1.5_2_3_4_-1',
    'k1_-0_2_3_4_-1',
    'k1_1_1000000000_3_4_-1',
    'k1_1_2_-2_4_-1',
    'k1_1_2_3_-4_-1',
    'k1_1_2_3_9007199254740993_-1',
    'k1_1_2_3_4_-2',
    'k1_1_2_3_4_2147483648',
    "k1_1_2_3_4_-1'; DROP TABLE x",
  ])
    assert.throws(() => parsePageKey(bad), QueryError, bad);
});

test('SQL finds the rows behind a key that the comparison finds', async () => {
  const database = await Database.open({
    memoryBytesMax: 64e6,
    temporaryDirectory: '/nonexistent',
    spillBytesMax: 0,
  });
  const connection = await database.connect();
  try {
    const small = fc.record({
      seconds: fc.integer({ min: -1, max: 1 }),
      nanos: fc.nat(1),
      shard: fc.nat(1),
      offset: fc.nat(1),
      ordinal: fc.integer({ min: -1, max: 0 }),
    });
    await fc.assert(
      fc.asyncProperty(small, small, fc.constantFrom('newest' as const, 'oldest' as const), async (key, row, order) => {
        const columns = Object.entries(row).map(([name, value]) => `${value} AS "${name}"`);
        const found = await connection.rows(
          `SELECT 1 FROM (SELECT ${columns.join(', ')}) WHERE ${afterSql(order, key)}`,
        );
        assert.equal(found.length === 1, compareKeys(order, row, key) > 0);
      }),
      { numRuns: 200 },
    );
  } finally {
    connection.close();
    database.close();
  }
});
