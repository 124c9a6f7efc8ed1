/** Questions to the real engine: hot tables, sealed segments with their filters and minutes, tails. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../core/clock.ts';
import { makeBatch, makeStoreDirectory, neverAborted, openStore } from './engine-fixture.ts';
import { Questions } from './questions.ts';
import { writeSegment } from './seal.ts';

const all = { fromMs: undefined, toMs: undefined };
const nowMs = Date.UTC(2026, 10, 21, 15, 30);
const startSeconds = nowMs / 1000 - 3600;

/** Records of which every 100th has a word of its own, every 10th a status of 500. */
function json(offset: number): string {
  const status = offset % 10 === 0 ? 500 : 200;
  const own = offset % 100 === 0 ? `,"own":"word${offset} here"` : '';
  return `{"log":"request ${offset} timed out","status":${status},"pod":{"name":"pod-${offset % 7}"}${own}}`;
}

test('hot, sealed, and followed', async (context) => {
  const clock = new FakeClock(nowMs);
  const engine = await openStore(await makeStoreDirectory(context), { clock, writeSegment });
  const questions = new Questions(engine, clock);
  const rows = 21_000;
  const ids = async (query: string): Promise<string[]> =>
    (await questions.search({ ...all, query, limit: 3, order: 'newest' }, neverAborted)).records.map(({ id }) => id);
  const insert = async (from: number, to: number): Promise<void> => {
    const records = Array.from({ length: to - from }, (_, i) => ({
      offset: from + i,
      json: json(from + i),
      seconds: startSeconds + Math.floor((from + i) / 10),
    }));
    await engine.insert([makeBatch(records)], neverAborted);
  };
  const check = async (kind: string): Promise<void> => {
    assert.deepEqual(await ids('own:word9900'), ['shard-a-9900'], kind);
    assert.deepEqual(await ids('"word9900 here"'), ['shard-a-9900'], kind);
    assert.deepEqual(await ids('word9901'), [], kind);
    assert.deepEqual(await ids('pod.name:"pod-3" AND status>=500'), [
      'shard-a-20940',
      'shard-a-20870',
      'shard-a-20800',
    ]);
    assert.deepEqual(await ids('log:~"request 10{4} "'), ['shard-a-10000']);
    const none = await questions.histogram({ ...all, query: '', buckets: 60 }, neverAborted);
    assert.deepEqual([none.total, none.widthMs, none.counts[1]], [rows, 60_000, 600], kind);
    const errors = await questions.histogram({ ...all, query: 'status:500', buckets: 60 }, neverAborted);
    assert.deepEqual([errors.total, errors.counts[1]], [rows / 10, 60], kind);
    const values = await questions.values({ ...all, query: 'own:*', field: 'status', limit: 5 }, neverAborted);
    assert.deepEqual([values.values, values.total], [[{ value: '500', count: rows / 100 }], rows / 100], kind);
    const { fields } = await questions.fields({ ...all, query: 'NOT own:*' }, neverAborted);
    const names = ['_tag', '_source', 'log', 'pod.name', 'status'];
    assert.deepEqual(
      fields.filter(({ count }) => count === 1000).map(({ name }) => name),
      names,
    );
  };
  try {
    await insert(0, rows);
    await check('hot');
    // The store is quiet: what is hot is sealed.
    clock.advance(15_000);
    await engine.idle();
    const [view] = engine.views();
    const snapshot = await view?.snapshot();
    assert.deepEqual(
      snapshot?.tables.map(({ kind, blockRows }) => [kind, blockRows !== undefined]),
      [['segment', true]],
    );
    await snapshot?.release();
    await check('sealed');

    const reader = new AbortController();
    const tail = questions.tail({ ...all, query: 'status:500' }, reader.signal)[Symbol.asyncIterator]();
    await insert(rows, rows + 25);
    const part = tail.next();
    clock.advance(200);
    const got = await part;
    assert.deepEqual(
      got.done ? [] : got.value.records.map(({ id, appendMs }) => [id, appendMs]),
      [0, 10, 20].map((i) => [`shard-a-${rows + i}`, nowMs]),
    );
    reader.abort();
    assert.equal((await tail.next()).done, true);
  } finally {
    await engine.close();
  }
});
