import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { batchOf, configOf, contextOf } from '../../test/fixture.ts';
import { Batch, Block } from '../core/batch.ts';
import { throttleFilter as plugin } from './throttle.ts';

function throttle(options: Record<string, unknown>) {
  if (plugin.kind !== 'filter') throw new TypeError('not a filter');
  const lines: string[] = [];
  const log = pino({ base: null, timestamp: false }, { write: (line: string) => lines.push(line) });
  const config = configOf(plugin, { groupKey: ['k.name'], ...options });
  plugin.check?.(config);
  const filter = plugin.create(config, contextOf([], log));
  let next = 0;
  const at = (appendMs: number, names: readonly string[], firstOffset = next): string[] => {
    const { parts } = batchOf(
      't',
      names.map((name) => `{"k":${name}}`),
    ).block;
    next = Math.max(next, firstOffset + names.length);
    const batch = Batch.of('t', new Block({ ...parts, appendMs, firstOffset }));
    const out = filter.apply(batch, () => assert.fail());
    return Array.from({ length: out.count }, (_, row) => String(out.offset(row) - firstOffset));
  };
  return { at, lines };
}
const a = '{"name":"a"}';
const b = '{"name":"b"}';

test('each group has its own limit in each period', () => {
  const { at, lines } = throttle({ groupBucketPeriodS: 10, groupBucketLimit: 2, groupResetRateS: -1 });
  assert.deepEqual(at(100_000, [a, a, b, a, b, b]), ['0', '1', '2', '4']);
  assert.deepEqual(at(109_999, [a, b]), []);
  assert.deepEqual(at(110_000, [a, '"text"', '5', 'null', '{}']), ['0', '1', '2']);
  assert.equal(lines.filter((line) => line.includes('above its limit')).length, 3);
});

test('what was decided about a record stays', () => {
  const { at } = throttle({ groupBucketPeriodS: 10, groupBucketLimit: 1 });
  assert.deepEqual(at(100_000, [a, a, a]), ['0']);
  assert.deepEqual(at(200_000, [a, a, a], 0), ['0']);
});

test('a group above its limit passes again only when it has become slow', () => {
  const { at } = throttle({ groupBucketPeriodS: 2, groupBucketLimit: 4 });
  assert.deepEqual(at(100_000, [a, a, a, a, a, a]).length, 4);
  // Five a second: more than the two that the limit allows.
  assert.deepEqual(at(101_000, [a, a, a, a, a]), []);
  assert.deepEqual(at(102_000, [a, a, a, a, a]), []);
  assert.deepEqual(at(104_000, [a]), ['0'].slice(1));
  assert.deepEqual(at(108_000, [a, a]), ['0', '1']);
});

test('group_drop_logs false only says so; a rate above the limit is a mistake', () => {
  const { at, lines } = throttle({ groupBucketPeriodS: 10, groupBucketLimit: 1, groupDropLogs: false });
  assert.deepEqual(at(100_000, [a, a]), ['0', '1']);
  assert.equal(lines.length, 1);
  assert.throws(
    () => throttle({ groupBucketPeriodS: 10, groupBucketLimit: 10, groupResetRateS: 2 }),
    /must not be above/,
  );
});
