/** Time limits, aborts, broken partitions, large pages: what the model test does not reach. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { FakeClock, realClock, type Clock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import type { FoundRecord, SearchRequest } from './contract.ts';
import { fixtureId, FixtureStore, type FixtureRow } from './partitions-fixture.ts';
import { QueryError } from './query/query-error.ts';
import { Questions } from './questions.ts';

const baseSeconds = 1_795_000_000;
const never = new AbortController().signal;

function row(offset: number, seconds = baseSeconds + offset, record: FixtureRow['record'] = { n: offset }): FixtureRow {
  return { seconds, nanos: 0, shard: 1, offset, ordinal: -1, appendMs: 0, tag: 'app', source: 'http', record };
}
function rows(from: number, to: number): FixtureRow[] {
  return Array.from({ length: to - from }, (_, i) => row(from + i));
}
function request(over: Partial<SearchRequest> = {}): SearchRequest {
  return { query: '', fromMs: undefined, toMs: undefined, limit: 100, order: 'newest', ...over };
}
async function drain(pages: AsyncIterable<unknown>): Promise<void> {
  for await (const page of pages) void page;
}
const sum = (counts: readonly number[]): number => counts.reduce((all, n) => all + n, 0);
const ids = (records: readonly FoundRecord[]): string[] => records.map(({ id }) => id);

describe('questions', () => {
  let store: FixtureStore;
  beforeEach(async () => {
    store = await FixtureStore.open();
  });
  afterEach(() => {
    const open = store.all.map((partition) => partition.open);
    store.close();
    assert.deepEqual(
      open,
      open.map(() => 0),
      'snapshots left open',
    );
  });
  const asked = (clock: Clock = realClock): Questions => new Questions(store, clock);

  test('a record is given as it is stored', async () => {
    const partition = await store.add();
    await partition.insert([{ ...row(7, -5), ordinal: 2, nanos: 12, appendMs: 99, tag: 'täg', source: 's' }]);
    const { records, next, isComplete, notes } = await asked().search(request(), never);
    assert.deepEqual(records, [
      { id: 'shard1-7.2', seconds: -5, nanos: 12, appendMs: 99, tag: 'täg', source: 's', json: '{"n":7}' },
    ]);
    assert.equal(next, undefined);
    assert.ok(isComplete);
    assert.deepEqual(notes, []);
  });

  test('an empty store answers', async () => {
    await store.add();
    const questions = asked();
    const all = request();
    assert.deepEqual((await questions.search(all, never)).records, []);
    const { counts, total } = await questions.histogram({ ...all, buckets: 10 }, never);
    assert.deepEqual([counts, total], [[0], 0]);
    assert.equal((await questions.values({ ...all, field: 'n' }, never)).total, 0);
    assert.deepEqual(
      (await questions.fields(all, never)).fields.map(({ name }) => name),
      ['_tag', '_source'],
    );
  });

  test('partitions that cannot have the next rows are not looked at', async () => {
    for (let i = 0; i < 4; i++) await (await store.add()).insert(rows(i * 10, i * 10 + 10));
    const newest = await asked().search(request({ limit: 5 }), never);
    assert.deepEqual(
      ids(newest.records),
      ['39', '38', '37', '36', '35'].map((n) => `shard1-${n}`),
    );
    assert.deepEqual(
      store.all.map(({ taken }) => taken),
      [0, 0, 0, 1],
    );
    await asked().search(request({ limit: 5, after: newest.next }), never);
    assert.deepEqual(
      store.all.map(({ taken }) => taken),
      [0, 0, 1, 2],
    );
    await asked().search(request({ toMs: (baseSeconds + 15) * 1000, fromMs: (baseSeconds + 10) * 1000 }), never);
    assert.deepEqual(
      store.all.map(({ taken }) => taken),
      [0, 1, 1, 2],
    );
  });

  test('only the first rows of a large table are looked at where they match', async () => {
    const partition = await store.add();
    await partition.insert(rows(0, 40_000));
    await partition.seal();
    const statements: string[] = [];
    partition.onStatement = (sql) => statements.push(sql);
    await asked().search(request({ limit: 1 }), never);
    const searched = statements.filter((sql) => sql.includes('ORDER BY seconds'));
    assert.equal(searched.length, 1);
    assert.match(searched[0] ?? '', /rowid BETWEEN 32768 AND 40959/);
  });

  test('requests that cannot be are refused', async () => {
    const questions = asked();
    await assert.rejects(questions.search(request({ after: 'x' }), never), QueryError);
    await assert.rejects(questions.search(request({ limit: 0 }), never), QueryError);
    await assert.rejects(questions.search(request({ query: 'a:(' }), never), QueryError);
    await assert.rejects(questions.histogram({ ...request(), buckets: 1001 }, never), QueryError);
    assert.throws(() => questions.export(request({ query: 'a:(' }), never), QueryError);
    assert.throws(() => questions.tail(request({ query: 'a:(' }), never), QueryError);
  });

  test('a page ends when its JSON is large, and the next goes on', async () => {
    const partition = await store.add();
    const text = 'x'.repeat(2 * 1024 ** 2);
    const large = Array.from({ length: 20 }, (_, i) => row(i, baseSeconds + i, { text }));
    await partition.insert(large.slice(0, 12));
    await partition.seal();
    await partition.insert(large.slice(12));
    const pages: string[][] = [];
    let after: string | undefined;
    do {
      const page = await asked().search(request({ after }), never);
      pages.push(ids(page.records));
      after = page.next;
    } while (after);
    assert.deepEqual(
      pages.map((page) => page.length),
      [8, 8, 4],
    );
    assert.deepEqual(pages.flat(), large.map(fixtureId).reverse());
  });

  test('at the time limit the answer has what was found, and the next page goes on from there', async () => {
    const clock = new FakeClock();
    for (let i = 0; i < 3; i++) await (await store.add()).insert(rows(i * 10, i * 10 + 10));
    const slow = store.all[1] ?? assert.fail();
    slow.onStatement = () => clock.advance(20_000);
    const page = await asked(clock).search(request(), never);
    assert.equal(page.isComplete, false);
    assert.deepEqual(ids(page.records), rows(10, 30).map(fixtureId).reverse());
    slow.onStatement = () => {};
    const rest = await asked(clock).search(request({ after: page.next }), never);
    assert.ok(rest.isComplete);
    assert.deepEqual(ids(rest.records), rows(0, 10).map(fixtureId).reverse());
    slow.onStatement = () => clock.advance(20_000);
    for (const answer of [
      await asked(clock).histogram({ ...request(), buckets: 10 }, never),
      await asked(clock).values({ ...request(), field: 'n' }, never),
    ]) {
      assert.equal(answer.isComplete, false);
      assert.ok(answer.total >= 10 && answer.total < 30);
    }
  });

  test('an abort rejects with its reason, whatever is under way', async () => {
    const partition = await store.add();
    await partition.insert(rows(0, 100));
    const questions = asked();
    const reason = new Error('the reader has gone');
    for (const ask of [
      (signal: AbortSignal) => questions.search(request(), signal),
      (signal: AbortSignal) => questions.histogram({ ...request(), buckets: 10 }, signal),
      (signal: AbortSignal) => questions.values({ ...request(), field: 'n' }, signal),
      (signal: AbortSignal) => questions.fields(request(), signal),
      (signal: AbortSignal) => drain(questions.export(request(), signal)),
    ]) {
      const early = new AbortController();
      early.abort(reason);
      await assert.rejects(ask(early.signal), reason);
      const late = new AbortController();
      partition.onStatement = () => late.abort(reason);
      await assert.rejects(ask(late.signal), reason);
      partition.onStatement = () => {};
      const waiting = new AbortController();
      const answer = ask(waiting.signal);
      waiting.abort(reason);
      await assert.rejects(answer, reason);
    }
    // A snapshot that came too late is released behind the answer.
    while (partition.open > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('a broken partition is left out, the others answer', async () => {
    for (let i = 0; i < 3; i++) await (await store.add()).insert(rows(i * 10, i * 10 + 10));
    const broken = store.all[2] ?? assert.fail();
    let statements = 0;
    // Its keys are found, then it breaks.
    broken.onStatement = () => {
      broken.isBroken = ++statements > 1;
    };
    const page = await asked().search(request({ limit: 15 }), never);
    assert.deepEqual(ids(page.records), rows(5, 20).map(fixtureId).reverse());
    assert.ok(page.isComplete);
    assert.deepEqual(page.notes, [`partition ${broken.name} was set aside`]);
    assert.equal((await asked().histogram({ ...request(), buckets: 10 }, never)).total, 20);
  });

  test('an error that is not the file’s is an error of the store', async () => {
    const partition = await store.add();
    await partition.insert(rows(0, 1));
    partition.onStatement = () => {
      throw new Error('Out of Memory Error: failed to pin block');
    };
    await assert.rejects(
      asked().search(request(), never),
      (error) => error instanceof OperatingError && error.code === 'STORE_QUERY_LIMIT',
    );
    partition.onStatement = () => {
      throw new Error('IO Error: something else');
    };
    await assert.rejects(
      asked().values({ ...request(), field: 'n' }, never),
      (error) => error instanceof OperatingError && error.code === 'STORE_READ',
    );
  });

  test('a histogram without bounds shows what clocks that work have seen, and says what it leaves out', async () => {
    const nowMs = (baseSeconds + 1000) * 1000;
    const partition = await store.add();
    await partition.insert([row(1, -62_135_596_800), row(2, 9_223_372_036_854), row(3), row(4, baseSeconds + 600)]);
    const questions = asked(new FakeClock(nowMs));
    const answer = await questions.histogram({ ...request(), buckets: 20 }, never);
    assert.equal(answer.widthMs, 30_000);
    assert.equal(answer.total, 4);
    assert.equal(sum(answer.counts), 2);
    assert.match(answer.notes.join(), /^2 records have times far outside/);
    const absurd = await questions.histogram({ ...request({ toMs: (baseSeconds - 1) * 1000 }), buckets: 20 }, never);
    assert.deepEqual([sum(absurd.counts), absurd.total, absurd.notes], [1, 1, []]);
    const explicit = await questions.histogram({ ...request({ fromMs: -7e13, toMs: 1e16 }), buckets: 20 }, never);
    assert.equal(sum(explicit.counts), 4);
    assert.ok(explicit.counts.length <= 21);
  });

  test('values that are too many or too long are counted, and a note says that they are not all listed', async () => {
    const partition = await store.add();
    const many = Array.from({ length: 10_050 }, (_, i) => row(i, baseSeconds, { id: `v${i < 50 ? 0 : i}` }));
    await partition.insert([...many, row(20_000, baseSeconds, { id: 'x'.repeat(5000) })]);
    const answer = await asked().values({ ...request(), field: 'id' }, never);
    assert.deepEqual(answer.values[0], { value: 'v0', count: 50 });
    assert.deepEqual([answer.total, answer.present], [10_051, 10_051]);
    assert.equal(answer.notes.length, 1);
  });

  test('fields: objects by what is in them, arrays as a whole, those of segments without a count', async () => {
    const partition = await store.add();
    await partition.insert([row(1, baseSeconds - 9, { old: { er: 1 }, list: [{ a: 1 }] })]);
    await partition.seal();
    await partition.insert(
      Array.from({ length: 1000 }, (_, i) =>
        row(i + 2, baseSeconds, { a: i % 2 ? 1 : 'x', o: { e: {}, 'k.l': true }, z: null }),
      ),
      true,
    );
    const { fields, sampled, hasMore } = await asked().fields(request(), never);
    assert.deepEqual(fields, [
      { name: '_tag', types: ['string'], count: 1000 },
      { name: '_source', types: ['string'], count: 1000 },
      { name: 'a', types: ['number', 'string'], count: 1000 },
      { name: 'o.e', types: ['object'], count: 1000 },
      { name: 'o.k.l', types: ['boolean'], count: 1000 },
      { name: 'list', types: ['array'], count: 0 },
      { name: 'old.er', types: ['number'], count: 0 },
    ]);
    assert.equal(sampled, 1000);
    assert.equal(hasMore, false);
  });

  test('an export stops where its reader stops', async () => {
    const partition = await store.add();
    await partition.insert(rows(0, 5000));
    const sizes: number[] = [];
    for await (const page of asked().export(request(), never)) {
      sizes.push(page.length);
      assert.equal(partition.open, 0);
      if (sizes.length === 2) break;
    }
    assert.deepEqual(sizes, [2000, 2000]);
  });
});
