/** What rotation put aside while nobody looked: found, read first and in order, once; what is gone is counted. */
import assert from 'node:assert/strict';
import { copyFile, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { until } from '../../../test/program.ts';
import { Tailing } from './tail-fixture.ts';

/** As gzip does: with the times of what it compresses, which goes. */
async function gzip(path: string): Promise<void> {
  const { atime, mtime } = await stat(path);
  await writeFile(`${path}.gz`, gzipSync(await readFile(path)));
  await utimes(`${path}.gz`, atime, mtime);
  await rm(path);
}

/** All begin alike, so that the first bytes alone tell nothing. */
const banner = `${'*'.repeat(300)}\n`;
const lines = (...numbers: number[]): string => numbers.map((n) => `line ${n}\n`).join('');
const numbersOf = (tail: Tailing): number[] =>
  tail.messages.filter((text) => !String(text).startsWith('*')).map((text) => Number(String(text).slice(5)));

async function readFirst(tail: Tailing, text: string): Promise<void> {
  await tail.write('in.log', text);
  await tail.start();
  await tail.count(text.split('\n').length - 1);
  await tail.stop();
}

test('several rotations while nobody looked, some compressed: the rest of each is read, in order, once', async (t) => {
  const tail = await Tailing.make(t, { pathKey: 'path' });
  await tail.write('in.log.7', 'long before\n');
  await utimes(tail.file('in.log.7'), 1000, 1000);
  await readFirst(tail, banner + lines(0, 1));
  await tail.append('in.log', lines(2));
  await rename(tail.file('in.log'), tail.file('in.log.3'));
  await gzip(tail.file('in.log.3'));
  await until('another time', async () => (await tail.write('in.log.2', banner + lines(3, 4)), true));
  await gzip(tail.file('in.log.2'));
  await tail.write('in.log.1', banner + lines(5));
  await tail.write('in.log', banner + lines(6));
  await tail.start();
  await tail.count(10);
  await tail.append('in.log', lines(7));
  await tail.count(11);
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.ok(tail.records.every(({ path }) => path === tail.file('in.log')));
  await gzip(tail.file('in.log.1'));
  await tail.start();
  await tail.append('in.log', lines(8));
  await tail.count(12);
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('a copy that was made before the file was cut gives what was not read of it', async (t) => {
  const tail = await Tailing.make(t);
  await readFirst(tail, banner + lines(0, 1));
  await tail.append('in.log', lines(2, 3));
  await copyFile(tail.file('in.log'), tail.file('in.log.1'));
  await truncate(tail.file('in.log'));
  await tail.append('in.log', banner + lines(4));
  await tail.start();
  await tail.count(7);
  await tail.append('in.log', lines(5));
  await tail.count(8);
  // While it runs: the copy holds nothing new.
  await copyFile(tail.file('in.log'), tail.file('in.log.1'));
  await writeFile(tail.file('in.log'), lines(6));
  await tail.count(9);
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1, 2, 3, 4, 5, 6]);
  assert.ok(!tail.said.some((text) => text.includes('lost')));
});

test('what a cut took is counted over all runs; what is gone is said', async (t) => {
  const tail = await Tailing.make(t);
  await readFirst(tail, `${lines(0)}unfinished`);
  await truncate(tail.file('in.log'));
  await tail.start();
  await until('the word', () => tail.said.some((text) => /10 bytes that were not read yet are lost/.test(text)));
  await tail.append('in.log', `${lines(1)}more`);
  await tail.count(2);
  await until('a look at it', () => tail.appended.some(({ state }) => JSON.stringify(state).includes('"seen":11')));
  await tail.stop();
  await rm(tail.file('in.log'));
  await tail.start();
  await tail.stop();
  assert.ok(tail.said.some((text) => /is gone after 7 bytes.*4 bytes that were not read yet are lost/.test(text)));
  assert.deepEqual(tail.appended.flatMap(({ state }) => (state?.['lostBytes'] as number | undefined) ?? []).at(-1), 14);
});

test('a compressed file that is being written is left until it is whole', async (t) => {
  const tail = await Tailing.make(t);
  await readFirst(tail, lines(0));
  const bytes = gzipSync(lines(0, 1, 2));
  await rm(tail.file('in.log'));
  await tail.write('in.log.1.gz', bytes.subarray(0, 20));
  await tail.write('in.log', lines(3));
  await tail.start();
  await tail.write('in.log.1.gz', bytes);
  await tail.count(4);
  await tail.stop();
  assert.deepEqual(
    numbersOf(tail).toSorted((a, b) => a - b),
    [0, 1, 2, 3],
  );
});

test('compressing that pauses in the middle: nothing is taken for the whole, read twice or left out', async (t) => {
  for (const cut of [14, 20, 24, 30]) {
    const tail = await Tailing.make(t);
    await readFirst(tail, lines(0));
    // As if the path had been followed for long.
    for (const { state } of tail.appended)
      for (const value of Object.values(state ?? {}))
        if (typeof value === 'object' && value !== null && 'sinceMs' in value) value.sinceMs = 1;
    const bytes = gzipSync(lines(0, 1, 2));
    await rm(tail.file('in.log'));
    const path = tail.file('in.log.1.gz');
    await writeFile(path, bytes.subarray(0, cut));
    const paused = Date.now() / 1000 - 60;
    await utimes(path, paused, paused);
    await tail.write('in.log', lines(3));
    await tail.start();
    await tail.count(2);
    await tail.stop();
    await tail.start();
    await writeFile(path, bytes);
    await tail.count(4);
    await tail.stop();
    assert.deepEqual(
      numbersOf(tail).toSorted((a, b) => a - b),
      [0, 1, 2, 3],
      `after ${cut} bytes`,
    );
  }
});

test('a compressed file that is looked for itself is read as what it holds', async (t) => {
  const tail = await Tailing.make(t, { path: 'in.log*' });
  await tail.write('in.log.1.gz', gzipSync(lines(0, 1)));
  await tail.start();
  await tail.count(2);
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1]);
});

