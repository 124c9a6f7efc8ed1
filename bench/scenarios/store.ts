/** The store: how fast it takes records, how small it keeps them, and how fast it finds them again. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { StoredBatch } from '../../src/core/record-store.ts';
import type { StoreQueries } from '../../src/store/contract.ts';
import { searchInSteps } from '../../src/store/search-steps.ts';
import { cacheDirectory } from '../cache.ts';
import { diskBytes, openMeasuredStore, peakMemoryMb } from '../measured-store.ts';
import type { MeasuredStore } from '../measured-store.ts';
import { atLeast, atMost, median } from '../scenario.ts';
import type { Outcome, RunOptions, Scenario, Table, Target } from '../scenario.ts';
import { RecordMaker } from '../store-load.ts';

const never = new AbortController().signal;
/** Records of one insert, 2 MB: what the output `store` brings while it catches up. */
const insertRecords = 8192;
/** Inserts under way at once. */
const insertsAtOnce = 2;

/**
 * Records a second while questions are measured: half of what the store must take at most. At full speed inserts and
 * sealing use two cores up, and a question waits for its share of them rather than for the store.
 */
const busyRate = 100_000;

/** Records of a page: what a person sees at once, and some more. */
const pageRecords = 100;

/** Something asked of the store; gives what it found, so that it can be compared. */
interface Question {
  readonly name: string;
  ask(queries: StoreQueries): Promise<string>;
}

function searchFor(name: string, query: string, limit = pageRecords): Question {
  return {
    name,
    ask: async (queries) => {
      const request = { query, fromMs: undefined, toMs: undefined, limit, order: 'newest' } as const;
      const { records } = await queries.search(request, never);
      return `${records.length} ${records[0]?.id}`;
    },
  };
}

function questionsOf(needle: string): readonly Question[] {
  const all = { fromMs: undefined, toMs: undefined };
  return [
    searchFor('newest', '', 10),
    searchFor('needle', `transaction_id:"${needle}"`),
    {
      name: 'histogram',
      ask: async (queries) => {
        const { counts, total } = await queries.histogram({ query: 'status>=500', ...all, buckets: 60 }, never);
        return `${counts.length} ${total}`;
      },
    },
    {
      name: 'top-N',
      ask: async (queries) => {
        const request = { query: '', ...all, field: 'kubernetes.pod_name', limit: 10 };
        const { values } = await queries.values(request, never);
        return values.map(({ value, count }) => `${value} ${count}`).join();
      },
    },
  ];
}

/** All kinds of searches; what they look for is common, rare, or not there. */
function searchesOf(needle: string): readonly (readonly [name: string, query: string])[] {
  return [
    ['everything', ''],
    ['a common value', 'country:KR'],
    ['a needle, by its field', `transaction_id:"${needle}"`],
    ['a needle, free text', `"${needle}"`],
    ['a word that is nowhere', 'nowheretobeseen'],
    ['a phrase of common words that is nowhere', '"upstream pool"'],
    ['a phrase', 'log:"timed out"'],
    ['a comparison', 'status >= 500'],
    ['a comparison that nothing meets', 'status >= 600'],
    ['a range', 'revenue:[49.9 TO 50]'],
    ['a wildcard', 'path:/v1/ord*'],
    ['a wildcard without a word', 'transaction_id:*ffff0*'],
    ['a regular expression', 'log:~"took 89[0-9]ms"'],
    ['existence', 'transaction_id:*'],
    ['both', 'country:KR AND event:purchase AND NOT campaign:summer_1'],
    ['one of two', 'status:503 OR country:BR'],
    ['a nested field', 'kubernetes.labels.app:numbers-api AND status:500'],
    ['a number in a million', 'sequence:5500'],
  ];
}

async function timed(question: Question, store: MeasuredStore): Promise<{ ms: number; found: string }> {
  const begin = performance.now();
  const found = await question.ask(store.queries);
  return { ms: performance.now() - begin, found };
}

/** Inserts batches, a few inserts at once, and gives the seconds that took. `rateMax`: records a second at most. */
async function insertAll(
  store: MeasuredStore,
  batches: readonly StoredBatch[],
  rateMax = Number.POSITIVE_INFINITY,
): Promise<number> {
  const queue: StoredBatch[][] = [];
  let records = 0;
  for (const batch of batches) {
    if (records === 0) queue.push([]);
    queue.at(-1)?.push(batch);
    records += batch.offsets.length;
    if (records >= insertRecords) records = 0;
  }
  let started = 0;
  const begin = performance.now();
  const work = async (): Promise<void> => {
    for (let group = queue.shift(); group; group = queue.shift()) {
      const number = started++;
      const early = begin + (number * insertRecords * 1000) / rateMax - performance.now();
      if (early > 0) await wait(early);
      await store.insert(group, never);
    }
  };
  await Promise.all(Array.from({ length: insertsAtOnce }, work));
  return (performance.now() - begin) / 1000;
}

