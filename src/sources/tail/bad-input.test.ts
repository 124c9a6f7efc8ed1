/** Files that hold what nobody expects: reading goes on, and what cannot be taken is refused with its bytes. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { test } from 'node:test';
import { modelOf } from '../../../test/fixture.ts';
import { jsonLineParser } from '../../codecs/json.ts';
import { regexpParser } from '../../codecs/regexp.ts';
import { Tailing } from './tail-fixture.ts';

test('directories named as logs are passed over', async (t) => {
  const tail = await Tailing.make(t, { path: '*.log' });
  await mkdir(tail.file('a.log'));
  await mkdir(tail.file('a.log/b.log'));
  await tail.write('c.log', 'one\n');
  await tail.start();
  await tail.count(1);
  await tail.append('c.log', 'two\n');
  await tail.count(2);
  await tail.stop();
  assert.deepEqual(tail.messages, ['one', 'two']);
});

test('a binary file is read to its end, byte for byte, and others beside it', async (t) => {
  const tail = await Tailing.make(t, { path: '*.log' });
  // Each byte, NUL too; line feeds are where lines end.
  const bytes = Buffer.from(Array.from({ length: 4096 }, (_, n) => (n * 7 + (n >> 8)) % 256));
  await tail.write('a.log', Buffer.concat([bytes, Buffer.from('\n')]));
  await tail.write('b.log', 'text\n');
  await tail.start();
  const lines = bytes.toString('latin1').split('\n');
  await tail.count(lines.length + 1);
  await tail.stop();
  const got = tail.messages
    .map((value) => (value instanceof Uint8Array ? Buffer.from(value) : Buffer.from(String(value))).toString('latin1'))
    .filter((value) => value !== 'text');
  // A carriage return before a line feed belongs to the end of the line.
  assert.deepEqual(
    got,
    lines.map((line) => line.replace(/\r$/, '')),
  );
});

test('an expression that backtracks for ever costs its line alone', async (t) => {
  const parser = modelOf(regexpParser, { expression: '/^(?<word>(?:a+)+)$/' });
  const tail = await Tailing.make(t, {}, parser);
  const hostile = `${'a'.repeat(50)}!`;
  await tail.write('in.log', `aa\n${hostile}\naaa\n`);
  await tail.start();
  await tail.count(2);
  await tail.append('in.log', 'a\n');
  await tail.count(3);
  await tail.stop();
  assert.deepEqual(
    tail.records.map(({ word }) => word),
    ['aa', 'aaa', 'a'],
  );
  assert.deepEqual(
    tail.refusals.map(({ reason, raw }) => [reason, raw]),
    [['parse_timeout', hostile]],
  );
});

test('a time of another form is refused with its line, and the file goes on', async (t) => {
  const parser = modelOf(jsonLineParser, { timeKey: 't', timeFormat: '%Y-%m-%d' });
  const tail = await Tailing.make(t, {}, parser);
  await tail.write('in.log', '{"n":1,"t":"2024-03-06"}\n{"n":2,"t":"yesterday"}\n{"n":3,"t":"2024-03-07"}\n');
  await tail.start();
  await tail.count(2);
  await tail.stop();
  assert.deepEqual(
    tail.records.map(({ n }) => n),
    [1, 3],
  );
  assert.equal(tail.refusals.length, 1);
  assert.equal(tail.refusals[0]?.raw, '{"n":2,"t":"yesterday"}');
});
