import assert from 'node:assert/strict';
import { test } from 'node:test';
import { JoinTrial } from '../join-fixture.ts';
import { concatJoin } from './index.ts';

const trial = (options: Record<string, unknown>) => new JoinTrial(concatJoin, { key: 'm', ...options });

test('so many records each are joined, streams apart', () => {
  const joined = trial({ nLines: 2, streamIdentityKey: 's' });
  joined.add({ m: 'a', s: 1 }).add({ m: 'b', s: 2 }).add({ m: 'c', s: 1, x: 1 }).add({ n: 1 });
  assert.deepEqual(joined.take(), [
    [[0, 2], { m: 'a\nc', s: 1, x: 1 }],
    [[3], { n: 1 }],
  ]);
  assert.deepEqual(joined.held, [1]);
});

test('a record begins where one expression matches and ends where the other does', () => {
  const joined = trial({ multilineStartRegexp: '/^S/', multilineEndRegexp: '/E$/', separator: '' });
  joined.add({ m: 'before' }).add({ m: 'S1' }).add({ m: '-' }).add({ m: '-E' }).add({ m: 'S2E' }).add({ m: 'S3' });
  assert.deepEqual(joined.take(), [
    [[0], { m: 'before' }],
    [[1, 2, 3], { m: 'S1--E' }],
    [[4], { m: 'S2E' }],
  ]);
  assert.deepEqual(joined.add({ m: 'S4E' }).take(), [
    [[5], { m: 'S3' }],
    [[6], { m: 'S4E' }],
  ]);
});

test('without an end a record goes up to the next start, whose fields and not whose time it has none of', () => {
  const joined = trial({ multilineStartRegexp: '/^S/' });
  joined.add({ m: 'S1', a: 1 }).add({ m: 'x', b: 2 }).add({ m: 'S2', c: 3 });
  assert.deepEqual(joined.given[0]?.result.time, { seconds: 2, nanos: 0 });
  assert.deepEqual(joined.take(), [[[0, 1], { m: 'S1\nx', a: 1, b: 2 }]]);
  const first = trial({ multilineStartRegexp: '/^S/', useFirstTimestamp: true });
  first.add({ m: 'S1' }).add({ m: 'S2' });
  assert.deepEqual(first.given[0]?.result.time, { seconds: 0, nanos: 0 });
});

test('a line that does not continue a record ends it and passes', () => {
  const joined = trial({ multilineStartRegexp: '/^S/', continuousLineRegexp: '/^ /' });
  joined.add({ m: 'S1' }).add({ m: ' a' }).add({ m: 'b' }).add({ m: ' c' });
  assert.deepEqual(joined.take(), [
    [[0, 1], { m: 'S1\n a' }],
    [[2], { m: 'b' }],
    [[3], { m: ' c' }],
  ]);
});

test('with an end alone, all up to it is a record', () => {
  const joined = trial({ multilineEndRegexp: '/;$/' });
  assert.deepEqual(joined.add({ m: 'a' }).add({ m: 'b;' }).add({ m: null }).take(), [[[0, 1], { m: 'a\nb;' }]]);
  assert.deepEqual(joined.add({ m: 7 }).take(), [[[3], { m: 7 }, { error: 'concat_no_text' }]]);
});

test('parts that say so are joined, and lose the field that does', () => {
  const options = { partialKey: 'p', partialValue: 'true', separator: '' };
  const joined = trial(options);
  joined.add({ m: 'a', p: 'true' }).add({ m: 'whole' }).add({ m: 'b', p: 'false' });
  assert.deepEqual(joined.take(), [
    [[1], { m: 'whole' }],
    [[0, 2], { m: 'ab' }],
  ]);
  const kept = trial({ ...options, keepPartialKey: true });
  assert.deepEqual(kept.add({ m: 'a', p: 'true' }).add({ m: 'b', p: 'no' }).take(), [[[0, 1], { m: 'ab', p: 'no' }]]);
});

test('a record that gets too large is cut as the configuration says', () => {
  const options = { partialKey: 'p', partialValue: '1', separator: '', bufferLimitSize: 12 };
  const parts = (method: string) =>
    trial({ ...options, bufferOverflowMethod: method })
      .add({ m: 'aaa', p: '1' })
      .add({ m: 'bbb', p: '1' })
      .add({ m: 'c', p: '0' });
  assert.deepEqual(parts('ignore').take(), [[[0, 1, 2], { m: 'aaabbbc' }]]);
  assert.deepEqual(parts('new').take(), [
    [[0, 1], { m: 'aaabbb' }],
    [[2], { m: 'c' }],
  ]);
  assert.deepEqual(parts('truncate').take(), [[[0, 1, 2], { m: 'aaabbb' }]]);
  assert.deepEqual(parts('drop').take(), [[[0, 1, 2], { m: 'aaabbbc' }, { error: 'concat_buffer_overflow' }]]);
});

