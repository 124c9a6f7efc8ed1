import assert from 'node:assert/strict';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import pino from 'pino';
import { jsonFormatter } from '../../codecs/json.ts';
import { defaultBuffer } from '../../config/model.ts';
import type { BufferModel } from '../../config/model.ts';
import { realDisk } from '../../core/disk.ts';
import type { Disk } from '../../core/disk.ts';
import { OperatingError } from '../../core/errors.ts';
import { batchOf, chunkOf, configOf, contextOf, modelOf, outputContextOf } from '../../../test/fixture.ts';
import type { Chunk, Output } from '../../core/plugin.ts';
import { builtinPlugins } from '../../plugins.ts';
import { fileOutputOver } from './index.ts';

process.env['TZ'] = 'UTC';

const root = mkdtempSync(join(tmpdir(), 'post2log-file-'));
const outputs: Output[] = [];
after(async () => {
  for (const output of outputs) await output.close();
  rmSync(root, { recursive: true });
});
let made = 0;
const signal = new AbortController().signal;
const day = 1_709_596_800; // 2024-03-05
const byDay: BufferModel = { ...defaultBuffer, chunkKeys: ['time'], timekeySeconds: 86_400 };

interface Place {
  readonly output: Output;
  readonly directory: string;
  readonly lines: string[];
  readonly reopen: (committed: unknown) => Promise<Output>;
}

/** An output that writes JSON lines below a directory of its own. */
async function place(options: Record<string, unknown>, buffer = byDay, disk: Disk = realDisk): Promise<Place> {
  const directory = join(root, String(made++));
  const plugin = fileOutputOver(disk);
  if (plugin.kind !== 'output') throw new TypeError('not an output');
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line: string) => lines.push(line) });
  const path = join(directory, typeof options['path'] === 'string' ? options['path'] : 'out');
  const symlink = options['symlinkPath'];
  const given = { ...options, path, ...(typeof symlink === 'string' && { symlinkPath: join(directory, symlink) }) };
  const config = configOf(plugin, given, { formatter: modelOf(jsonFormatter) });
  plugin.check?.(config, buffer);
  const reopen = async (committed: unknown) => {
    const context = outputContextOf(contextOf(builtinPlugins, log), {
      committed,
      buffer,
      directory: `${directory}.state`,
    });
    const output = plugin.create(config, context);
    await output.open?.();
    outputs.push(output);
    return output;
  };
  return { output: await reopen(undefined), directory, lines, reopen };
}
const chunk = (records: string[], keys: Parameters<typeof chunkOf>[1] = { timekeySeconds: day }): Chunk =>
  chunkOf([batchOf('a.x', records)], keys);
const contents = (directory: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), 'utf8')]),
  );

test('one file a day, numbered unless appended', async () => {
  const { output, directory } = await place({});
  await output.write(chunk(['{"v":0}', '{"v":1}']), signal);
  await output.write(chunk(['{"v":2}'], { timekeySeconds: day + 86_400 }), signal);
  await output.write(chunk(['{"v":3}']), signal);
  assert.deepEqual(contents(directory), {
    'out.20240305_0.log': '{"v":0}\n{"v":1}\n{"v":3}\n',
    'out.20240306_0.log': '{"v":2}\n',
  });
  await output.close();
  const next = await place({ path: `../${directory.split('/').at(-1)}/out` });
  await next.output.write(chunk(['{"v":4}']), signal);
  assert.equal(readFileSync(join(directory, 'out.20240305_1.log'), 'utf8'), '{"v":4}\n');
});

test('suffixes, zones and tags, as recorded', async () => {
  const suffix = await place({ path: 'out.*.txt', append: true });
  await suffix.output.write(chunk(['{}']), signal);
  assert.deepEqual(Object.keys(contents(suffix.directory)), ['out.20240305.txt']);
  const plain = await place({ path: 'plain.json', append: true, addPathSuffix: false });
  await plain.output.write(chunk(['{}']), signal);
  assert.deepEqual(Object.keys(contents(plain.directory)), ['plain.json.20240305']);
  const zone = await place({ append: true }, { ...byDay, timezone: '+0900' });
  await zone.output.write(chunk(['{}'], { timekeySeconds: day + 15 * 3600 }), signal);
  assert.deepEqual(Object.keys(contents(zone.directory)), ['out.20240306.log']);
  const tag = await place({ path: '${tag}' }, { ...defaultBuffer, chunkKeys: ['tag'] });
  await tag.output.write(chunk(['{}'], { tag: 'a.x' }), signal);
  assert.deepEqual(Object.keys(contents(tag.directory)), ['a.x_0.log']);
  const bad = await tag.output.write(chunk(['{}', '{}'], { tag: '../../etc' }), signal);
  assert.deepEqual(
    bad?.refused?.map(({ row }) => row),
    [0, 1],
  );
});

