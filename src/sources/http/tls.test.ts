import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import type { RequestOptions } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { startHttp, taken } from './harness.test.ts';

function post(port: number, options: RequestOptions): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = request(
      {
        host: '127.0.0.1',
        port,
        path: '/t',
        method: 'POST',
        rejectUnauthorized: false,
        agent: false,
        headers: { 'content-type': 'application/json' },
        ...options,
      },
      (res) => {
        res.resume();
        res.on('end', () => resolve(res.statusCode ?? 0));
      },
    );
    req.on('error', reject);
    req.end('{"a":1}');
  });
}

test('<transport tls>: certificate files with a passphrase, versions, client certificates', async (t) => {
  const dir = await mkdtemp(join(tmpdir(), 'post2log-http-tls-'));
  t.after(() => rm(dir, { recursive: true, force: true }));
  const make = (name: string, ...key: string[]): void =>
    void execFileSync(
      'openssl',
      `req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -subj /CN=${name} -keyout ${name}.key -out ${name}.crt`
        .split(' ')
        .concat(key),
      { cwd: dir, stdio: 'ignore' },
    );
  make('server', '-passout', 'pass:sesame');
  make('client', '-nodes');
  const path = (name: string): string => join(dir, name);
  const { context, port } = await startHttp(t, {
    transport: {
      argument: 'tls',
      options: {
        certPath: path('server.crt'),
        privateKeyPath: path('server.key'),
        privateKeyPassphrase: 'sesame',
        version: 'TLSv1_3',
        clientCertAuth: true,
        caPath: path('client.crt'),
      },
    },
  });
  const client = { cert: await readFile(path('client.crt')), key: await readFile(path('client.key')) };
  assert.equal(await post(port, client), 200);
  await assert.rejects(post(port, {}), /certificate required|ECONNRESET|alert/i);
  await assert.rejects(post(port, { ...client, maxVersion: 'TLSv1.2' }), /protocol version|alert/i);
  assert.equal(taken(context).length, 1);
});
