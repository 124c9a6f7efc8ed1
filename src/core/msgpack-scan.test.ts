import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { OperatingError } from './errors.ts';
import { jsonDepthMax } from './json.ts';
import { MsgpackFramer, MsgpackScanner } from './msgpack-scan.ts';
import { decodeMsgpack, encodeMsgpack } from './msgpack.ts';
import type { Value } from './record.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

const values: readonly Value[] = [
  null,
  true,
  5,
  -5,
  300,
  70_000,
  5_000_000_000,
  -40_000,
  1.5,
  'short',
  'x'.repeat(40),
  'y'.repeat(300),
  'z'.repeat(70_000),
  new Uint8Array(10),
  new Uint8Array(70_000),
  [1, [2, 'three', { four: 4 }]],
  { a: 1, b: { c: [] }, d: {} },
  Array.from({ length: 20 }, (_, i) => i),
  Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`k${i}`, i])),
  decodeMsgpack(hex('d70065e6b83c075bcd15')),
  decodeMsgpack(hex('c70301aabbcc')),
];

test('a scanner passes each kind of value', () => {
  for (const value of values) {
    const bytes = Buffer.concat([encodeMsgpack(value), Buffer.from([7])]);
    const scanner = new MsgpackScanner(bytes);
    scanner.skip();
    assert.equal(scanner.at, bytes.length - 1);
  }
});

test('a stream cut anywhere gives the same values', () => {
  const all = values.filter((value) => !(value instanceof Uint8Array && value.length > 100) && value !== values[12]);
  const stream = Buffer.concat(all.map((value) => encodeMsgpack(value)));
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1, maxLength: 50 }), (sizes) => {
      const framer = new MsgpackFramer(1_000_000);
      const found: Buffer[] = [];
      for (let at = 0, i = 0; at < stream.length; i++) {
        const size = sizes[i % sizes.length] as number;
        framer.add(stream.subarray(at, at + size));
        at += size;
        for (let value = framer.next(); value; value = framer.next()) found.push(value);
      }
      assert.deepEqual(Buffer.concat(found), stream);
      assert.equal(found.length, all.length);
      assert.equal(framer.pendingBytes, 0);
    }),
    { numRuns: 200 },
  );
});

function fails(run: () => unknown, pattern: RegExp): void {
  assert.throws(
    run,
    (error) => error instanceof OperatingError && error.code === 'PARSE_FAILED' && pattern.test(error.message),
  );
}

test('what lies about its length, nests too deep or is no value is refused at once', () => {
  const next = (bytes: Buffer, max = 1000) => {
    const framer = new MsgpackFramer(max);
    framer.add(bytes);
    return framer.next();
  };
  fails(() => next(hex('dbffffffff')), /more than 1000 bytes/);
  fails(() => next(hex('ddffffffff')), /more than 1000 bytes/);
  fails(() => next(hex('df80000000')), /more than 1000 bytes/);
  fails(() => next(hex('c1')), /0xc1 begins no value/);
  fails(() => next(Buffer.alloc(500, 0x91)), /nested deeper/);
  fails(() => new MsgpackScanner(Buffer.alloc(500, 0x91)).skip(), new RegExp(`deeper than ${jsonDepthMax}`));
  fails(() => new MsgpackScanner(hex('dc0005 01')).skip(), /length beyond the end/);
  fails(() => new MsgpackScanner(hex('a5 6162')).skip(), /end in the middle/);
  fails(() => new MsgpackScanner(hex('81 90 01')).skip(), /array or map as key/);
  assert.equal(next(hex('da00ff 61')), undefined);
});

test('a scanner passes exactly what the decoder reads', () => {
  const outcome = (run: () => unknown): string => {
    try {
      run();
      return 'read';
    } catch (error) {
      if (error instanceof OperatingError && error.code === 'PARSE_FAILED') return 'refused';
      throw error;
    }
  };
  const starts = fc.constantFrom(0x80, 0x81, 0x92, 0xa2, 0xc0, 0xc4, 0xc7, 0xcb, 0xcf, 0xd7, 0xd9, 0xdc, 0xde, 0xe0);
  const bytes = fc.array(fc.oneof(starts, fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(bytes, (list) => {
      const one = Buffer.from(list);
      const scanned = outcome(() => {
        const scanner = new MsgpackScanner(one);
        scanner.skip();
        if (!scanner.isAtEnd) throw scanner.problem('bytes behind the value');
      });
      assert.equal(
        scanned,
        outcome(() => decodeMsgpack(one)),
      );
    }),
    { numRuns: 5000 },
  );
});
