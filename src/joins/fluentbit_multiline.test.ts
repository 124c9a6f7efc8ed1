import assert from 'node:assert/strict';
import { test } from 'node:test';
import { builtinPlugins } from '../plugins.ts';
import { JoinTrial } from './join-fixture.ts';
import { fluentbitMultilineJoin } from './fluentbit_multiline.ts';
import { modelOf } from '../../test/fixture.ts';

const parser = (builtin: string) => {
  const plugin = builtinPlugins.find(({ kind, name }) => kind === 'parser' && name === 'fluentbit_multiline');
  if (!plugin) throw new TypeError('no multiline parser');
  return modelOf(plugin, { builtin });
};
const trial = (names: readonly string[], options: Record<string, unknown> = {}) =>
  new JoinTrial(fluentbitMultilineJoin, { keyContent: 'log', ...options }, { parsers: names.map(parser) });

test('lines of a trace become one record with the fields and the time of the first', () => {
  const joined = trial(['python', 'java']);
  const lines = [
    'start',
    'Traceback (most recent call last):',
    '  File "x.py", line 3',
    '    run()',
    'ValueError: bad',
  ];
  for (const [n, log] of lines.entries()) joined.add({ log, n });
  joined.add({ log: 'after', n: 5 }).add({ other: 1 }).finish();
  assert.deepEqual(joined.given[1]?.result.time, { seconds: 1, nanos: 0 });
  assert.deepEqual(joined.take(), [
    [[0], { log: 'start', n: 0 }],
    [[1, 2, 3, 4], { log: lines.slice(1).join('\n'), n: 1 }],
    [[5], { log: 'after', n: 5 }],
    [[6], { other: 1 }],
  ]);
});

test('a record is cut between two lines where it outgrows its limit', () => {
  const joined = trial(['java'], { joinedBytesMax: 40 });
  const lines = ['java.lang.Error: x', '\tat a.b.C(D.java:1)', '\tat a.b.C(D.java:2)', '\tat a.b.C(D.java:3)'];
  for (const log of lines) joined.add({ log });
  joined.finish();
  assert.deepEqual(joined.take(), [
    [[0, 1], { log: lines.slice(0, 2).join('\n') }],
    [[2, 3], { log: lines.slice(2).join('\n') }],
  ]);
});

test('tags are joined apart, and what waits is given after flush_ms', () => {
  const joined = trial(['java'], { flushMs: 500 });
  joined.add({ log: 'java.lang.Error: x' }, 'a').add({ log: 'java.lang.Error: y' }, 'b');
  joined.add({ log: '    at a.b.C(D.java:1)' }, 'a').pass(499);
  assert.deepEqual(joined.take(), []);
  assert.deepEqual(joined.pass(1).take(), [
    [[1], { log: 'java.lang.Error: y' }],
    [[0, 2], { log: 'java.lang.Error: x\n    at a.b.C(D.java:1)' }],
  ]);
  assert.deepEqual(joined.held, []);
});

test('parts of Docker’s log driver are joined by their id', () => {
  const joined = new JoinTrial(fluentbitMultilineJoin, { keyContent: 'log', mode: 'partial_message' });
  const part = (log: string, id: string, last: string) => ({
    log,
    source: 'stdout',
    partial_message: 'true',
    partial_id: id,
    partial_ordinal: '1',
    partial_last: last,
  });
  joined
    .add(part('a', 'x', 'false'))
    .add(part('1', 'y', 'false'))
    .add({ log: 'whole' })
    .add(part('b', 'x', 'true'));
  assert.deepEqual(joined.take(), [
    [[2], { log: 'whole' }],
    [[0, 3], { source: 'stdout', log: 'ab' }],
  ]);
  assert.deepEqual(joined.pass(2000).take(), [[[1], { source: 'stdout', log: '1' }]]);
});

test('what is missing is said', () => {
  assert.throws(() => trial([]), /multiline\.parser is required/);
  assert.throws(
    () => new JoinTrial(fluentbitMultilineJoin, { mode: 'partial_message' }),
    /requires 'multiline.key_content'/,
  );
  assert.throws(() => trial(['go'], { mode: 'partial_message' }), /cannot be used with 'multiline.parser'/);
});
