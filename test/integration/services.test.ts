/** The servers that tests use: they start, keep what they hold over a kill, and end. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../files.ts';
import { temporaryDirectory } from '../program.ts';
import { startService } from '../services/fixture.ts';
import { influxdb } from '../services/influxdb.ts';

const script = join(root, 'scripts', 'services');

test('InfluxDB starts, holds what it took over a kill, and ends', async (context) => {
  const server = await startService(context, influxdb);
  const ask = (path: string, body?: string): Promise<Response> =>
    fetch(`${server.addresses['http']}${path}`, body === undefined ? {} : { method: 'POST', body });
  await ask('/query?q=CREATE+DATABASE+d', '');
  assert.equal((await ask('/write?db=d', 'm v=1i 7')).status, 204);
  await server.kill();
  assert.deepEqual(server.pids, []);
  await assert.rejects(ask('/ping'));
  await server.restart();
  assert.match(await (await ask('/query?db=d&q=SELECT+v+FROM+m&epoch=ns')).text(), /\[\[7,1\]\]/);
});

test('scripts/services starts, says what runs, and stops', async (context) => {
  const env = { ...process.env, P2L_SERVICES_CACHE: await temporaryDirectory(context) };
  const run = (...args: string[]): string => execFileSync(script, args, { env, encoding: 'utf8' });
  try {
    assert.match(run('up', 'influxdb'), /^influxdb: http http:\/\/127\.0\.0\.1:\d+; pid \d+;/);
    assert.equal(run('up', 'influxdb'), run('status', 'influxdb'), 'one that runs is left alone');
  } finally {
    assert.equal(run('down', 'influxdb'), 'influxdb: stopped\n');
  }
  assert.throws(() => run('status', 'influxdb'), { status: 1 });
  assert.throws(() => run('up', 'oracle'), { status: 2 });
});
