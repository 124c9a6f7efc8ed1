import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { FakeClock } from '../../core/clock.ts';
import { silentLog } from '../../core/log.ts';
import { FakeContext, configWith, send, sendJson, startSource } from './harness.test.ts';
import { RotatingFiles } from './rotating-files.ts';
import { PostbackSource } from './source.ts';

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'post2log-files-'));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

function files(
  dir: string,
  changes: { podName?: string; rotateBytes?: number; backups?: number } = {},
  clock = new FakeClock(),
) {
  const lost = { count: 0 };
  const settings = { dir, podName: undefined, rotateBytes: 1000, backups: 2, ...changes };
  const made = new RotatingFiles({ ...settings, lost: (count) => (lost.count += count) }, clock, silentLog());
  return { made, lost };
}
const read = (path: string) => readFile(path, 'utf8').catch(() => undefined);

test('names: <pod, or NA>_<process id>.txt', async (t) => {
  const dir = await directory(t);
  assert.equal(files(dir).made.path, join(dir, `NA_${process.pid}.txt`));
  assert.equal(files(dir, { podName: 'post2log-1' }).made.path, join(dir, `post2log-1_${process.pid}.txt`));
  assert.equal(files(dir, { podName: '../x' }).made.path, join(dir, `.._x_${process.pid}.txt`));
});

test('rotation: before the line that brings the file to its size, with N backups', async (t) => {
  const { made } = files(await directory(t), { rotateBytes: 10 });
  await made.open();
  made.add(['aaa', 'bbb', 'ccc', 'ddd', 'eee', 'fff', 'ggg']);
  made.add(['hhh']);
  await made.close();
  assert.equal(await read(made.path), 'ggg\nhhh\n');
  assert.equal(await read(`${made.path}.1`), 'eee\nfff\n');
  assert.equal(await read(`${made.path}.2`), 'ccc\nddd\n');
  assert.equal(await read(`${made.path}.3`), undefined);
});

test('rotation: a line larger than the size has a file to itself; a restart goes on where the file ends', async (t) => {
  const dir = await directory(t);
  const first = files(dir, { rotateBytes: 10 }).made;
  await first.open();
  first.add(['x'.repeat(50), 'a']);
  await first.close();
  const second = files(dir, { rotateBytes: 10 }).made;
  await second.open();
  second.add(['b', 'ccccccc']);
  await second.close();
  assert.equal(await read(first.path), 'ccccccc\n');
  assert.equal(await read(`${first.path}.1`), 'a\nb\n');
  assert.equal(await read(`${first.path}.2`), `${'x'.repeat(50)}\n`);
});

test('rotation: never without a size or without backups', async (t) => {
  for (const changes of [{ rotateBytes: 0 }, { rotateBytes: 10, backups: 0 }]) {
    const dir = await directory(t);
    const { made } = files(dir, changes);
    await made.open();
    made.add(Array.from({ length: 100 }, (_, i) => `line ${i}`));
    await made.close();
    assert.equal((await readdir(dir)).length, 1);
    assert.equal((await read(made.path))?.split('\n').length, 101);
  }
});

test('rotation: no line is lost, doubled or cut, whatever their sizes', async (t) => {
  const root = await directory(t);
  let run = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(fc.string({ minLength: 0, maxLength: 30, unit: 'grapheme' }), { maxLength: 10 }), {
        maxLength: 6,
      }),
      fc.integer({ min: 1, max: 60 }),
      async (batches, rotateBytes) => {
        const dir = join(root, String(run++));
        const { made } = files(dir, { rotateBytes, backups: 100 });
        const wanted = batches.map((lines) => lines.map((line) => JSON.stringify(line)));
        await made.open();
        for (const lines of wanted) made.add(lines);
        await made.close();
        const names = await readdir(dir);
        const number = (name: string) => Number(/\.txt\.(\d+)$/.exec(name)?.[1] ?? 0);
        let text = '';
        for (const name of names.sort((a, b) => number(b) - number(a))) {
          const part = await readFile(join(dir, name), 'utf8');
          assert.ok(Buffer.byteLength(part) < rotateBytes || part.indexOf('\n') === part.length - 1);
          text += part;
        }
        assert.equal(
          text,
          wanted
            .flat()
            .map((line) => `${line}\n`)
            .join(''),
        );
      },
    ),
    { numRuns: 30 },
  );
});

