/**
 * Block token filters: which blocks of a segment may hold a word.
 *
 * Words are those of the records' keys and values, as query/words.ts defines them. Row r of a segment belongs to block r / block_rows. Each
 * block has a Bloom filter of filter_parts × 512 bits. A word's hash h (32 bits) belongs to part h × filter_parts / 2^32,
 * and in it to the positions (a + i × b) mod 512 for i = 0 to 4, with a and b from `spread(h ^ 0x9e3779b9)`: a its lowest 9
 * bits, b the 9 bits above them, made odd.
 *
 *     filters(segment, part, bits)   bits: 512 slices of ⌈blocks / 8⌉ bytes, one for each position; bit k % 8 of byte k / 8
 *                                    of a slice belongs to block k
 *
 * Beside words a block's filter has what word-set.ts mixes of two words without digits that stand next to each other in a
 * text (phrases), of three characters of a word (wildcards; not of digits and a to f alone, which ids are full of), and of two
 * characters next to each other that are not ASCII. A block with too many of these has none, but `noParts` among its words.
 *
 * So a question reads one row for each of its words, whatever the number of blocks. A missing bit says that the word is
 * not in the block; set bits say nothing for certain. Missing rows say nothing either.
 */
import { Pieces } from './courtesy.ts';
import { sqlName } from './database.ts';
import type { Connection } from './database.ts';
import type { RowTable } from './layout.ts';
import type { Need } from './query/needs.ts';
import { blockRanges } from './row-runs.ts';
import type { RowRange } from './row-runs.ts';
import { rewrittenNumber } from './scanner.ts';
import { WordSet, spread, wordHash } from './word-set.ts';

/** Slices of a part: as long as a part's row is small (4 KiB at 60 blocks), few enough words share one for it to work as one filter. */
const partBits = 512;
const positions = 5;
/** At 12 bits a word one block in 200 is read in vain. */
const wordBitsMax = 12;
/** Below, most of what is read is read in vain. */
const wordBitsMin = 4;
/** Of the records' JSON. Together with the rest of a segment it has to stay below 30 %. */
const jsonShareMax = 0.025;
/** Distinct words of a block, 1 MiB of hashes; a block with more is read for every question. */
const blockWordsMax = 1 << 18;
/** Distinct words of all blocks, 32 MiB of hashes, which are in memory while a segment is written. */
const wordsMax = 1 << 23;

/** Parts of a block; with more, ids of letters and digits are among them, of which every block has all parts. */
const blockPartsMax = 1 << 13;
/** Stands among a block's words for parts that were not kept. */
const noParts = 0x6e6f7061;

/** Gathers the words of a segment's blocks. */
export class FilterBuilder {
  /** Takes the words of the block that is being read. */
  readonly words = new WordSet(blockWordsMax);
  /** Takes its parts. */
  readonly parts = new WordSet(blockPartsMax);
  /** By block; undefined: too many. */
  readonly #blocks: (Int32Array | undefined)[] = [];
  #count = 0;

  endBlock(): void {
    const hasParts = !this.parts.isFull;
    const parts = this.parts.take();
    if (!hasParts) this.words.add(noParts);
    const isFull = this.words.isFull || this.#count > wordsMax;
    const words = this.words.take();
    this.#blocks.push(isFull ? undefined : hasParts ? joined(words, parts) : words);
    if (!isFull) this.#count += words.length + (hasParts ? parts.length : 0);
  }
  /** Blocks that have ended. */
  get blockCount(): number {
    return this.#blocks.length;
  }
  /** False: nothing in this block can match. */
  mayHold(block: number, need: Need): boolean {
    const words = this.#blocks[block];
    return words === undefined || holds(need, (hash) => words.includes(hash));
  }

