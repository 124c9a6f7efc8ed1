/** Documents made of a record's JSON as it lies in the journal, with fields put before or behind what it holds. */
import { codecs } from '../../core/batch.ts';
import type { Batch } from '../../core/batch.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import { stringifyJson } from '../../core/json.ts';
import type { KeyFinder } from '../../codecs/key-finder.ts';
import { writeJson } from '../../codecs/rows.ts';

const SPACE = 32;
const COMMA = 44;
const OPENING = 123;
const CLOSING = 125;

/** True when the record's JSON can be taken as it is and fields of these keys be added to it. */
export function isPlain(batch: Batch, row: number, keys: KeyFinder | undefined): boolean {
  if (batch.isChanged(row)) return false;
  if (batch.block.parts.codec !== codecs.json) return false;
  return keys?.mayBeIn(batch.block, batch.index(row)) !== true;
}

/** Appends the record with `fields` (`"a":1,"b":2`) behind its own. */
export function writeWithBehind(batch: Batch, row: number, fields: string, out: ByteWriter): void {
  const start = out.length;
  writeJson(batch, row, out);
  let end = out.length - 1;
  while (out.at(end) !== CLOSING) end--;
  let last = end - 1;
  while (last > start && out.at(last) <= SPACE) last--;
  out.truncate(end);
  if (out.at(last) !== OPENING) out.byte(COMMA);
  out.text(fields);
  out.byte(CLOSING);
}

/** Appends the record with `fields` before its own. The record must be plain. */
export function writeWithBefore(batch: Batch, row: number, fields: string, out: ByteWriter): void {
  out.text(`{${fields}`);
  writeMembersBehind(batch, row, out);
}

/** Appends what stands in a plain record behind its opening brace, after a comma where that is not its end. */
export function writeMembersBehind(batch: Batch, row: number, out: ByteWriter): void {
  const { block } = batch;
  const { payload, bounds } = block.shared ?? block.parts;
  const index = batch.index(row);
  let from = bounds[index] as number;
  while (payload[from] !== OPENING) from++;
  from++;
  while ((payload[from] as number) <= SPACE) from++;
  if (payload[from] !== CLOSING) out.byte(COMMA);
  block.writeFrom(index, from, out);
}

/** `"key":value` for JSON. */
export function jsonField(key: string, value: string): string {
  return `${JSON.stringify(key)}:${stringifyJson(value)}`;
}
