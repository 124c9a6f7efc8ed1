import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer as createProxy } from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf } from '../../../test/fixture.ts';
import { builtinPlugins } from '../../plugins.ts';
import { httpOutputOver } from './index.ts';

/** A proxy that makes tunnels to ports of this machine; its URL. */
async function startProxy(t: TestContext): Promise<string> {
  const proxy = createProxy();
  proxy.on('connect', (req, socket: Socket) => {
    const other = connect(Number(req.url?.split(':')[1]), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(other).pipe(socket);
    });
    for (const one of [socket, other]) one.on('error', () => {});
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => proxy.close());
  return `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
}

/** Makes `name.crt` and `name.key` in a directory. */
function certify(dir: string, name: string, ...more: string[]): void {
  const kind = `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=${name}`.split(' ');
  execFileSync('openssl', [...kind, '-keyout', `${name}.key`, '-out', `${name}.crt`, ...more], {
    cwd: dir,
    stdio: 'ignore',
  });
}

test('TLS: the server is looked at, and shown a certificate; through a proxy as well', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'post2log-out-http-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const path = (name: string): string => join(dir, name);
  certify(dir, 'server', '-nodes', '-addext', 'subjectAltName=IP:127.0.0.1');
  certify(dir, 'client', '-passout', 'pass:sesame');
  const names: string[] = [];
  const server = createServer(
    {
      cert: await readFile(path('server.crt')),
      key: await readFile(path('server.key')),
      ca: await readFile(path('client.crt')),
      requestCert: true,
      rejectUnauthorized: false,
    },
    (req, res) => {
      const socket = req.socket as TLSSocket;
      const name = socket.getPeerCertificate().subject as { CN?: string } | undefined;
      names.push(`${socket.getProtocol()} ${socket.authorized ? name?.CN : 'nobody'}`);
      req.resume().on('end', () => res.end());
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const plugin = httpOutputOver({});
  const write = async (options: Record<string, unknown>): Promise<unknown> => {
    assert.ok(plugin.kind === 'output');
    const output = plugin.create(
      configOf(plugin, { endpoint, ...options }),
      outputContextOf(contextOf(builtinPlugins)),
    );
    try {
      await output.open?.();
      await output.probe?.();
      return await output.write(chunkOf([batchOf('t', ['{"a":1}'])]), new AbortController().signal);
    } finally {
      await output.close();
    }
  };
  const taken = { refused: [] };
  await assert.rejects(write({}), /check tls_ca_cert_path/);
  assert.deepEqual(await write({ tlsVerifyMode: 'none', tlsVersion: 'TLSv1_2' }), taken);
  assert.deepEqual(await write({ tlsCaCertPath: path('server.crt') }), taken);
  const client = { tlsClientCertPath: path('client.crt'), tlsPrivateKeyPath: path('client.key') };
  assert.deepEqual(
    await write({ tlsCaCertPath: path('server.crt'), ...client, tlsPrivateKeyPassphrase: 'sesame' }),
    taken,
  );
  const through = await startProxy(t);
  assert.deepEqual(await write({ tlsCaCertPath: path('server.crt'), proxy: through }), taken);
  assert.deepEqual(names, ['TLSv1.2 nobody', 'TLSv1.3 nobody', 'TLSv1.3 client', 'TLSv1.3 nobody']);
  await assert.rejects(write({ tlsCaCertPath: path('none.crt') }), /reading tls_ca_cert_path .*none.crt/);
  await assert.rejects(write({ tlsVerifyMode: 'none', ...client }), /sending POST|connecting to/);
});
