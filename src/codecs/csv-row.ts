/** Rows of CSV. Grammar: RFC 4180, as Ruby's csv 3.2 and Fluentd's fast engine read it. */
import type { ParseProblem } from '../core/plugin.ts';

/** The columns of a row; an empty one without quotes is null. */
export type Columns = (string | null)[];

function invalid(at: number, expected: string): ParseProblem {
  return { kind: 'invalid', problem: `not CSV: expected ${expected} at character ${at + 1}` };
}

/** Splits one row as Ruby's CSV.parse_line does. */
export function splitRow(row: string, delimiter: string): Columns | ParseProblem {
  const end = /[\r\n]*$/.exec(row)?.index ?? row.length;
  if (end === 0) return invalid(0, 'a row');
  const columns: Columns = [];
  let at = 0;
  for (;;) {
    if (row[at] === '"' && at < end) {
      const close = closingQuote(row, at + 1, end);
      if (close < 0) return invalid(end, `a quote that ends the column begun at character ${at + 1}`);
      columns.push(row.slice(at + 1, close).replaceAll('""', '"'));
      at = close + 1;
      if (at >= end) return columns;
      if (!row.startsWith(delimiter, at)) return invalid(at, 'a delimiter behind the quoted column');
    } else {
      const found = row.indexOf(delimiter, at);
      const until = found < 0 || found > end ? end : found;
      const column = row.slice(at, until);
      const odd = column.search(/["\r\n]/);
      if (odd >= 0) return invalid(at + odd, 'no quote and no line end in a column without quotes');
      columns.push(column === '' ? null : column);
      if (until === end) return columns;
      at = until;
    }
    at += delimiter.length;
  }
}

/** The quote that ends a column; two in a row are one that belongs to it. */
function closingQuote(row: string, from: number, end: number): number {
  for (let at = row.indexOf('"', from); at >= 0 && at < end; at = row.indexOf('"', at + 2))
    if (row[at + 1] !== '"') return at;
  return -1;
}

/** Splits one row as Fluentd's fast engine does: at every delimiter, joining again what quotes hold together. */
export function splitFastRow(row: string, delimiter: string): Columns | ParseProblem {
  const text = row.replace(/\r?\n$|\r$/, '');
  if (text === '') return [];
  const parts = text.split(delimiter);
  const columns: Columns = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string;
    const quotes = part.split('"').length - 1;
    if (quotes === 1 && part.startsWith('"')) {
      const first = i;
      do i++;
      while (i < parts.length && !(parts[i] as string).endsWith('"'));
      if (i >= parts.length) return invalid(text.length, `a quote that ends column ${columns.length + 1}`);
      columns.push(
        parts
          .slice(first, i + 1)
          .join(delimiter)
          .slice(1, -1),
      );
    } else columns.push(fastColumn(part, quotes));
  }
  return columns;
}

function fastColumn(part: string, quotes: number): string | null {
  if (quotes === 0) return part === '' ? null : part;
  const inner = quotes > 1 && part.startsWith('"') && part.endsWith('"') ? part.slice(1, -1) : part;
  return quotes > 2 ? inner.replaceAll('""', '"') : inner;
}
