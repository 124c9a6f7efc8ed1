import assert from 'node:assert/strict';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { realDisk } from '../core/disk.ts';
import {
  allRecords,
  copySegment,
  makeBatch,
  makeStoreDirectory,
  neverAborted,
  openStore,
  rowsOf,
} from './engine-fixture.ts';
import type { Inserted } from './engine.ts';

async function listFiles(directory: string): Promise<string[]> {
  const names = await readdir(join(directory, 'store'), { recursive: true });
  return Promise.all(
    names.sort().map(async (name) => `${name} ${(await stat(join(directory, 'store', name))).mtimeMs}`),
  );
}

describe('engine', () => {
  test('keeps what was inserted, across a close', async (context) => {
    const directory = await makeStoreDirectory(context);
    const engine = await openStore(directory);
    assert.deepEqual(engine.views(), []);
    const json = '{"a":"한국어","b":[1,2.50,{"c":null}],"d":12345678901234567890}';
    await engine.insert(
      [makeBatch([{ offset: 7, json }, { offset: 8 }], { tag: 'k8s.a-tag-longer-than-twelve' })],
      neverAborted,
    );
    const [view] = engine.views();
    assert.equal(view?.name, '00000001-20261121T1500Z');
    assert.equal(view.records, 2);
    assert.deepEqual([view.secondsMin, view.secondsMax], [1_795_275_007, 1_795_275_008]);
    const expected = [`shard-a-7 ${json}`, 'shard-a-8 {"n":8}'];
    assert.deepEqual(await allRecords(engine), expected);
    const snapshot = await view.snapshot();
    assert.deepEqual(await snapshot.connection.rows(`SELECT * EXCLUDE (fields) FROM ${snapshot.tables[0]?.sql}`), [
      [1_795_275_007n, 7, 1_795_275_000_000n, 1, 7n, -1, 'k8s.a-tag-longer-than-twelve', 'postback'],
      [1_795_275_008n, 8, 1_795_275_000_000n, 1, 8n, -1, 'k8s.a-tag-longer-than-twelve', 'postback'],
    ]);
    await snapshot.release();
    await engine.close();
    const again = await openStore(directory);
    assert.deepEqual(await allRecords(again), expected);
    const status = await again.status();
    assert.equal(status.records, 2);
    assert.deepEqual([status.oldestMs, status.newestMs], [1_795_275_007_000, 1_795_275_008_000]);
    assert.ok(status.bytes > 0);
    await again.close();
  });

  test('leaves out what it has, however it is cut', async (context) => {
    const directory = await makeStoreDirectory(context);
    let engine = await openStore(directory);
    await engine.insert([makeBatch(rowsOf(0, 10), { span: { from: 0, to: 20 } })], neverAborted);
    await engine.insert([makeBatch(rowsOf(5, 30))], neverAborted);
    await Promise.all([
      engine.insert([makeBatch(rowsOf(25, 40))], neverAborted),
      engine.insert([makeBatch(rowsOf(25, 45)), makeBatch(rowsOf(25, 45), { shard: 'shard-b' })], neverAborted),
    ]);
    const expected = [
      ...[...rowsOf(0, 10), ...rowsOf(20, 45)].map(({ offset }) => `shard-a-${offset} {"n":${offset}}`),
      ...rowsOf(25, 45).map(({ offset }) => `shard-b-${offset} {"n":${offset}}`),
    ].sort();
    assert.deepEqual(await allRecords(engine), expected);
    await engine.close();
    engine = await openStore(directory);
    await engine.insert([makeBatch(rowsOf(0, 45)), makeBatch(rowsOf(30, 45), { shard: 'shard-b' })], neverAborted);
    assert.deepEqual(await allRecords(engine), expected);
    await engine.close();
  });

  test('a snapshot does not see what comes after it', async (context) => {
    const engine = await openStore(await makeStoreDirectory(context));
    await engine.insert([makeBatch(rowsOf(0, 10))], neverAborted);
    const snapshot = await engine.views()[0]?.snapshot();
    assert.ok(snapshot);
    await engine.insert([makeBatch(rowsOf(10, 20))], neverAborted);
    const counts = await snapshot.connection.rows(`SELECT count(*) FROM ${snapshot.tables[0]?.sql}`);
    assert.deepEqual(counts, [[10n]]);
    await snapshot.release();
    await engine.close();
  });

  test('says which rows an insert brought', async (context) => {
    const engine = await openStore(await makeStoreDirectory(context));
    const seen: Inserted[] = [];
    const stop = engine.onInserted((inserted) => seen.push(inserted));
    await engine.insert([makeBatch(rowsOf(0, 3000))], neverAborted);
    await engine.insert([makeBatch(rowsOf(2990, 3005))], neverAborted);
    stop();
    await engine.insert([makeBatch(rowsOf(4000, 4001))], neverAborted);
    assert.deepEqual(
      seen.map(({ hotNumber, from, to }) => ({ hotNumber, from, to })),
      [
        { hotNumber: 1, from: 0, to: 3000 },
        { hotNumber: 1, from: 3000, to: 3005 },
      ],
    );
    const snapshot = await seen[1]?.view.snapshot();
    assert.ok(snapshot);
    assert.deepEqual(
      await snapshot.connection.rows(
        `SELECT min("offset"), max("offset") FROM ${snapshot.tables[0]?.sql} WHERE rowid >= 3000 AND rowid < 3005`,
      ),
      [[3000n, 3004n]],
    );
    await snapshot.release();
    await engine.close();
  });

  test('takes what is large, odd or empty as it is', async (context) => {
    const engine = await openStore(await makeStoreDirectory(context));
    const many = JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`field ${i}`, i])));
    const long = `{"long":"${'x'.repeat(1024 ** 2)}"}`;
    const odd = String.raw`{"a":"\u0000\u001b\n","b":-0,"c":1e999,"d":[{}],"":""}`;
    const texts = ['{}', many, long, odd, '{"n":123456}', long];
    const rows = texts.map((json, offset) => ({ offset, json }));
    await engine.insert([makeBatch(rows, { tag: '', source: '' })], neverAborted);
    // Many small batches between large ones, in one call.
    const calls = [1, 2, 3].map((n) =>
      Array.from({ length: 50 }, (_, i) =>
        makeBatch([{ offset: i, json: i === 25 ? long : `{"i":${i}}` }], { shard: `shard-${n}`, tag: `tag ${i}` }),
      ),
    );
    await Promise.all(calls.map((batches) => engine.insert(batches, neverAborted)));
    const expected = [
      ...rows.map(({ offset, json }) => `shard-a-${offset} ${json}`),
      ...[1, 2, 3].flatMap((n) =>
        Array.from({ length: 50 }, (_, i) => `shard-${n}-${i} ${i === 25 ? long : `{"i":${i}}`}`),
      ),
    ].sort();
    assert.deepEqual(await allRecords(engine), expected);
    await engine.close();
  });

  test('writes hidden characters as themselves', async (context) => {
    const engine = await openStore(await makeStoreDirectory(context));
    const json = String.raw`{"a":"\ud55c\uae00 \/x","n":1.0,"big":12345678901234567890,"half":"\ud800"}`;
    await engine.insert([makeBatch([{ offset: 0 }, { offset: 1, json }, { offset: 2 }])], neverAborted);
    assert.deepEqual(await allRecords(engine), [
      'shard-a-0 {"n":0}',
      'shard-a-1 {"a":"한글 /x","n":1.0,"big":12345678901234567890,"half":"\uFFFD"}',
      'shard-a-2 {"n":2}',
    ]);
    await engine.close();
  });

  test('keeps emissions apart by ordinal, and a span is done for all of them', async (context) => {
    const directory = await makeStoreDirectory(context);
    let engine = await openStore(directory);
    const row = (offset: number, ordinal: number) => ({ offset, ordinal, json: `{"k":${ordinal}}` });
    await engine.insert([makeBatch([row(5, 0), row(5, 2), row(7, 1)])], neverAborted);
    await engine.insert([makeBatch([row(5, 0), row(5, 1), row(5, 2), row(6, 0)])], neverAborted);
    await engine.insert([makeBatch([row(8, 0), row(9, 0)], { span: { from: 7, to: 20 } })], neverAborted);
    await engine.close();
    engine = await openStore(directory);
    await engine.insert([makeBatch([row(5, 1), row(7, 0), row(9, 3), row(19, 0), row(20, 0)])], neverAborted);
    await engine.insert([makeBatch([], { doneBelow: 30 })], neverAborted);
    await engine.insert([makeBatch([row(25, 4), row(30, 4)])], neverAborted);
    assert.deepEqual(
      (await allRecords(engine)).map((record) => record.split(' ')[0]),
      ['5.0', '5.1', '5.2', '6.0', '7.1', '8.0', '9.0', '20.0', '30.4'].map((id) => `shard-a-${id}`).sort(),
    );
    await engine.close();
  });

  test('refuses when it is closed, read-only, or the caller gave up', async (context) => {
    const directory = await makeStoreDirectory(context);
    const engine = await openStore(directory);
    const gone = AbortSignal.abort(new Error('gave up'));
    await assert.rejects(engine.insert([makeBatch(rowsOf(0, 1))], gone), /gave up/);
    await engine.insert([makeBatch(rowsOf(0, 1))], neverAborted);
    await engine.close();
    await assert.rejects(engine.insert([makeBatch(rowsOf(1, 2))], neverAborted), { code: 'STORE_UNAVAILABLE' });
    const reader = await openStore(directory, { isReadOnly: true });
    await assert.rejects(reader.insert([makeBatch(rowsOf(1, 2))], neverAborted), { code: 'STORE_UNAVAILABLE' });
    await reader.close();
  });

  test('reads what another process left, without writing', async (context) => {
    const directory = await makeStoreDirectory(context);
    const engine = await openStore(directory);
    await engine.insert([makeBatch(rowsOf(0, 100))], neverAborted);
    await engine.close();
    const before = await listFiles(directory);
    const reader = await openStore(directory, { isReadOnly: true });
    assert.equal((await allRecords(reader)).length, 100);
    assert.equal((await reader.status()).records, 100);
    assert.deepEqual(await listFiles(directory), before);
    await reader.close();
    assert.deepEqual(await listFiles(directory), before);
    const empty = await openStore(join(directory, 'nothing'), { isReadOnly: true });
    assert.deepEqual(empty.views(), []);
    await empty.close();
  });

  test('a directory that cannot be synced after the commit doubles nothing', async (context) => {
    const directory = await makeStoreDirectory(context);
    let isFailing = false;
    const synced: string[] = [];
    const disk = {
      ...realDisk,
      syncDirectory: (path: string) => {
        if (isFailing) return Promise.reject(new Error('EMFILE: too many open files'));
        synced.push(path);
        return realDisk.syncDirectory(path);
      },
      rename: async (from: string, to: string) => {
        await realDisk.rename(from, to);
        synced.length = 0;
      },
    };
    let engine = await openStore(directory, { disk });
    const insert = () => engine.insert([makeBatch(rowsOf(0, 3), { span: { from: 0, to: 3 } })], neverAborted);
    engine.onInserted(() => (isFailing = true));
    await assert.rejects(insert(), { code: 'STORE_WRITE', retryable: true });
    await assert.rejects(insert(), { code: 'STORE_WRITE', retryable: true });
    isFailing = false;
    await insert();
    const expected = rowsOf(0, 3).map(({ offset }) => `shard-a-${offset} {"n":${offset}}`);
    assert.deepEqual(await allRecords(engine), expected);
    await engine.close();
    // The process before may have ended in between: what it took is said to be durable only when it is.
    synced.length = 0;
    engine = await openStore(directory, { disk });
    await insert();
    assert.deepEqual(synced, [join(directory, 'store')]);
    assert.deepEqual(await allRecords(engine), expected);
    await engine.close();
  });

  test('a hot table is deleted once the log that has its rows is durable in the directory', async (context) => {
    const steps: string[] = [];
    const disk = {
      ...realDisk,
      syncDirectory: (path: string) => {
        steps.push('sync');
        return realDisk.syncDirectory(path);
      },
      remove: (path: string) => {
        if (/\.hot-\d+\.duckdb$/.test(path)) steps.push('remove');
        return realDisk.remove(path);
      },
    };
    const clock = new FakeClock();
    const engine = await openStore(await makeStoreDirectory(context), {
      clock,
      disk,
      hotRows: 10,
      writeSegment: (...values) => {
        steps.push('seal');
        return copySegment(...values);
      },
    });
    await engine.insert([makeBatch(rowsOf(0, 8))], neverAborted);
    clock.advance(10_000);
    await engine.idle();
    assert.deepEqual(steps.slice(steps.indexOf('seal')), ['seal', 'sync', 'remove']);
    await engine.close();
  });

  test('a close waits for what is being dropped', async (context) => {
    const asked = Promise.withResolvers<undefined>();
    const told = Promise.withResolvers<undefined>();
    let isHeld = false;
    const disk = {
      ...realDisk,
      space: async (path: string) => {
        if (isHeld) {
          asked.resolve(undefined);
          await told.promise;
        }
        return realDisk.space(path);
      },
    };
    const clock = new FakeClock(Date.UTC(2026, 10, 21, 15, 30));
    const engine = await openStore(await makeStoreDirectory(context), { clock, disk, keepMs: 60_000 });
    await engine.insert([makeBatch(rowsOf(0, 3))], neverAborted);
    isHeld = true;
    clock.advance(120_000);
    await asked.promise;
    let isClosed = false;
    const closing = engine.close().then(() => (isClosed = true));
    for (let turns = 0; turns < 50; turns++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isClosed, false);
    told.resolve(undefined);
    await closing;
    assert.deepEqual(
      engine.views(),
      engine.views().filter(({ records }) => records === 0),
    );
  });
});
