import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { FakeClock } from '../../core/clock.ts';
import { FakeContext, configWith, startSource } from './harness.test.ts';
import { PostbackSource } from './source.ts';

/** A directory with certificate files a.crt, a.key, b.crt, b.key of those names, and cert.pem and key.pem, which are a's. */
async function certificates(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'post2log-tls-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  for (const name of ['a', 'b'])
    execFileSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.crt`.split(
        ' ',
      ),
      { cwd: dir, stdio: 'ignore' },
    );
  await use(dir, 'a');
  return dir;
}
let changes = 0;
async function use(dir: string, cert: string, key = cert): Promise<void> {
  await copyFile(join(dir, `${cert}.crt`), join(dir, 'cert.pem'));
  await copyFile(join(dir, `${key}.key`), join(dir, 'key.pem'));
  // Two changes within the file system's time resolution would look like one.
  const time = new Date(1_700_000_000_000 + changes++ * 1000);
  await utimes(join(dir, 'cert.pem'), time, time);
}

async function open(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await once(socket, 'secureConnect');
  return socket;
}
async function nameAt(port: number): Promise<string> {
  const socket = await open(port);
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}
async function post(socket: TLSSocket): Promise<string> {
  socket.write('POST /postback HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\n\r\n{"a":1}');
  const [part] = (await once(socket, 'data')) as [Buffer];
  return part.toString();
}

test('TLS: with certificate and key files the source speaks HTTPS', async (t) => {
  const dir = await certificates(t);
  const paths = { tlsCert: join(dir, 'cert.pem'), tlsKey: join(dir, 'key.pem') };
  const { port, context } = await startSource(t, paths);
  const socket = await open(port);
  assert.match(await post(socket), /^HTTP\/1\.1 200 OK/);
  socket.destroy();
  assert.deepEqual(context.records, [{ a: 1 }]);
});

test('reload: changed files are taken up, open connections go on, a bad pair keeps the old one and says so', async (t) => {
  const dir = await certificates(t);
  const clock = new FakeClock();
  const context = new FakeContext(clock);
  const said: string[] = [];
  let notify = (): void => {};
  for (const level of ['info', 'warn'] as const)
    context.log[level] = (text: unknown) => {
      said.push(`${level}: ${String(text)}`);
      notify();
    };
  const paths = { tlsCert: join(dir, 'cert.pem'), tlsKey: join(dir, 'key.pem'), tlsReloadInterval: 5000 };
  const { port } = await startSource(t, paths, context);
  /** Looks at the files until something was said that fits. */
  const looked = async (pattern: RegExp): Promise<void> => {
    while (!said.some((text) => pattern.test(text))) {
      const next = new Promise<void>((resolve) => (notify = resolve));
      clock.advance(5000);
      await Promise.race([next, nameAt(port)]);
    }
    said.length = 0;
  };
  const old = await open(port);
  assert.match(await post(old), /200 OK/);
  assert.equal(await nameAt(port), 'a');

  await use(dir, 'b');
  await looked(/info: took up the changed TLS certificate/);
  assert.equal(await nameAt(port), 'b');
  assert.match(await post(old), /200 OK/, 'the open connection goes on');

  await use(dir, 'a', 'b');
  await looked(/warn: reading the TLS certificate .*; the certificate in use stays in use/);
  assert.equal(await nameAt(port), 'b');

  await writeFile(join(dir, 'cert.pem'), 'garbage');
  await looked(/warn: reading the TLS certificate/);
  assert.equal(await nameAt(port), 'b');

  await use(dir, 'a');
  await looked(/info: took up/);
  assert.equal(await nameAt(port), 'a');
  assert.match(await post(old), /200 OK/);
  old.destroy();
});

test('TLS: files that are missing or do not fit together stop the start and are named', async (t) => {
  const dir = await certificates(t);
  for (const [tlsCert, tlsKey] of [
    ['a.crt', 'b.key'],
    ['a.crt', 'none.key'],
    ['a.key', 'a.crt'],
  ] as const) {
    const source = new PostbackSource(
      configWith({ tlsCert: join(dir, tlsCert), tlsKey: join(dir, tlsKey) }),
      new FakeContext(),
    );
    await assert.rejects(source.start(), {
      code: 'LISTEN_FAILED',
      message: /a\.(?:crt|key) .*check tls_cert and tls_key/,
    });
  }
});
