import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unparsedWarnings } from './unparsed.ts';

test('lines of another container runtime are told by what they look like, each kind once', () => {
  const said: string[] = [];
  const say = unparsedWarnings({ warn: (text: string) => said.push(text) }, 'log');
  const lines = [
    '2026-11-28T12:00:00.123456789Z stdout F hello',
    '2026-11-28T12:00:00.5+09:00 stderr P',
    '{"log":"hello\\n","stream":"stdout","time":"2026-11-28T12:00:00.1Z"}',
    '2026-11-28T12:00:00Z stdout hello',
    'another',
  ];
  for (const line of lines) say('/a.log', Buffer.from(line));
  assert.equal(said.length, 3);
  assert.match(
    said[0] ?? '',
    /^\/a\.log: lines are written as containerd and CRI-O write.* as log; name a parser for CRI/,
  );
  assert.match(said[1] ?? '', /as Docker writes.*name a parser for JSON \(docker\)/);
  assert.match(said[2] ?? '', /does not take a line.*"2026-11-28T12:00:00Z stdout hello"/);
});
