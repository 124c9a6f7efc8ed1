/** Which fields of a segment become columns of their own. */
import { zstdCompressSync } from 'node:zlib';
import { Pieces } from './courtesy.ts';
import { kinds } from './shapes.ts';
import type { PathStats } from './shapes.ts';

/** A column with a number of its own, or only a listed path. */
export interface Column {
  readonly path: readonly string[];
  /** Undefined: it stays in `fields` alone. */
  readonly number: number | undefined;
  readonly numeric: 'BIGINT' | 'DOUBLE' | undefined;
  /** Some values are texts, which must not become numbers. */
  readonly hasTexts: boolean;
  /** Some values are numbers with a fraction or an exponent. */
  readonly hasDecimals: boolean;
  /** Texts that repeat little: Zstandard packs them better than a dictionary does, and in less time. */
  readonly isLongText: boolean;
  readonly types: readonly string[];
  readonly rows: number;
}

/** A field in fewer rows than this share of them is read from the JSON when somebody asks for it. */
const rowShareMin = 0.01;
/** Columns cost memory while a segment is written (4 MB each) and a little disk even where they are empty. */
const columnsMax = 200;
/** Aim for a segment on disk, as a share of its JSON, 30 % being what was promised. */
const diskShare = 0.27;
/** What columns may take in any case: with fields of few values they cost next to nothing. */
const columnsShareMin = 0.05;
/** Bytes a row takes on disk beside its JSON and its columns: times, places, tag, filter. */
const rowBytes = 14;
/** Longer texts repeat inside rather than as a whole. */
const longTextBytes = 48;
/** DuckDB packs smaller pieces than what is packed here to estimate: seen on logs and postbacks. */
const jsonFactor = 1.15;
const columnFactor = 1.4;
/** Texts of one word are found through the filter as fast as through a column: they come last. */
const wordPenalty = 4;

/** Types of a field as answers name them, in alphabetical order. */
function typesOf({ rows }: PathStats): string[] {
  const types: string[] = [];
  if (rows[kinds.array]) types.push('array');
  if (rows[kinds.boolean]) types.push('boolean');
  if (rows[kinds.integer] || rows[kinds.decimal]) types.push('number');
  if (rows[kinds.object]) types.push('object');
  if (rows[kinds.string]) types.push('string');
  return types;
}

function numericOf(stats: PathStats): Column['numeric'] {
  const integers = stats.rows[kinds.integer] as number;
  const decimals = stats.rows[kinds.decimal] as number;
  if ((integers + decimals) * 2 <= stats.present) return undefined;
  return integers >= decimals ? 'BIGINT' : 'DOUBLE';
}

/** False for paths that a JSON pointer does not name, or that could also mean an entry of an array. */
function canBePointed(stats: PathStats, arrays: ReadonlySet<string>): boolean {
  return stats.keys.every(
    (key, i) =>
      key.isWellFormed() &&
      !key.includes('\0') &&
      !(/^[0-9]+$/.test(key) && i > 0 && arrays.has(JSON.stringify(stats.keys.slice(0, i)))),
  );
}

/**
 * Chooses columns for a segment of `rows` rows. `sample`: records of all parts of the segment, one JSON text each.
 * The list has all paths given that hold anything but null.
 */
export async function chooseColumns(
  paths: readonly PathStats[],
  rows: number,
  sample: readonly string[],
): Promise<Column[]> {
  const listed = paths.filter((stats) => stats.present > 0);
  const arrays = new Set(listed.filter((stats) => stats.rows[kinds.array]).map((stats) => JSON.stringify(stats.keys)));
  const candidates = listed
    .filter(
      (stats) =>
        stats.present >= rows * rowShareMin &&
        (stats.rows[kinds.object] as number) * 2 < stats.present &&
        canBePointed(stats, arrays),
    )
    .toSorted((a, b) => b.present - a.present)
    // Twice as many as can be taken: enough to choose from, and a bound for the work.
    .slice(0, 2 * columnsMax);
  const chosen = await affordable(candidates, sample);
  let number = 0;
  return listed.map((stats) => {
    const cost = chosen.get(stats);
    return {
      path: stats.keys,
      number: cost ? number++ : undefined,
      numeric: cost && numericOf(stats),
      hasTexts: (stats.rows[kinds.string] as number) > 0,
      hasDecimals: (stats.rows[kinds.decimal] as number) > 0,
      isLongText: cost?.isLongText ?? false,
      types: typesOf(stats),
      rows: stats.present,
    };
  });
}

interface Cost {
  readonly stats: PathStats;
  /** Estimated, per row of the segment. */
  readonly bytes: number;
  readonly isLongText: boolean;
  readonly isWord: boolean;
}

/** The cheapest ones, as many as the space allows. */
async function affordable(candidates: readonly PathStats[], sample: readonly string[]): Promise<Map<PathStats, Cost>> {
  const text = sample.join('\n');
  const jsonBytes = Buffer.byteLength(text) / Math.max(1, sample.length);
  const packedBytes = (jsonFactor * packed(sample)) / Math.max(1, sample.length);
  let left = Math.max(columnsShareMin * jsonBytes, diskShare * jsonBytes - packedBytes - rowBytes);
  const records = sample.map(parsed);
  const costs: Cost[] = [];
  const pieces = new Pieces();
  for (const stats of candidates) {
    // One takes a millisecond or two; others want to do something in between.
    await pieces.turnIfDue();
    costs.push(costOf(stats, records));
  }
  costs.sort((a, b) => a.bytes * (a.isWord ? wordPenalty : 1) - b.bytes * (b.isWord ? wordPenalty : 1));
  const chosen = new Map<PathStats, Cost>();
  for (const cost of costs) {
    if (cost.bytes > left || chosen.size >= columnsMax) continue;
    left -= cost.bytes;
    chosen.set(cost.stats, cost);
  }
  return chosen;
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

/** Bytes of texts as Zstandard packs them, a line feed behind each. */
function packed(texts: readonly string[]): number {
  return texts.length === 0 ? 0 : zstdCompressSync(texts.join('\n')).length;
}

function costOf(stats: PathStats, records: readonly unknown[]): Cost {
  const texts: string[] = [];
  let words = 0;
  for (const record of records) {
    let value: unknown = record;
    for (const key of stats.keys)
      // Only its own: every object inherits a `constructor`.
      value =
        typeof value === 'object' && value !== null && Object.hasOwn(value, key)
          ? (value as Record<string, unknown>)[key]
          : undefined;
    if (value === undefined || value === null) continue;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    texts.push(text);
    if (!text.includes(' ')) words++;
  }
  const distinct = new Set(texts);
  const lengths = texts.reduce((sum, text) => sum + text.length, 0);
  const isRepeating = distinct.size * 4 < texts.length;
  const dictionary = packed([...distinct]) + (texts.length * Math.ceil(Math.log2(distinct.size + 1))) / 8;
  const bytes = isRepeating ? dictionary : packed(texts);
  return {
    stats,
    bytes: (columnFactor * bytes) / Math.max(1, records.length),
    isLongText: !isRepeating && lengths > texts.length * longTextBytes,
    isWord: !isRepeating && words * 2 > texts.length && lengths > texts.length * 8,
  };
}