/** Waits until nothing changes on disk any more: a store that gets nothing for 10 s puts its last records in order, too. */
async function settle(directory: string): Promise<void> {
  let bytes = -1;
  for (let quietSeconds = 0; quietSeconds < 15; quietSeconds++) {
    await wait(1000);
    const now = diskBytes(directory);
    if (now !== bytes) quietSeconds = 0;
    bytes = now;
  }
}

/** The id of a postback in the middle of the batches. */
function needleIn(batches: readonly StoredBatch[]): string {
  const middle = batches.slice(Math.floor(batches.length * 0.4)).find(({ tag }) => tag === 'postback') ?? batches[0];
  const text = Buffer.from(middle?.payload.subarray(0, 200) ?? '').toString();
  return /"transaction_id":"([^"]+)"/.exec(text)?.[1] ?? '';
}

interface Asked {
  readonly question: Question;
  readonly ms: number[];
  readonly found: string;
}

async function askAll(store: MeasuredStore, questions: readonly Question[], rounds: number): Promise<Asked[]> {
  const asked: Asked[] = [];
  for (const question of questions) {
    const first = await timed(question, store);
    const ms = [first.ms];
    for (let round = 1; round < rounds; round++) ms.push((await timed(question, store)).ms);
    asked.push({ question, ms, found: first.found });
  }
  return asked;
}

/** Asks over and over until something is over; the longest time of each question. */
async function askMeanwhile(
  store: MeasuredStore,
  questions: readonly Question[],
  something: Promise<unknown>,
): Promise<number[]> {
  const worst = questions.map(() => 0);
  let isOver = false;
  const over = something.then(() => (isOver = true));
  while (!isOver) {
    for (const [i, question] of questions.entries()) {
      worst[i] = Math.max(worst[i] ?? 0, (await timed(question, store)).ms);
      await wait(20);
    }
  }
  await over;
  return worst;
}

