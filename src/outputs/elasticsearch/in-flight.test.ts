/** Bodies of requests that are answered before they were read. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, chunkOf } from '../../../test/fixture.ts';
import { elasticsearchOutput } from './index.ts';
import { makeOutput } from './search-fixture.ts';

/** More than lies on the way between two sockets. */
const textBytes = 16 * 1024 * 1024;
const headEnd = '\r\n\r\n';
const taken = '{"took":1,"errors":false,"items":[]}';

function answer(socket: Socket, status: string, body: string): void {
  socket.write(`HTTP/1.1 ${status}\r\nContent-Length: ${body.length}${headEnd}${body}`);
}

/** A server that refuses the second bulk request at its head, and reads its body once the third one was asked for. */
async function hastyServer(t: TestContext): Promise<{ port: number; bodies: Promise<string>[] }> {
  const bodies: Promise<string>[] = [];
  let waiting: Socket | undefined;
  const server = createServer((socket) => {
    let parts: Buffer[] = [];
    let missing = -1;
    let done: (body: string) => void = () => undefined;
    const begin = (head: string): void => {
      missing = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? '0');
      if (!head.startsWith('POST')) return;
      bodies.push(new Promise((resolve) => (done = resolve)));
      if (bodies.length === 2) {
        // Its connection is not used again, whether all of the body was sent by now or not.
        answer(socket, '429 Too Many Requests\r\nConnection: close', '{}');
        waiting = socket.pause();
      } else waiting?.resume();
    };
    const end = (body: string, isBulk: boolean, isHasty: boolean): void => {
      if (!isBulk) answer(socket, '200 OK', '{"version":{"number":"7.17.1"}}');
      else if (!isHasty) answer(socket, '200 OK', taken);
      done(body);
    };
    let isBulk = false;
    let isHasty = false;
    socket.on('data', (part: Buffer) => {
      parts.push(part);
      if (missing < 0) {
        const all = Buffer.concat(parts);
        const at = all.indexOf(headEnd);
        if (at < 0) return;
        const head = all.toString('latin1', 0, at);
        begin(head);
        [isBulk, isHasty] = [head.startsWith('POST'), head.startsWith('POST') && bodies.length === 2];
        const rest = all.subarray(at + headEnd.length);
        parts = [rest];
        missing -= rest.length;
      } else missing -= part.length;
      if (missing > 0) return;
      const body = Buffer.concat(parts).toString('latin1');
      [parts, missing] = [[], -1];
      end(body, isBulk, isHasty);
    });
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, bodies };
}

test('what a server reads of a request after its refusal is not the next one', async (t) => {
  const { port, bodies } = await hastyServer(t);
  const options = { host: '127.0.0.1', port, bulkMessageRequestThreshold: 1024 };
  const output = await makeOutput(t, elasticsearchOutput, { options, buffer: { concurrency: 2 } });
  const texts = ['a', 'b', 'c'].map((letter) => `{"log":"${letter.repeat(textBytes)}"}`);
  const result = await output.write(chunkOf([batchOf('t', texts)], { tag: 't' }), new AbortController().signal);
  assert.deepEqual([result?.refused, result?.retry], [[], [1]]);
  assert.equal(bodies.length, 3);
  for (const [i, text] of texts.entries()) {
    const [, document = ''] = (await (bodies[i] as Promise<string>)).split('\n');
    assert.ok(document === text, `body ${i} holds ${[...new Set(document)].join('')}`);
  }
});
