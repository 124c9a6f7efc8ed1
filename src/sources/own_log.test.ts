import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codecs } from '../core/batch.ts';
import { logFeed } from '../core/log.ts';
import type { Source } from '../core/plugin.ts';
import { decodeMsgpack } from '../core/msgpack.ts';
import { FakeContext } from './postback/harness.test.ts';
import { ownLogSource } from './own_log.ts';

function start(context: FakeContext): Source {
  assert(ownLogSource.kind === 'source');
  const at = { file: 'test', line: 1, column: 1 };
  return ownLogSource.create({ options: { tag: 'fluent' }, sections: {}, at }, context);
}
function line(level: number, msg: string, rest: object = {}): string {
  return JSON.stringify({ level, time: '2024-03-05T06:07:08.000Z', ...rest, msg });
}
function records(context: FakeContext): unknown[] {
  return context.appended.flatMap(({ tag, records: { codec, payloads } }) =>
    payloads.map((payload) => [
      tag,
      codec === codecs.json ? JSON.parse(payload.toString()) : decodeMsgpack(payload as Uint8Array),
    ]),
  );
}

test('lines from info on become records while it runs', async () => {
  const context = new FakeContext();
  logFeed.add(line(40, 'too early'));
  const source = start(context);
  await source.start();
  logFeed.add(line(50, 'broken', { output: 'file', count: 2 }));
  logFeed.add(line(20, 'only for developers'));
  await source.stop();
  logFeed.add(line(50, 'too late'));
  assert.deepEqual(records(context), [
    ['fluent.info', { worker: 0, message: 'post2log is now running worker=0' }],
    ['fluent.error', { output: 'file', count: 2, message: 'broken' }],
    ['fluent.info', { worker: 0, message: 'post2log is now stopping worker=0' }],
  ]);
});

test('what the journal does not take, and more lines than a person reads, are counted and make no further lines', async () => {
  const context = new FakeContext();
  const source = start(context);
  await source.start();
  for (let i = 0; i < 150; i++) logFeed.add(line(40, `line ${i}`));
  assert.equal(context.refusals.get('too_many_lines fluent.warn'), 50);
  context.appendWith = () => Promise.reject(new Error('full'));
  await source.stop();
  assert.equal(context.refusals.get('internal fluent.warn'), 100);
});
