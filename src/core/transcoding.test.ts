import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ByteWriter } from './bytes.ts';
import { scanJson, stringifyJson } from './json.ts';
import { writeJsonPacked } from './json-msgpack.ts';
import { writePackedJson } from './msgpack-json.ts';
import { ExtBytes, MsgpackWriter, decodeMsgpack, encodeMsgpack } from './msgpack.ts';
import { Float } from './record.ts';
import type { Value } from './record.ts';

const number: fc.Arbitrary<Value> = fc.oneof(
  fc.integer(),
  fc.maxSafeInteger(),
  fc.double(),
  fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
  fc.integer().map((value) => new Float(value)),
  fc.constantFrom(
    0,
    -1,
    -32,
    -33,
    127,
    128,
    255,
    256,
    65_535,
    65_536,
    4_294_967_295,
    4_294_967_296,
    new Float(-0, '-0.0'),
    new Float(1e300, '1e+300'),
  ),
);
const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'grapheme', maxLength: 300 }),
  fc.constantFrom('"', '\\', '\n', '\u2028', 'ü', '\u007f'),
);
const key = fc.oneof(text, fc.constantFrom('a', 'b', '__proto__', '1'));
const value: fc.Arbitrary<Value> = fc.letrec<{ any: Value }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom<Value>(null, true, false),
    number,
    text,
    fc.uint8Array({ maxLength: 40 }),
    fc.uint8Array({ maxLength: 10 }).map((bytes) => new ExtBytes(3, bytes)),
    fc.array(tie('any'), { maxLength: 20 }),
    fc.array(fc.tuple(key, tie('any')), { maxLength: 20 }).map((pairs) => new Map(pairs)),
  ),
})).any;

function json(bytes: Buffer): string {
  const out = new ByteWriter();
  out.text('before');
  writePackedJson(Buffer.concat([Buffer.from('x'), bytes]), 1, 1 + bytes.length, out);
  return out.view().toString('utf8').slice('before'.length);
}

test('MessagePack as JSON is what decoding and printing gives', () => {
  fc.assert(
    fc.property(value, (one) => {
      const bytes = encodeMsgpack(new Map([['v', one]]));
      assert.equal(json(bytes), stringifyJson(decodeMsgpack(bytes)));
    }),
    { numRuns: 2000 },
  );
  const odd = [
    // Keys that stand twice, that are no texts, that are no UTF-8; text that is none; a float of 32 bits.
    '82a16101a16102',
    '8201c2c0c3',
    '81a2fffe01',
    '81a161a2fffe',
    '82a161ca3f800000a162ca3fc00000',
    '81a16183a16201a16102a16203',
    'de0001a16101',
    'dc0001dd00000001c0',
    '81d90161d90162',
  ];
  for (const hex of odd) {
    const bytes = Buffer.from(hex, 'hex');
    assert.equal(json(bytes), stringifyJson(decodeMsgpack(bytes)), hex);
  }
  const wide = encodeMsgpack(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`k${i}`, i])));
  assert.equal(json(wide), stringifyJson(decodeMsgpack(wide)));
});

test('plain JSON as MessagePack is what parsing and encoding gives', () => {
  const plain = fc.oneof(
    fc.json({ stringUnit: 'grapheme' }),
    fc.array(fc.oneof(fc.double(), fc.integer(), fc.maxSafeInteger())).map((list) => JSON.stringify(list)),
    value.map((one) => stringifyJson(one)),
    fc.json().map((one) => JSON.stringify(JSON.parse(one), null, 2)),
    fc.constantFrom(
      '[0.5,1.5,-2.25]',
      '{"a":"\\u00fc\\n"}',
      `[${'1,'.repeat(70_000)}1]`,
      '["x\\\\"]',
      '{}',
      '[]',
      `{"t":"${'y'.repeat(70_000)}"}`,
    ),
  );
  let compared = 0;
  fc.assert(
    fc.property(plain, (one) => {
      const bytes = Buffer.from(one);
      if (scanJson(bytes).exact) return;
      const writer = new MsgpackWriter();
      writer.value('before');
      writeJsonPacked(Buffer.concat([Buffer.from('x'), bytes]), 1, 1 + bytes.length, writer);
      const expected = Buffer.concat([encodeMsgpack('before'), encodeMsgpack(JSON.parse(one) as Value)]);
      assert.ok(writer.take().equals(expected), one.slice(0, 200));
      compared++;
    }),
    { numRuns: 2000 },
  );
  assert.ok(compared > 300);
});
