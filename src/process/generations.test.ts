import assert from 'node:assert/strict';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { PipelineModel } from '../config/model.ts';
import { FakeClock } from '../core/clock.ts';
import { realDisk } from '../core/disk.ts';
import { silentLog } from '../core/log.ts';
import { Generations } from './generations.ts';

const model = (line: number, level?: string): PipelineModel => ({
  version: 1,
  sources: [],
  labels: {
    '@ROOT': [
      {
        match: { syntax: 'fluentd', pattern: '**' },
        action: { kind: 'output', output: 'null' },
        take: true,
        at: { file: 'f', line, column: 1 },
      },
    ],
  },
  outputs: [],
  plugins: [],
  ...(level ? { logLevel: level } : {}),
});

test('the same configuration keeps its generation, also when lines moved and after a restart; another one gets the next', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-generations-'));
  const open = () => Generations.open(realDisk, new FakeClock(), silentLog(), directory);
  const first = await open();
  assert.equal((await first.use(model(1))).number, 1);
  assert.equal((await first.use(model(9))).number, 1);
  assert.equal((await first.use(model(1, 'debug'))).number, 2);
  const second = await open();
  assert.equal((await second.use(model(1, 'debug'))).number, 2);
  assert.equal((await second.use(model(1))).number, 3);
  assert.equal(second.get(2)?.logLevel, 'debug');
  assert.equal((await stat(join(directory, 'generations', '3.json'))).mode & 0o777, 0o600);
  await second.forgetBefore(3);
  assert.equal(second.get(1), undefined);
  await writeFile(join(directory, 'generations', '4.json'), 'torn');
  const third = await open();
  assert.equal(third.get(4), undefined);
  assert.equal((await third.use(model(1))).number, 5);
  await rm(directory, { recursive: true });
});
