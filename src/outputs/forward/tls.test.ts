import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { TestContext } from 'node:test';
import { connect } from 'node:tls';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf, section } from '../../../test/fixture.ts';
import { security, startSource } from '../../sources/forward/forward-fixture.ts';
import { forwardOutput } from './index.ts';
import { ForwardOutput } from './output.ts';

/** An authority, a server certificate of localhost with an encrypted key, a client certificate; and one that nobody knows. */
const directory = mkdtempSync(join(tmpdir(), 'p2l-forward-tls-'));
after(() => rmSync(directory, { recursive: true, force: true }));
const path = (name: string) => join(directory, name);
function openssl(text: string): void {
  execFileSync('openssl', text.split(' '), { cwd: directory, stdio: 'ignore' });
}
const newKey = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1';
openssl(`req -x509 ${newKey} -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.crt`);
openssl(
  `req ${newKey} -passout pass:open -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout server.key -out server.csr`,
);
openssl(
  'x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -copy_extensions copy -out server.crt',
);
openssl(`req ${newKey} -nodes -subj /CN=client -keyout client.key -out client.csr`);
openssl('x509 -req -in client.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -out client.crt');
openssl(
  `req -x509 ${newKey} -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost -keyout self.key -out self.crt`,
);

const signed = {
  certPath: path('server.crt'),
  privateKeyPath: path('server.key'),
  privateKeyPassphrase: 'open',
  clientCertAuth: false,
};
const selfSigned = { certPath: path('self.crt'), privateKeyPath: path('self.key'), clientCertAuth: false };

function transport(options: Record<string, unknown>) {
  return { transport: [{ ...section(options), argument: 'tls' }] };
}

async function open(t: TestContext, port: number, options: Record<string, unknown>, host = 'localhost') {
  const server = section({ host, port, name: undefined, weight: 60, standby: false, username: '', password: '' });
  const own = { server: [server], security: [section({ selfHostname: 'client', sharedKey: 'key' })] };
  const all = { transport: 'tls', heartbeatType: 'none', requireAckResponse: true, ...options };
  const output = new ForwardOutput(
    configOf(forwardOutput, all, { sections: own }) as never,
    outputContextOf(contextOf([])),
  );
  t.after(() => output.close());
  await output.open();
  const signal = new AbortController().signal;
  return () => output.write(chunkOf([batchOf('t', ['{"a":1}'])], { tag: 't' }), signal);
}

test('TLS with an own authority, an encrypted key and a shared key', async (t) => {
  const source = await startSource(t, { bind: 'localhost' }, { ...transport(signed), ...security() });
  const write = await open(t, source.port, { tlsCaCertPath: [path('ca.crt')] });
  await write();
  assert.equal(source.records().length, 1);
  const strangers = await open(t, source.port, {});
  await assert.rejects(strangers(), /certificate/);
  const otherName = await open(t, source.port, { tlsCaCertPath: [path('ca.crt')] }, '127.0.0.1');
  await assert.rejects(otherName(), /IP: 127.0.0.1 is not in the cert's list/);
  const anyName = await open(t, source.port, { tlsCertPath: [path('ca.crt')], tlsVerifyHostname: false }, '127.0.0.1');
  await anyName();
  const insecure = await open(t, source.port, { tlsInsecureMode: true });
  await insecure();
  assert.equal(source.records().length, 3);
});

test('a self-signed certificate is taken only where that is asked for', async (t) => {
  const source = await startSource(t, { bind: 'localhost' }, { ...transport(selfSigned), ...security() });
  const refusing = await open(t, source.port, {});
  await assert.rejects(refusing(), /self-signed/);
  const taking = await open(t, source.port, { tlsAllowSelfSignedCert: true });
  await taking();
  assert.equal(source.records().length, 1);
  // Signed by somebody unknown is not self-signed.
  const other = await startSource(t, { bind: 'localhost' }, { ...transport(signed), ...security() });
  const stillRefusing = await open(t, other.port, { tlsAllowSelfSignedCert: true });
  await assert.rejects(stillRefusing(), /is not accepted/);
});

test('client_cert_auth takes only clients that ca_path vouches for', async (t) => {
  const asking = { ...signed, clientCertAuth: true, caPath: path('ca.crt') };
  const source = await startSource(t, { bind: 'localhost' }, { ...transport(asking), ...security() });
  const without = await open(t, source.port, { tlsCaCertPath: [path('ca.crt')] });
  await assert.rejects(without());
  const withOne = await open(t, source.port, {
    tlsCaCertPath: [path('ca.crt')],
    tlsClientCertPath: path('client.crt'),
    tlsClientPrivateKeyPath: path('client.key'),
  });
  await withOne();
  assert.equal(source.records().length, 1);
  assert.ok((source.refusedCounts.get('tls_failed') ?? 0) > 0);
});

test('the versions written are the ones spoken', async (t) => {
  const source = await startSource(
    t,
    { bind: 'localhost' },
    { ...transport({ ...selfSigned, version: 'TLSv1_2' }), ...security() },
  );
  const socket = connect({ port: source.port, host: 'localhost', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  assert.equal(socket.getProtocol(), 'TLSv1.2');
  socket.destroy();
  const newer = await open(t, source.port, { tlsInsecureMode: true, tlsVersion: 'TLS1_3' });
  await assert.rejects(newer(), /version/i);
});
