/** Found records as CSV (RFC 4180), for spreadsheets. */
import { parseRecord, scanJson, stringifyJson } from '../../core/json.ts';
import { fieldEntries, getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import type { FoundRecord } from '../../store/contract.ts';
import { exportedName, ownName } from './records.ts';
import { timeText } from './times.ts';

/** Columns that every file begins with. */
const firstColumns = ['_time', '_tag'];
/** Spreadsheets have no more (16,384 in the widest of them). */
export const columnsMax = 16_384;

/**
 * Texts that a spreadsheet would run as a formula. A number in a text (`-5`, `+1.5e3`) is none. The wide forms are those
 * that Asian input methods write and some spreadsheets read as the narrow ones.
 */
const formula = /^[=+\-@\t\r\n＝＋－＠]/;
const plainNumber = /^[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** Columns and rows; `columns` as in `columns=`, those every file begins with left out. */
export class CsvRows {
  readonly #columns: readonly string[];
  constructor(columns: readonly string[]) {
    this.#columns = columns.filter((name, index) => !firstColumns.includes(name) && columns.indexOf(name) === index);
  }
  /** The first line, with its end. */
  head(): string {
    return lineOf([...firstColumns, ...this.#columns].map(textCell));
  }
  /** A record's line, with its end. */
  row(found: FoundRecord): string {
    let fields: Fields | undefined;
    const cells = this.#columns.map((column) => {
      const own = ownName(column);
      if (own === undefined) return textCell(ownValue(found, column));
      fields ??= fieldsOf(found.json);
      return cellOf(valueAt(fields, own));
    });
    return lineOf([timeText(found.seconds, found.nanos), textCell(found.tag), ...cells]);
  }
}

/** What these records have for columns, in the order of their first appearance: nested fields joined by dots, arrays whole. */
export function columnsOf(records: readonly FoundRecord[]): string[] {
  const columns = new Set<string>();
  for (const { json } of records)
    for (const [key, value] of fieldEntries(fieldsOf(json)))
      if (isFields(value) && fieldEntries(value).length > 0) addLeaves(value, key, columns);
      else columns.add(exportedName(key));
  return [...columns];
}

function addLeaves(fields: Fields, path: string, columns: Set<string>): void {
  for (const [key, value] of fieldEntries(fields))
    if (isFields(value) && fieldEntries(value).length > 0) addLeaves(value, `${path}.${key}`, columns);
    else columns.add(`${path}.${key}`);
}

/** A record's fields, numbers in a form that prints as they were written. */
export function fieldsOf(json: string): Fields {
  return parseRecord(json, scanJson(Buffer.from(json)).exact);
}

/** The value at keys joined by dots, where keys may hold dots themselves; the longest key that leads to one wins. */
export function valueAt(fields: Fields, path: string): Value | undefined {
  const whole = getField(fields, path);
  if (whole !== undefined) return whole;
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const inner = getField(fields, path.slice(0, dot));
    const found = isFields(inner) ? valueAt(inner, path.slice(dot + 1)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The value of one of our names. */
export function ownValue({ id, source, tag, seconds, nanos }: FoundRecord, name: string): string {
  switch (name) {
    case '_time':
      return timeText(seconds, nanos);
    case '_tag':
      return tag;
    case '_id':
      return id;
    default:
      return source;
  }
}

/** A value as text: strings without quotes, all else as its JSON; nothing and null are empty. */
export function valueText(value: Value | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : stringifyJson(value);
}

function cellOf(value: Value | undefined): string {
  if (value === '') return '""';
  return typeof value === 'string' ? textCell(value) : quoted(valueText(value));
}

function textCell(text: string): string {
  return quoted(formula.test(text) && !plainNumber.test(text) ? `'${text}` : text);
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function lineOf(cells: readonly string[]): string {
  return `${cells.join(',')}\r\n`;
}

/** Names as `columns=` gives them: `a,b.c`, and `"a,b"` where a name has a comma. Undefined: a quote is not closed. */
export function splitColumns(text: string): string[] | undefined {
  const columns: string[] = [];
  const part = /\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(?:,|$)/y;
  while (part.lastIndex < text.length) {
    const found = part.exec(text);
    if (!found) return undefined;
    const name = found[1]?.replaceAll('""', '"') ?? found[2]?.trim() ?? '';
    if (name !== '') columns.push(name);
  }
  return columns;
}
