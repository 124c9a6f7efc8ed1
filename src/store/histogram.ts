/** How many records there are over time. */
import type { Clock } from '../core/clock.ts';
import type { HistogramAnswer, HistogramRequest } from './contract.ts';
import { dayMs, histogramScale, minuteMs, type Scale } from './histogram-scale.ts';
import type { RowTable } from './layout.ts';
import { TimeUp } from './limits.ts';
import { minuteCounts } from './minutes.ts';
import { ask, tablesOf, timesOf, viewsOf, type Asking, type Selected, type Times } from './selection.ts';
import type { Snapshot } from './snapshot.ts';
import { sumPartitions, type Walk } from './turns.ts';

/**
 * Where a side is left open the picture spans what was received between ten years ago and tomorrow: a clock that was
 * never set (1970) or a broken time (year 292277) must not press all others into one bucket. What lies outside is in
 * the total, and a note says how much it is. Where nothing lies inside, the picture spans what there is.
 */
const pastMs = 3653 * dayMs;
const futureMs = dayMs;

/** Rows by bucket; those outside of the scale are counted together. */
class Counts {
  readonly buckets: Float64Array;
  outside = 0;
  constructor(count: number) {
    this.buckets = new Float64Array(count);
  }
  add(bucket: number, rows: number): void {
    if (bucket >= 0 && bucket < this.buckets.length) this.buckets[bucket] = (this.buckets[bucket] ?? 0) + rows;
    else this.outside += rows;
  }
  addAll(other: Counts): void {
    for (const [bucket, rows] of other.buckets.entries()) this.add(bucket, rows);
    this.outside += other.outside;
  }
}

/** Counts by record time. Partitions are counted newest first, so that at the time limit it is the oldest that are missing. */
export async function histogram(
  asking: Asking,
  selected: Selected,
  request: HistogramRequest,
  clock: Clock,
): Promise<Omit<HistogramAnswer, 'tookMs' | 'notes'>> {
  let isComplete = true;
  let scale = histogramScale(request.fromMs ?? clock.nowMs(), request.toMs ?? clock.nowMs(), request.buckets);
  let counts = new Counts(scale.count);
  try {
    const span = await spanOf(asking, selected, clock);
    scale = histogramScale(span.fromMs, span.toMs, request.buckets);
    counts = new Counts(scale.count);
    isComplete = await countAll(asking, selected, scale, counts);
  } catch (error) {
    if (!(error instanceof TimeUp)) throw error;
    isComplete = false;
  }
  if (counts.outside > 0)
    asking.notes.add(
      `${counts.outside} records have times far outside of the picture (before ${isoDay(scale.startMs)} or after ` +
        `${isoDay(scale.startMs + scale.count * scale.widthMs)}): they are in the total; set a time range to see them`,
    );
  const inside = counts.buckets.reduce((sum, rows) => sum + rows, 0);
  return {
    startMs: scale.startMs,
    widthMs: scale.widthMs,
    counts: [...counts.buckets],
    total: inside + counts.outside,
    isComplete,
  };
}

/** A day as text, also where a Date cannot hold it. */
function isoDay(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString().slice(0, 10) : `${Math.round(ms / 1000)} s since 1970`;
}

// ------------------------------------------------------------------------------------------------ what it spans

async function spanOf(asking: Asking, selected: Selected, clock: Clock): Promise<{ fromMs: number; toMs: number }> {
  const { fromMs, toMs } = selected;
  if (fromMs !== undefined && toMs !== undefined) return { fromMs, toMs };
  const wanted: Times = {
    secondsMin: Math.max(Math.floor((clock.nowMs() - pastMs) / 1000), selected.seconds.secondsMin),
    secondsMax: Math.min(Math.ceil((clock.nowMs() + futureMs) / 1000), selected.seconds.secondsMax),
  };
  const all: Times[] = [];
  const inside: Times[] = [];
  for (const view of viewsOf(asking, selected)) {
    const times = timesOf(view);
    if (!times) continue;
    all.push(times);
    if (isWithin(times, wanted)) inside.push(times);
    else
      await ask(asking, view, async (snapshot) => {
        for (const table of snapshot.tables) inside.push(...(await timesInside(asking, snapshot, table, wanted)));
      });
  }
  const span = joinTimes(inside) ?? joinTimes(all);
  const from = fromMs ?? (span ? span.secondsMin * 1000 : (toMs ?? clock.nowMs()) - 1);
  const to = toMs ?? (span ? (span.secondsMax + 1) * 1000 : from + 1);
  return { fromMs: fromMs ?? Math.min(from, to - 1), toMs: toMs ?? Math.max(to, from + 1) };
}

function isWithin(times: Times, wanted: Times): boolean {
  return times.secondsMin >= wanted.secondsMin && times.secondsMax <= wanted.secondsMax;
}

function joinTimes(list: readonly Times[]): Times | undefined {
  if (list.length === 0) return undefined;
  return {
    secondsMin: list.reduce((min, times) => Math.min(min, times.secondsMin), Infinity),
    secondsMax: list.reduce((max, times) => Math.max(max, times.secondsMax), -Infinity),
  };
}

