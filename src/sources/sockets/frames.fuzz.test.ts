/** Streams from outside, cut anywhere: what comes of them does not depend on the cuts, nothing is held beyond the limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { BadFrame, DelimiterCutter, OctetCutter } from './frames.ts';
import type { FrameCutter } from './frames.ts';

const max = 12;

/** All frames of a stream that comes in these pieces, with what ended it. */
function cut(cutter: FrameCutter, pieces: readonly Buffer[]): { frames: string[]; problem: boolean } {
  const frames: string[] = [];
  const take = (found: readonly { readonly bytes: Buffer; readonly isWhole: boolean }[]): void => {
    for (const { bytes, isWhole } of found)
      frames.push(`${isWhole ? '' : 'long '}${isWhole ? bytes.toString('latin1') : ''}`);
  };
  try {
    for (const piece of pieces) {
      take(cutter.add(piece));
      assert.ok(cutter.pendingBytes <= 64 * 1024 + max, 'holds no more than it may');
    }
  } catch (error) {
    if (!(error instanceof BadFrame)) throw error;
    take(error.frames);
    return { frames, problem: true };
  }
  const rest = cutter.end();
  if (rest) take([rest]);
  return { frames, problem: false };
}

const words = fc.constantFrom(
  '\n',
  '\r\n',
  'ab',
  'x',
  '',
  '3 abc',
  '12 ',
  '0 ',
  '99 ',
  '5',
  ' ',
  'a'.repeat(20),
  '||',
  '|',
);
const streams = fc.oneof(
  fc.array(words, { maxLength: 20 }).map((parts) => Buffer.from(parts.join(''))),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.string({ maxLength: 16 }), { maxLength: 8 })
    .map((texts) => Buffer.from(texts.map((text) => `${Buffer.byteLength(text)} ${text}`).join(''))),
);
const cuts = fc.array(fc.nat(200), { maxLength: 8 });

function pieces(stream: Buffer, at: readonly number[]): Buffer[] {
  const places = [...new Set(at.map((place) => place % (stream.length + 1)))].sort((a, b) => a - b);
  return [...places, stream.length].map((place, i) => stream.subarray(i === 0 ? 0 : places[i - 1], place));
}

for (const delimiter of ['\n', '||', '\r\n'])
  test(`messages up to ${JSON.stringify(delimiter)}`, () => {
    fc.assert(
      fc.property(streams, cuts, (stream, at) => {
        const model = stream.toString('latin1').split(delimiter);
        if (model.at(-1) === '') model.pop();
        const wanted = model.map((text) => (text.length > max ? 'long ' : text));
        assert.deepEqual(cut(new DelimiterCutter(delimiter, max), pieces(stream, at)).frames, wanted);
      }),
      fuzzRuns(300, 4),
    );
  });

test('messages behind their length', () => {
  fc.assert(
    fc.property(streams, cuts, (stream, at) => {
      const whole = cut(new OctetCutter(max), [stream]);
      assert.deepEqual(cut(new OctetCutter(max), pieces(stream, at)), whole);
    }),
    fuzzRuns(300, 4),
  );
});
