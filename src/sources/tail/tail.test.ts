import assert from 'node:assert/strict';
import { readFile, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { modelOf } from '../../../test/fixture.ts';
import { fluentbitParser } from '../../codecs/fluentbit/index.ts';
import { Tailing } from './tail-fixture.ts';

test('what a file holds and what is added to it become records; an unfinished line waits', async (t) => {
  const tail = await Tailing.make(t);
  await tail.write('in.log', 'one\r\n\nü\npar');
  await tail.start();
  await tail.count(3);
  await tail.append('in.log', 'tial\n');
  await tail.count(4);
  await tail.append('in.log', 'last\nunfinished');
  await tail.stop();
  assert.deepEqual(tail.messages, ['one', '', 'ü', 'partial', 'last']);
  await tail.start();
  await tail.append('in.log', ' no more\n');
  await tail.stop();
  assert.deepEqual(tail.messages.slice(5), ['unfinished no more']);
});

test('by default only what is added after the first start is taken, whatever happened in between', async (t) => {
  const tail = await Tailing.make(t, { readFromHead: false });
  await tail.write('in.log', 'old\n');
  await tail.start();
  tail.kill();
  await tail.append('in.log', 'new\n');
  await tail.start();
  await tail.count(1);
  await tail.stop();
  assert.deepEqual(tail.messages, ['new']);
});

test('pos_file is taken over at the first start and shows positions', async (t) => {
  const tail = await Tailing.make(t, { posFile: 't.pos' });
  await tail.write('in.log', 'one\ntwo\nthree\n');
  const inode = (await stat(tail.file('in.log'))).ino.toString(16).padStart(16, '0');
  await tail.write('t.pos', `${tail.file('in.log')}\t0000000000000004\t${inode}\n`);
  await tail.start();
  await tail.count(2);
  await tail.stop();
  assert.deepEqual(tail.messages, ['two', 'three']);
  assert.equal(await readFile(tail.file('t.pos'), 'utf8'), `${tail.file('in.log')}\t000000000000000e\t${inode}\n`);
});

test('as Fluent Bit has it: lines that do not parse are kept, with path and offset, and the end of the files ends it', async (t) => {
  const tail = await Tailing.make(
    t,
    {
      unparsedKey: 'log',
      pathKey: 'file',
      offsetKey: 'off',
      replacesKeys: true,
      skipEmptyLines: true,
      exitOnEof: true,
    },
    modelOf(fluentbitParser, { format: 'json' }),
  );
  await tail.write('in.log', '{"file":"mine","n":1}\n\nno json\nunfinished');
  await tail.start();
  await tail.ended();
  await tail.stop();
  const file = tail.file('in.log');
  assert.deepEqual(tail.records, [
    { file, n: 1, off: 0 },
    { log: 'no json', file, off: 23 },
  ]);
});

test('parts of a path stand in the tag', async (t) => {
  const tail = await Tailing.make(t, {
    path: '*.log',
    tag: 'kube.<ns>.<pod>.<none>',
    tagRegex: '(?<pod>[a-z]+)_(?<ns>[a-z]+)\\.log$',
  });
  await tail.write('web_shop.log', 'x\n');
  await tail.start();
  await tail.count(1);
  await tail.stop();
  assert.ok(tail.appended.some(({ tag, records }) => tag === 'kube.shop.web._' && records.payloads.length === 1));
});

test('what a file holds is read by the time the source has started, unless the journal makes it wait', async (t) => {
  const tailing = await Tailing.make(t);
  await tailing.write('in.log', 'one\ntwo\n');
  await tailing.start();
  assert.deepEqual(tailing.messages, ['one', 'two']);
  await tailing.stop();
  await tailing.append('in.log', 'three\n');
  const held = Promise.withResolvers<void>();
  tailing.beforeAppend = ({ records }) => (records.payloads.length > 0 ? held.promise : Promise.resolve());
  await tailing.start();
  assert.deepEqual(tailing.messages, ['one', 'two']);
  held.resolve();
  await tailing.count(3);
});
