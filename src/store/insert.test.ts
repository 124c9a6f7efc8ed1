import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { StoredBatch } from '../core/record-store.ts';
import type { Connection, Database } from './database.ts';
import { allRecords, makeBatch, makeStoreDirectory, neverAborted, openStore, rowsOf } from './engine-fixture.ts';
import type { Engine } from './engine.ts';

type Commit = { readonly sql: string; readonly go: () => void; readonly fail: () => void };

/** An engine whose commits of rows wait until the test lets them go or fail. */
async function openHeld(
  context: { after(run: () => Promise<void>): void },
  hotRows?: number,
): Promise<{ engine: Engine; commit: () => Promise<Commit>; commits: Commit[]; free: () => void }> {
  const engine = await openStore(await makeStoreDirectory(context), hotRows === undefined ? {} : { hotRows });
  const { database } = engine as Engine & { readonly database: Database };
  const connect = database.connect.bind(database);
  const commits: Commit[] = [];
  let wake: () => void = () => undefined;
  let isHeld = true;
  database.connect = async () => {
    const connection: Connection = await connect();
    const run = connection.run.bind(connection);
    connection.run = async (sql, values) => {
      if (isHeld && sql.endsWith('COMMIT') && /^INSERT INTO "h[^ ]*\.(?:shards|done)\b/.test(sql))
        await new Promise<void>((resolve, reject) => {
          commits.push({ sql, go: resolve, fail: () => reject(new Error('IO Error: no room')) });
          wake();
        });
      await run(sql, values);
    };
    return connection;
  };
  const commit = async (): Promise<Commit> => {
    while (commits.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    return commits.shift() as Commit;
  };
  const free = (): void => {
    isHeld = false;
    for (const one of commits.splice(0)) one.go();
  };
  return { engine, commit, commits, free };
}

function batch(from: number, to: number): StoredBatch {
  return makeBatch(rowsOf(from, to), { span: { from, to } });
}
const turns = async (): Promise<void> => {
  for (let i = 0; i < 50; i++) await new Promise<void>((resolve) => setImmediate(resolve));
};
const texts = (from: number, to: number): string[] =>
  rowsOf(from, to)
    .map(({ offset }) => `shard-a-${offset} {"n":${offset}}`)
    .sort();

describe('inserting', () => {
  test('rows that follow are committed only when those before them are in', async (context) => {
    const { engine, commit, commits, free } = await openHeld(context);
    const answered: string[] = [];
    const first = engine.insert([batch(0, 10)], neverAborted).then(() => answered.push('first'));
    const before = await commit();
    // Brings rows of the first one again.
    const second = engine.insert([batch(5, 20)], neverAborted).then(() => answered.push('second'));
    await turns();
    assert.deepEqual([commits.length, answered], [0, []]);
    before.go();
    (await commit()).go();
    await Promise.all([first, second]);
    assert.deepEqual(answered, ['first', 'second']);
    assert.deepEqual(await allRecords(engine), texts(0, 20));
    free();
    await engine.close();
  });

  test('where a commit fails what followed is done again, with the rows that it had left out', async (context) => {
    const { engine, commit, free } = await openHeld(context);
    const first = engine.insert([batch(0, 10)], neverAborted);
    const before = await commit();
    const second = engine.insert([batch(5, 20)], neverAborted);
    await turns();
    before.fail();
    await assert.rejects(first, { code: 'STORE_WRITE', retryable: true });
    (await commit()).go();
    await second;
    assert.deepEqual(await allRecords(engine), texts(5, 20));
    free();
    await engine.insert([batch(0, 10)], neverAborted);
    assert.deepEqual(await allRecords(engine), texts(0, 20));
    await engine.close();
  });

  test('what is stored already is answered only when what holds it is in', async (context) => {
    const { engine, commit, free } = await openHeld(context);
    const first = engine.insert([batch(0, 10)], neverAborted);
    const before = await commit();
    let isAnswered = false;
    const again = engine.insert([batch(0, 10)], neverAborted).then(() => (isAnswered = true));
    await turns();
    assert.equal(isAnswered, false);
    before.fail();
    await assert.rejects(first);
    (await commit()).go();
    await again;
    assert.deepEqual(await allRecords(engine), texts(0, 10));
    free();
    await engine.close();
  });

  test('a full hot table is left to be sealed only when its last rows are in', async (context) => {
    const { engine, commit, free } = await openHeld(context, 20);
    const first = engine.insert([batch(0, 20)], neverAborted);
    const before = await commit();
    const second = engine.insert([batch(20, 40)], neverAborted);
    await turns();
    const [view] = engine.views();
    const snapshot = await view?.snapshot();
    assert.deepEqual(snapshot?.tables, []);
    await snapshot?.release();
    before.go();
    (await commit()).go();
    await Promise.all([first, second]);
    free();
    await engine.idle();
    assert.deepEqual(await allRecords(engine), texts(0, 40));
    await engine.close();
  });

  test('a close waits for both and loses nothing', async (context) => {
    const { engine, commit, free } = await openHeld(context, 20);
    const first = engine.insert([batch(0, 20)], neverAborted);
    const before = await commit();
    const second = engine.insert([batch(20, 30)], neverAborted);
    await turns();
    const closing = engine.close();
    before.go();
    free();
    const [one, two] = await Promise.allSettled([first, second]);
    await closing;
    assert.equal(one.status, 'fulfilled');
    assert.ok(two.status === 'fulfilled' || (two.reason as { code?: string }).code === 'STORE_UNAVAILABLE');
  });
});
