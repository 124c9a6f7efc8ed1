/**
 * Origins: which records these were at the program before, so that one that arrives twice is known again.
 *
 * A *stream* is what one output sends of one shard: its name is the shard's, a dot, and a hash of the ids of the outputs
 * on the way, so that records that reach a place by two ways (copy) are two. A record's origin is its stream, its offset
 * in the shard, and an ordinal where its record became several. It is kept over any number of programs and is the
 * record's id from then on.
 *
 * A *run* is consecutive records with consecutive offsets. It also names the offsets before and behind it that the stream
 * never carries, because they were for somebody else: what is known to be done then has no holes.
 */
import { createHash } from 'node:crypto';

export interface OriginRun {
  /** Empty: these records have no origin; all but `rows` is 0 then. */
  readonly stream: string;
  readonly rows: number;
  /** Of the first record. */
  readonly offset: number;
  /** Which of several records that were made of one; -1: the only one. */
  readonly ordinal: number;
  /** Offsets directly before the first record, and behind the last, that the stream never carries under this ordinal. */
  readonly before: number;
  readonly after: number;
}

/** Origin of one record. */
export interface RowOrigin {
  readonly stream: string;
  readonly offset: number;
  readonly ordinal: number;
  readonly before: number;
  readonly after: number;
}

/** Ordinals of one level are below this; those of a second level are multiples of it plus their own. */
const ordinalsPerLevel = 4096;
const int32Max = 0x7fff_ffff;

/**
 * The ordinal of the `k`-th record made of one that has the ordinal `origin` already; -1 in either place: none. Undefined
 * where the numbers do not suffice (records that were split at three places): then the record needs another origin.
 */
export function joinOrdinals(origin: number, k: number): number | undefined {
  if (k < 0) return origin;
  if (k >= ordinalsPerLevel) return undefined;
  if (origin < 0) return k;
  const joined = (origin + 1) * ordinalsPerLevel + k;
  return joined <= int32Max ? joined : undefined;
}

/** The stream in which an output sends records of a shard, or of a stream. */
export function streamOf(from: string, output: string): string {
  const [shard = '', path = ''] = from.split('.');
  const hash = createHash('sha256').update(`${path}/${output}`).digest('hex').slice(0, 10);
  return `${shard}.${hash}`;
}

/** Origins of the records of a block, by position. */
export class Origins {
  readonly runs: readonly OriginRun[];
  /** Position of each run's first record. */
  readonly #starts: readonly number[];
  #last = 0;

