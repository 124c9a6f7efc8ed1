import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakeClock, realClock } from '../core/clock.ts';
import { Database, type Connection } from './database.ts';
import { Limits, StatementError, TimeUp } from './limits.ts';

/** Would run for hours. */
const endless = 'SELECT count(*) FROM range(1000000) a, range(1000000) b WHERE a.range + b.range = -1';

describe('limits of a question', () => {
  let database: Database;
  let connection: Connection;
  beforeEach(async () => {
    database = await Database.open({
      memoryBytesMax: 64e6,
      temporaryDirectory: '/nonexistent',
      spillBytesMax: 0,
    });
    connection = await database.connect();
  });
  afterEach(() => {
    connection.close();
    database.close();
  });

  test('the time limit ends the statement that runs, and the connection can be used again', async () => {
    const limits = new Limits(new AbortController().signal, 20, realClock);
    await assert.rejects(limits.rows(connection, endless), TimeUp);
    await assert.rejects(limits.rows(connection, 'SELECT 1'), TimeUp);
    assert.deepEqual(await limits.another(60_000).rows(connection, 'SELECT 1'), [[1]]);
    limits.close();
  });

  test('an abort ends it with its reason, also one before the statement has begun in its thread', async () => {
    const reader = new AbortController();
    const limits = new Limits(reader.signal, undefined, realClock);
    const answer = limits.rows(connection, endless);
    const reason = new Error('gone');
    reader.abort(reason);
    await assert.rejects(answer, reason);
    assert.throws(() => limits.check(), reason);
    await assert.rejects(
      limits.stream(connection, endless, () => assert.fail()),
      reason,
    );
    limits.close();
  });

  test('a stream ends between two pieces', async () => {
    const reader = new AbortController();
    const limits = new Limits(reader.signal, undefined, realClock);
    let rows = 0;
    const reading = limits.stream(connection, 'SELECT range FROM range(100000)', (piece) => {
      rows += piece.length;
      if (rows > 5000) reader.abort(new Error('enough'));
    });
    await assert.rejects(reading, /enough/);
    assert.ok(rows <= 5000 + 2048);
  });

  test('what comes after the end is dropped, what comes in time is not', async () => {
    const clock = new FakeClock();
    const limits = new Limits(new AbortController().signal, 100, clock);
    const dropped: number[] = [];
    const drop = (late: number): void => void dropped.push(late);
    assert.equal(await limits.wait(Promise.resolve(1), drop), 1);
    const late = Promise.withResolvers<number>();
    const waiting = limits.wait(late.promise, drop);
    clock.advance(100);
    await assert.rejects(waiting, TimeUp);
    late.resolve(2);
    await late.promise;
    assert.deepEqual(dropped, [2]);
    await assert.rejects(limits.wait(Promise.resolve(3), drop), TimeUp);
    assert.deepEqual(dropped, [2, 3]);
    assert.equal(limits.tookMs, 100);
  });

  test('errors of DuckDB are told from errors of the program', async () => {
    const limits = new Limits(new AbortController().signal, undefined, realClock);
    await assert.rejects(limits.rows(connection, 'SELECT nothing'), (error) => error instanceof StatementError);
    const programs = limits.during(connection, () => Promise.reject(new TypeError('x')));
    await assert.rejects(programs, TypeError);
  });
});
