import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { OperatingError } from './errors.ts';
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts';

/** Anything thrown that is not ours, or read back differently, is a bug. */
function survives(bytes: Uint8Array, decode: (bytes: Uint8Array) => ReturnType<typeof decodeMsgpack>): void {
  let value;
  try {
    value = decode(bytes);
  } catch (error) {
    if (error instanceof OperatingError && error.code === 'PARSE_FAILED') return;
    throw error;
  }
  const packed = encodeMsgpack(value);
  assert.deepEqual(encodeMsgpack(decodeMsgpack(packed)), packed);
}

const starts = fc.constantFrom(
  0x80,
  0x93,
  0xa3,
  0xc4,
  0xc7,
  0xca,
  0xcb,
  0xcf,
  0xd3,
  0xd7,
  0xd9,
  0xdc,
  0xdd,
  0xde,
  0xdf,
);
const bytes = fc.array(fc.oneof(fc.integer({ min: 0, max: 255 }), starts), { maxLength: 60 });

test('no bytes make the decoder throw anything but its own error', () => {
  fc.assert(
    fc.property(bytes, (list) => survives(Uint8Array.from(list), decodeMsgpack)),
    fuzzRuns(5000),
  );
});

test('a decoder with a bug is caught', () => {
  const broken = (list: Uint8Array) => {
    if (list[0] === 0xc7) throw new RangeError('canary');
    return decodeMsgpack(list);
  };
  assert.throws(() =>
    fc.assert(
      fc.property(bytes, (list) => survives(Uint8Array.from(list), broken)),
      fuzzRuns(5000),
    ),
  );
});