test('a path that a tag makes impossible refuses its records and holds up no others', async () => {
  const buffer = { ...defaultBuffer, chunkKeys: ['tag'] };
  const { output, directory } = await place({ path: 'in/${tag}', append: true }, buffer);
  const write = async (tag: string) => {
    const result = await output.write(chunk(['{"v":1}'], { tag }), signal);
    return result?.refused?.map(({ reason }) => /[A-Z]{5,}/.exec(reason)?.[0]);
  };
  assert.deepEqual(await write('x'.repeat(300)), ['ENAMETOOLONG']);
  assert.deepEqual(await write('a'), []);
  assert.deepEqual(await write('a.log/b'), ['ENOTDIR']);
  assert.deepEqual(await write('dir.log/b'), []);
  assert.deepEqual(await write('dir'), ['EISDIR']);
  await output.commit?.(undefined);
  const { files } = JSON.parse(readFileSync(`${directory}.state/begun.json`, 'utf8')) as { files: { path: string }[] };
  assert.deepEqual(
    files.map(({ path }) => path.slice(directory.length)),
    ['/in/a.log', '/in/dir.log/b.log'],
  );
  // What the configuration names itself is for a person to mend: nothing is refused.
  const blocked = await place({ path: 'file/${tag}', append: true }, buffer);
  mkdirSync(blocked.directory);
  writeFileSync(join(blocked.directory, 'file'), '');
  await assert.rejects(async () => blocked.output.write(chunk(['{}'], { tag: 'a' }), signal), { code: 'OUTPUT_WRITE' });
});

test("files and directories get Fluentd's modes", async () => {
  const { output, directory } = await place({ path: 'deep/er/out' });
  await output.write(chunk(['{}']), signal);
  const umask = process.umask();
  assert.equal(statSync(join(directory, 'deep')).mode & 0o777, 0o755 & ~umask);
  assert.equal(statSync(join(directory, 'deep/er/out.20240305_0.log')).mode & 0o777, 0o644 & ~umask);
});

test('rotation by size cuts between records', async () => {
  const { output, directory } = await place(
    { path: 'log.txt', append: true, addPathSuffix: false, rotateBytes: 20, rotateBackups: 2 },
    defaultBuffer,
  );
  const durable = await output.commit?.(undefined);
  await output.write(chunk(['{"v":0}', '{"v":1}', '{"v":2}'], {}), signal);
  const second = await output.commit?.(durable);
  await output.write(
    chunk(['{"v":3}', '{"long":"larger than a file may be"}', '{"v":4}', '{"v":5}', '{"v":6}'], {}),
    signal,
  );
  const third = await output.commit?.(second);
  await output.commit?.(third);
  assert.deepEqual(contents(directory), {
    'log.txt': '{"v":6}\n',
    'log.txt.1': '{"v":4}\n{"v":5}\n',
    'log.txt.2': '{"long":"larger than a file may be"}\n',
  });
});

test('gzip members join to one file', async () => {
  const { output, directory } = await place({ append: true, compress: 'gzip' });
  await output.write(chunk(['{"v":0}']), signal);
  await output.write(chunk(['{"v":1}']), signal);
  assert.equal(gunzipSync(readFileSync(join(directory, 'out.20240305.log.gz'))).toString(), '{"v":0}\n{"v":1}\n');
});

test('the symbolic link follows the newest file', async () => {
  const { output, directory } = await place({ append: true, symlinkPath: 'links/current' });
  await output.write(chunk(['{}']), signal);
  await output.write(chunk(['{}'], { timekeySeconds: day + 86_400 }), signal);
  await output.write(chunk(['{}']), signal);
  assert.equal(readlinkSync(join(directory, 'links/current')), join(directory, 'out.20240306.log'));
});

test('a restart takes back what was not committed', async () => {
  const { output, directory, reopen, lines } = await place({ append: true });
  const path = join(directory, 'out.20240305.log');
  await output.write(chunk(['{"v":0}']), signal);
  const committed = await output.commit?.(undefined);
  await output.write(chunk(['{"v":1}']), signal);
  await output.write(chunk(['{"v":2}'], { timekeySeconds: day + 86_400 }), signal);
  appendFileSync(path, '{"v":');
  const again = await reopen(committed);
  assert.deepEqual(contents(directory), { 'out.20240305.log': '{"v":0}\n' });
  await again.write(chunk(['{"v":1}']), signal);
  assert.equal(readFileSync(path, 'utf8'), '{"v":0}\n{"v":1}\n');
  assert.deepEqual(lines, []);
});