test('a log that holds no more than how all begin yet: what was put aside before it is read', async (t) => {
  const tail = await Tailing.make(t);
  await readFirst(tail, banner + lines(0));
  await rename(tail.file('in.log'), tail.file('in.log.2'));
  await tail.write('in.log.1', banner + lines(1, 2));
  await tail.write('in.log', banner);
  await tail.start();
  await tail.append('in.log', lines(3));
  await until('the last line', () => numbersOf(tail).includes(3));
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1, 2, 3]);
});

test('a log that says the same each time: what was put aside is another file all the same', async (t) => {
  const tail = await Tailing.make(t);
  await readFirst(tail, lines(0));
  await rename(tail.file('in.log'), tail.file('in.log.2'));
  for (const [name, text] of [
    ['in.log.1', lines(1, 2)],
    ['in.log', lines(1, 2, 3)],
  ] as const) {
    await tail.write(name, text);
    // When it was made is known once it was changed later than that.
    await until('a later change', async () => {
      await utimes(tail.file(name), new Date(), new Date());
      const { birthtimeNs, ctimeNs } = await stat(tail.file(name), { bigint: true });
      return birthtimeNs !== ctimeNs;
    });
  }
  await tail.start();
  await until('the last line', () => numbersOf(tail).includes(3));
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1, 2, 1, 2, 3]);
});

test('what was read so far of a log is how all begin: what is compressed beside it is read once it is whole', async (t) => {
  const tail = await Tailing.make(t);
  await readFirst(tail, banner + lines(0));
  await rename(tail.file('in.log'), tail.file('in.log.2'));
  const bytes = gzipSync(banner + lines(1, 2));
  await tail.write('in.log.1.gz', bytes.subarray(0, 20));
  await tail.write('in.log', banner);
  await tail.start();
  await tail.count(3);
  await tail.write('in.log.1.gz', bytes);
  await until('what was compressed', () => numbersOf(tail).includes(2));
  await tail.append('in.log', lines(3));
  await until('the last line', () => numbersOf(tail).includes(3));
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1, 2, 3]);
});

test('a file that waits for what came before it, and is compressed meanwhile, is read once', async (t) => {
  const tail = await Tailing.make(t);
  await readFirst(tail, banner + lines(0));
  await tail.append('in.log', lines(1));
  await rename(tail.file('in.log'), tail.file('in.log.2'));
  await gzip(tail.file('in.log.2'));
  await tail.write('in.log', banner + lines(2, 3));
  const goOn = Promise.withResolvers<void>();
  const isHeldUp = Promise.withResolvers<void>();
  tail.beforeAppend = async ({ records }) => {
    if (records.payloads.length === 0) return;
    isHeldUp.resolve();
    await goOn.promise;
  };
  const started = tail.start();
  await isHeldUp.promise;
  await rename(tail.file('in.log'), tail.file('in.log.1'));
  await gzip(tail.file('in.log.1'));
  await tail.write('in.log', banner + lines(4));
  goOn.resolve();
  await started;
  await until('the last line', () => numbersOf(tail).includes(4));
  await tail.stop();
  assert.deepEqual(numbersOf(tail), [0, 1, 2, 3, 4]);
});
