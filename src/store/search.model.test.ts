/** Random partitions, asked at random, against what a list of all rows says. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeClock, realClock } from '../core/clock.ts';
import type { Selection } from './contract.ts';
import type { Order } from './page-key.ts';
import { fixtureId, FixtureStore, type FixtureRow } from './partitions-fixture.ts';
import { Questions } from './questions.ts';

type Random = (below: number) => number;

/** Mulberry32: small, and the same everywhere. */
function randomOf(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

const nowSeconds = Math.floor(Date.UTC(2026, 10, 21, 15) / 1000);
const levels = ['info', 'warn', 'error'];

/** Times around now, many of them equal, some absurd. */
function secondsOf(random: Random): number {
  const kind = random(40);
  if (kind === 0) return -62_135_596_800;
  if (kind === 1) return 9_223_372_036_854;
  if (kind === 2) return random(100);
  return nowSeconds - random(kind < 20 ? 5 : 4000);
}

function rowsOf(random: Random, count: number, offsets: number[]): FixtureRow[] {
  return Array.from({ length: count }, () => {
    const shard = 1 + random(3);
    const offset = offsets[shard] ?? 0;
    offsets[shard] = offset + 1;
    const record: Record<string, unknown> = { status: [200, 404, 'none', null, 1.5][random(5)], n: random(4) };
    if (random(3) > 0) record['level'] = levels[random(3)];
    if (random(4) === 0) record['inner'] = random(2) === 0 ? { deep: `d${random(3)}` } : {};
    return {
      seconds: secondsOf(random),
      nanos: random(3) * 400_000_000,
      shard,
      offset,
      ordinal: random(6) - 1,
      appendMs: nowSeconds * 1000,
      tag: `app.${random(2)}`,
      source: 'postback',
      record,
    };
  });
}

async function fill(store: FixtureStore, random: Random): Promise<void> {
  const offsets: number[] = [];
  for (let partitions = 1 + random(2); partitions > 0; partitions--) {
    const partition = await store.add();
    for (let tables = random(6); tables > 0; tables--) {
      const count = random(16) === 0 ? 8000 + random(9000) : 1 + random(200);
      await partition.insert(rowsOf(random, count, offsets), true);
      if (random(2) === 0) await partition.insert(rowsOf(random, 1 + random(20), offsets));
      if (random(2) === 0) await partition.seal();
    }
  }
}

const queries: readonly { query: string; matches: (row: FixtureRow) => boolean }[] = [
  { query: '', matches: () => true },
  { query: '_tag:="app.1"', matches: (row) => row.tag === 'app.1' },
  { query: 'level:="error"', matches: (row) => row.record['level'] === 'error' },
  { query: 'status:="404"', matches: (row) => row.record['status'] === 404 },
  { query: 'inner.deep:="d1"', matches: (row) => (row.record['inner'] as { deep?: string })?.deep === 'd1' },
  { query: 'level:="nowhere"', matches: () => false },
];

function selectionOf(random: Random): { selection: Selection; matches: (row: FixtureRow) => boolean } {
  const { query, matches } = queries[random(queries.length)] ?? assert.fail();
  const bound = (): number | undefined =>
    random(3) === 0 ? (nowSeconds - random(4000)) * 1000 + random(3) * 400 : undefined;
  const [fromMs, toMs] = [bound(), bound()];
  const isIn = ({ seconds, nanos }: FixtureRow): boolean => {
    const ms = seconds * 1000 + nanos / 1e6;
    return (fromMs === undefined || ms >= fromMs) && (toMs === undefined || ms < toMs);
  };
  // On a busy machine nothing may end early but what is made to.
  return { selection: { query, fromMs, toMs, timeoutMs: 1e9 }, matches: (row) => isIn(row) && matches(row) };
}

const signal = new AbortController().signal;

async function checkSearch(questions: Questions, store: FixtureStore, random: Random): Promise<void> {
  const { selection, matches } = selectionOf(random);
  const order: Order = random(2) === 0 ? 'newest' : 'oldest';
  const expected = store.rows(order).filter(matches);
  const limit = [1, 7, 100, 3000][random(4)] ?? 1;
  let after: string | undefined;
  let at = 0;
  for (let pages = 0; pages < 6; pages++) {
    const answer = await questions.search({ ...selection, order, limit, after }, signal);
    assert.ok(answer.isComplete);
    const page = expected.slice(at, at + limit);
    assert.deepEqual(
      answer.records.map(({ id, json }) => [id, json]),
      page.map((row) => [fixtureId(row), JSON.stringify(row.record)]),
    );
    at += page.length;
    assert.equal(answer.next !== undefined, at < expected.length);
    after = answer.next;
    if (after === undefined) break;
  }
  const exported: string[] = [];
  for await (const page of questions.export({ ...selection, order }, signal))
    exported.push(...page.map(({ id }) => id));
  assert.deepEqual(exported, expected.map(fixtureId));
}

/**
 * Whenever the time limit comes: a page that leads on has the next records without a gap, and says truly how far was
 * looked; one that does not is asked for again. So every record is found once, in order.
 */
async function checkTimeLimit(store: FixtureStore, random: Random): Promise<void> {
  const clock = new FakeClock(nowSeconds * 1000);
  const questions = new Questions(store, clock);
  const { selection, matches } = selectionOf(random);
  const order: Order = random(2) === 0 ? 'newest' : 'oldest';
  const expected = store.rows(order).filter(matches);
  const limit = [1, 7, 100, 3000][random(4)] ?? 1;
  const [seldom, stepMs, timeoutMs] = [2 + random(6), 1 + random(600), 1 + random(1000)];
  for (const partition of store.all)
    partition.onStatement = () => {
      if (random(seldom) === 0) clock.advance(stepMs);
    };
  let at = 0;
  let after: string | undefined;
  for (let pages = 0; ; pages++) {
    // In the end there is time for all of it.
    if (pages === 30) store.calm();
    if (pages > 30 && limit < 100) break;
    const answer = await questions.search({ ...selection, timeoutMs, order, limit, after }, signal);
    const found = answer.records.map(({ id }) => id);
    const isStuck = !answer.isComplete && answer.next === undefined;
    if (isStuck) {
      assert.ok(pages < 30, 'no progress');
      const rest = new Set(expected.slice(at).map(fixtureId));
      assert.ok(found.every((id) => rest.has(id)));
    } else {
      assert.deepEqual(found, expected.slice(at, at + found.length).map(fixtureId));
      at += found.length;
      assert.ok(answer.isComplete || found.length < limit);
      assert.notEqual(answer.next, after ?? '', 'no progress');
      checkSearchedTo(answer.searchedToMs, order, expected.slice(at));
      after = answer.next;
      if (after === undefined) break;
    }
  }
  if (after === undefined) assert.equal(at, expected.length);
  store.calm();
}

/** What is left lies where nothing was looked at yet. */
function checkSearchedTo(searchedToMs: number | undefined, order: Order, left: readonly FixtureRow[]): void {
  for (const { seconds, nanos } of left) {
    const ms = seconds * 1000 + Math.floor(nanos / 1e6);
    assert.ok(searchedToMs !== undefined);
    // Absurd times have no exact ms.
    if (!Number.isSafeInteger(ms)) continue;
    assert.ok(order === 'newest' ? ms < searchedToMs : ms >= searchedToMs, `${ms} ${order} ${searchedToMs}`);
  }
}

/** Questions that take so long that they give way, while tables are sealed in between. */
async function checkTurns(store: FixtureStore, random: Random): Promise<void> {
  const clock = new FakeClock(nowSeconds * 1000);
  const questions = new Questions(store, clock);
  for (const partition of store.all) {
    partition.onStatement = () => clock.advance(random(200));
    partition.onSnapshot = async () => {
      if (random(3) === 0) await partition.seal(random(partition.tables.length));
    };
  }
  const patient = { query: '', fromMs: undefined, toMs: undefined, timeoutMs: 1e9 };
  const expected = store.rows('newest').map(fixtureId);
  const limit = 1 + random(400);
  const { records } = await questions.search({ ...patient, limit, order: 'newest' }, signal);
  assert.deepEqual(
    records.map(({ id }) => id),
    expected.slice(0, limit),
  );
  assert.equal((await questions.histogram({ ...patient, buckets: 60 }, signal)).total, expected.length);
  const sealed = await questions.histogram({ ...patient, fromMs: -1e15, toMs: 1e17, buckets: 60 }, signal);
  assert.equal(sealed.total, expected.length);
  assert.equal((await questions.values({ ...patient, field: 'n', limit: 4 }, signal)).total, expected.length);
  store.calm();
}

async function checkHistogram(questions: Questions, store: FixtureStore, random: Random): Promise<void> {
  const { selection, matches } = selectionOf(random);
  const expected = store.rows('oldest').filter(matches);
  const buckets = [1, 10, 60, 1000][random(4)] ?? 1;
  const answer = await questions.histogram({ ...selection, buckets }, signal);
  assert.equal(answer.total, expected.length);
  assert.equal(Math.abs(answer.startMs % answer.widthMs), 0);
  assert.ok(answer.counts.length <= buckets + 1);
  const counts = answer.counts.map(() => 0);
  let outside = 0;
  for (const row of expected) {
    const bucket = Math.floor((row.seconds * 1000 + row.nanos / 1e6 - answer.startMs) / answer.widthMs);
    if (counts[bucket] === undefined) outside++;
    else counts[bucket]++;
  }
  assert.deepEqual(answer.counts, counts);
  assert.equal(answer.notes.length, outside > 0 ? 1 : 0);
}

async function checkValues(questions: Questions, store: FixtureStore, random: Random): Promise<void> {
  const { selection, matches } = selectionOf(random);
  const expected = store.rows('oldest').filter(matches);
  const field = ['level', 'status', 'n', 'inner.deep', '_tag', 'nothing'][random(6)] ?? '';
  const answer = await questions.values({ ...selection, field, limit: 2 }, signal);
  const counts = new Map<string, number>();
  for (const row of expected) {
    const value = field === '_tag' ? row.tag : field.split('.').reduce<unknown>(inside, row.record);
    const text = typeof value === 'string' ? value : JSON.stringify(value ?? null);
    if (text !== 'null') counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  const sorted = [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1));
  assert.deepEqual(
    answer.values,
    sorted.slice(0, 2).map(([value, count]) => ({ value, count })),
  );
  assert.equal(answer.total, expected.length);
  assert.equal(
    answer.present,
    sorted.reduce((sum, [, count]) => sum + count, 0),
  );
}

function inside(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

async function checkFields(questions: Questions, store: FixtureStore, random: Random): Promise<void> {
  const { selection, matches } = selectionOf(random);
  const expected = store.rows('newest').filter(matches).slice(0, 1000);
  const answer = await questions.fields(selection, signal);
  assert.equal(answer.sampled, expected.length);
  const names = ['level', 'status', 'n', 'inner', 'inner.deep'];
  for (const name of names) {
    const count = expected.filter(({ record }) => {
      const value = name.split('.').reduce<unknown>(inside, record);
      return value !== null && value !== undefined && !(name === 'inner' && Object.keys(value).length > 0);
    }).length;
    assert.equal(answer.fields.find((field) => field.name === name)?.count ?? 0, count, name);
  }
  const unknown = answer.fields.filter(({ name }) => !names.includes(name) && !name.startsWith('_'));
  assert.deepEqual(unknown, []);
}

describe('questions against a list of all rows', () => {
  const first = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9));
  for (let seed = first; seed < first + 3; seed++)
    test(`SEED=${seed}`, async () => {
      const random = randomOf(seed);
      const store = await FixtureStore.open();
      try {
        await fill(store, random);
        const questions = new Questions(store, { ...realClock, nowMs: () => nowSeconds * 1000 });
        for (let i = 0; i < 3; i++) {
          await checkSearch(questions, store, random);
          await checkTimeLimit(store, random);
          await checkTurns(store, random);
          await checkHistogram(questions, store, random);
          await checkValues(questions, store, random);
          await checkFields(questions, store, random);
        }
        for (const partition of store.all) assert.equal(partition.open, 0, 'snapshots left open');
      } finally {
        store.close();
      }
    });
});
