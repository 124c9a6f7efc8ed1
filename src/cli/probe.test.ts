import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { createServer } from 'node:net';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { loadConfig } from '../config/load.ts';
import { Registry } from '../core/registry.ts';
import { builtinPlugins } from '../plugins.ts';
import { probeOutputs } from './probe.ts';

test('check --probe asks every target, and says of each what is wrong and what to do', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'post2log-probe-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const path = join(directory, 'f.conf');
  writeFileSync(
    path,
    `<match a>
  @type http
  @id there
  endpoint http://127.0.0.1:${port}/
</match>
<match b>
  @type http
  @id nowhere
  endpoint http://127.0.0.1:1/
  <secondary>
    @type secondary_file
    directory ${directory}
  </secondary>
</match>
<match **>
  @type stdout
</match>
`,
  );
  const registry = new Registry(builtinPlugins);
  const { model } = await loadConfig({ path, env: {}, registry });
  let said = '';
  assert.equal(await probeOutputs(model, registry, (text) => (said += text)), false);
  const lines = said.trimEnd().split('\n');
  assert.equal(lines[0], 'probe there: ok');
  assert.match(
    lines[1] ?? '',
    /^probe nowhere: FAILED: connecting to http:\/\/127\.0\.0\.1:1\/: .*ECONNREFUSED.*; is the server running/,
  );
  assert.equal(lines[2], 'probe nowhere, its secondary: ok, nothing to ask');
  assert.match(lines[3] ?? '', /^probe .*: ok, nothing to ask$/);
  assert.equal(lines.length, 4);
});

async function listening(t: TestContext, server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

type Ports = Readonly<Record<'http' | 'tls' | 'forward' | 'ssh' | 'silent', number>>;
/** Outputs to servers of another kind: id, configuration, what is said. */
function foreign({ http, tls, forward, ssh, silent }: Ports): [string, string, RegExp][] {
  const security = '<security>\n self_hostname me\n shared_key k\n </security>';
  return [
    [
      'kafka-http',
      `@type kafka2\n brokers 127.0.0.1:${http}\n <format>\n @type json\n </format>`,
      /HTTP answers there, and no broker/,
    ],
    [
      'kafka-tls',
      `@type kafka2\n brokers 127.0.0.1:${tls}\n <format>\n @type json\n </format>`,
      /this port speaks TLS; set ssl_ca_cert/,
    ],
    [
      'forward-helo',
      `@type forward\n <server>\n host 127.0.0.1\n port ${forward}\n </server>`,
      /asks for a shared key; write <security>/,
    ],
    ['forward-ssh', `@type forward\n <server>\n host 127.0.0.1\n port ${ssh}\n </server>`, /SSH answers there/],
    [
      'forward-key-ssh',
      `@type forward\n ${security}\n <server>\n host 127.0.0.1\n port ${ssh}\n </server>`,
      /SSH answers there/,
    ],
    [
      'forward-refused',
      `@type forward\n <server>\n host 127.0.0.1\n port 1\n </server>`,
      /server 127\.0\.0\.1:1: connecting: connect ECONNREFUSED.*nothing listens there: check host and port/,
    ],
    [
      'forward-tls',
      `@type forward\n transport tls\n <server>\n host 127.0.0.1\n port ${ssh}\n </server>`,
      /does not speak TLS: leave transport tls out/,
    ],
    [
      'forward-one',
      `@type forward\n <server>\n host 127.0.0.1\n port 1\n </server>\n <server>\n host 127.0.0.1\n port ${tls}\n </server>`,
      /ok, but server 127\.0\.0\.1:1: .*ECONNREFUSED/,
    ],
    [
      'elasticsearch-ssh',
      `@type elasticsearch\n host 127.0.0.1\n port ${ssh}`,
      /SSH answers there, not HTTP; check host and port/,
    ],
    [
      'elasticsearch-silent',
      `@type elasticsearch\n host 127.0.0.1\n port ${silent}`,
      /the server closed the connection without an answer; if it goes on, check whether it wants https/,
    ],
    [
      'influxdb-tls',
      `@type influxdb\n host 127.0.0.1\n port ${tls}\n dbname d`,
      /TLS answers there, not HTTP; check host and port, and that https is written/,
    ],
  ];
}

test('a server of another kind is named', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'post2log-probe-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const http = await listening(t, createHttpServer());
  // Alert `unexpected message`, with which a server of TLS answers to what is no handshake.
  const tls = await listening(
    t,
    createServer((socket) => socket.once('data', () => socket.end(Buffer.from([21, 3, 3, 0, 2, 2, 10])))),
  );
  const forward = await listening(
    t,
    createServer((socket) => socket.end(Buffer.from('\x92\xa4HELO\x81\xa5nonce\xa1x', 'latin1'))),
  );
  const ssh = await listening(
    t,
    createServer((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n')),
  );
  // Hangs up at what it does not understand.
  const silent = await listening(
    t,
    createServer((socket) => socket.once('data', () => socket.end())),
  );
  const outputs = foreign({ http, tls, forward, ssh, silent });
  const path = join(directory, 'f.conf');
  writeFileSync(path, outputs.map(([id, body]) => `<match ${id}>\n @id ${id}\n ${body}\n</match>\n`).join(''));
  const registry = new Registry(builtinPlugins);
  const { model } = await loadConfig({ path, env: {}, registry });
  let said = '';
  assert.equal(await probeOutputs(model, registry, (text) => (said += text)), false);
  const lines = said.trimEnd().split('\n');
  for (const [at, [id, , expected]] of outputs.entries()) {
    assert.match(lines[at] ?? '', new RegExp(`^probe ${id}: `));
    assert.match(lines[at] ?? '', expected);
  }
});