  /** The rows of `filters`, by part. `jsonBytes`: size of all records. */
  async rows(jsonBytes: number): Promise<Uint8Array[]> {
    const filled = this.#blocks.filter((words) => words !== undefined);
    const wordBits = Math.max(
      wordBitsMin,
      Math.min(wordBitsMax, (jsonBytes * 8 * jsonShareMax) / Math.max(1, this.#count)),
    );
    const meanWords = this.#count / Math.max(1, filled.length);
    const partCount = Math.max(1, Math.ceil((meanWords * wordBits) / partBits));
    const sliceBytes = Math.ceil(this.#blocks.length / 8);
    const parts = Array.from({ length: partCount }, () => new Uint8Array(partBits * sliceBytes));
    const pieces = new Pieces();
    for (const [block, words] of this.#blocks.entries()) {
      const byte = block >> 3;
      const bit = 1 << (block & 7);
      // Some ten thousand words are half a millisecond; others want to do something in between.
      await pieces.turnIfDue();
      if (!words) {
        for (const part of parts)
          for (let slice = 0; slice < partBits; slice++) (part[slice * sliceBytes + byte] as number) |= bit;
        continue;
      }
      for (const hash of words) {
        const part = parts[partOf(hash, partCount)] as Uint8Array;
        const { first, step } = positionsOf(hash);
        for (let i = 0, slice = first; i < positions; i++, slice = (slice + step) % partBits)
          (part[slice * sliceBytes + byte] as number) |= bit;
      }
    }
    return parts;
  }
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

function partOf(hash: number, partCount: number): number {
  return Math.floor(((hash >>> 0) * partCount) / 2 ** 32);
}

function positionsOf(hash: number): { first: number; step: number } {
  const mixed = spread(hash ^ 0x9e3779b9);
  return { first: mixed & (partBits - 1), step: ((mixed >>> 9) & (partBits - 1)) | 1 };
}

/** Adds the rows of a segment's filter, in the caller's transaction. */
export async function writeFilter(
  connection: Connection,
  alias: string,
  segment: number,
  parts: readonly Uint8Array[],
): Promise<void> {
  const appender = await connection.appender('filters', alias);
  for (const [part, bits] of parts.entries()) {
    appender.appendInteger(segment);
    appender.appendInteger(part);
    appender.appendBlob(bits);
    appender.endRow();
  }
  appender.closeSync();
}

/** Rows of a segment among which all are that can match, ascending and joined; undefined: any row can. */
type Candidates = readonly RowRange[] | undefined;

/** The candidates of segments of one partition, by number. Reading the filters of all costs hardly more than those of one. */
export async function candidateRows(
  connection: Connection,
  alias: string,
  segments: readonly RowTable[],
  need: Need,
): Promise<Map<number, Candidates>> {
  const hashes = new Set<number>();
  collect(need, hashes);
  const found = new Map<number, Candidates>(segments.map(({ number }) => [number, undefined]));
  const filtered = segments.filter(
    ({ blockRows, filterParts }) => blockRows !== undefined && filterParts !== undefined,
  );
  if (hashes.size === 0 || filtered.length === 0) return found;
  const parts = await readParts(connection, alias, filtered, hashes);
  for (const segment of filtered) {
    const { number, rows, blockRows = 0, filterParts = 0 } = segment;
    const blocks = Math.ceil(rows / blockRows);
    const lookup = new Lookup(parts.get(number) ?? new Map<number, never>(), filterParts, Math.ceil(blocks / 8));
    const bits = lookup.blocks(need);
    if (!bits) continue;
    const ranges = blockRanges(blocks, blockRows, (block) => ((bits[block >> 3] as number) & (1 << (block & 7))) !== 0);
    // The last block may be a short one.
    const last = ranges.at(-1);
    if (last) last.to = Math.min(last.to, rows);
    found.set(number, ranges);
  }
  return found;
}

/** Parts in which the words are, by segment. A segment's rows of `filters` follow each other, and are found by their rowids. */
async function readParts(
  connection: Connection,
  alias: string,
  segments: readonly RowTable[],
  hashes: ReadonlySet<number>,
): Promise<Map<number, Map<number, Uint8Array>>> {
  const table = `${sqlName(alias)}.filters`;
  const numbers = segments.map(({ number }) => number).join(', ');
  const firsts = await connection.rows(
    `SELECT segment, min(rowid) FROM ${table} WHERE segment IN (${numbers}) GROUP BY segment`,
  );
  const firstOf = new Map(firsts.map(([segment, first]) => [Number(segment), Number(first)]));
  const rowids = segments.flatMap(({ number, filterParts = 0 }) => {
    const first = firstOf.get(number);
    if (first === undefined) return [];
    return [...new Set([...hashes].map((hash) => partOf(hash, filterParts)))].map((part) => first + part);
  });
  const parts = new Map<number, Map<number, Uint8Array>>();
  if (rowids.length === 0) return parts;
  const rows = await connection.rows(`SELECT segment, part, bits FROM ${table} WHERE rowid IN (${rowids.join(', ')})`);
  for (const [segment, part, bits] of rows) {
    const known = parts.get(Number(segment)) ?? new Map<number, Uint8Array>();
    parts.set(Number(segment), known.set(Number(part), (bits as { bytes: Uint8Array }).bytes));
  }
  return parts;
}

/** Words that can be a part of a number's text. */
const numberPart = /^[0-9]*(?:e[0-9]*)?$/i;
const rewrittenHash = spread(rewrittenNumber);
const noPartsHash = spread(noParts);

/** Hashes one of which a block must hold; undefined: none has to be there. */
function hashesOf(need: Extract<Need, { kind: 'word' | 'part' }>): readonly number[] | undefined {
  if (need.kind === 'part') return [spread(need.hash), noPartsHash];
  if (!/^[A-Za-z0-9_]+$/.test(need.word)) return undefined;
  return numberPart.test(need.word) ? [wordHash(need.word), rewrittenHash] : [wordHash(need.word)];
}

function collect(need: Need, hashes: Set<number>): void {
  if (need.kind === 'and' || need.kind === 'or') for (const operand of need.operands) collect(operand, hashes);
  if (need.kind === 'word' || need.kind === 'part') for (const hash of hashesOf(need) ?? []) hashes.add(hash);
}

/** False: what is needed is not there. */
function holds(need: Need, has: (hash: number) => boolean): boolean {
  switch (need.kind) {
    case 'any':
      return true;
    case 'word':
    case 'part':
      return hashesOf(need)?.some(has) ?? true;
    case 'and':
      return need.operands.every((operand) => holds(operand, has));
    case 'or':
      return need.operands.some((operand) => holds(operand, has));
    default:
      return need satisfies never;
  }
}

/** Questions to the parts that were read. Blocks are a bit each; undefined: all of them. */
class Lookup {
  readonly #parts: ReadonlyMap<number, Uint8Array>;
  readonly #partCount: number;
  readonly #sliceBytes: number;
  constructor(parts: ReadonlyMap<number, Uint8Array>, partCount: number, sliceBytes: number) {
    this.#parts = parts;
    this.#partCount = partCount;
    this.#sliceBytes = sliceBytes;
  }
  blocks(need: Need): Uint8Array | undefined {
    switch (need.kind) {
      case 'any':
        return undefined;
      case 'word':
      case 'part':
        return hashesOf(need)
          ?.map((hash) => this.#word(hash))
          .reduce((found, other) => either(found, other));
      case 'and':
        return need.operands.reduce<Uint8Array | undefined>(
          (sum, operand) => both(sum, this.blocks(operand)),
          undefined,
        );
      case 'or':
        return need.operands.reduce<Uint8Array | undefined>(
          (sum, operand) => either(sum, this.blocks(operand)),
          new Uint8Array(this.#sliceBytes),
        );
    }
  }
  #word(hash: number): Uint8Array | undefined {
    const bits = this.#parts.get(partOf(hash, this.#partCount));
    if (bits?.length !== partBits * this.#sliceBytes) return undefined;
    const { first, step } = positionsOf(hash);
    let found: Uint8Array | undefined;
    for (let i = 0, slice = first; i < positions; i++, slice = (slice + step) % partBits)
      found = both(found, bits.subarray(slice * this.#sliceBytes, (slice + 1) * this.#sliceBytes));
    return found;
  }
}

function both(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  return a && b ? a.map((byte, i) => byte & (b[i] as number)) : (a ?? b);
}

function either(a: Uint8Array | undefined, b: Uint8Array | undefined): Uint8Array | undefined {
  return a && b && a.map((byte, i) => byte | (b[i] as number));
}
