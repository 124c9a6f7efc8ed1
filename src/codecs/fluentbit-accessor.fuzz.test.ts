/** Record accessors of Fluent Bit: any text is read or refused in words of ours, and what is read finds what it names. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import type { Fields, Value } from '../core/record.ts';
import { compileFluentbitAccessor, compileFluentbitTemplate } from './fluentbit-accessor.ts';

const piece = fc.constantFrom(
  '$',
  "['",
  "']",
  '[',
  ']',
  "'",
  '.',
  ' ',
  ',',
  '"',
  'TAG',
  'TAG[',
  '0',
  '1',
  '9'.repeat(20),
  'key',
  '_',
  '/',
  'ü',
  '\0',
  '${',
);
const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
);
const fields: Fields = { key: { a: ['x', { b: null }] }, _: 1.5, log: 'text' };

test('any text is an accessor or a template, or refused with what was expected', () => {
  fc.assert(
    fc.property(text, (written) => {
      for (const compile of [compileFluentbitAccessor, compileFluentbitTemplate]) {
        let made: ReturnType<typeof compile>;
        try {
          made = compile(written);
        } catch (error) {
          assert.ok(error instanceof Error && error.message.startsWith('record accessor '), String(error));
          continue;
        }
        if (typeof made === 'function') assert.equal(typeof made({ tag: 'a.b', fields, captures: ['x'] }), 'string');
        else made.get(fields);
      }
    }),
    fuzzRuns(2000, 2),
  );
});

test('a path of keys and indexes leads to what lies there', () => {
  const step = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 5 }), fc.nat({ max: 3 }));
  fc.assert(
    fc.property(fc.stringMatching(/^[_A-Za-z][\w/-]{0,8}$/), fc.array(step, { maxLength: 5 }), (key, steps) => {
      const inner = [...steps]
        .reverse()
        .reduce<Value>(
          (value, one) => (typeof one === 'number' ? [...Array<null>(one).fill(null), value] : new Map([[one, value]])),
          'found',
        );
      const brackets = steps.map((one) => (typeof one === 'number' ? `[${one}]` : `['${one.replaceAll("'", "''")}']`));
      // These words stand for something else.
      fc.pre(!key.startsWith('TAG'));
      const accessor = compileFluentbitAccessor(`$${key}${brackets.join('')}`);
      assert.equal(accessor.get(new Map([[key, inner]])), 'found');
      assert.deepEqual(accessor.path, [key, ...steps]);
    }),
    fuzzRuns(1000, 2),
  );
});
