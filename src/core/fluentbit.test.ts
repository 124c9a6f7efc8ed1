import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fluentbitForm, fluentbitWords } from './fluentbit.ts';
import { text } from './options.ts';
import { definePlugin } from './plugin.ts';
import { Registry } from './registry.ts';

test('words are what stands between blanks; quotes keep blanks', () => {
  assert.deepEqual(fluentbitWords('a  b c'), ['a', 'b', 'c']);
  assert.deepEqual(fluentbitWords('key "hello \\"big\\" world"'), ['key', 'hello "big" world']);
  assert.deepEqual(fluentbitWords(`key 'it \\\\ is' x`), ['key', 'it \\ is', 'x']);
  assert.deepEqual(fluentbitWords('key x"y z"'), ['key', 'x"y', 'z"']);
  assert.deepEqual(fluentbitWords(''), []);
});

test('behind the last word wanted, the rest is as it is', () => {
  assert.deepEqual(fluentbitWords('key (a|b)  "c"', { max: 1 }), ['key', '(a|b)  "c"']);
  assert.deepEqual(fluentbitWords('color blue', { max: 2 }), ['color', 'blue']);
  assert.deepEqual(fluentbitWords('tail x # no comment', { max: 2 }), ['tail', 'x', '# no comment']);
});

test('a quote that is never closed is a mistake, unless quotes mean nothing', () => {
  assert.equal(fluentbitWords('key "hello'), undefined);
  assert.deepEqual(fluentbitWords('key "hello', { isQuoted: false }), ['key', '"hello']);
});

test('the registry finds a plugin by its Fluent Bit name, in any case', () => {
  const plugin = definePlugin({
    kind: 'step',
    name: 'fluentbit_retag',
    summary: 'Gives records new tags.',
    options: { rule: text('Rule of the step.') },
    fluentbit: fluentbitForm({ names: ['retag'], options: { rule: {} } }),
    example: '',
  });
  const registry = new Registry([plugin]);
  assert.equal(registry.getFluentbit('filter', 'ReTag'), plugin);
  assert.equal(registry.getFluentbit('output', 'retag'), undefined);
  assert.deepEqual(registry.fluentbitNames('filter'), ['retag']);
  assert.throws(() => new Registry([plugin, { ...plugin, name: 'other' }]), /Fluent Bit name retag is taken/);
});