test('a file that was there before is appended to, and kept by a restart', async () => {
  const { output, directory, reopen } = await place({ append: true });
  await output.write(chunk(['{"v":0}']), signal);
  await output.commit?.(undefined);
  const fresh = await place({ path: `../${directory.split('/').at(-1)}/out`, append: true });
  await fresh.output.write(chunk(['{"v":1}']), signal);
  assert.equal(contents(directory)['out.20240305.log'], '{"v":0}\n{"v":1}\n');
  await fresh.reopen(undefined);
  assert.equal(contents(directory)['out.20240305.log'], '{"v":0}\n');
  await reopen(undefined);
});

test('files that others cut, move or delete are said, and begun again', async () => {
  const { output, directory, reopen, lines } = await place({ append: true });
  const path = join(directory, 'out.20240305.log');
  await output.write(chunk(['{"v":0}', '{"v":1}']), signal);
  truncateSync(path, 8);
  await output.write(chunk(['{"v":2}']), signal);
  assert.equal(readFileSync(path, 'utf8'), '{"v":0}\n{"v":2}\n');
  assert.match(lines.at(-1) ?? '', /"level":50.*was cut from 16 to 8 bytes/);
  renameSync(path, `${path}.moved`);
  await output.write(chunk(['{"v":3}']), signal);
  assert.equal(readFileSync(path, 'utf8'), '{"v":3}\n');
  assert.match(lines.at(-1) ?? '', /"level":40.*was moved or deleted/);
  const committed = await output.commit?.(undefined);
  await output.close();
  truncateSync(path, 4);
  const again = await reopen(committed);
  assert.match(lines.at(-1) ?? '', /"level":50.*has 4 of 8 bytes/);
  await again.write(chunk(['{"v":4}']), signal);
  assert.equal(readFileSync(path, 'utf8'), '{"v"{"v":4}\n');
  rmSync(path);
  await again.close();
  await (await reopen(committed)).write(chunk(['{"v":5}']), signal);
  assert.equal(readFileSync(path, 'utf8'), '{"v":5}\n');
});

test('a full disk leaves no torn line and is retried; a failed sync stops writing', async () => {
  let isFull = false;
  let syncFails = false;
  const disk: Disk = {
    ...realDisk,
    async open(path, mode, permissions) {
      const file = await realDisk.open(path, mode, permissions);
      return {
        read: (buffer, position) => file.read(buffer, position),
        size: () => file.size(),
        close: () => file.close(),
        truncate: (length) => file.truncate(length),
        sync: () => (syncFails ? Promise.reject(new Error('EIO: i/o error')) : file.sync()),
        async write(buffers, position) {
          if (!isFull) return file.write(buffers, position);
          await file.write([Buffer.concat(buffers).subarray(0, 5)], position);
          throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
        },
      };
    },
  };
  const { output, directory } = await place({ append: true }, byDay, disk);
  await output.write(chunk(['{"v":0}']), signal);
  isFull = true;
  const retryable = (error: unknown) =>
    error instanceof OperatingError && error.code === 'OUTPUT_WRITE' && error.retryable;
  await assert.rejects(output.write(chunk(['{"v":1}']), signal), retryable);
  assert.equal(contents(directory)['out.20240305.log'], '{"v":0}\n');
  isFull = false;
  await output.write(chunk(['{"v":1}']), signal);
  assert.equal(contents(directory)['out.20240305.log'], '{"v":0}\n{"v":1}\n');
  syncFails = true;
  await assert.rejects(async () => output.commit?.(undefined), retryable);
  syncFails = false;
  await assert.rejects(output.write(chunk(['{"v":2}']), signal), /a sync failed before/);
});

test('many files stay within the limit of open ones', async () => {
  const { output, directory } = await place({ path: '${tag}', append: true }, { ...defaultBuffer, chunkKeys: ['tag'] });
  let durable: unknown;
  for (let round = 0; round < 2; round++)
    for (let i = 0; i < 300; i++) {
      await output.write(chunk([`{"v":${round}}`], { tag: `t${i}` }), signal);
      if (i % 100 === 0) durable = await output.commit?.(durable);
    }
  const files = Object.values(contents(directory));
  assert.equal(files.length, 300);
  assert.ok(files.every((text) => text === '{"v":0}\n{"v":1}\n'));
  const open = readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith(directory) ? [fd] : [];
    } catch {
      return [];
    }
  });
  assert.ok(open.length <= 64, String(open.length));
});