  constructor(runs: readonly OriginRun[]) {
    this.runs = runs;
    let start = 0;
    this.#starts = runs.map(({ rows }) => (start += rows) - rows);
  }
  /** Undefined: the record has none. Fast where positions come in order. */
  at(index: number): RowOrigin | undefined {
    const run = this.#runOf(index);
    if (!run || run.stream === '') return undefined;
    const place = index - (this.#starts[this.#last] as number);
    const { stream, ordinal, offset, rows } = run;
    return {
      stream,
      offset: offset + place,
      ordinal,
      before: place === 0 ? run.before : 0,
      after: place === rows - 1 ? run.after : 0,
    };
  }
  #runOf(index: number): OriginRun | undefined {
    const starts = this.#starts;
    if (index < (starts[this.#last] ?? 0)) this.#last = 0;
    while (this.#last + 1 < starts.length && (starts[this.#last + 1] as number) <= index) this.#last++;
    const run = this.runs[this.#last];
    return run && index < (starts[this.#last] as number) + run.rows ? run : undefined;
  }
}

type Building = { -readonly [K in keyof OriginRun]: OriginRun[K] };

/** Makes runs of records that come one after the other. */
export class OriginBuilder {
  readonly runs: Building[] = [];
  /** Offsets that passed and belong to the run that may begin behind them. */
  #gap: { stream: string; ordinal: number; low: number; high: number } | undefined;

  /** A record; undefined: it has no origin. */
  add(origin: RowOrigin | undefined): void {
    const last = this.runs.at(-1);
    if (!origin) {
      this.#gap = undefined;
      if (last?.stream === '') last.rows++;
      else this.runs.push({ stream: '', rows: 1, offset: 0, ordinal: 0, before: 0, after: 0 });
      return;
    }
    const { stream, offset, ordinal, after } = origin;
    const gap = this.#gap;
    this.#gap = undefined;
    const low = offset - origin.before;
    const joins = gap?.stream === stream && gap.ordinal === ordinal && gap.high === low;
    const before = joins ? offset - gap.low : origin.before;
    if (
      before === 0 &&
      last?.stream === stream &&
      last.ordinal === ordinal &&
      last.after === 0 &&
      last.offset + last.rows === offset
    ) {
      last.rows++;
      last.after = after;
    } else this.runs.push({ stream, rows: 1, offset, ordinal, before, after });
  }
  /** Several records at once. */
  addRun(run: OriginRun): void {
    this.#gap = undefined;
    const last = this.runs.at(-1);
    const isNext = last?.stream === run.stream && last.ordinal === run.ordinal && last.after === 0 && run.before === 0;
    if (last && isNext && last.offset + last.rows === run.offset && run.stream !== '') {
      last.rows += run.rows;
      last.after = run.after;
    } else this.runs.push({ ...run });
  }
  /** Something that the stream does not carry on. */
  pass({ stream, offset, ordinal, before, after }: RowOrigin): void {
    const low = offset - before;
    const high = offset + 1 + after;
    const gap = this.#gap;
    const last = this.runs.at(-1);
    if (gap?.stream === stream && gap.ordinal === ordinal && gap.high === low) gap.high = high;
    else if (
      !gap &&
      last?.stream === stream &&
      last.ordinal === ordinal &&
      last.offset + last.rows + last.after === low
    )
      last.after += high - low;
    else this.#gap = { stream, ordinal, low, high };
  }
}

/** Runs as they are kept and sent: names of streams, and for each run stream (-1: none), rows, offset, ordinal, before, after. */
export type PackedOrigins = readonly [readonly string[], readonly number[]];
const numbersPerRun = 6;

export function packOrigins(runs: readonly OriginRun[]): PackedOrigins {
  const streams = new Map<string, number>();
  const numbers: number[] = [];
  for (const { stream, rows, offset, ordinal, before, after } of runs) {
    let number = stream === '' ? -1 : streams.get(stream);
    if (number === undefined) streams.set(stream, (number = streams.size));
    numbers.push(number, rows, offset, ordinal, before, after);
  }
  return [[...streams.keys()], numbers];
}

/** Longest name of a stream: a shard's 16 letters and a hash's 10, and room. */
const streamLengthMax = 64;

/** Reads what packOrigins made, which may come from outside; undefined where it is anything else, or not of `rows` records. */
export function unpackOrigins(packed: unknown, rows: number): OriginRun[] | undefined {
  if (!Array.isArray(packed) || packed.length !== 2) return undefined;
  const [streams, numbers] = packed as [unknown, unknown];
  if (!Array.isArray(streams) || !streams.every(isStream)) return undefined;
  if (!Array.isArray(numbers) || numbers.length % numbersPerRun !== 0) return undefined;
  if (!numbers.every((number) => Number.isSafeInteger(number) && (number as number) >= -1)) return undefined;
  const runs: OriginRun[] = [];
  let left = rows;
  for (let at = 0; at < numbers.length; at += numbersPerRun) {
    const [stream, count, offset, ordinal, before, after] = numbers.slice(at, at + numbersPerRun) as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const name = stream === -1 ? '' : streams[stream];
    const isSound = count > 0 && offset >= before && before >= 0 && after >= 0 && ordinal <= int32Max;
    if (name === undefined || !isSound || !Number.isSafeInteger(offset + count + after)) return undefined;
    left -= count;
    runs.push({ stream: name, rows: count, offset, ordinal, before, after });
  }
  return left === 0 ? runs : undefined;
}

function isStream(name: unknown): name is string {
  return typeof name === 'string' && name.length <= streamLengthMax && /^[0-9A-Za-z]+\.[0-9a-z]+$/.test(name);
}
