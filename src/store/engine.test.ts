import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allRecords, makeBatch, makeStoreDirectory, neverAborted, openStore, rowsOf } from './engine-fixture.ts';
import type { Inserted } from './engine.ts';

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
});