/** The times of a table's rows that lie inside, none or one range. */
async function timesInside(asking: Asking, snapshot: Snapshot, table: RowTable, wanted: Times): Promise<Times[]> {
  if (table.secondsMin > wanted.secondsMax || table.secondsMax < wanted.secondsMin) return [];
  if (isWithin(table, wanted)) return [table];
  const bounds = [
    Number.isFinite(wanted.secondsMin) ? `seconds >= ${wanted.secondsMin}` : 'true',
    Number.isFinite(wanted.secondsMax) ? `seconds <= ${wanted.secondsMax}` : 'true',
  ];
  const sql = `SELECT min(seconds), max(seconds) FROM ${table.sql} WHERE ${bounds.join(' AND ')}`;
  const rows = await asking.limits.rows(snapshot.connection, sql);
  const [min, max] = rows[0] ?? [];
  return typeof min === 'bigint' && typeof max === 'bigint'
    ? [{ secondsMin: Number(min), secondsMax: Number(max) }]
    : [];
}

// ------------------------------------------------------------------------------------------------ counting

/** Tables of one statement: a quarter of a second where each row's text has to be looked at. */
const tablesTogether = 8;

function countAll(asking: Asking, selected: Selected, scale: Scale, total: Counts): Promise<boolean> {
  const rolled = wholeMinutes(selected, scale);
  return sumPartitions(
    asking,
    selected,
    () => {
      const part = new Counts(scale.count);
      return { part, walk: walkOf(asking, selected, rolled, scale, part) };
    },
    (part) => total.addAll(part),
  );
}

function walkOf(asking: Asking, selected: Selected, rolled: Rolled | undefined, scale: Scale, counts: Counts): Walk {
  return {
    async begin(snapshot) {
      const tables = tablesOf(snapshot, selected);
      if (!rolled) return tables;
      const segments = tables.filter((table) => table.kind === 'segment');
      await countMinutes(asking, rolled, snapshot, segments, scale, counts);
      return tables.filter((table) => table.kind === 'hot' || rolled.edges.some((edge) => edge.mayBeIn(table)));
    },
    together: tablesTogether,
    async step(snapshot, tables) {
      const pieces = tables.flatMap((table) => {
        const parts = rolled && table.kind === 'segment' ? rolled.edges : [selected];
        return parts.filter((part) => part.mayBeIn(table)).map((part) => ({ table, part }));
      });
      await countRows(asking, snapshot, pieces, scale, counts);
    },
  };
}

/** Beyond what a record's time can be. */
const minutesMax = Number.MAX_SAFE_INTEGER;

/** What the minutes of segments can count. */
interface Rolled {
  readonly tag: string | undefined;
  /** Minutes since 1970, [from, to). */
  readonly from: number;
  readonly to: number;
  /** What is left in front of the first and behind the last whole minute. */
  readonly edges: readonly Selected[];
}

/** Undefined: rows have to be counted one by one. */
function wholeMinutes(selected: Selected, scale: Scale): Rolled | undefined {
  const { tree, fromMs, toMs } = selected;
  const isTag = tree.kind === 'test' && tree.field === '_tag' && tree.test.kind === 'exact';
  if ((tree.kind !== 'all' && !isTag) || scale.widthMs % minuteMs !== 0) return undefined;
  const from = fromMs === undefined ? -minutesMax : Math.ceil(fromMs / minuteMs);
  const to = toMs === undefined ? minutesMax : Math.floor(toMs / minuteMs);
  if (from >= to) return undefined;
  const edges: Selected[] = [];
  if (fromMs !== undefined && fromMs < from * minuteMs) edges.push(selected.between(fromMs, from * minuteMs));
  if (toMs !== undefined && toMs > to * minuteMs) edges.push(selected.between(to * minuteMs, toMs));
  return {
    tag: tree.kind === 'test' && tree.test.kind === 'exact' ? tree.test.text : undefined,
    from,
    to,
    edges,
  };
}

async function countMinutes(
  asking: Asking,
  rolled: Rolled,
  snapshot: Snapshot,
  segments: readonly RowTable[],
  scale: Scale,
  counts: Counts,
): Promise<void> {
  const minutes = await asking.limits.during(snapshot.connection, (connection) =>
    minuteCounts(connection, snapshot.alias, segments, rolled.from, rolled.to, rolled.tag),
  );
  for (const { minute, rows } of minutes)
    counts.add(Math.floor((minute * minuteMs - scale.startMs) / scale.widthMs), rows);
}

/** Counts rows of some tables that are selected, each by a selection of its own. */
async function countRows(
  asking: Asking,
  snapshot: Snapshot,
  pieces: readonly { readonly table: RowTable; readonly part: Selected }[],
  scale: Scale,
  counts: Counts,
): Promise<void> {
  const counted: string[] = [];
  for (const { table, part } of pieces) {
    const where = await part.where(asking.limits, snapshot, table);
    if (where !== undefined)
      counted.push(
        `SELECT ${bucketSql(scale)} AS bucket, count(*) AS n FROM ${table.sql} WHERE ${where} GROUP BY bucket`,
      );
  }
  if (counted.length === 0) return;
  const rows = await asking.limits.rows(
    snapshot.connection,
    `SELECT bucket, sum(n)::BIGINT FROM (${counted.join(' UNION ALL ')}) GROUP BY bucket`,
  );
  for (const row of rows) counts.add(Number(row[0]), Number(row[1]));
}

/** A row's bucket, -1: outside. Differences are taken from the start on, so that nothing overflows or is negative. */
function bucketSql({ startMs, widthMs, count }: Scale): string {
  const first = Math.floor(startMs / 1000);
  const end = Math.ceil((startMs + count * widthMs) / 1000);
  const bucket =
    widthMs % 1000 === 0
      ? `(seconds - ${first}) // ${widthMs / 1000}`
      : `((seconds - ${first}) * 1000 + nanos // 1000000 - ${startMs - first * 1000}) // ${widthMs}`;
  return `CASE WHEN seconds < ${first} OR seconds >= ${end} THEN -1 ELSE ${bucket} END`;
}
