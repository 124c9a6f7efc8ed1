/**
 * What is found out about the records of a segment by reading each of them once: words by block, paths, and a sample. Records
 * are read as they come into a hot table, so that sealing does not read them again; those of a process before this one are
 * read when they are sealed.
 */
import { FilterBuilder } from './filters.ts';
import type { Need } from './query/needs.ts';
import { blockRanges } from './row-runs.ts';
import type { RowRange } from './row-runs.ts';
import { RecordScanner } from './scanner.ts';
import { Shapes } from './shapes.ts';

/** Rows of a block: two of DuckDB's vectors, which is what a question reads at least. */
export const blockRows = 4096;
/** 20,000 paths are a list of a megabyte; records whose keys are ids of something have more, and nobody reads such a list. */
const shapeLimits = { nodesMax: 32_768, pathsMax: 20_000 };
/** Blocks that columns are chosen by, and bytes taken from each: half a megabyte is parsed in some milliseconds. */
const sampleBlocks = 64;
const sampleBlockBytes = 8 * 1024;
/** A larger first record of a block is not looked at. */
const sampleRecordBytes = 256 * 1024;

export class Survey {
  readonly shapes = new Shapes(shapeLimits);
  readonly filter = new FilterBuilder();
  readonly sample: string[] = [];
  rows = 0;
  jsonBytes = 0;
  readonly #scanner = new RecordScanner(this.shapes, this.filter.words, this.filter.parts);
  #isEnded = false;

  /** Rows that the block still takes. */
  get room(): number {
    return blockRows - (this.rows % blockRows);
  }
  /** Adds records, each ended by a line feed; no more than there is room. Their bytes may be changed afterwards. */
  add(lines: Uint8Array, rows: number): void {
    const block = Math.floor(this.rows / blockRows);
    if (this.rows % blockRows === 0 && block < sampleBlocks) this.sample.push(...firstRecords(lines));
    this.#scanner.scan(lines, block);
    this.rows += rows;
    this.jsonBytes += lines.length;
    if (this.rows % blockRows === 0) this.filter.endBlock();
  }
  /** No more records come. */
  end(): void {
    if (!this.#isEnded && this.rows % blockRows > 0) this.filter.endBlock();
    this.#isEnded = true;
  }
  /** Rows among which all are that can match, ascending and joined: those of blocks that are not whole yet are among them. */
  candidates(need: Need): RowRange[] {
    const { blockCount } = this.filter;
    const ended = blockRanges(blockCount, blockRows, (block) => this.filter.mayHold(block, need));
    // What comes behind the last block that has ended may be any row.
    const from = blockCount * blockRows;
    const last = ended.at(-1);
    const begin = last?.to === from ? (ended.pop()?.from ?? from) : from;
    return [...ended, { from: begin, to: Number.MAX_SAFE_INTEGER }];
  }
}

function firstRecords(lines: Uint8Array): string[] {
  const buffer = Buffer.from(lines.buffer, lines.byteOffset, lines.length);
  let end = buffer.lastIndexOf(10, sampleBlockBytes);
  if (end < 0) end = buffer.indexOf(10);
  return end > sampleRecordBytes ? [] : buffer.toString('utf8', 0, end).split('\n');
}