test('the parts of Docker’s drivers are joined by their id and in their order', () => {
  const joined = trial({ usePartialMetadata: true, separator: '' });
  const part = (m: string, id: string, ordinal: number, last: boolean) => ({
    m,
    partial_message: 'true',
    partial_id: id,
    partial_ordinal: String(ordinal),
    partial_last: String(last),
  });
  joined
    .add(part('b', 'x', 2, false))
    .add(part('1', 'y', 1, false))
    .add({ m: 'w' })
    .add(part('a', 'x', 1, false));
  joined.add(part('c', 'x', 3, true));
  assert.deepEqual(joined.take(), [
    [[2], { m: 'w' }],
    [[0, 3, 4], { m: 'abc' }],
  ]);
  const journald = trial({ usePartialMetadata: true, partialMetadataFormat: 'docker-journald', separator: '' });
  journald.add({ m: 'a', CONTAINER_PARTIAL_ID: 'x', CONTAINER_PARTIAL_ORDINAL: '1', CONTAINER_PARTIAL_LAST: 'false' });
  journald.add({ m: 'b', CONTAINER_PARTIAL_ID: 'x', CONTAINER_PARTIAL_ORDINAL: '2', CONTAINER_PARTIAL_LAST: 'true' });
  assert.deepEqual(journald.take(), [[[0, 1], { m: 'ab' }]]);
});

test('lines of CRI runtimes are joined up to the one with F', () => {
  const joined = trial({ usePartialCriLogtag: true, separator: '', streamIdentityKey: 'stream' });
  joined.add({ m: 'a', stream: 'stdout', logtag: 'P' }).add({ m: 'e', stream: 'stderr', logtag: 'F' });
  joined.add({ m: 'b', stream: 'stdout', logtag: 'F:x' }).add({ m: 'n' });
  assert.deepEqual(joined.take(), [
    [[1], { m: 'e' }],
    [[0, 2], { m: 'ab' }],
    [[3], { m: 'n' }, { error: 'concat_without_logtag' }],
  ]);
});

test('what waits for too long goes to the label, or is an error', () => {
  const labelled = trial({ nLines: 9, flushInterval: 5000, timeoutLabel: '@T' });
  labelled.add({ m: 'a', x: 1 }).pass(3000).add({ m: 'b', y: 1 }).pass(4999);
  assert.deepEqual(labelled.take(), []);
  assert.deepEqual(labelled.pass(1).take(), [[[0, 1], { m: 'a\nb', x: 1 }, { label: '@T' }]]);
  const failing = trial({ nLines: 9 }).add({ m: 'a' }).pass(60_000);
  assert.deepEqual(failing.take(), [[[0], { m: 'a' }, { error: 'concat_timeout' }]]);
  assert.equal(trial({ nLines: 9, flushInterval: 0 }).add({ m: 'a' }).joiner.dueMs, undefined);
});

test('at a stop what is held goes to the label or stays; where the filter goes, it goes on', () => {
  assert.deepEqual(trial({ nLines: 9 }).add({ m: 'a' }).finish(true).take(), []);
  assert.deepEqual(trial({ nLines: 9 }).add({ m: 'a' }).finish().take(), [[[0], { m: 'a' }]]);
  const labelled = trial({ nLines: 9, timeoutLabel: '@T' }).add({ m: 'a' }).finish(true);
  assert.deepEqual(labelled.take(), [[[0], { m: 'a' }, { label: '@T' }]]);
});

test('the own log passes, bytes are joined as bytes, keys of any kind stay', () => {
  const joined = trial({ nLines: 2 });
  assert.deepEqual(joined.add({ m: 'x' }, 'fluent.info').take(), [[[0], { m: 'x' }]]);
  joined.add(new Map<string, never>(Object.entries({ m: Uint8Array.of(255), 1: 'one' }) as never)).add({ m: 'b' });
  assert.deepEqual(joined.take(), [
    [[1, 2], new Map<string, unknown>(Object.entries({ 1: 'one', m: Uint8Array.of(255, 10, 98) }))],
  ]);
});

test('what a stream holds is bounded', () => {
  const joined = trial({ multilineStartRegexp: '/^S/', flushInterval: 0, separator: '' });
  joined.add({ m: 'S' });
  for (let i = 0; i < 6; i++) joined.add({ m: 'x'.repeat(1024 * 1024) });
  const sizes = joined.given.map(({ result: { fields } }) => (fields as { m: string }).m.length);
  assert.deepEqual(sizes.slice(0, 1), [4 * 1024 * 1024 + 1]);
  assert.equal(joined.given.flatMap(({ parts }) => parts).length + joined.held.length, 7);
});

test('options that exclude each other, or lack what they need, are said', () => {
  const problem = (options: Record<string, unknown>): string => {
    try {
      trial(options);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.match(problem({}), /^Either n_lines, .* or use_partial_cri_logtag is required$/);
  assert.equal(
    problem({ nLines: 2, multilineEndRegexp: '/a/' }),
    'n_lines and multiline_start_regexp/multiline_end_regexp are exclusive',
  );
  assert.match(problem({ partialKey: 'p' }), /^partial_value is required/);
  assert.match(problem({ multilineStartRegexp: '^a' }), /between slashes/);
  assert.match(problem({ multilineStartRegexp: '/(/' }), /\(/);
});
