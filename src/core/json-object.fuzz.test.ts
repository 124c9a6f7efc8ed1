/** Objects by their bytes against what JSON.parse and printing make of them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { ByteWriter } from './bytes.ts';
import { JsonObject, readTextInside, writeTextInside } from './json-object.ts';
import { scanJson, stringifyJson } from './json.ts';
import type { Fields } from './record.ts';

const seeds = [
  '{"log":"{\\"n\\":0,\\"a\\":\\"b\\\\n\\"}\\n","stream":"stdout","time":"2026-01-01T12:00:00.5Z"}',
  '{ "a" : [ 1 , -2.5 , 0.000001, 1e3, 1.0 , -0 ] , "b" : { "c" : null } }',
  '{"a":"\\u001b[0m \\u003c\\/x\\u00e9\\ud83d\\ude00","b":true,"a":false,"__proto__":1,"7":2}',
  '{"é":"ü\u2028","":{},"x":[[],[{}]],"n":123456789012345678,"m":0.00000012}',
];
const piece = fc.constantFrom(
  '"',
  '\\',
  '\\u',
  'd800',
  '00',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  ' ',
  '\n',
  '\t',
  '\0',
  '-',
  '0',
  '9',
  '.',
  'e',
  'true',
  'é',
  '😀',
);
const nearly = fc
  .tuple(
    fc.constantFrom(...seeds),
    fc.array(fc.record({ at: fc.nat(120), cut: fc.nat(6), put: piece }), { maxLength: 4 }),
  )
  .map(([seed, edits]) =>
    edits.reduce((text, { at, cut, put }) => {
      const from = at % (text.length + 1);
      return text.slice(0, from) + put + text.slice(from + cut);
    }, seed),
  );
const bytes = fc.oneof(
  nearly.map((text) => Buffer.from(text)),
  fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text)),
  fc
    .dictionary(fc.string({ unit: 'binary' }), fc.jsonValue())
    .map((value) => Buffer.from(JSON.stringify(value, null, 1))),
  nearly.map((text) => Buffer.from(text, 'latin1')),
);
/** The bytes stand between others, which must not be looked at. */
const around = fc.constantFrom('', '"', '{', '1', '}', '\\');

function written(write: (out: ByteWriter) => void): string {
  const out = new ByteWriter();
  write(out);
  return out.view().toString();
}

test('what it takes is printed as a record is', () => {
  let taken = 0;
  const object = new JsonObject();
  fc.assert(
    fc.property(bytes, around, around, (inner, before, behind) => {
      const whole = Buffer.concat([Buffer.from(before), inner, Buffer.from(behind)]);
      if (!object.read(whole, before.length, before.length + inner.length)) return;
      taken++;
      const fields = JSON.parse(inner.toString()) as Fields;
      assert.deepEqual(scanJson(inner), { exact: false, tooDeep: false });
      assert.equal(
        written((out) => object.write(out)),
        stringifyJson(fields),
      );
      const keys = Object.keys(fields);
      assert.equal(object.count, keys.length);
      for (const [i, key] of keys.entries()) {
        assert.equal(object.find(Buffer.from(key)), i);
        const others = Object.fromEntries(Object.entries(fields).filter(([name]) => name !== key));
        assert.equal(
          written((out) => object.writeWithout(i, out)),
          stringifyJson(others),
        );
      }
    }),
    fuzzRuns(2000, 3),
  );
  assert.ok(taken > 0);
});

test('texts inside of strings, there and back', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.string()), (text) => {
      const plain = Buffer.from(text.toWellFormed());
      const inside = written((out) => writeTextInside(plain, 0, plain.length, out));
      assert.equal(`"${inside}"`, JSON.stringify(plain.toString()));
      const escaped = Buffer.from(
        inside.replaceAll('/', '\\/').replaceAll('é', '\\u00e9').replaceAll('😀', '\\ud83d\\ude00'),
      );
      const room = Buffer.alloc(escaped.length + 1);
      assert.equal(room.toString('utf8', 0, readTextInside(escaped, 0, escaped.length, room)), plain.toString());
    }),
    fuzzRuns(1000, 3),
  );
});

test('usual objects are taken', () => {
  const object = new JsonObject();
  for (const text of ['{}', ' {"a":1}\r', '{"a":"\\u003c","b":[0.05,-1,1.5],"c":{"a":null}}', '{"é":"\\/ü"}'])
    assert.ok(object.read(Buffer.from(text), 0, Buffer.byteLength(text)), text);
});
