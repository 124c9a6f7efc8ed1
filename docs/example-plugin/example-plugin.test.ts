/** The example plugin, loaded by its package name from a folder as npm would leave it. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Batch, Block, codecs } from '../../src/core/batch.ts';
import { OperatingError } from '../../src/core/errors.ts';
import type { FilterSpec, PluginConfig, PluginContext } from '../../src/core/plugin.ts';
import { Registry } from '../../src/core/registry.ts';

const name = 'post2log-plugin-pseudonymize';

/** A batch of JSON records, as the journal would give it. */
function batchOf(...records: readonly string[]): Batch {
  const bounds = [0];
  for (const record of records) bounds.push((bounds.at(-1) ?? 0) + Buffer.byteLength(record));
  return Batch.of(
    'shop.order',
    new Block({
      shard: '00',
      firstOffset: 0,
      appendMs: 0,
      source: 'postback',
      codec: codecs.json,
      payload: Buffer.from(records.join('')),
      bounds: Uint32Array.from(bounds),
      exact: new Uint8Array(records.length),
      seconds: new Float64Array(records.length),
      nanos: new Uint32Array(records.length),
    }),
  );
}

describe('the example plugin', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'post2log-plugin-'));
    cpSync(new URL('.', import.meta.url).pathname, join(folder, 'node_modules', name), { recursive: true });
    // Stands for the installed post2log: its entry, out of this checkout.
    const entry = join(folder, 'node_modules', 'post2log');
    mkdirSync(entry);
    writeFileSync(join(entry, 'package.json'), '{"name":"post2log","type":"module","exports":"./index.js"}');
    writeFileSync(
      join(entry, 'index.js'),
      `export * from ${JSON.stringify(new URL('../../src/core/plugin-api.ts', import.meta.url).href)};\n`,
    );
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('loads by its package name and filters', async () => {
    const registry = new Registry();
    await registry.load(name, join(folder, 'fluent.conf'));
    const plugin: FilterSpec | undefined = registry.get('filter', 'pseudonymize');
    assert.ok(plugin);
    assert.equal(plugin.options.hashKey?.kind, 'secret');

    const config: PluginConfig = {
      options: { keys: ['email', 'absent'], hashKey: 'k', length: 16 },
      sections: {},
      at: { file: 'fluent.conf', line: 1, column: 1 },
    };
    const filter = plugin.create(config, undefined as unknown as PluginContext);
    const reject = () => assert.fail('nothing is rejected');
    const filtered = filter.apply(batchOf('{"email":"a@b.c","n":1}', '{"n":2}', '{"email":"a@b.c"}'), reject);
    assert.equal(filtered.count, 3);
    const [first, second, third] = [0, 1, 2].map((row) => filtered.fields(row) as Record<string, unknown>);
    assert.match(String(first?.email), /^[0-9a-f]{16}$/);
    assert.equal(first?.n, 1);
    assert.deepEqual(second, { n: 2 });
    assert.equal(third?.email, first?.email);
  });

  test('a package that is not there is an error that says what to do', async () => {
    await assert.rejects(new Registry().load('post2log-nothing', join(folder, 'fluent.conf')), (error) => {
      assert.ok(error instanceof OperatingError);
      assert.equal(error.code, 'PLUGIN_LOAD');
      assert.match(error.message, /post2log-nothing.*npm install post2log-nothing/s);
      return true;
    });
  });

  test('a package without a plugin is an error', async () => {
    const empty = join(folder, 'node_modules', 'post2log-empty');
    mkdirSync(empty);
    writeFileSync(join(empty, 'package.json'), '{"name":"post2log-empty","type":"module","exports":"./index.js"}');
    writeFileSync(join(empty, 'index.js'), 'export const nothing = 1;\n');
    await assert.rejects(
      new Registry().load('post2log-empty', join(folder, 'fluent.conf')),
      /exports nothing made by definePlugin/,
    );
  });
});
