import assert from 'node:assert/strict';
import { copyFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import {
  allRecords,
  copySegment,
  makeBatch,
  makeStoreDirectory,
  neverAborted,
  openStore,
  rowsOf,
} from './engine-fixture.ts';
import type { Engine } from './engine.ts';
import { until } from '../../test/program.ts';

const startMs = Date.UTC(2026, 10, 21, 15, 30);
const dayMs = 86_400_000;

async function tables(engine: Engine): Promise<string[]> {
  const found: string[] = [];
  for (const view of engine.views()) {
    const snapshot = await view.snapshot();
    found.push(...snapshot.tables.map(({ kind, rows }) => `${kind} ${rows}`));
    await snapshot.release();
  }
  return found;
}
const insert = (engine: Engine, from: number, to: number) =>
  engine.insert([makeBatch(rowsOf(from, to), { span: { from, to } })], neverAborted);
const expected = (to: number) =>
  rowsOf(0, to)
    .map(({ offset }) => `shard-a-${offset} {"n":${offset}}`)
    .sort();

describe('background', () => {
  test('seals full hot tables, while snapshots go on seeing what they saw', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = new FakeClock(startMs);
    let engine = await openStore(directory, { clock, hotRows: 100 });
    await insert(engine, 0, 90);
    const before = await engine.views()[0]?.snapshot();
    assert.ok(before);
    await insert(engine, 90, 150);
    await engine.idle();
    assert.deepEqual(await tables(engine), ['hot 60', 'segment 90']);
    assert.deepEqual(await allRecords(engine), expected(150));
    assert.deepEqual(
      before.tables.map((table) => table.kind),
      ['hot'],
    );
    const old = await before.connection.rows(`SELECT count(*), sum("offset")::INTEGER FROM ${before.tables[0]?.sql}`);
    assert.deepEqual(old, [[90n, (89 * 90) / 2]]);
    await before.release();
    // What is sealed is as done as what is hot.
    await insert(engine, 0, 160);
    await engine.close();
    engine = await openStore(directory, { clock, hotRows: 100 });
    await insert(engine, 0, 170);
    assert.deepEqual(await allRecords(engine), expected(170));
    await engine.close();
    const files = await readdir(join(directory, 'store'));
    assert.deepEqual(
      files.filter((file) => file.includes('.hot-') && !file.endsWith('.wal')).length,
      1,
      `only one hot table is left: ${files.join(' ')}`,
    );
  });

  test('seals and merges what is quiet', async (context) => {
    const clock = new FakeClock(startMs);
    const engine = await openStore(await makeStoreDirectory(context), { clock, hotRows: 100 });
    const quiet = async () => {
      clock.advance(10_000);
      await engine.idle();
    };
    await insert(engine, 0, 90);
    await insert(engine, 90, 130);
    await engine.idle();
    assert.deepEqual(await tables(engine), ['hot 40', 'segment 90']);
    await quiet();
    // Both together would be more than a full hot table.
    assert.deepEqual(await tables(engine), ['segment 40', 'segment 90']);
    await insert(engine, 130, 190);
    await quiet();
    assert.deepEqual(await tables(engine), ['segment 100', 'segment 90']);
    assert.deepEqual(await allRecords(engine), expected(190));
    await insert(engine, 0, 195);
    assert.deepEqual(await tables(engine), ['hot 5', 'segment 100', 'segment 90']);
    await engine.close();
  });

  test('seals what is quiet ten seconds after the last insert, whenever its last job ended', async (context) => {
    const clock = new FakeClock(startMs);
    let sealed = 0;
    const engine = await openStore(await makeStoreDirectory(context), {
      clock,
      hotRows: 100,
      writeSegment: (...values) => {
        sealed++;
        return copySegment(...values);
      },
    });
    await insert(engine, 0, 90);
    await insert(engine, 90, 130);
    await engine.idle();
    clock.advance(6000);
    await insert(engine, 130, 140);
    clock.advance(4000);
    await engine.idle();
    assert.equal(sealed, 1);
    clock.advance(6000);
    // Whoever looks into the store wakes it.
    await until('the quiet table to be sealed', () => sealed === 2);
    await engine.idle();
    assert.deepEqual(await tables(engine), ['segment 50', 'segment 90']);
    await engine.close();
  });

  test('a partition that is over is sealed, closed, merged when it is quiet, and known without being opened', async (context) => {
    const directory = await makeStoreDirectory(context);
    const clock = new FakeClock(startMs);
    let engine = await openStore(directory, { clock, hotRows: 100 });
    for (let from = 0; from < 270; from += 90) await insert(engine, from, from + 90);
    await insert(engine, 270, 315);
    clock.advance(10_000);
    await engine.idle();
    await insert(engine, 315, 360);
    clock.advance(dayMs);
    await insert(engine, 360, 370);
    await engine.idle();
    const merging = await tables(engine);
    assert.deepEqual(
      engine.views().map(({ name, records }) => `${name} ${records}`),
      ['00000002-20261122T1500Z 10', '00000001-20261121T1500Z 360'],
    );
    clock.advance(10_000);
    await engine.idle();
    assert.ok(merging.includes('segment 45'), `seen before: ${merging.join()}`);
    assert.deepEqual(await tables(engine), ['segment 10', 'segment 90', 'segment 90', 'segment 90', 'segment 90']);
    assert.deepEqual(await allRecords(engine), expected(370));
    await engine.close();
    engine = await openStore(directory, { clock, hotRows: 100 });
    const [, old] = engine.views();
    assert.deepEqual([old?.records, old?.secondsMin, old?.secondsMax], [360, 1_795_275_000, 1_795_275_359]);
    assert.deepEqual(await allRecords(engine), expected(370));
    await insert(engine, 0, 370);
    assert.deepEqual(await allRecords(engine), expected(370));
    await engine.close();
  });

  test('inserts wait for seals, and fail when these do', async (context) => {
    const clock = new FakeClock(startMs);
    let isBroken = true;
    const engine = await openStore(await makeStoreDirectory(context), {
      clock,
      hotRows: 100,
      writeSegment: (...values) =>
        isBroken ? Promise.reject(new Error('no space left on device')) : copySegment(...values),
    });
    for (let from = 0; from < 810; from += 90) await insert(engine, from, from + 90);
    await engine.idle();
    await assert.rejects(insert(engine, 810, 820), { code: 'STORE_WRITE', retryable: true });
    assert.deepEqual(await allRecords(engine), expected(810));
    isBroken = false;
    clock.advance(5000);
    await engine.idle();
    await insert(engine, 810, 820);
    assert.deepEqual(await allRecords(engine), expected(820));
    await engine.close();
  });

  test('a segment with other rows than its sources is not taken', async (context) => {
    const engine = await openStore(await makeStoreDirectory(context), {
      hotRows: 100,
      writeSegment: async (connection, alias, number, sources, log) => {
        const segment = await copySegment(connection, alias, number, sources, log);
        return { ...segment, rows: segment.rows - 1 };
      },
    });
    await insert(engine, 0, 90);
    await insert(engine, 90, 180);
    await engine.idle();
    assert.deepEqual(await tables(engine), ['hot 90', 'hot 90']);
    assert.deepEqual(await allRecords(engine), expected(180));
    await engine.close();
  });

  test('a hot table that was sealed right before the process was killed is not read again', async (context) => {
    const directory = await makeStoreDirectory(context);
    const store = join(directory, 'store');
    const hot = '00000001-20261121T1500Z.hot-00000001.duckdb';
    let engine = await openStore(directory, { hotRows: 100 });
    await insert(engine, 0, 90);
    for (const ending of ['', '.wal']) await copyFile(join(store, hot + ending), join(directory, `hot${ending}`));
    await insert(engine, 90, 150);
    await engine.idle();
    await engine.close();
    for (const ending of ['', '.wal']) await copyFile(join(directory, `hot${ending}`), join(store, hot + ending));
    engine = await openStore(directory, { hotRows: 100 });
    assert.deepEqual(await tables(engine), ['hot 60', 'segment 90']);
    assert.deepEqual(await allRecords(engine), expected(150));
    assert.equal((await readdir(store)).includes(hot), false);
    await engine.close();
  });

  test('a close ends what is under way, which is done after the next start', { timeout: 60_000 }, async (context) => {
    const directory = await makeStoreDirectory(context);
    const begun = Promise.withResolvers<undefined>();
    let engine = await openStore(directory, {
      hotRows: 100,
      writeSegment: async (connection, ...values) => {
        begun.resolve(undefined);
        await connection.rows('SELECT count(*) FROM range(100000000000) a WHERE a.range % 7 = 9');
        return copySegment(connection, ...values);
      },
    });
    await insert(engine, 0, 90);
    await insert(engine, 90, 150);
    await begun.promise;
    await engine.close();
    engine = await openStore(directory, { hotRows: 100 });
    await engine.idle();
    assert.deepEqual(await tables(engine), ['hot 60', 'segment 90']);
    assert.deepEqual(await allRecords(engine), expected(150));
    await engine.close();
  });

  test('a partition is dropped while it is about to be sealed', { timeout: 60_000 }, async (context) => {
    const directory = await makeStoreDirectory(context);
    const hourMs = 3_600_000;
    const options = { hotRows: 24, keepMs: hourMs };
    let engine = await openStore(directory, options);
    await insert(engine, 0, 10);
    await engine.close();
    const clock = new FakeClock(startMs + 2 * hourMs);
    engine = await openStore(directory, { ...options, clock });
    await engine.idle();
    // Both are due at the same moment: sealing what is quiet, and dropping what is old.
    clock.advance(10_000);
    await insert(engine, 10, 12);
    assert.deepEqual(await allRecords(engine), ['shard-a-10 {"n":10}', 'shard-a-11 {"n":11}']);
    await engine.close();
  });
});
