import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileOnigmo, compilePattern, scrub } from './onigmo.ts';

test('patterns with and without slashes', () => {
  assert.equal(compilePattern('/GET/i').test('get'), true);
  assert.equal(compilePattern('GET').test('get'), false);
  assert.equal(compilePattern('/a.b/m').test('a\nb'), true);
  assert.equal(compilePattern('/a.b/').test('a\nb'), false);
  assert.equal(compilePattern('/a b #c/x').test('ab'), true);
  assert.equal(compilePattern('/a/b/').test('a/b'), true);
  for (const bad of ['/abc', '/', '/abc/g', '/(/', '(?<a', '[z-a]'])
    assert.throws(() => compilePattern(bad), /regular expression/, bad);
});

test('Ruby semantics', () => {
  // Anchors are those of lines.
  assert.equal(compileOnigmo('^b$').test('a\nb\nc'), true);
  assert.equal(compileOnigmo('\\Ab').test('a\nb'), false);
  assert.equal(compileOnigmo('b\\Z').test('b\n'), true);
  assert.equal(compileOnigmo('b\\z').test('b\n'), false);
  // Classes are ASCII.
  assert.equal(compileOnigmo('\\d').test('٣'), false);
  assert.equal(compileOnigmo('^\\w+$').test('é'), false);
  assert.equal(compileOnigmo('\\h+').exec('xyz1f')?.[0], '1f');
  // Unnamed groups do not capture beside named ones.
  const named = compileOnigmo('(a)(?<x>b)').exec('ab');
  assert.deepEqual([named?.length, named?.groups?.['x']], [2, 'b']);
  assert.equal(compileOnigmo('(?>a+)b').test('aab'), true);
  assert.equal(compileOnigmo('(?<n>a|b\\g<n>c)').exec('bbacc')?.[0], 'bbacc');
});

test('the same pattern is compiled once', () => {
  assert.equal(compileOnigmo('once+'), compilePattern('/once+/'));
});

test('bytes that are not UTF-8 become question marks', () => {
  assert.equal(scrub(Buffer.from([0x61, 0xff, 0x62])), 'a?b');
});
