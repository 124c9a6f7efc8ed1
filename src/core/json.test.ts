import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { jsonDepthMax, parseExact, parseJson, parseRecord, parseShown, scanJson, stringifyJson } from './json.ts';
import { Float } from './record.ts';

const scan = (text: string) => scanJson(Buffer.from(text));

test('texts that plain objects keep are plain', () => {
  for (const text of [
    '{}',
    '{"a":1,"b":"x","c":[1,2.5,{"d":null}],"e":-3,"f":{"a":1}}',
    '{"a":{"x":1},"b":{"x":1}}',
    '{"e":"\\ud83d\\ude00"}',
    '{"n":123456789012345}',
  ])
    assert.deepEqual(scan(text), { exact: false, tooDeep: false }, text);
});

test('texts that plain objects would change are exact and come back as they were', () => {
  const texts = [
    '{"a":1.0}',
    '{"a":1e3}',
    '{"a":-0}',
    '{"a":12345678901234567890}',
    '{"a":0.12345678901234567890}',
    '{"1":"x","0":"y"}',
    '{"__proto__":{"x":1}}',
    '{"s":"\\ud800"}',
    '{"s":"\\udc00\\ud800"}',
    '{"a":[1.50,{"b":2.0}]}',
  ];
  for (const text of texts) {
    assert.equal(scan(text).exact, true, text);
    assert.equal(stringifyJson(parseExact(text)), text);
  }
});

test('duplicate keys are exact; the last value wins', () => {
  assert.equal(scan('{"a":1,"b":2,"a":3}').exact, true);
  assert.equal(stringifyJson(parseExact('{"a":1,"b":2,"a":3}')), '{"a":3,"b":2}');
  assert.equal(scan('{"a":1,"\\u0061":3}').exact, true);
});

test('numbers keep their kind', () => {
  const fields = parseExact('{"i":7,"f":1.0,"b":9007199254740993,"d":0.5}');
  assert.equal(fields.get('i'), 7);
  assert.ok(fields.get('f') instanceof Float);
  assert.equal(fields.get('b'), 9007199254740993n);
  assert.equal(fields.get('d'), 0.5);
  assert.equal(stringifyJson({ a: new Float(2), b: 12n }), '{"a":2.0,"b":12}');
});

test('nesting beyond the limit is said, not crashed on', () => {
  assert.equal(scan(`{"a":${'['.repeat(jsonDepthMax)}${']'.repeat(jsonDepthMax)}}`).tooDeep, true);
  assert.equal(scan('{"a":{}}').tooDeep, false);
});

test('what the scan calls plain survives plain objects; what it calls exact survives the exact parser', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (object) => {
      const text = JSON.stringify(object);
      const isExact = scan(text).exact;
      assert.equal(stringifyJson(parseRecord(text, isExact)), text);
      if (!isExact) assert.equal(JSON.stringify(JSON.parse(text)), text);
    }),
  );
});

test('an array inside an exact record is printed whole', () => {
  const fields = parseExact('{"1":1.0,"a":[{"x":1.0,"y":[{"z":null}]},12345678901234567890]}');
  const value = fields.get('a') ?? null;
  assert.equal(stringifyJson(value), '[{"x":1.0,"y":[{"z":null}]},12345678901234567890]');
});

test('a key that is a backslash changes no key that is read after it', () => {
  // Where the first of these has been read, JSON.parse of V8 13.6 reads the keys behind as it.
  const places = (key: string) => [`{${key}:1}`, `{"a":1,${key}:2}`, `{"a":{"b":1,${key}:2},${key}:[{${key}:3}]}`];
  for (const key of [String.raw`"\\"`, String.raw`"\n"`, String.raw`"\""`, String.raw`"\t"`, String.raw`"\\"`])
    for (const text of places(key)) {
      JSON.parse(text);
      assert.equal(scan(text).exact, true, text);
      assert.equal(stringifyJson(parseRecord(text, scan(text).exact)), text);
      assert.equal(JSON.stringify(parseJson(text)), text);
    }
  assert.equal(
    JSON.stringify(parseJson('{"__proto__":1.0,"b":"\\n","c":12345678901234567890}')),
    '{"__proto__":1,"b":"\\n","c":12345678901234567000}',
  );
  assert.throws(() => parseJson('{"a":"\\n"'), SyntaxError);
});

test('what is shown keeps its digits', () => {
  const text = '{"a":1.0,"b":[12345678901234567890,{"c":"x","d":1e3}],"e":null}';
  assert.equal(JSON.stringify(parseShown(text)), text);
  assert.throws(() => parseShown('{'), SyntaxError);
});
