import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Database, isInterrupted, sqlName, sqlText } from './database.ts';
import { makeStoreDirectory } from './engine-fixture.ts';

const options = { memoryBytesMax: 2 ** 26, spillBytesMax: 2 ** 26 };

describe('database', () => {
  test('a close waits for what threads still do', async (context) => {
    const temporaryDirectory = await makeStoreDirectory(context);
    for (let count = 0; count < 20; count++) {
      const database = await Database.open({ ...options, temporaryDirectory });
      const first = await database.connect();
      const running = first.rows('SELECT sum(range)::BIGINT FROM range(100000)');
      const late = [database.connect(), database.connect()];
      first.close();
      database.close();
      assert.deepEqual(await running, [[4_999_950_000n]]);
      for (const connection of await Promise.all(late)) connection.close();
      await assert.rejects(database.connect(), { code: 'STORE_UNAVAILABLE' });
      await assert.rejects(first.run('SELECT 1'), { code: 'STORE_UNAVAILABLE' });
      first.interrupt();
    }
  });
  test('interrupts a statement, and says that it was', async (context) => {
    const database = await Database.open({ ...options, temporaryDirectory: await makeStoreDirectory(context) });
    const connection = await database.connect();
    const endless = connection.rows('SELECT count(*) FROM range(100000000000) a WHERE a.range % 7 = 9');
    let isOver = false;
    const over = endless.catch((error: unknown) => error).finally(() => (isOver = true));
    while (!isOver) {
      connection.interrupt();
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(isInterrupted(await over), true);
    assert.deepEqual(await connection.rows('SELECT 1::INTEGER'), [[1]]);
    connection.close();
    database.close();
  });
  test('writes texts and names as SQL', async (context) => {
    const database = await Database.open({ ...options, temporaryDirectory: await makeStoreDirectory(context) });
    const connection = await database.connect();
    for (const text of ['', "it's", 'a\0b\0', '--;"\\', '한글'])
      assert.deepEqual(await connection.rows(`SELECT ${sqlText(text)} AS ${sqlName('a "b"')}`), [[text]]);
    connection.close();
    database.close();
  });
});
