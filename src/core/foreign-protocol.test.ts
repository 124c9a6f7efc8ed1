import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { firstBytes, protocolOf } from './foreign-protocol.ts';

test('a server is named by what it says first', () => {
  const named = (text: string): string | undefined => protocolOf(Buffer.from(text, 'latin1'));
  assert.equal(named('HTTP/1.1 400 Bad Request\r\n'), 'HTTP');
  assert.equal(named('\x15\x03\x01\x00\x02\x02\x46'), 'TLS');
  assert.match(named('\x92\xa4HELO\x83') ?? '', /shared key/);
  assert.equal(named('\x00\x00\x01\x10\x00\x00\x00\x01'), undefined);
  assert.equal(named(''), undefined);
});

test('a server that does not answer in time, or is not there, says nothing', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  assert.equal((await firstBytes('127.0.0.1', port, Buffer.from('\r\n'), 1)).length, 0);
  assert.equal(protocolOf(await firstBytes('127.0.0.1', port, Buffer.from('no HTTP\r\n\r\n'), 10_000)), 'HTTP');
  assert.equal((await firstBytes('127.0.0.1', 1, Buffer.from('x'), 10_000)).length, 0);
});
