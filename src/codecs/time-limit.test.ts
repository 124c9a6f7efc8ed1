import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTexts } from './parse-texts.ts';
import { runLimited } from './time-limit.ts';

/** Takes 2^n steps for n letters. */
const catastrophic = /^(?:a+)+$/;

test('what takes too long is stopped alone; the others run', () => {
  const done: number[] = [];
  const late: number[] = [];
  runLimited(
    5,
    20,
    (index) => {
      catastrophic.test(index % 3 === 1 ? `${'a'.repeat(60)}b` : 'aaa');
      done.push(index);
    },
    (index) => late.push(index),
  );
  assert.deepEqual(
    [done, late],
    [
      [0, 2, 3],
      [1, 4],
    ],
  );
});

test('errors of a step come through', () => {
  const fail = () => {
    throw new RangeError('mine');
  };
  assert.throws(() => runLimited(1, 100, fail, fail), /mine/);
});

test('parseTexts hands over all records in order, and problems', () => {
  const taken: unknown[] = [];
  const parser = {
    timeLimitMs: 20,
    parse: () => assert.fail('parseAll is there'),
    parseAll: (text: Buffer | string) => {
      catastrophic.test(text.toString());
      return text
        .toString()
        .split('')
        .map((letter) => ({ fields: { letter }, time: undefined }));
    },
  };
  parseTexts(parser, ['xy', `${'a'.repeat(60)}b`, Buffer.from('z')], (parsed, index) =>
    taken.push([index, 'problem' in parsed ? parsed.kind : parsed.fields]),
  );
  assert.deepEqual(taken, [
    [0, { letter: 'x' }],
    [0, { letter: 'y' }],
    [1, 'timeout'],
    [2, { letter: 'z' }],
  ]);
});
