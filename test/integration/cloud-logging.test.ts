/**
 * The sidecar's configuration of deploy/examples in the real program, against recording fakes of Cloud Logging and of the
 * metadata service of a GKE node: there is no Google here.
 */
import assert from 'node:assert/strict';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Tokens, fakeCloudLogging, fakeMetadataService, gkeNode } from '../google/cloud-logging-fake.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';

const example = new URL('../../deploy/examples/cloud-logging-sidecar/fluentd.conf', import.meta.url);

test('the sidecar’s log file arrives at the fake of Cloud Logging as its query expects it, over a refusal and a kill', async (t) => {
  const directory = await temporaryDirectory(t);
  const tokens = new Tokens();
  const logging = await fakeCloudLogging(t, tokens);
  const metadata = await fakeMetadataService(t, gkeNode, tokens);
  // The one thing that is changed: where the log file lies.
  const config = (await readFile(example, 'utf8')).replaceAll('/api/log/', `${directory}/`);
  const configPath = join(directory, 'fluentd.conf');
  await writeFile(configPath, config);
  await writeFile(join(directory, 'app.log'), '');
  const start = () =>
    startProgram(t, {
      args: ['run', '--config', configPath],
      dataDir: join(directory, 'data'),
      env: { P2L_GRACE: '5s', GCE_METADATA_HOST: metadata.url, CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING: logging.url },
    });
  const lines = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, i) => `INFO:     127.0.0.1 - "GET /items/${from + i} HTTP/1.1" 200 OK`);
  const kept = (program: Program, count: number) =>
    until(`${count} lines to be kept`, async () => (await program.status()).appended >= count);
  const refusal = /403 Forbidden: Permission denied; give the service account the role roles\/logging.logWriter/;
  // Refused as long as the service account has no role: the lines wait.
  logging.state.override = () => ({ status: 403, body: { error: { code: 403, message: 'Permission denied' } } });
  const refused = await (await start()).ready();
  await appendFile(join(directory, 'app.log'), `${lines(0, 100).join('\n')}\n`);
  await kept(refused, 100);
  await until('the refusal to be said', () => refusal.test(refused.stderr));
  assert.equal(await refused.stop(), 0);
  assert.ok(logging.requests.length > 0);
  assert.equal(logging.entries.length, 0);
  logging.state.override = undefined;
  const killed = await (await start()).ready();
  await appendFile(join(directory, 'app.log'), `${lines(100, 200).join('\n')}\n`);
  await kept(killed, 200);
  await killed.kill();
  const last = await (await start()).ready();
  await kept(last, 200);
  await until('all lines', () => logging.entries.length >= 200);
  assert.equal(await last.stop(), 0);
  assert.equal(logging.entries.length, 200);
  assert.deepEqual(new Set(logging.entries.map(({ textPayload }) => textPayload)), new Set(lines(0, 200)));
  for (const { resource, logName, severity } of logging.entries) {
    assert.deepEqual(resource, {
      type: 'container',
      labels: { instance_id: '657336926711535358', zone: 'us-central1-b', cluster_name: 'fastapi-cluster' },
    });
    assert.equal(logName, 'projects/my-project2-303004/logs/app.log');
    assert.equal(severity, 'DEFAULT');
  }
  assert.equal(new Set(logging.entries.map(({ insertId }) => insertId)).size, 200);
});
