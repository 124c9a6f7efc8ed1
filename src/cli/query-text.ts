/** Records for a terminal: what they hold never reaches it raw, and lines fit its width. */
import { fieldEntries, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import type { FoundRecord } from '../store/contract.ts';
import type { Span } from '../store/query/tree.ts';
import { fieldsOf, ownValue, valueAt, valueText } from '../admin/api/csv.ts';
import { exportedName, ownName } from '../admin/api/records.ts';
import { timeText } from '../admin/api/times.ts';

/**
 * Characters that move the cursor, change colours, turn the writing direction or are not seen: control, format and
 * separators, halves of surrogate pairs. Those that join letters and emoji, and Arabic number signs, are no danger.
 */
const unsafe = /[\p{Cc}\p{Cs}\u2028\u2029]|(?![\u0600-\u0605\u200c\u200d])\p{Cf}/gu;
const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/** Text that a terminal shows as it stands: unsafe characters as `\n`, `\x1b`, `\u202e`, `\u{e0041}`. */
export function visible(text: string): string {
  return text.replace(unsafe, (char) => {
    const code = char.codePointAt(0) ?? 0;
    if (code > 0xffff) return `\\u{${code.toString(16)}}`;
    return named[char] ?? (code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`);
  });
}

/** JSON text with the same meaning that a terminal shows as it stands: unsafe characters can only be inside strings. */
export function visibleJson(json: string): string {
  return json.replace(unsafe, (char) => {
    let text = '';
    for (let index = 0; index < char.length; index++) text += `\\u${hex(char.charCodeAt(index), 4)}`;
    return text;
  });
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

const invisible = /^[\p{Mn}\p{Me}\u200c\u200d]$/u;
/** Two cells wide: Hangul, CJK and its full-width forms, most emoji (Unicode's East Asian Width W and F, roughly). */
const wide =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6ff}\u{1f900}-\u{1f9ff}\u{20000}-\u{3fffd}]$/u;

function charWidth(char: string): number {
  if (char < '\u0300') return 1;
  return invisible.test(char) ? 0 : wide.test(char) ? 2 : 1;
}

/** Cells that visible text takes in a terminal. Exported for tests. */
export function widthOf(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char);
  return width;
}

/** The text, or as much of it as fits, with … at its end. Exported for tests. */
export function fitted(text: string, width: number): string {
  let used = 0;
  let end = 0;
  let kept = 0;
  for (const char of text) {
    used += charWidth(char);
    end += char.length;
    if (used <= width - 1) kept = end;
    if (used > width) return `${text.slice(0, kept)}…`;
  }
  return text;
}

/** Longest cell that others are aligned to; a longer one pushes only its own line. */
const alignedMax = 60;
const gap = '  ';

/** A table whose columns are as wide as the records need that came so far. */
export class TextTable {
  readonly #columns: readonly string[] | undefined;
  /** Cells of a line; undefined: no terminal, nothing is cut. */
  readonly #lineWidth: number | undefined;
  #widths: number[] = [];

  /** `columns`: fields; undefined: all of them in one column. */
  constructor(columns: readonly string[] | undefined, lineWidth: number | undefined) {
    this.#columns = columns;
    this.#lineWidth = lineWidth;
  }
  /** The head, as wide as these records need. */
  head(first: readonly FoundRecord[]): string {
    const head = ['TIME', 'TAG', ...(this.#columns ?? ['FIELDS']).map(visible)];
    this.#widths = head.map((name) => widthOf(name.slice(0, alignedMax)));
    this.widen(first);
    return this.#line(head);
  }
  /** Takes care of more records, whose rows follow. */
  widen(records: readonly FoundRecord[]): void {
    for (const found of records)
      for (const [column, cell] of this.#cells(found).entries()) {
        const width = Math.min(alignedMax, widthOf(cell.slice(0, alignedMax)));
        this.#widths[column] = Math.max(this.#widths[column] ?? 0, width);
      }
  }
  row(found: FoundRecord): string {
    return this.#line(this.#cells(found));
  }
  #cells(found: FoundRecord): string[] {
    const { seconds, nanos, tag, json } = found;
    const time = `${timeText(seconds, nanos).slice(0, -7)}Z`;
    const fields = fieldsOf(json);
    const cells = this.#columns?.map((column) => {
      const own = ownName(column);
      return visible(own === undefined ? ownValue(found, column) : valueText(valueAt(fields, own)));
    });
    return [time, visible(tag), ...(cells ?? [pairsText(fields, this.#lineWidth ?? Infinity)])];
  }
  #line(cells: readonly string[]): string {
    const last = cells.length - 1;
    const isCut = this.#lineWidth !== undefined;
    const padded = cells.map((cell, column) => {
      if (column === last) return cell;
      const shown = isCut ? fitted(cell, alignedMax) : cell;
      return shown + ' '.repeat(Math.max(0, (this.#widths[column] ?? 0) - widthOf(shown)));
    });
    const line = padded.join(gap).trimEnd();
    return `${this.#lineWidth === undefined ? line : fitted(line, this.#lineWidth)}\n`;
  }
}

/** `key=value` pairs, nested keys joined by dots; no more than a line of `enough` characters needs. */
function pairsText(fields: Fields, enough: number): string {
  let text = '';
  for (const [name, value] of leaves(fields, '')) {
    if (text.length > enough) break;
    text += `${text === '' ? '' : ' '}${visible(name.slice(0, enough))}=${pairValue(value, enough)}`;
  }
  return text;
}

function* leaves(fields: Fields, path: string): Generator<[string, Value]> {
  for (const [key, value] of fieldEntries(fields)) {
    const name = path === '' ? exportedName(key) : `${path}.${key}`;
    if (isFields(value) && fieldEntries(value).length > 0) yield* leaves(value, path === '' ? key : name);
    else yield [name, value];
  }
}

function pairValue(value: Value, enough: number): string {
  if (typeof value !== 'string') return value === null ? 'null' : visible(valueText(value).slice(0, enough));
  const text = value.slice(0, enough);
  // Quoted where it would not be seen where it ends, or be taken for something else.
  return /^$|[\s"=]/.test(text) ? visibleJson(JSON.stringify(text)) : visible(text);
}

/** Cells of the query that are shown around an error. */
const windowCells = 70;

/** The query with a line of carets below what an error is about. */
export function pointedAt(query: string, { start, end }: Span): string {
  // Long queries are shown from shortly before the place.
  const from = widthOf(visible(query.slice(0, start))) < windowCells ? 0 : Math.max(0, start - 20);
  const lead = `${from === 0 ? '' : '…'}${visible(query.slice(from, start))}`;
  const marked = visible(query.slice(start, Math.max(end, start)));
  const shown = fitted(
    `${lead}${marked}${visible(query.slice(Math.max(end, start), end + windowCells))}`,
    windowCells * 2,
  );
  const room = Math.max(1, widthOf(shown) - widthOf(lead));
  return `  ${shown}\n  ${' '.repeat(widthOf(lead))}${'^'.repeat(Math.max(1, Math.min(widthOf(marked), room)))}\n`;
}
