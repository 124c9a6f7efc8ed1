import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSameRebuilt } from './rebuilt-source.ts';

test('what an index without sources gives back is compared by values at paths', () => {
  const same: [unknown, unknown][] = [
    [{ t: '2026-11-29 01:02:03' }, { t: '2026-11-29T01:02:03.000Z' }],
    [{ a: [{ b: 1 }, { b: 2, c: 'x' }] }, { a: { b: [1, 2], c: 'x' } }],
    [
      { f: 1.23456789, g: 1e3 },
      { f: 1.2345679, g: 1000 },
    ],
    [
      { n: '7', b: 'true' },
      { n: 7, b: true },
    ],
    [{ a: [], b: {}, c: [null] }, {}],
  ];
  for (const [sent, found] of same) assert.ok(isSameRebuilt(sent, found), JSON.stringify([sent, found]));
  const other: [unknown, unknown][] = [
    [{ a: 1 }, { a: 2 }],
    [{ a: 1 }, { b: 1 }],
    [{ a: 1 }, { a: 1, b: 2 }],
    [{ id: '12345678901234567' }, { id: '12345678901234568' }],
    [{ t: '2026-11-29T01:02:03.123Z' }, { t: '2026-11-29T01:02:03.124Z' }],
    [{ a: [1, 2] }, { a: [1] }],
  ];
  for (const [sent, found] of other) assert.ok(!isSameRebuilt(sent, found), JSON.stringify([sent, found]));
});
