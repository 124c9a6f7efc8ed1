/** Bodies of `_bulk` requests, and which records lie where in them. */
import { ByteWriter, SpareWriters } from '../../core/bytes.ts';
import type { Chunk, ChunkBatch } from '../../core/plugin.ts';
import type { Server } from './server.ts';
import type { Lines, Operation } from './lines.ts';

/** Documents of one request. Its body is part of a buffer that the next request may overwrite once this one is over. */
export interface BulkRequest {
  /** Empty: the index stands in the lines. */
  readonly index: string;
  readonly rows: readonly number[];
  readonly operations: readonly Operation[];
  /** Where each document's lines end in the body. */
  readonly ends: readonly number[];
  readonly body: Buffer;
  /** Its body stays as it is: it may still be on its way when others are made. */
  readonly keep: () => void;
}

/** For chunks that are written at a time. */
const writers = new SpareWriters(2);

/** A record by its place in the chunk. */
export interface ChunkRow {
  readonly one: ChunkBatch;
  readonly row: number;
}

/** The records of a chunk by their number in it. */
export function rowsOf(chunk: Chunk): (row: number) => ChunkRow {
  const firsts: number[] = [];
  let first = 0;
  for (const one of chunk.batches) {
    firsts.push(first);
    first += one.batch.count;
  }
  let at = 0;
  return (row) => {
    if ((firsts[at] ?? 0) > row) at = 0;
    while (at + 1 < firsts.length && (firsts[at + 1] as number) <= row) at++;
    return { one: chunk.batches[at] as ChunkBatch, row: row - (firsts[at] as number) };
  };
}

/**
 * Cuts records into requests: one ends when it has grown beyond `bytesMax`, or where the next record's index needs an
 * address of its own. Records that cannot be written are named to `refuse`.
 */
export function* bulkRequests(
  lines: Lines,
  chunk: Chunk,
  server: Server | undefined,
  bytesMax: number,
  refuse: (row: number, reason: string) => void,
  chosen: Iterable<number> = allRows(chunk),
): Generator<BulkRequest> {
  let out = writers.take();
  let isKept = false;
  const keep = (): void => void (isKept = true);
  const find = rowsOf(chunk);
  let [rows, operations, ends]: [number[], Operation[], number[]] = [[], [], []];
  let index = '';
  const request = (): BulkRequest => ({ index, rows, operations, ends, body: out.view(), keep });
  lines.begin(chunk, server);
  for (const row of chosen) {
    const found = find(row);
    const placed = lines.place(found.one, found.row);
    if ('refused' in placed) {
      refuse(row, placed.refused);
      continue;
    }
    const own = lines.indexInUrl ? placed.index : '';
    if (rows.length > 0 && (out.length > bytesMax || own !== index)) {
      yield request();
      if (isKept) out = new ByteWriter();
      else out.reset();
      isKept = false;
      [rows, operations, ends] = [[], [], []];
      // Whoever took the request may have placed other records since.
      lines.begin(chunk, server);
      lines.place(found.one, found.row);
    }
    index = own;
    lines.write(out);
    rows.push(row);
    operations.push(placed.operation);
    ends.push(out.length);
  }
  if (rows.length > 0) yield request();
  // One that is left halfway is not used again.
  if (!isKept) writers.give(out);
}

function* allRows({ count }: Chunk): Generator<number> {
  for (let row = 0; row < count; row++) yield row;
}

/** The first documents of a request, and the others. */
export function halves(request: BulkRequest): [BulkRequest, BulkRequest] {
  const middle = request.rows.length >> 1;
  return [part(request, 0, middle), part(request, middle, request.rows.length)];
}

function part({ index, rows, operations, ends, body, keep }: BulkRequest, from: number, to: number): BulkRequest {
  const start = from === 0 ? 0 : (ends[from - 1] as number);
  return {
    index,
    rows: rows.slice(from, to),
    operations: operations.slice(from, to),
    ends: ends.slice(from, to).map((end) => end - start),
    body: body.subarray(start, ends[to - 1]),
    keep,
  };
}

/** One document's lines. */
export function linesAt({ ends, body }: BulkRequest, at: number): Buffer {
  return body.subarray(at === 0 ? 0 : ends[at - 1], ends[at]);
}
