import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zoneOffset } from './zone.ts';

const at = (text: string): number => Date.parse(text) / 1000;

test('fixed offsets are as written', () => {
  assert.equal(zoneOffset('+09:00')(0), 9 * 3600);
  assert.equal(zoneOffset('-0330')(0), -(3 * 3600 + 30 * 60));
});

test('named zones follow their summer time', () => {
  const berlin = zoneOffset('Europe/Berlin');
  assert.equal(berlin(at('2024-01-15T00:00:00Z')), 3600);
  assert.equal(berlin(at('2024-07-15T00:00:00Z')), 7200);
  assert.equal(berlin(at('2024-03-31T00:59:59Z')), 3600);
  assert.equal(berlin(at('2024-03-31T01:00:00Z')), 7200);
  assert.equal(zoneOffset('UTC')(at('2024-07-15T00:00:00Z')), 0);
  assert.equal(zoneOffset('Asia/Kathmandu')(at('2024-07-15T00:00:00Z')), 5 * 3600 + 45 * 60);
});

test('the zone of the system is what Date says', () => {
  const local = zoneOffset(undefined);
  for (const seconds of [0, at('2024-01-15T00:00:00Z'), at('2024-07-15T00:00:00Z')])
    assert.equal(local(seconds), -new Date(seconds * 1000).getTimezoneOffset() * 60);
});
