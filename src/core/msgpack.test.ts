import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decode, encode } from '@msgpack/msgpack';
import { OperatingError } from './errors.ts';
import { jsonDepthMax, stringifyJson } from './json.ts';
import { ExtBytes, decodeMsgpack, encodeMsgpack, packedTime } from './msgpack.ts';
import { Float } from './record.ts';
import type { Value } from './record.ts';

const hex = (text: string) => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('integers and floats keep their kind', () => {
  const cases: [string, Value][] = [
    ['00', 0],
    ['7f', 127],
    ['ff', -1],
    ['e0', -32],
    ['cc80', 128],
    ['cdffff', 65_535],
    ['ceffffffff', 4_294_967_295],
    ['cf001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['cf0020000000000000', 9_007_199_254_740_992n],
    ['cfffffffffffffffff', 18_446_744_073_709_551_615n],
    ['d0df', -33],
    ['d18000', -32_768],
    ['d280000000', -2_147_483_648],
    ['d38000000000000000', -9_223_372_036_854_775_808n],
    ['cb3ff0000000000000', new Float(1, '1.0')],
    ['cb8000000000000000', new Float(-0, '-0.0')],
    ['cb7e37e43c8800759c', new Float(1e300, '1e+300')],
    ['cb3ff8000000000000', 1.5],
    ['cb7ff8000000000000', Number.NaN],
    ['cb7ff0000000000000', Number.POSITIVE_INFINITY],
    ['c0', null],
    ['c2', false],
    ['c3', true],
  ];
  for (const [text, value] of cases) {
    assert.deepEqual(decodeMsgpack(hex(text)), value, text);
    assert.equal(encodeMsgpack(value).toString('hex'), text);
  }
  assert.deepEqual(decodeMsgpack(hex('ca3f800000')), new Float(1, '1.0'));
  // Every integral float prints as valid JSON.
  for (const text of ['cb7e37e43c8800759c', 'cb8000000000000000', 'cb3ff0000000000000'])
    assert.doesNotThrow(() => JSON.parse(stringifyJson(decodeMsgpack(hex(text)))));
});

test('text that is not UTF-8, binary and ext values keep their bytes', () => {
  assert.deepEqual(decodeMsgpack(hex('a2c3bc')), 'ü');
  assert.deepEqual(decodeMsgpack(hex('a2fffe')), new Uint8Array([0xff, 0xfe]));
  assert.deepEqual(Buffer.from(decodeMsgpack(hex('c4020102')) as Uint8Array), hex('0102'));
  const time = decodeMsgpack(hex('d700 65e6b83c 075bcd15'));
  assert.ok(time instanceof ExtBytes);
  assert.deepEqual(packedTime(time), { seconds: 1_709_619_260, nanos: 123_456_789 });
  assert.equal(encodeMsgpack(time).toString('hex'), 'd70065e6b83c075bcd15');
  assert.equal(packedTime(decodeMsgpack(hex('d4ff01'))), undefined);
  assert.equal(encodeMsgpack(decodeMsgpack(hex('c703f6010203'))).toString('hex'), 'c703f6010203');
});

test('maps keep their order and any key', () => {
  const value = decodeMsgpack(hex('84 a131 01 a130 02 05 03 a95f5f70726f746f5f5f 80'));
  assert.ok(value instanceof Map);
  assert.deepEqual([...value.keys()], ['1', '0', '5', '__proto__']);
  assert.equal(stringifyJson(value), '{"1":1,"0":2,"5":3,"__proto__":{}}');
});

test('bad bytes are refused with their place', () => {
  const bad: [string, RegExp][] = [
    ['', /byte 0: the end in the middle/],
    ['c1', /byte 0: 0xc1 begins no value/],
    ['a5616263', /byte 1: the end in the middle/],
    ['0000', /byte 1: 1 bytes behind/],
    ['ddffffffff00', /byte 5: a length beyond the end/],
    ['dfffffffff00', /byte 5: a length beyond the end/],
    ['81 90 00', /byte 1: an array or map as key/],
    [`${'91'.repeat(jsonDepthMax + 1)}00`, /nested deeper than 200/],
  ];
  for (const [text, expected] of bad)
    assert.throws(
      () => decodeMsgpack(hex(text)),
      (error) => error instanceof OperatingError && error.code === 'PARSE_FAILED' && expected.test(error.message),
      text,
    );
  assert.throws(() => encodeMsgpack(2n ** 64n), /beyond 64 bits/);
});

const anyValue = fc.letrec<{ value: Value }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom<Value>(null, true, false),
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).filter((n) => !Number.isSafeInteger(Number(n))),
    fc.double().map((n): Value => (Number.isInteger(n) ? new Float(n, floatJson(n)) : n)),
    fc.uint8Array(),
    fc.array(tie('value'), { maxLength: 20 }),
    fc.array(fc.tuple(fc.string({ maxLength: 40 }), tie('value')), { maxLength: 20 }).map((pairs) => new Map(pairs)),
  ),
})).value;

function floatJson(value: number): string {
  const text = Object.is(value, -0) ? '-0.0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

test('what is encoded is decoded, kinds and order included', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const back = decodeMsgpack(encodeMsgpack(value));
      assert.deepEqual(back, value);
      assert.equal(encodeMsgpack(back).equals(encodeMsgpack(value)), true);
    }),
  );
});

test('another library reads and writes the same', () => {
  const key = fc.string().filter((text) => text !== '__proto__');
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue()), (object) => {
      const wanted = JSON.stringify(object);
      // The other library refuses this key, at any depth.
      fc.pre(!wanted.includes('__proto__'));
      assert.equal(JSON.stringify(decode(encodeMsgpack(object as Value))), wanted);
      const read = stringifyJson(decodeMsgpack(encode(object)));
      assert.deepEqual(JSON.parse(read), JSON.parse(wanted));
    }),
  );
});
