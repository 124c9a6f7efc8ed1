import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { batchOf, chunkOf, configOf, contextOf, modelOf, outputContextOf } from '../../test/fixture.ts';
import { jsonFormatter } from '../codecs/json.ts';
import { defaultBuffer } from '../config/model.ts';
import { realDisk } from '../core/disk.ts';
import type { Output, PluginConfig } from '../core/plugin.ts';
import { builtinPlugins } from '../plugins.ts';
import { secondaryFileOutputOver } from './secondary_file.ts';

const root = mkdtempSync(join(tmpdir(), 'post2log-secondary-'));
after(() => rmSync(root, { recursive: true }));
let made = 0;
const buffer = { ...defaultBuffer, chunkKeys: ['tag'] };
const { signal } = new AbortController();
const plugin = secondaryFileOutputOver(realDisk);

async function place(options: Record<string, unknown>, more: Partial<PluginConfig> = {}, committed?: unknown) {
  if (plugin.kind !== 'output') throw new TypeError('not an output');
  const directory = join(root, String(made++));
  const config = configOf(plugin, { directory, ...options }, more);
  plugin.check?.(config, buffer);
  const output = plugin.create(
    config,
    outputContextOf(contextOf(builtinPlugins), { committed, buffer, directory: `${directory}.state` }),
  );
  await output.open?.();
  return { output, directory: String(config.options['directory']) };
}
const write = (output: Output, ...records: string[]) =>
  output.write(chunkOf([batchOf('a.b', records, [{ seconds: 1, nanos: 2 }])], { tag: 'a.b' }), signal);
const json = { formatter: modelOf(jsonFormatter) };

test('numbered names, from placeholders, in the format of the output it stands for', async () => {
  const { output, directory } = await place({ basename: 'failed.${tag[1]}' }, json);
  await write(output, '{"a":1}');
  assert.deepEqual(readdirSync(directory), ['failed.b.0']);
  assert.equal(readFileSync(join(directory, 'failed.b.0'), 'utf8'), '{"a":1}\n');
  await output.close();
  const next = await place({ directory, basename: 'failed.b' }, json);
  await write(next.output, '{"a":2}');
  assert.deepEqual(readdirSync(directory), ['failed.b.0', 'failed.b.1']);
  await next.output.close();
});

test('append, compress, and a default name', async () => {
  const { output, directory } = await place({ append: true, compress: 'gzip' }, json);
  await write(output, '{"a":1}');
  await write(output, '{"a":2}');
  assert.equal(gunzipSync(readFileSync(join(directory, 'dump.bin.gz'))).toString(), '{"a":1}\n{"a":2}\n');
  await output.close();
});

test('for an output without a format: [time, record] entries in MessagePack', async () => {
  const { output, directory } = await place({});
  await write(output, '{"a":1}');
  assert.equal(readFileSync(join(directory, 'dump.bin.0')).toString('hex'), '92d700000000010000000281a16101');
  await output.close();
});

test('what was written behind the last commit is cut off when it starts again', async () => {
  const { output, directory } = await place({ append: true }, json);
  await write(output, '{"a":1}');
  const committed = await output.commit?.(undefined);
  await write(output, '{"a":2}');
  await output.close();
  const config = configOf(plugin, { directory, append: true }, json);
  if (plugin.kind !== 'output') throw new TypeError('not an output');
  const context = outputContextOf(contextOf(builtinPlugins), { committed, buffer, directory: `${directory}.state` });
  const again = plugin.create(config, context);
  await again.open?.();
  assert.equal(readFileSync(join(directory, 'dump.bin'), 'utf8'), '{"a":1}\n');
  await again.close();
});

test('a name with a / and placeholders without their chunk key are errors', async () => {
  await assert.rejects(place({ basename: 'a/b' }), /basename a\/b has a \//);
  await assert.rejects(place({ basename: '%Y' }), /time placeholders, but chunk key time is not configured/);
  await assert.rejects(place({ basename: '${user}' }), /chunk key user is not configured/);
});
