import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { open, readFile, readdir, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { Database } from './database.ts';
import {
  allRecords,
  copySegment,
  makeBatch,
  makeStoreDirectory,
  neverAborted,
  openStore,
  rowsOf,
} from './engine-fixture.ts';
import type { Engine, EngineOptions } from './engine.ts';
import { isBroken } from './opening.ts';

const startMs = Date.UTC(2026, 10, 21, 15, 30);
const dayMs = 86_400_000;

const insert = (engine: Engine, from: number, to: number, clock?: FakeClock) =>
  engine.insert(
    [makeBatch(rowsOf(from, to), { span: { from, to }, appendMs: clock?.nowMs() ?? startMs })],
    neverAborted,
  );
const expected = (...ranges: [number, number][]) =>
  ranges
    .flatMap(([from, to]) => rowsOf(from, to))
    .map(({ offset }) => `shard-a-${offset} {"n":${offset}}`)
    .sort();

/** A store with a closed partition for each of some days, and an open one, with ten records each. */
async function makeDays(directory: string, days: number, options: Partial<EngineOptions> = {}): Promise<FakeClock> {
  const clock = new FakeClock(startMs);
  const engine = await openStore(directory, { clock, ...options });
  for (let day = 0; day <= days; day++) {
    if (day > 0) clock.advance(dayMs);
    await insert(engine, 10 * day, 10 * day + 10, clock);
    await engine.idle();
  }
  await engine.close();
  return clock;
}
const pathOf = (directory: string, number: number, rest = '') =>
  join(directory, 'store', `0000000${number}-202611${20 + number}T1500Z${rest}.duckdb`);

/** Overwrites what lies behind the headers. */
async function damage(path: string): Promise<void> {
  const { size } = await stat(path);
  const file = await open(path, 'r+');
  for (let at = 12_288; at < size; at += 4096) await file.write(Buffer.alloc(1000, 7), 0, 1000, at);
  await file.close();
}

describe('partitions', () => {
  test('one that is damaged is set aside and said; the others answer and take rows', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = await makeDays(directory, 2);
    await damage(pathOf(directory, 1));
    await rm(join(directory, 'store', 'index.json'));
    let engine = await openStore(directory, { clock });
    assert.deepEqual(await allRecords(engine), expected([10, 30]));
    assert.match(
      engine.notes().join(),
      /partition 00000001-20261121T1500Z could not be read and was set aside: .*Corrupt/,
    );
    assert.equal((await engine.status()).setAside[0]?.name, '00000001-20261121T1500Z');
    const moved = await readdir(join(directory, 'store', 'set-aside'));
    assert.deepEqual(moved.sort(), ['00000001-20261121T1500Z.duckdb', '00000001-20261121T1500Z.duckdb.reason']);
    // Taken is taken, even if it is no longer there.
    await insert(engine, 0, 35, clock);
    assert.deepEqual(await allRecords(engine), expected([10, 35]));
    const notes = engine.notes();
    await engine.close();
    // What is missing is said after the next start too, until its files are gone.
    engine = await openStore(directory, { clock });
    assert.deepEqual(engine.notes(), notes);
    await engine.close();
    await rm(join(directory, 'store', 'set-aside'), { recursive: true });
    engine = await openStore(directory, { clock, isReadOnly: true });
    assert.deepEqual(engine.notes(), []);
    await engine.close();
  });

  test('one that turns out to be damaged when it is asked is set aside then', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = await makeDays(directory, 1);
    await damage(pathOf(directory, 1));
    const engine = await openStore(directory, { clock });
    const [newest, oldest] = engine.views();
    assert.equal(oldest?.records, 10);
    const error: unknown = await oldest.snapshot().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.match(String(error), /STORE_READ: reading partition 00000001-20261121T1500Z of the store: .*Corrupt/);
    assert.equal(await oldest.failed(error), true);
    assert.deepEqual(engine.views(), [newest]);
    // Who still holds it finds it empty.
    const snapshot = await oldest.snapshot();
    assert.deepEqual(snapshot.tables, []);
    await snapshot.release();
    assert.equal(await newest?.failed(new Error('Binder Error: no such column')), false);
    assert.equal(engine.views().length, 1);
    await engine.close();
  });

  test('when the open one is damaged another begins, which knows what the others took', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = await makeDays(directory, 1);
    await damage(pathOf(directory, 2));
    const engine = await openStore(directory, { clock });
    await insert(engine, 5, 20, clock);
    assert.deepEqual(await allRecords(engine), expected([0, 20]));
    assert.deepEqual(
      engine.views().map((view) => view.name),
      ['00000002-20261122T1500Z', '00000001-20261121T1500Z'],
    );
    await engine.close();
  });

  test('read-only, a damaged one is said and stays where it is', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = await makeDays(directory, 1);
    await writeFile(pathOf(directory, 1), 'this is no database');
    const engine = await openStore(directory, { clock, isReadOnly: true });
    assert.deepEqual(await allRecords(engine), expected([10, 20]));
    assert.match(engine.notes().join(), /not a valid DuckDB database file/);
    await engine.close();
    assert.equal(await readFile(pathOf(directory, 1), 'utf8'), 'this is no database');
  });

  test('what an error quotes does not make a partition a broken one', () => {
    const quoted = 'IO Error: Cannot open file "/data/checksum/store/a.duckdb": Too many open files';
    assert.equal(isBroken(new Error(quoted)), false);
    assert.equal(isBroken(new Error("Invalid Input Error: could not read 'Serialization Error'")), false);
    assert.equal(isBroken(new Error('IO Error: Could not read enough bytes from file "a.duckdb": wanted 8')), true);
  });

  test('the damaged end of a log is cut off and kept', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = new FakeClock(startMs);
    let engine = await openStore(directory, { clock });
    await insert(engine, 0, 100);
    const wal = `${pathOf(directory, 1, '.hot-00000001')}.wal`;
    const whole = (await stat(wal)).size;
    await insert(engine, 100, 200);
    await engine.close();
    const file = await open(wal, 'r+');
    await file.write(Buffer.alloc(50, 1), 0, 50, whole + 100);
    await file.close();
    engine = await openStore(directory, { clock });
    assert.deepEqual(await allRecords(engine), expected([0, 100]));
    await insert(engine, 0, 300);
    assert.deepEqual(await allRecords(engine), expected([0, 300]));
    await engine.close();
    // A log that ends in the middle of a write, as after kill -9, is nothing special.
    await truncate(wal, (await stat(wal)).size - 10);
    engine = await openStore(directory, { clock });
    assert.deepEqual(await allRecords(engine), expected([0, 100]));
    assert.deepEqual(engine.notes(), []);
    await engine.close();
    assert.deepEqual(await readdir(join(directory, 'store', 'set-aside')), [
      `00000001-20261121T1500Z.hot-00000001.duckdb.wal`,
    ]);
  });

  test('a hot table that is no database is set aside alone', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = new FakeClock(startMs);
    let engine = await openStore(directory, { clock, hotRows: 100, writeSegment: copySegment });
    await insert(engine, 0, 90);
    await insert(engine, 90, 180);
    await engine.idle();
    await engine.close();
    await writeFile(pathOf(directory, 1, '.hot-00000002'), 'x'.repeat(20_000));
    engine = await openStore(directory, { clock });
    assert.deepEqual(await allRecords(engine), expected([0, 90]));
    assert.match(engine.notes().join(), /newest records/);
    await insert(engine, 180, 190);
    assert.deepEqual(await allRecords(engine), expected([0, 90], [180, 190]));
    const notes = engine.notes();
    await engine.close();
    engine = await openStore(directory, { clock, isReadOnly: true });
    assert.deepEqual(engine.notes(), notes);
    await engine.close();
  });

  test('what a killed process left half-made is removed', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = await makeDays(directory, 0);
    const left = ['00000002-20261122T1500Z.duckdb.new', '00000009-20261122T1500Z.hot-00000001.duckdb', 'x.duckdb.wal'];
    for (const name of left) await writeFile(join(directory, 'store', name), 'x');
    const engine = await openStore(directory, { clock });
    assert.deepEqual(await allRecords(engine), expected([0, 10]));
    const files = await readdir(join(directory, 'store'));
    assert.deepEqual(
      files.filter((file) => left.includes(file)),
      [],
    );
    await engine.close();
  });

  for (const { format, of, code } of [
    { format: 3, of: 'a newer program', code: 'DATA_DIR_NEWER' },
    { format: 1, of: 'an older form', code: 'DATA_DIR_UNUSABLE' },
  ])
    test(`a store of ${of} is left alone`, async (context) => {
      const directory = await makeStoreDirectory(context);
      await makeDays(directory, 0);
      const options = { memoryBytesMax: 2 ** 26, temporaryDirectory: directory, spillBytesMax: 2 ** 26 };
      const database = await Database.open(options);
      await database.attach(pathOf(directory, 1), 'p', false);
      const connection = await database.connect();
      await connection.run(`UPDATE p.meta SET value = '${format}' WHERE key = 'format'; CHECKPOINT p`);
      database.close();
      await assert.rejects(openStore(directory), { code });
    });

  test('waits for a process that has it open, and says so when it stays', { timeout: 60_000 }, async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = await makeDays(directory, 0);
    const program = `
      import { DuckDBInstance } from '@duckdb/node-api';
      const instance = await DuckDBInstance.create(process.argv[1]);
      console.log('open');
      process.stdin.resume().once('end', () => process.exit());
    `;
    const child = execFile(process.execPath, ['--input-type=module', '-e', program, pathOf(directory, 1)]);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
    const opening = openStore(directory, { clock });
    child.stdin?.end();
    const engine = await opening;
    assert.deepEqual(await allRecords(engine), expected([0, 10]));
    await engine.close();
  });

  test('a file that the process did not survive twice is tried in another one', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = await makeDays(directory, 1);
    const marker = join(directory, 'store', 'opening');
    const probed: string[] = [];
    const open = (isSurvived: boolean) =>
      openStore(directory, {
        clock,
        probe: (path) => {
          probed.push(path);
          return Promise.resolve(isSurvived);
        },
      });
    await writeFile(marker, '00000002-20261122T1500Z\n1\n');
    await (await open(false)).close();
    assert.deepEqual(probed, []);
    await writeFile(marker, '00000002-20261122T1500Z\n2\n');
    await (await open(true)).close();
    assert.deepEqual(probed, [pathOf(directory, 2)]);
    await writeFile(marker, '00000002-20261122T1500Z\n2\n');
    const engine = await open(false);
    assert.match(engine.notes().join(), /opening it ended the process 3 times/);
    assert.deepEqual(await allRecords(engine), expected([0, 10]));
    await engine.close();
    // The real thing, on a file that is well.
    await writeFile(marker, '00000001-20261121T1500Z\n2\n');
    await rm(join(directory, 'store', 'index.json'), { force: true });
    const real = await openStore(directory, { clock });
    assert.doesNotMatch(real.notes().join(), /20261121T1500Z/);
    await real.close();
  });

  test('many partitions: few attached, known from the index, the same without it or with a wrong one', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = new FakeClock(startMs);
    let engine = await openStore(directory, { clock, writeSegment: copySegment });
    const days = 40;
    for (let day = 0; day < days; day++) {
      await insert(engine, 10 * day, 10 * day + 10);
      clock.advance(dayMs);
      await engine.idle();
    }
    const all = expected([0, 10 * days]);
    assert.deepEqual(await allRecords(engine), all);
    const descriptors = await readdir('/proc/self/fd').catch(() => []);
    assert.ok(descriptors.length < 200, `${descriptors.length} descriptors`);
    await engine.close();
    const index = join(directory, 'store', 'index.json');
    const good = await readFile(index, 'utf8');
    for (const text of [good, '', '{"format":1,"partitions":[]}', good.replaceAll(/"bytes":\d+/g, '"bytes":7')]) {
      await writeFile(index, text);
      engine = await openStore(directory, { clock, writeSegment: copySegment });
      assert.equal(engine.views().length, days);
      assert.ok(engine.views().every((view) => view.records === 10));
      assert.deepEqual(await allRecords(engine), all);
      await engine.close();
    }
  });

  test('drops the oldest by age and by size, and forgets nothing that was taken', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = new FakeClock(startMs);
    const engine = await openStore(directory, { clock, writeSegment: copySegment, keepMs: 3 * dayMs });
    for (let day = 0; day < 6; day++) {
      await insert(engine, 10 * day, 10 * day + 10, clock);
      clock.advance(dayMs);
      await engine.idle();
    }
    await insert(engine, 0, 70, clock);
    assert.deepEqual(await allRecords(engine), expected([30, 70]));
    await engine.close();
    const { size } = await stat(pathOf(directory, 5));
    const small = await openStore(directory, { clock, writeSegment: copySegment, bytesMax: 3 * size });
    await insert(small, 0, 71, clock);
    const left = await allRecords(small);
    assert.ok(left.length < 41 && left.includes('shard-a-70 {"n":70}'), `${left.length} left`);
    // Three, and the one that began for the last insert.
    assert.equal((await small.status()).partitions.length, 4);
    await small.close();
  });

  test('is full when what is left is too young to drop, and goes on when it no longer is', async (context) => {
    const clock = new FakeClock(startMs);
    const directory = await makeStoreDirectory(context);
    const engine = await openStore(directory, { clock, reserveBytes: Number.MAX_SAFE_INTEGER });
    await assert.rejects(insert(engine, 0, 10), { code: 'STORE_FULL', retryable: true });
    await engine.close();
    const small = await openStore(directory, { clock, bytesMax: 1000 });
    await insert(small, 0, 10, clock);
    clock.advance(20_000);
    await assert.rejects(insert(small, 10, 20, clock), { code: 'STORE_FULL' });
    assert.deepEqual(await allRecords(small), expected([0, 10]));
    clock.advance(60_000);
    await insert(small, 10, 20, clock);
    assert.deepEqual(await allRecords(small), expected([10, 20]));
    await small.close();
  });
});
