import assert from 'node:assert/strict';
import { test } from 'node:test';
import { boolean, choice, duration, integer, list, secret, snakeCase, spellings, text } from './options.ts';

test('a declaration gives defaults, requiredness and limits', () => {
  assert.equal(duration('Wait', { default: 1000 }).schema.parse(undefined), 1000);
  assert.equal(text('Path').schema.parse(undefined), undefined);
  assert.equal(text('Path', { required: true }).schema.safeParse(undefined).success, false);
  assert.equal(integer(1, 5)('N', { default: 2 }).schema.safeParse(6).success, false);
  assert.equal(boolean('B', { default: true }).schema.parse(false), false);
  assert.equal(choice(['a', 'b'])('C', { default: 'a' }).schema.safeParse('c').success, false);
  assert.deepEqual(choice(['a', 'b'])('C', { default: 'a' }).choices, ['a', 'b']);
  assert.equal(secret('S').kind, 'secret');
  assert.equal(text('P', { required: true }).isRequired, true);
});

test('spellings follow the dialects unless declared', () => {
  assert.equal(snakeCase('retryMaxTimes'), 'retry_max_times');
  assert.deepEqual(spellings('retryMaxTimes', text('x'), 'fluentd'), ['retry_max_times']);
  assert.deepEqual(spellings('retryMaxTimes', text('x'), 'fluentbit'), ['Retry_Max_Times']);
  const renamed = list('x', { fluentd: ['brokers', 'broker_list'], fluentbit: 'Brokers' });
  assert.deepEqual(spellings('hosts', renamed, 'fluentd'), ['brokers', 'broker_list']);
  assert.deepEqual(spellings('hosts', renamed, 'fluentbit'), ['Brokers']);
});
