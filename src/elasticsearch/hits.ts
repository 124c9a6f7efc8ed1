/** Records out of a search's answer: `_source` is cut out as it stands, so that digits stay as they were written. */
import { elementsOf, membersOf } from '../admin/api/json-text.ts';
import { parseInstant } from '../admin/api/times.ts';
import type { Instant } from '../core/clock.ts';
import type { FoundRecord } from '../store/contract.ts';
import type { SearchShape } from './asking.ts';

/** A record, and where it stands in the order. */
export interface Hit {
  readonly record: FoundRecord;
  /** Sort value of its time as the server gave it: ms, or ns where the field keeps them. */
  readonly time: bigint;
  /** `_seq_no`; undefined where the index keeps none. */
  readonly sequence: bigint | undefined;
}

export interface Hits {
  readonly hits: readonly Hit[];
  /** The answer but for its records. */
  readonly rest: SearchShape;
}

export interface HitFields {
  readonly timeField: string;
  readonly tagField: string;
  /** Sort values are ns, not ms. */
  readonly hasNanos: boolean;
}

/** Reads an answer. @throws SyntaxError where it is none */
export function readHits(text: string, fields: HitFields): Hits {
  const hits: Hit[] = [];
  const rest: Record<string, unknown> = {};
  for (const { key, start, end } of membersOf(text)) {
    if (key !== 'hits') {
      rest[key] = JSON.parse(text.slice(start, end));
      continue;
    }
    for (const inner of membersOf(text, start))
      if (inner.key === 'hits')
        for (const one of elementsOf(text, inner.start)) hits.push(hitAt(text, one.start, fields));
  }
  return { hits, rest };
}

function hitAt(text: string, at: number, fields: HitFields): Hit {
  let json = '{}';
  let index = '';
  let id = '';
  let sort: readonly string[] = [];
  for (const { key, start, end } of membersOf(text, at))
    if (key === '_source') json = oneLine(text.slice(start, end));
    else if (key === 'sort') sort = Array.from(elementsOf(text, start), (one) => text.slice(one.start, one.end));
    else if (key === '_index') index = JSON.parse(text.slice(start, end)) as string;
    else if (key === '_id') id = JSON.parse(text.slice(start, end)) as string;
  const time = integerIn(sort[0]) ?? 0n;
  const sequence = integerIn(sort[1]);
  const { seconds, nanos } = exactTime(json, time, fields);
  const tag = textAt(json, fields.tagField) ?? '';
  const record: FoundRecord = {
    id: `${index}/${id}`,
    seconds,
    nanos,
    appendMs: seconds * 1000 + Math.floor(nanos / 1e6),
    tag,
    source: index,
    json,
  };
  return { record, time, sequence };
}

/** Sorted last for want of a value: the largest or smallest long. */
const noSequence = 2n ** 62n;

function integerIn(text: string | undefined): bigint | undefined {
  if (text === undefined || !/^-?\d{1,20}$/.test(text)) return undefined;
  const value = BigInt(text);
  return value > noSequence * 2n - 2n || value < -noSequence ? undefined : value;
}

/** Documents may have been sent with line breaks in them; inside of texts there are none. */
function oneLine(json: string): string {
  return /[\r\n]/.test(json) ? json.replaceAll(/[\r\n]+[ \t]*/g, '') : json;
}

/** The time as it is written, where it is the one that the server sorted by and says it more exactly. */
function exactTime(json: string, time: bigint, { timeField, hasNanos }: HitFields): Instant {
  const ms = hasNanos ? floorDiv(time, 1_000_000n) : time;
  const seconds = Number(floorDiv(ms, 1000n));
  const nanosOfMs = Number(ms - BigInt(seconds) * 1000n) * 1_000_000;
  const nanos = hasNanos ? nanosOfMs + Number(time - ms * 1_000_000n) : nanosOfMs;
  const written = hasNanos ? undefined : textAt(json, timeField);
  const exact = written === undefined ? undefined : parseInstant(written);
  if (exact?.seconds === seconds && Math.floor(exact.nanos / 1_000_000) * 1_000_000 === nanosOfMs) return exact;
  return { seconds, nanos };
}

function floorDiv(value: bigint, by: bigint): bigint {
  const quotient = value / by;
  return value < 0n && quotient * by !== value ? quotient - 1n : quotient;
}

/** The text at keys joined by dots, which keys may hold themselves; undefined where there is none. */
function textAt(json: string, path: string, from = 0): string | undefined {
  if (!json.includes(path.split('.', 1)[0] ?? '')) return undefined;
  for (const { key, start, end } of membersOf(json, from)) {
    if (key === path) return json[start] === '"' ? (JSON.parse(json.slice(start, end)) as string) : undefined;
    if (path.startsWith(`${key}.`) && json[start] === '{') {
      const found = textAt(json, path.slice(key.length + 1), start);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
