/** Streams of journalctl, cut anywhere: what comes of them does not depend on the cuts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { recordOf } from './entry-fields.ts';
import { ExportFormatError, ExportReader } from './export-format.ts';
import type { JournalEntry } from './export-format.ts';

const entryBytesMax = 3000;

function readIn(pieces: readonly Buffer[]): { entries: JournalEntry[]; isWrong: boolean } {
  const reader = new ExportReader(entryBytesMax);
  const entries: JournalEntry[] = [];
  try {
    for (const piece of pieces) entries.push(...reader.add(piece));
  } catch (error) {
    if (!(error instanceof ExportFormatError)) throw error;
    return { entries, isWrong: true };
  }
  return { entries, isWrong: false };
}
const shown = ({ fields, isCut }: JournalEntry): unknown =>
  isCut ? 'cut' : fields.map(([name, value]) => [name, value.toString('hex')]);

function binary(name: string, value: Uint8Array, length = value.length): Buffer {
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(length));
  return Buffer.concat([Buffer.from(`${name}\n`), size, value, Buffer.from('\n')]);
}
const name = fc.constantFrom('MESSAGE', '_PID', '__CURSOR', 'A', '', 'X'.repeat(1100));
const bytes = fc.uint8Array({ maxLength: 40 });
const part = fc.oneof(
  fc.tuple(name, fc.string({ maxLength: 20 })).map(([key, value]) => Buffer.from(`${key}=${value}\n`)),
  fc.tuple(name, bytes).map(([key, value]) => binary(key, value)),
  fc.tuple(name, bytes, fc.nat(100)).map(([key, value, length]) => binary(key, value, length)),
  fc.constantFrom(Buffer.from('\n'), Buffer.from(`BIG=${'x'.repeat(5000)}\n`), binary('BIG', Buffer.alloc(4500, 10))),
  bytes.map((value) => Buffer.from(value)),
);

function property(read: typeof readIn): void {
  fc.assert(
    fc.property(fc.array(part, { maxLength: 12 }), fc.integer({ min: 1, max: 50 }), (parts, size) => {
      const stream = Buffer.concat(parts);
      const whole = readIn([stream]);
      const pieces = Array.from({ length: Math.ceil(stream.length / size) }, (_, i) =>
        stream.subarray(i * size, (i + 1) * size),
      );
      const found = read(pieces);
      assert.equal(found.isWrong, whole.isWrong);
      // What stood before a mistake in one piece comes with the mistake, and is read again from the cursor.
      if (!whole.isWrong) assert.deepEqual(found.entries.map(shown), whole.entries.map(shown));
      for (const entry of whole.entries)
        recordOf(entry, {
          stripsUnderscores: 'all',
          isLowercase: true,
          fieldsMax: 5,
          map: [['A', ['a', 'b']]],
          isStrict: false,
        });
    }),
    fuzzRuns(500),
  );
}

test('entries do not depend on how the stream is cut, and nothing else is thrown', () => property(readIn));
test('the property finds a reader that forgets', () => {
  assert.throws(() => property((pieces) => readIn(pieces.slice(1))));
});