test('a directory that cannot be written: lines wait, are tried again, and are counted when they are given up', async (t) => {
  const dir = join(await directory(t), 'made');
  const clock = new FakeClock();
  const { made, lost } = files(dir, { rotateBytes: 4 }, clock);
  await made.open();
  // What stands where the backup goes makes rotation fail, for root too.
  await mkdir(`${made.path}.1`);
  await writeFile(join(`${made.path}.1`, 'x'), '');
  await mkdir(`${made.path}.2`);
  await writeFile(join(`${made.path}.2`, 'x'), '');
  made.add(['aaaa', 'bbbb']);
  await made.close();
  assert.equal(lost.count, 1);
  assert.equal(await read(made.path), 'aaaa\n');
  const again = files(dir, { rotateBytes: 4 }, clock);
  await again.made.open();
  again.made.add(['cccc']);
  await rm(`${made.path}.1`, { recursive: true });
  await rm(`${made.path}.2`, { recursive: true });
  await again.made.close();
  assert.equal(again.lost.count, 0);
  assert.equal(await read(made.path), 'cccc\n');
});

test('a log directory that cannot be made stops the start and says so', async (t) => {
  const dir = await directory(t);
  await writeFile(join(dir, 'file'), '');
  const source = new PostbackSource(
    configWith({ forwarder: 'files', logDir: join(dir, 'file', 'x') }),
    new FakeContext(),
  );
  await assert.rejects(source.start(), { code: 'OUTPUT_WRITE', message: /opening log file .*check log_dir/ });
});

test('forwarder files: each record is a line of JSON, written once the journal has it', async (t) => {
  const dir = await directory(t);
  await chmod(dir, 0o755);
  for (const forwarder of ['files', 'both', 'builtin'] as const) {
    const context = new FakeContext();
    const logDir = join(dir, forwarder);
    const source = new PostbackSource(configWith({ forwarder, logDir, podName: 'p-1' }), context);
    await source.start();
    const port = source.address?.port ?? 0;
    assert.equal((await sendJson(port, '/postback', '{"a":1.0}')).status, 200);
    assert.equal((await sendJson(port, '/postback', '[{"a":2},{"a":3}]')).status, 200);
    await source.stop();
    const text = await read(join(logDir, `p-1_${process.pid}.txt`));
    assert.equal(text, forwarder === 'builtin' ? undefined : context.texts.map((line) => `${line}\n`).join(''));
    assert.equal(context.texts.length, 3);
  }
});

test('forwarder files: a record that is not JSON is written as JSON, with U+FFFD for what is not UTF-8', async (t) => {
  const dir = await directory(t);
  const source = new PostbackSource(configWith({ forwarder: 'files', logDir: dir }), new FakeContext());
  await source.start();
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  assert.equal((await send(source.address?.port ?? 0, '/postback', { body: 'a=x%ff', headers })).status, 200);
  await source.stop();
  assert.match((await read(join(dir, `NA_${process.pid}.txt`))) ?? '', /^\{"a":"x\ufffd","_path":"\/postback",.*\}\n$/);
});

test('forwarder files: the ack waits for the journal', async (t) => {
  const dir = await directory(t);
  const context = new FakeContext();
  context.isHolding = true;
  const { port } = await startSource(t, { forwarder: 'files', logDir: dir }, context);
  const answer = sendJson(port, '/postback', '{"a":1}');
  await context.until(() => context.held.length === 1);
  assert.equal(await read(join(dir, `NA_${process.pid}.txt`)), '');
  context.held.shift()?.resolve();
  assert.equal((await answer).status, 200);
});