async function run(options: RunOptions): Promise<Outcome> {
  mkdirSync(cacheDirectory, { recursive: true });
  const directory = mkdtempSync(join(cacheDirectory, 'store-'));
  const store = await openMeasuredStore(directory);
  try {
    return await measure(options, directory, store);
  } finally {
    await store.close();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Medians in quiet, longest times before, during and after the inserts, medians right after them. */
function questionsTable(asked: readonly Asked[], ...columns: readonly (readonly number[])[]): Table {
  return {
    title: 'questions, ms',
    columns: ['question', 'median', 'worst before', 'worst while inserting', 'worst after', 'median right after'],
    rows: asked.map(({ question }, i) => [question.name, ...columns.map((column) => column[i])]),
  };
}

async function measure(options: RunOptions, directory: string, store: MeasuredStore): Promise<Outcome> {
  const count = options.isTiny ? 20_000 : 1_000_000;
  const rounds = options.rounds ?? (options.isTiny ? 1 : 5);
  const maker = new RecordMaker();
  options.say(`making ${count} records`);
  const batches = maker.make(count);
  const needle = needleIn(batches);
  const { jsonBytes } = maker;
  options.say('inserting them');
  const seconds = await insertAll(store, batches);
  batches.length = 0;
  if (!options.isTiny) await settle(directory);
  const bytes = diskBytes(directory);
  options.say('asking');
  const quiet = await askAll(store, questionsOf(needle), rounds);
  const quietMs = quiet.map(({ ms }) => median(ms));
  const more = maker.make(count / 2);
  // As often as while inserting: the longest of a hundred tries is longer than that of five.
  const askQuietly = (): Promise<number[]> =>
    askMeanwhile(store, questionsOf(needle), wait((count / 2 / busyRate) * 1000));
  const beforeMs = await askQuietly();
  options.say('asking while inserting');
  const inserting = insertAll(store, more, busyRate);
  const [worstMs, moreSeconds] = await Promise.all([askMeanwhile(store, questionsOf(needle), inserting), inserting]);
  // Their last rows are not sealed yet: a part of the stall.
  const after = await askAll(store, questionsOf(needle), rounds);
  const afterMs = after.map(({ ms }) => median(ms));
  if (!options.isTiny) await settle(directory);
  // The inserts have made the store half as large again, which takes longer to ask without any insert.
  const laterMs = await askQuietly();
  const quietWorstMs = laterMs.map((ms, i) => Math.max(ms, beforeMs[i] as number));
  const large = options.millions === undefined ? undefined : await askLarge(options, directory, store, maker, needle);
  const peakMb = peakMemoryMb(store.pid);
  const tables: Table[] = [
    {
      title: `${count.toLocaleString('en-US')} records of ${Math.round(jsonBytes / count)} bytes of JSON`,
      columns: ['records/s', 'records/s while asked', 'bytes on disk each', '% of the JSON', 'peak MB'],
      rows: [
        [
          Math.round(count / seconds),
          Math.round(count / 2 / moreSeconds),
          bytes / count,
          (bytes / jsonBytes) * 100,
          peakMb,
        ],
      ],
    },
    questionsTable(quiet, quietMs, beforeMs, worstMs, laterMs, afterMs),
    ...(large ? [large.table] : []),
  ];
  const stallMs = Math.max(...worstMs.map((ms, i) => ms - (quietWorstMs[i] as number)));
  const targets: Target[] = [
    atLeast('must', 'inserted records/s', Math.round(count / seconds), 200_000),
    atLeast('aim', 'inserted records/s', Math.round(count / seconds), 300_000),
    atMost('must', 'disk, % of the JSON', (bytes / jsonBytes) * 100, 30),
    ...quiet.map(({ question }, i) => atMost('must', `${question.name}, ms`, quietMs[i], 100)),
    atMost('must', 'longest stall of a question by inserts, ms', stallMs, 100),
    ...(large ? [large.target] : []),
    atMost('must', 'peak memory of the store process, MB', peakMb, 512),
  ];
  const hash = createHash('sha256');
  for (const found of [...quiet.map((one) => one.found), ...(large?.found ?? [])]) hash.update(`${found}\n`);
  return { tables, targets, resultHash: hash.digest('hex').slice(0, 16), versions: {}, notes: [] };
}

/** A search as the explorer makes it: in steps, each with the rows found so far. */
interface Stepped {
  /** Until the first answer that has rows, or until it is sure that there are none. */
  readonly firstMs: number;
  readonly pageMs: number;
  readonly found: string;
}

async function stepped(store: MeasuredStore, query: string): Promise<Stepped> {
  const request = { query, fromMs: undefined, toMs: undefined, limit: pageRecords, order: 'newest' } as const;
  const begin = performance.now();
  let firstMs: number | undefined;
  let isWhole = true;
  const ids: string[] = [];
  for await (const { records, isComplete, next } of searchInSteps(store.queries, request, pageRecords, never)) {
    ids.push(...records.map(({ id }) => id));
    isWhole = isComplete || next !== undefined;
    if (ids.length > 0) firstMs ??= performance.now() - begin;
  }
  if (!isWhole) throw new Error(`searching ${query}: the store did not get to the end`);
  const pageMs = performance.now() - begin;
  return { firstMs: firstMs ?? pageMs, pageMs, found: `${ids.length} ${ids[0]}` };
}

/** Fills the store up to so many millions, and asks for the first rows of all kinds of searches. */
async function askLarge(
  options: RunOptions,
  directory: string,
  store: MeasuredStore,
  maker: RecordMaker,
  needle: string,
): Promise<{ table: Table; target: Target; found: readonly string[] }> {
  const count = (options.millions ?? 0) * 1_000_000;
  for (let have = maker.count; have < count; have = maker.count) {
    options.say(`${Math.round(have / 1e6)} of ${options.millions} million records`);
    await insertAll(store, maker.make(Math.min(500_000, count - have)));
  }
  await settle(directory);
  const asked: { name: string; firstMs: number; pageMs: number; found: string }[] = [];
  for (const [name, query] of searchesOf(needle)) {
    const rounds: Stepped[] = [];
    for (let round = 0; round < 3; round++) rounds.push(await stepped(store, query));
    asked.push({
      name,
      firstMs: median(rounds.map(({ firstMs }) => firstMs)),
      pageMs: median(rounds.map(({ pageMs }) => pageMs)),
      found: rounds[0]?.found ?? '',
    });
  }
  const slowestMs = Math.max(...asked.map(({ firstMs }) => firstMs));
  return {
    found: asked.map(({ found }) => found),
    table: {
      title: `first rows out of ${options.millions} million records, ms`,
      columns: ['search', 'first rows', `whole page (${pageRecords})`, 'found'],
      rows: asked.map(({ name, firstMs, pageMs, found }) => [name, firstMs, pageMs, found]),
    },
    target: atMost('must', 'first rows of the slowest search, ms', slowestMs, 500),
  };
}

export const store: Scenario = {
  name: 'store',
  summary: 'records into the store, their size on disk, and questions with and without inserts under way',
  run,
};
