/** Records out of an answer's text, digits as received. */
import { JsonObject, JsonText, parseExact } from '../json/exact.ts';
import type { Json } from '../json/exact.ts';
import type { FoundRecord, SearchPage } from './types.ts';

/** The answer of `/api/search`. @throws SyntaxError where it is none. */
export function readPage(text: string): SearchPage {
  const answer = objectOf(parseExact(text));
  const notes = answer.get('notes');
  return {
    records: readAll(answer.get('records')),
    next: stringOf(answer.get('next')),
    searchedToMs: numberOf(answer.get('searchedToMs')),
    isComplete: answer.get('isComplete') !== false,
    tookMs: numberOf(answer.get('tookMs')) ?? 0,
    fromMs: numberOf(answer.get('fromMs')),
    toMs: numberOf(answer.get('toMs')),
    notes: Array.isArray(notes) ? notes.filter((note) => typeof note === 'string') : [],
  };
}

/** A JSON array of records, as `/api/tail` sends them. */
export function readRecords(text: string): FoundRecord[] {
  return readAll(parseExact(text));
}

function readAll(value: Json | undefined): FoundRecord[] {
  return Array.isArray(value) ? (value as readonly Json[]).map(readRecord) : [];
}

function readRecord(value: Json): FoundRecord {
  const record = objectOf(value);
  return {
    id: stringOf(record.get('_id')) ?? '',
    time: stringOf(record.get('_time')) ?? '',
    timeMs: numberOf(record.get('_timeMs')) ?? 0,
    appendMs: numberOf(record.get('_appendMs')) ?? 0,
    tag: stringOf(record.get('_tag')) ?? '',
    source: stringOf(record.get('_source')) ?? '',
    fields: objectOf(record.get('fields')),
  };
}

function objectOf(value: Json | undefined): JsonObject {
  if (value instanceof JsonObject) return value;
  throw new SyntaxError('reading an answer: expected a JSON object');
}

const stringOf = (value: Json | undefined): string | undefined => (typeof value === 'string' ? value : undefined);
const numberOf = (value: Json | undefined): number | undefined =>
  value instanceof JsonText && value.isNumber ? Number(value.text) : undefined;
