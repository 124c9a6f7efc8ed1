import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { readConfig } from '../load.ts';

/** Reads a configuration with these lines in [SERVICE]. */
async function read(...lines: string[]) {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-service-'));
  try {
    const path = join(directory, 'a.conf');
    const rest =
      '[INPUT]\n    Name dummy\n    Alias in\n[OUTPUT]\n    Name null\n    Match *\n[OUTPUT]\n    Name http\n    Match *\n';
    writeFileSync(path, `[SERVICE]\n${lines.map((line) => `    ${line}\n`).join('')}${rest}`);
    const { loaded, problems } = await readConfig({ path, env: {}, registry: new Registry(builtinPlugins) });
    return { monitor: loaded?.model.monitor, problems: problems.map(({ text }) => text) };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('HTTP_Server: a server on loopback with Fluent Bit’s names for inputs and outputs', async () => {
  const { monitor, problems } = await read('HTTP_Server On');
  assert.match(problems.join(), /HTTP_Server listens on 127\.0\.0\.1 alone/);
  assert.deepEqual(monitor, {
    host: '127.0.0.1',
    port: 2020,
    tellsStorage: false,
    canReload: false,
    sources: { in: 'in' },
    outputs: { 'null.0': 'null', 'http.0': 'http:http://127.0.0.1:80/' },
  });
  assert.equal((await read('HTTP_Port 2021')).monitor, undefined);
});

test('its address, health, storage and reload', async () => {
  const { monitor, problems } = await read(
    'HTTP_Server on',
    'HTTP_Listen ::',
    'HTTP_Port 2021',
    'Health_Check on',
    'HC_Errors_Count 1',
    'HC_Retry_Failure_Count 2',
    'HC_Period 3',
    'storage.metrics on',
    'Hot_Reload on',
  );
  assert.deepEqual(problems, []);
  assert.deepEqual(
    [monitor?.host, monitor?.port, monitor?.health, monitor?.tellsStorage, monitor?.canReload],
    ['::', 2021, { errorsMax: 1, retriesFailedMax: 2, periodSeconds: 3 }, true, true],
  );
});
