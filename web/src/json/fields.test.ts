import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { JsonObject, parseExact } from './exact.ts';
import { flatten, jsonOf, kindOf, textOf, valueAt } from './fields.ts';
import { prettyLines, prettyText } from './pretty.ts';

function fieldsOf(text: string): JsonObject {
  const value = parseExact(text);
  assert.ok(value instanceof JsonObject);
  return value;
}

test('leaves are named by dots; arrays and empty objects stay whole', () => {
  const rows = flatten(fieldsOf('{"a":{"b":{"c":1},"d":[{"e":2}]},"f":{},"g.h":null}'));
  assert.deepEqual(
    rows.map(({ name, value }) => [name, jsonOf(value), kindOf(value)]),
    [
      ['a.b.c', '1', 'number'],
      ['a.d', '[{"e":2}]', 'array'],
      ['f', '{}', 'object'],
      ['g.h', 'null', 'null'],
    ],
  );
});

test('a dotted name finds nesting, keys with dots, and both mixed', () => {
  const fields = fieldsOf('{"a":{"b.c":{"d":"1"}},"a.b":{"x":"2"},"e.f":"3"}');
  assert.equal(valueAt(fields, 'a.b.c.d'), '1');
  assert.equal(valueAt(fields, 'a.b.x'), '2');
  assert.equal(valueAt(fields, 'e.f'), '3');
  assert.equal(valueAt(fields, 'a.nothing'), undefined);
});

test('every leaf is found again under its name', () => {
  const keys = fc.string({ minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(fc.dictionary(keys, fc.oneof(fc.integer(), fc.dictionary(keys, fc.string()))), (record) => {
      const fields = fieldsOf(JSON.stringify(record));
      const seen = new Set<string>();
      for (const { name, value } of flatten(fields)) {
        // Two paths may join to one name; a name finds the first of them.
        if (!seen.has(name) && !name.includes('..'))
          assert.notEqual(valueAt(fields, name), undefined, `${name} ${textOf(value)}`);
        seen.add(name);
      }
    }),
  );
});

test('pretty JSON is what JSON.stringify indents, digits as received', () => {
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false }), (text) => {
      const canonical = JSON.stringify(JSON.parse(text));
      assert.equal(prettyText(parseExact(canonical)), JSON.stringify(JSON.parse(canonical), undefined, 2));
    }),
  );
  assert.equal(prettyText(parseExact('{"n":9007199254740993,"f":1.0}')), '{\n  "n": 9007199254740993,\n  "f": 1.0\n}');
  assert.deepEqual(prettyLines(parseExact('{"a":true}'))[1], {
    depth: 1,
    pieces: [
      { kind: 'key', text: '"a"' },
      { kind: 'mark', text: ': ' },
      { kind: 'word', text: 'true' },
    ],
  });
});
