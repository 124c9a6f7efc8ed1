/**
 * `Merge_Log`: what the text of the field `log` holds joins the record. Source: Fluent Bit 5.1 filter_kubernetes/kubernetes.c
 * (merge_log_handler, pack_map_content).
 */
import { readFluentbitJson } from '../../codecs/fluentbit-json.ts';
import { parseTexts } from '../../codecs/parse-texts.ts';
import type { Batch } from '../../core/batch.ts';
import type { Instant } from '../../core/clock.ts';
import type { Parsed, Parser } from '../../core/plugin.ts';
import { fieldEntries, getField, isFields } from '../../core/record.ts';
import type { Fields, PlainFields, Value } from '../../core/record.ts';

export interface MergeOptions {
  readonly mergeLogKey: string | undefined;
  readonly mergeLogTrim: boolean;
  readonly keepLog: boolean;
}

/** What became of a record. */
export interface Merged {
  readonly fields: Fields;
  /** Undefined: it keeps its own. */
  readonly time: Instant | undefined;
}

/** Merges rows; `parserOf` undefined for a row: the text is JSON. Rows without anything to merge stay undefined. */
export function mergeRows(
  batch: Batch,
  rows: readonly number[],
  parserOf: (row: number) => Parser | undefined,
  options: MergeOptions,
): (Merged | undefined)[] {
  const merged: (Merged | undefined)[] = [];
  const byParser = new Map<Parser, { readonly row: number; readonly text: string | Buffer }[]>();
  for (const row of rows) {
    const parser = parserOf(row);
    if (!parser && !mayHoldObject(batch, row)) continue;
    const fields = batch.fields(row);
    const log = getField(fields, 'log');
    if (isFields(log))
      merged[row] = { fields: joined(fields, log, { ...options, mergeLogTrim: false }), time: undefined };
    else if (parser && (typeof log === 'string' || log instanceof Uint8Array)) {
      const text = typeof log === 'string' ? log : Buffer.from(log.buffer, log.byteOffset, log.length);
      byParser.set(parser, [...(byParser.get(parser) ?? []), { row, text }]);
    } else if (typeof log === 'string') {
      const inner = readFluentbitJson(log);
      if (inner) merged[row] = { fields: joined(fields, inner, options), time: undefined };
    }
  }
  for (const [parser, texts] of byParser) {
    const take = (found: Parsed, index: number): void => {
      const { row } = texts[index] as (typeof texts)[number];
      if ('problem' in found || merged[row]) return;
      // A parser that finds no time stands for now there; the time of receipt is the same at every reading.
      merged[row] = { fields: joined(batch.fields(row), found.fields, options), time: found.time ?? receipt(batch) };
    };
    parseTexts(
      parser,
      texts.map(({ text }) => text),
      take,
    );
  }
  return merged;
}

const logName = Buffer.from('"log"');
const BACKSLASH = 92;
const QUOTE = 34;

/** False where a look at the bytes tells that `log` holds no JSON object: most lines are no JSON, and need not be taken apart. */
function mayHoldObject(batch: Batch, row: number): boolean {
  const text = batch.rawJson(row);
  if (!text) return true;
  const at = text.indexOf(logName);
  // A name written with escapes would not be found, and nobody writes it so.
  if (at < 0) return text.includes(BACKSLASH) && text.includes('\\u006');
  for (let i = 1; i < at; i++) if (text[i] === 123 || text[i] === 91 || text[i] === BACKSLASH) return true;
  if (text[at + 5] !== 58 || text[at + 6] !== QUOTE) return true;
  const first = text[at + 7] as number;
  return first === 123 || first === BACKSLASH || first <= 32;
}

/** The record with what `log` holds: over fields of the same name, in the last place. */
function joined(fields: Fields, inner: Fields, options: MergeOptions): Fields {
  const { mergeLogKey, mergeLogTrim, keepLog } = options;
  if (mergeLogKey === undefined && !(fields instanceof Map) && !(inner instanceof Map))
    return joinedPlain(fields, inner, options);
  const found = fieldEntries(inner);
  const entries = found.map(([key, value]): [string, Value] => [key, mergeLogTrim ? trimmed(value) : value]);
  const isExact = fields instanceof Map || inner instanceof Map;
  const result = new Map(fieldEntries(fields));
  if (!keepLog) result.delete('log');
  const added: [string, Value][] =
    mergeLogKey !== undefined && entries.length > 0
      ? [[mergeLogKey, isExact ? new Map(entries) : Object.fromEntries(entries)]]
      : entries;
  for (const [key, value] of added) {
    result.delete(key);
    result.set(key, value);
  }
  return isExact ? result : Object.fromEntries(result);
}

/** The same for plain objects, which most are. */
function joinedPlain(fields: PlainFields, inner: PlainFields, { mergeLogTrim, keepLog }: MergeOptions): PlainFields {
  const result = { ...fields };
  if (!keepLog) delete result['log'];
  for (const key of Object.keys(inner)) {
    if (Object.hasOwn(result, key)) delete result[key];
    const value = inner[key] as Value;
    result[key] = mergeLogTrim ? trimmed(value) : value;
  }
  return result;
}

/** Without line feeds at the end, written as such or as `\n` and `\r`. The first character always stays. */
function trimmed(value: Value): Value {
  if (typeof value !== 'string') return value;
  let end = value.length;
  while (end > 1) {
    const last = value[end - 1];
    if (last === '\n') end--;
    else if (value[end - 2] === '\\' && (last === 'n' || last === 'r')) end -= 2;
    else break;
  }
  return value.slice(0, end);
}

function receipt(batch: Batch): Instant {
  const ms = batch.block.parts.appendMs;
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: Math.round((ms - seconds * 1000) * 1e6) };
}
