import assert from 'node:assert/strict';
import { test } from 'node:test';
import { datedNames } from './dated-names.ts';

const seconds = (text: string): number => Date.parse(text) / 1000;

test('names are read back strictly', () => {
  const names = datedNames('logstash-', '%Y.%m.%d');
  assert.equal(names.endOf('logstash-2024.03.05'), seconds('2024-03-06T00:00:00Z'));
  for (const other of [
    'logstash-2024.02.30',
    'logstash-2024.3.5',
    'logstash-2024.03.05-000001',
    'logstash-app-2024.03.05',
    'my-logstash-2024.03.05',
    'logstash-2024x03x05',
    'LOGSTASH-2024.03.05',
    'logstash-0000.00.00',
  ])
    assert.equal(names.endOf(other), undefined, other);
});

test('what is for an hour, a month or a year ends with it', () => {
  assert.equal(datedNames('a', '%Y%m%d%H').endOf('a2024030523'), seconds('2024-03-06T00:00:00Z'));
  assert.equal(datedNames('a+', '%Y-%m').endOf('a+2024-12'), seconds('2025-01-01T00:00:00Z'));
  assert.equal(datedNames('a', '.%F').endOf('a.2024-02-29'), seconds('2024-03-01T00:00:00Z'));
  assert.equal(datedNames('a-', '%Y').endOf('a-2024'), seconds('2025-01-01T00:00:00Z'));
});

test('dates that cannot be read back are an error', () => {
  assert.throws(() => datedNames('a', '%Y.%j'), /cannot be read back: %j/);
  assert.throws(() => datedNames('a', '%m.%d'), /no year/);
  assert.throws(() => datedNames('a', '%Y.%d'), /no month/);
});
