import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonObject, JsonText, parseExact } from './exact.ts';
import type { Json } from './exact.ts';

/** What `JSON.parse` would give. */
function plain(value: Json): unknown {
  if (value instanceof JsonText) return JSON.parse(value.text) as unknown;
  if (value instanceof JsonObject)
    return Object.fromEntries(value.entries.map(([name, inner]) => [name, plain(inner)] as const));
  if (typeof value === 'object' && value !== null) return value.map(plain);
  return value;
}

test('reads whatever JSON.stringify writes, and keeps its text', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      assert.deepEqual(plain(parseExact(text)), plain(parseExact(JSON.stringify(JSON.parse(text)))));
      assert.equal(JSON.stringify(plain(parseExact(text))), JSON.stringify(JSON.parse(text)));
    }),
  );
});

test('digits, order and repeated keys stay as received', () => {
  const text = '{"b":9007199254740993,"10":1.0,"2":1e400,"b":-0,"__proto__":{"x":1}}';
  const value = parseExact(text);
  assert.ok(value instanceof JsonObject);
  assert.equal(value.source, text);
  assert.deepEqual(
    value.entries.map(([name, inner]) => `${name}=${inner instanceof JsonText ? inner.text : '…'}`),
    ['b=9007199254740993', '10=1.0', '2=1e400', 'b=-0', '__proto__=…'],
  );
});

test('strings with escapes at their end', () => {
  assert.deepEqual(parseExact(String.raw`["a\\","\"",""," \u0041\n"]`), ['a\\', '"', '', ' A\n']);
});

test('endless nesting is kept as text', () => {
  const deep = `${'['.repeat(100_000)}"]"${']'.repeat(100_000)}`;
  let value = parseExact(deep);
  for (let depth = 0; depth < 200; depth++) {
    assert.ok(Array.isArray(value));
    value = value[0] as Json;
  }
  assert.ok(value instanceof JsonText);
  assert.equal(value.isNumber, false);
});

test('what is no JSON is a SyntaxError', () => {
  for (const text of ['', '{', '[1', '{"a"}', '{"a":}', '[1 2]', 'nul', '"a', '1 2', '{a:1}', '+1'])
    assert.throws(() => parseExact(text), SyntaxError, text);
});
