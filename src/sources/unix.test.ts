import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { configOf, contextOf, sourceContextOf } from '../../test/fixture.ts';
import { decodeMsgpack, encodeMsgpack } from '../core/msgpack.ts';
import { stringifyJson } from '../core/json.ts';
import { unixSource } from './unix.ts';

function place(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-unix-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return join(directory, 'deeper', 'fluent.sock');
}
async function start(t: TestContext, options: Record<string, unknown>) {
  if (unixSource.kind !== 'source') throw new TypeError('not a source');
  const context = sourceContextOf(contextOf([]));
  const source = unixSource.create(configOf(unixSource, options), context);
  await source.start();
  t.after(() => source.stop());
  return { context, source };
}
async function send(path: string, bytes: Uint8Array): Promise<void> {
  const socket = connect(path);
  socket.end(bytes);
  socket.resume();
  await once(socket, 'close');
}

test('messages in MessagePack and JSON become records; tag goes before what was sent', async (t) => {
  const path = place(t);
  const { context, source } = await start(t, { path });
  await send(path, Buffer.from('["json.tag",1700000000,{"a":1}]'));
  await send(path, Buffer.concat([encodeMsgpack(['pack', [[1, { b: 2 }]]]), encodeMsgpack(['pack', 2, { c: 3 }])]));
  const records = context.appended.flatMap(({ tag, records: { payloads, seconds } }) =>
    payloads.map(
      (payload, i) => `${tag} ${seconds[i]} ${stringifyJson(decodeMsgpack(Buffer.from(payload as Uint8Array)))}`,
    ),
  );
  assert.deepEqual(records, ['json.tag 1700000000 {"a":1}', 'pack 1 {"b":2}', 'pack 2 {"c":3}']);
  await source.stop();
  assert.equal(existsSync(path), false);
  const named = await start(t, { path, tag: 'own' });
  await send(path, Buffer.from('["sent",1,{}]'));
  assert.deepEqual(
    named.context.appended.map(({ tag }) => tag),
    ['own'],
  );
});

test('only a socket that nobody listens on is taken away', async (t) => {
  const path = `${place(t)}.file`.replace('/deeper', '');
  writeFileSync(path, 'precious');
  await assert.rejects(start(t, { path }), /another file has that name/);
  rmSync(path);
  const server = createServer().listen(path);
  await once(server, 'listening');
  await assert.rejects(start(t, { path }), /another program listens there/);
  server.close();
  await once(server, 'close');
  await start(t, { path });
});
