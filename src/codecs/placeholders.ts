/**
 * `${…}` in a text, filled from tag, time and record. Source: Fluentd 1.16 filter_record_transformer.rb without
 * enable_ruby: placeholders are fixed texts, so `${record['a']}` or `${record["a"]["b"]}` are unknown, hence empty.
 */
import { hostname } from 'node:os';
import type { Batch } from '../core/batch.ts';
import { getField } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { rubyParts, rubyText } from './ruby.ts';
import { compileStrftime } from './strftime.ts';

/** What placeholders see. Made once a batch; `row` moves. */
export interface Scope {
  readonly batch: Batch;
  readonly parts: readonly string[];
  row: number;
  fields: Fields;
}

type Fill = (scope: Scope) => Value | undefined;

const marks = /\$\{[^}]+\}|__[A-Z_]+__/g;
const timeText = compileStrftime('%Y-%m-%d %H:%M:%S %z', { kind: 'local' });

/** A scope for a batch; set row and fields before each record. */
export function scopeOf(batch: Batch): Scope {
  return { batch, parts: rubyParts(batch.tag), row: 0, fields: {} };
}

/**
 * Compiles a text. A text that is one placeholder alone gives the value with its type (unless `asText`), any other text.
 * `unknown` is called with placeholders that never have a value, while compiling, and with those missing in a record.
 */
export function compilePlaceholders(
  text: string,
  asText: boolean,
  unknown: (mark: string) => void,
): (scope: Scope) => Value {
  const pieces: (string | Fill)[] = [];
  let from = 0;
  for (const found of text.matchAll(marks)) {
    if (found.index > from) pieces.push(text.slice(from, found.index));
    pieces.push(compileMark(found[0], unknown));
    from = found.index + found[0].length;
  }
  if (from < text.length) pieces.push(text.slice(from));
  const [only] = pieces;
  if (pieces.length === 0) return () => '';
  if (pieces.length === 1 && typeof only === 'string') return () => only;
  if (pieces.length === 1 && typeof only === 'function' && !asText) return (scope) => only(scope) ?? null;
  return (scope) => {
    let filled = '';
    for (const piece of pieces) filled += typeof piece === 'string' ? piece : rubyText(piece(scope));
    return filled;
  };
}

function compileMark(mark: string, unknown: (mark: string) => void): Fill {
  const record = /^\$\{record\["(.*)"\]\}$/s.exec(mark)?.[1];
  if (record !== undefined)
    return ({ fields }) => {
      const value = getField(fields, record);
      if (value === undefined) unknown(mark);
      return value;
    };
  if (mark === '${tag}') return ({ batch }) => batch.tag;
  if (mark === '${time}') return ({ batch, row }) => timeText(batch.seconds(row), 0);
  if (mark === '${hostname}') {
    const name = hostname();
    return () => name;
  }
  const part = /^\$\{tag_(parts|prefix|suffix)\[(0|-?[1-9]\d{0,5})\]\}$/.exec(mark);
  if (part) return compilePart(part[1] as string, Number(part[2]));
  unknown(mark);
  return () => undefined;
}

/** `tag_prefix[1]` is the first two parts, `tag_suffix[1]` all but the first; negative numbers count from the end. */
function compilePart(kind: string, index: number): Fill {
  return ({ parts }) => {
    const at = index < 0 ? parts.length + index : index;
    if (at < 0 || at >= parts.length) return undefined;
    if (kind === 'parts') return parts[at];
    return (kind === 'prefix' ? parts.slice(0, at + 1) : parts.slice(at)).join('.');
  };
}
