import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, chunkOf, contextOf, outputContextOf } from '../../../test/fixture.ts';
import { readConfig } from '../../config/load.ts';
import { realDisk } from '../../core/disk.ts';
import { Registry } from '../../core/registry.ts';
import { builtinPlugins } from '../../plugins.ts';
import { fileOutputOver } from './index.ts';

const registry = new Registry(builtinPlugins);
const times = [
  { seconds: 1, nanos: 0 },
  { seconds: 2, nanos: 0 },
];

/** Reads an [OUTPUT] that writes to a directory. */
async function read(directory: string, lines: readonly string[]) {
  const path = join(directory, 'a.conf');
  const text = ['Name file', 'Match *', ...lines].map((line) => `    ${line}\n`).join('');
  writeFileSync(path, `[INPUT]\n    Name dummy\n[OUTPUT]\n${text}`);
  const { loaded, problems } = await readConfig({ path, env: {}, registry });
  return { model: loaded?.model.outputs[0], problems: problems.map((one) => one.text).join('\n') };
}

function temporary(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-file-'));
  t.after(() => rmSync(directory, { recursive: true }));
  return directory;
}

test('csv_column_names: each file begins with the names of its first record, once', async (t) => {
  const directory = temporary(t);
  const lines = [`Path ${directory}`, 'File o.csv', 'Format csv', 'csv_column_names on'];
  const { model, problems } = await read(directory, lines);
  assert.equal(problems, '');
  assert.ok(model);
  const plugin = fileOutputOver(realDisk);
  assert.ok(plugin.kind === 'output');
  const context = { buffer: model.buffer, directory: join(directory, 'state') };
  const output = plugin.create(model.plugin, outputContextOf(contextOf(builtinPlugins), context));
  t.after(() => output.close());
  await output.open?.();
  const signal = new AbortController().signal;
  for (const record of ['{"a":1,"b":"x"}', '{"b":"y","a":2}'])
    await output.write(chunkOf([batchOf('app', [record, record], times)]), signal);
  const written = readFileSync(join(directory, 'o.csv'), 'utf8').split('\n');
  assert.equal(written[0], 'timestamp,"a","b"');
  assert.equal(written.filter((line) => line.startsWith('timestamp')).length, 1);
  assert.equal(written.length, 6);
});

test('names of files that depend on records or times are errors with their place', async (t) => {
  const directory = temporary(t);
  const { problems } = await read(directory, ['Path /x/$kubernetes', 'File a', 'enable_strftime on']);
  assert.match(problems, /path: values of records are not put into names of files/);
  assert.match(problems, /enable_strftime is not supported/);
});
