import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExportFormatError, ExportReader } from './export-format.ts';
import type { JournalEntry } from './export-format.ts';

function binaryField(name: string, value: Uint8Array): Buffer {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(value.length));
  return Buffer.concat([Buffer.from(`${name}\n`), length, value, Buffer.from('\n')]);
}
const plain = (entries: readonly JournalEntry[]) =>
  entries.map(({ fields }) => Object.fromEntries(fields.map(([name, value]) => [name, value.toString('latin1')])));

const stream = Buffer.concat([
  Buffer.from('__CURSOR=s=1;i=1\n__REALTIME_TIMESTAMP=17\nMESSAGE=a=b\nEMPTY=\n'),
  binaryField('BINARY', Buffer.from('two\nlines\0=\n\n')),
  Buffer.from('\n__CURSOR=2\n'),
  binaryField('MESSAGE', Buffer.alloc(0)),
  Buffer.from('\n\n\n__CURSOR=3\nX=y\n'),
]);
const expected = [
  { __CURSOR: 's=1;i=1', __REALTIME_TIMESTAMP: '17', MESSAGE: 'a=b', EMPTY: '', BINARY: 'two\nlines\0=\n\n' },
  { __CURSOR: '2', MESSAGE: '' },
];

test('entries come out however the stream is cut; what has not ended is kept', () => {
  assert.deepEqual(plain(new ExportReader(1000).add(stream)), expected);
  const reader = new ExportReader(1000);
  const found = Array.from(stream, (byte) => reader.add(Buffer.from([byte]))).flat();
  assert.deepEqual(plain(found), expected);
  assert.deepEqual(plain(reader.add(Buffer.from('\n'))), [{ __CURSOR: '3', X: 'y' }]);
});

test('a large value is passed over, and the entry says so and keeps its cursor', () => {
  for (const large of [binaryField('BIG', Buffer.alloc(5000, 10)), Buffer.from(`BIG=${'x'.repeat(5000)}\n`)]) {
    const whole = Buffer.concat([Buffer.from('__CURSOR=1\n'), large, Buffer.from('\n__CURSOR=2\nA=b\n\n')]);
    for (const size of [1, 7, 1000, whole.length]) {
      const reader = new ExportReader(2000);
      const found: JournalEntry[] = [];
      for (let at = 0; at < whole.length; at += size) found.push(...reader.add(whole.subarray(at, at + size)));
      assert.deepEqual(
        found.map(({ fields, isCut }) => [fields[0]?.[1].toString(), isCut]),
        [
          ['1', true],
          ['2', false],
        ],
        `in pieces of ${size}`,
      );
    }
  }
});

test('what is no export format is told with its place', () => {
  const wrong = (bytes: Buffer) => () => new ExportReader(1000).add(bytes);
  const bad = binaryField('A', Buffer.from('x'));
  bad[bad.length - 1] = 65;
  assert.throws(
    wrong(Buffer.concat([Buffer.from('B=c\n'), bad])),
    (error) => error instanceof ExportFormatError && /at byte 4/.test(error.message),
  );
  assert.throws(wrong(Buffer.alloc(2000, 65)), /longer than a name can be/);
  assert.throws(wrong(Buffer.concat([Buffer.from('A\n'), Buffer.alloc(9, 255)])), /no length/);
});
