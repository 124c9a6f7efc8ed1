/** Writing records one after the other, and chunks of them. */
import { codecs } from '../core/batch.ts';
import type { Batch } from '../core/batch.ts';
import type { ByteWriter } from '../core/bytes.ts';
import { OperatingError } from '../core/errors.ts';
import { stringifyJson, writeRawJson } from '../core/json.ts';
import { writePackedJson } from '../core/msgpack-json.ts';
import type { Chunk, Formatter } from '../core/plugin.ts';

/**
 * Appends one record's JSON: its bytes from the journal where it is unchanged. `isRaw`: bytes that are not UTF-8 stand in it
 * as they are, else as U+FFFD.
 */
export function writeJson(batch: Batch, row: number, out: ByteWriter, isRaw = false): void {
  const whole = batch.wholeJson();
  if (whole) return out.copy(whole.payload, whole.bounds[row] as number, whole.bounds[row + 1] as number);
  if (batch.isChanged(row))
    return isRaw ? writeRawJson(batch.fields(row), out) : out.text(stringifyJson(batch.fields(row)));
  const index = batch.index(row);
  const { shared } = batch.block;
  if (shared) return batch.block.writeFrom(index, shared.bounds[index] as number, out);
  const { codec, payload, bounds } = batch.block.parts;
  const [from, until] = [bounds[index] as number, bounds[index + 1] as number];
  if (codec === codecs.json) out.copy(payload, from, until);
  else writePackedJson(payload, from, until, out, isRaw);
}

/** Appends each record's JSON and `end`; bytes that are not UTF-8 as they are. Unchanged blocks are copied without a look at them. */
export function writeJsonLines(batch: Batch, from: number, to: number, end: string, out: ByteWriter): void {
  const whole = batch.wholeJson();
  const endBytes = Buffer.from(end);
  for (let row = from; row < to; row++) {
    if (whole) out.copy(whole.payload, whole.bounds[row] as number, whole.bounds[row + 1] as number);
    else writeJson(batch, row, out, true);
    if (endBytes.length === 1) out.byte(endBytes[0] as number);
    else out.bytes(endBytes);
  }
}

/** A formatter that writes each record for itself. Runs of records share a call, so that it can keep what depends on the tag. */
export function rowFormatter(
  contentType: string,
  write: (batch: Batch, row: number, out: ByteWriter) => void,
): Formatter {
  return {
    contentType,
    write(batch, from, to, out) {
      for (let row = from; row < to; row++) write(batch, row, out);
    },
  };
}

/** A record that could not be written; `row` counts through the whole chunk. */
export interface RefusedRow {
  readonly row: number;
  readonly reason: string;
}

/**
 * Writes a chunk's records. A record that the formatter cannot write is left out and named. `ends`, where given, gets
 * the length of `out` behind each record that was written.
 */
export function writeChunk(
  formatter: Formatter,
  chunk: Chunk,
  change: (batch: Batch) => Batch,
  out: ByteWriter,
  ends?: number[],
): RefusedRow[] {
  const refused: RefusedRow[] = [];
  let first = 0;
  for (const one of chunk.batches) {
    const batch = change(one.batch);
    if (ends || !writeAll(formatter, batch, out)) writeEach(formatter, batch, first, out, refused, ends);
    first += batch.count;
  }
  return refused;
}

function writeAll(formatter: Formatter, batch: Batch, out: ByteWriter): boolean {
  const start = out.length;
  try {
    formatter.write(batch, 0, batch.count, out);
    return true;
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    out.truncate(start);
    return false;
  }
}

function writeEach(
  formatter: Formatter,
  batch: Batch,
  first: number,
  out: ByteWriter,
  refused: RefusedRow[],
  ends: number[] | undefined,
): void {
  for (let row = 0; row < batch.count; row++) {
    const start = out.length;
    try {
      formatter.write(batch, row, row + 1, out);
      ends?.push(out.length);
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      out.truncate(start);
      refused.push({ row: first + row, reason: error.message });
    }
  }
}
