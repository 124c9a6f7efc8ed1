import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readable } from './log.ts';

test('a line for a terminal holds no commands to it, and is one line', () => {
  const line = JSON.stringify({
    level: 40,
    time: '2024-03-05T10:23:45.678Z',
    msg: 'routing \u001b[2J tag',
    tag: 'a\nb\u202e\u009b1m 한글 ✓',
    count: 2,
  });
  assert.equal(
    readable(line),
    '10:23:45 WARN  routing \\u001b[2J tag  tag=a\\u000ab\\u202e\\u009b1m 한글 ✓  count=2\n',
  );
});
