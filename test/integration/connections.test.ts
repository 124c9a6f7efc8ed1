/** A crowd of connections. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { startProgram } from '../program.ts';

/** Soft limit of open files; each connection takes one here and one in the program. */
const filesMax = Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? 0);
const count = 10_000;

function open(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.on('error', reject);
  });
}

/** One request over an open connection; resolves with the status line. */
function post(socket: Socket, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = '';
    socket.on('data', (part: Buffer) => {
      received += part.toString();
      if (received.includes('\r\n\r\n')) resolve(received.slice(0, received.indexOf('\r\n')));
    });
    socket.on('close', () => reject(new Error(`closed after "${received}"`)));
    socket.write(`POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  });
}

test(
  '10,000 connections are held and served',
  { skip: filesMax < count + 500 && `only ${filesMax} open files are allowed here` },
  async (t) => {
    const program = await startProgram(t, {
      env: {
        // The first connection is silent until the last one is open.
        P2L_HEADERS_TIMEOUT: '10m',
        P2L_REQUEST_TIMEOUT: '10m',
        P2L_FLUENTD_EXTRACFG: '<match **>\n  @type null\n</match>\n',
      },
    });
    await program.ready();
    const port = Number(new URL(program.url).port);
    const sockets: Socket[] = [];
    t.after(() => sockets.forEach((socket) => socket.destroy()));
    // A few hundred at a time: this side, too, has one thread.
    while (sockets.length < count) sockets.push(...(await Promise.all(Array.from({ length: 250 }, () => open(port)))));
    assert.equal(sockets.length, count);
    // All are open at once; now each sends a request.
    const statuses = new Map<string, number>();
    for (let start = 0; start < count; start += 500) {
      const lines = await Promise.all(sockets.slice(start, start + 500).map((socket) => post(socket, '{"n":1}')));
      for (const line of lines) statuses.set(line, (statuses.get(line) ?? 0) + 1);
    }
    assert.deepEqual([...statuses], [['HTTP/1.1 200 OK', count]]);
    sockets.forEach((socket) => socket.removeAllListeners('close').destroy());
    assert.equal(await program.stop(), 0, program.stderr);
  },
);
