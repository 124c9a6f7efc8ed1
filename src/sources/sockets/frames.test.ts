import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BadFrame, DelimiterCutter, OctetCutter } from './frames.ts';

const shown = (frames: readonly { bytes: Buffer; isWhole: boolean }[]): string[] =>
  frames.map(({ bytes, isWhole }) => `${isWhole ? '' : 'long: '}${bytes.toString()}`);

test('messages end at their delimiter, wherever chunks end', () => {
  const cutter = new DelimiterCutter('||', 100);
  assert.deepEqual(shown(cutter.add(Buffer.from('a|b|'))), []);
  assert.deepEqual(shown(cutter.add(Buffer.from('|c||d'))), ['a|b', 'c']);
  assert.equal(cutter.pendingBytes, 1);
  assert.deepEqual(shown([cutter.end() as never]), ['d']);
});

test('a message that is too long is told once, by its start, and the next one is whole', () => {
  const cutter = new DelimiterCutter('\n', 4);
  assert.deepEqual(shown(cutter.add(Buffer.from('abcdefgh'))), ['long: abcdefgh']);
  assert.deepEqual(shown(cutter.add(Buffer.from('ijk'))), []);
  assert.deepEqual(shown(cutter.add(Buffer.from('l\nok\n'))), ['ok']);
});

test('messages stand behind their length; one line end before a length is passed over', () => {
  const cutter = new OctetCutter(10);
  assert.deepEqual(shown(cutter.add(Buffer.from('3 a\nb\n4 '))), ['a\nb']);
  assert.deepEqual(shown(cutter.add(Buffer.from('wxyz0 11 elevenbytes2 ok'))), ['wxyz', '', 'long: elevenbytes', 'ok']);
});

test('what is no length ends the stream; messages before it count', () => {
  const cutter = new OctetCutter(10);
  assert.throws(
    () => cutter.add(Buffer.from('2 ok<13>x')),
    (error) => error instanceof BadFrame && shown(error.frames)[0] === 'ok' && /a length in digits/.test(error.message),
  );
});
