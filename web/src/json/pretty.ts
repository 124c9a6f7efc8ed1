/** JSON as a person reads it: one value a line, in coloured pieces. */
import { JsonObject, JsonText } from './exact.ts';
import type { Json } from './exact.ts';

export type PieceKind = 'key' | 'string' | 'number' | 'word' | 'mark';
export interface Piece {
  readonly kind: PieceKind;
  readonly text: string;
}
export interface PrettyLine {
  readonly depth: number;
  readonly pieces: readonly Piece[];
}

/** Lines of the whole value. Strings are written as JSON, so that line breaks and quotes in them are escaped. */
export function prettyLines(value: Json): PrettyLine[] {
  const lines: PrettyLine[] = [];
  write(lines, value, 0, [], '');
  return lines;
}

/** The same as text, two spaces a level: what `Copy JSON` gives. */
export function prettyText(value: Json): string {
  return prettyLines(value)
    .map(({ depth, pieces }) => '  '.repeat(depth) + pieces.map((piece) => piece.text).join(''))
    .join('\n');
}

function write(lines: PrettyLine[], value: Json, depth: number, before: readonly Piece[], after: string): void {
  const parts = partsOf(value);
  if (!parts || parts.inner.length === 0) {
    const piece = parts ? mark(parts.open + parts.close) : leaf(value);
    lines.push({ depth, pieces: [...before, piece, ...(after ? [mark(after)] : [])] });
    return;
  }
  lines.push({ depth, pieces: [...before, mark(parts.open)] });
  for (const [index, { key, value: inner }] of parts.inner.entries()) {
    const start: Piece[] = key === undefined ? [] : [{ kind: 'key', text: JSON.stringify(key) }, mark(': ')];
    write(lines, inner, depth + 1, start, index < parts.inner.length - 1 ? ',' : '');
  }
  lines.push({ depth, pieces: [mark(parts.close + after)] });
}

interface Parts {
  readonly open: string;
  readonly close: string;
  readonly inner: readonly { readonly key: string | undefined; readonly value: Json }[];
}

function partsOf(value: Json): Parts | undefined {
  if (value instanceof JsonObject)
    return { open: '{', close: '}', inner: value.entries.map(([key, inner]) => ({ key, value: inner })) };
  if (value instanceof JsonText || typeof value !== 'object' || value === null) return undefined;
  return { open: '[', close: ']', inner: value.map((inner) => ({ key: undefined, value: inner })) };
}

function leaf(value: Json): Piece {
  if (value instanceof JsonText) return { kind: value.isNumber ? 'number' : 'mark', text: value.text };
  return { kind: typeof value === 'string' ? 'string' : 'word', text: JSON.stringify(value) };
}

const mark = (text: string): Piece => ({ kind: 'mark', text });
