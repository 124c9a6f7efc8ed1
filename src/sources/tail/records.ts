/** Lines of a file on their way into the journal: parsed, or refused with their bytes. */
import { RecordGatherer } from '../../codecs/encode.ts';
import { withFields } from '../../codecs/fields.ts';
import type { EncodedRecords } from '../../core/batch.ts';
import type { Instant } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Parser } from '../../core/plugin.ts';
import { getField } from '../../core/record.ts';
import type { Fields } from '../../core/record.ts';

/** The field of a record whose line did not parse, and of one that is a part of a line. */
const unmatchedKey = 'unmatched_line';
const partKey = 'line_part';

export interface LineRules {
  readonly parser: Parser;
  /** Bytes of the file to bytes in UTF-8, where they are not. */
  readonly decode: ((line: Buffer) => Buffer) | undefined;
  readonly pathKey: string | undefined;
  readonly emitsUnmatched: boolean;
}

/** A line that makes no record. */
export interface RefusedLine {
  readonly reason: 'parse_failed' | 'line_too_long' | 'no_first_line';
  readonly raw: Uint8Array;
  readonly problem: string;
}

/** Records that go into one append: a run of one codec, and where in the file they end. */
export interface Run {
  readonly records: EncodedRecords;
  readonly ends: readonly number[];
}

/** What a piece of a file gave. */
export class LineBatch {
  readonly #rules: LineRules;
  readonly #path: string;
  readonly #now: Instant;
  readonly #gathered = new RecordGatherer();
  readonly #ends: number[] = [];
  readonly refused: RefusedLine[] = [];

  constructor(rules: LineRules, path: string, now: Instant) {
    this.#rules = rules;
    this.#path = path;
    this.#now = now;
  }
  /** A line without its end; `end`: where the next one begins. `part` counts from 1 in lines that are cut. */
  add(line: Buffer, end: number, part?: number): void {
    const { parser, decode } = this.#rules;
    const text = decode ? decode(line) : line;
    let parsed: ReturnType<Parser['parse']>;
    try {
      parsed = parser.parse(text);
    } catch (error) {
      parsed = { problem: errorText(error) };
    }
    if (!('problem' in parsed)) return this.#add(parsed.fields, parsed.time ?? this.#now, end, part);
    if (!this.#rules.emitsUnmatched) return this.refuse('parse_failed', line, parsed.problem);
    this.#add({ [unmatchedKey]: textOf(text) }, this.#now, end, part);
  }
  refuse(reason: RefusedLine['reason'], line: Uint8Array, problem: string): void {
    this.refused.push({ reason, raw: new Uint8Array(line), problem });
  }
  /** The records so far, in order, in as few runs as their codecs allow. */
  runs(): Run[] {
    let from = 0;
    return this.#gathered.take().map((records) => {
      const ends = this.#ends.slice(from, (from += records.payloads.length));
      return { records, ends };
    });
  }
  #add(fields: Fields, time: Instant, end: number, part: number | undefined): void {
    const { pathKey } = this.#rules;
    let whole = fields;
    if (pathKey !== undefined && isUnset(fields, pathKey)) whole = withFields(whole, [[pathKey, this.#path]]);
    if (part !== undefined) whole = withFields(whole, [[partKey, part]]);
    this.#gathered.add(whole, time);
    this.#ends.push(end);
  }
}

/** Ruby's ||= takes null and false for absent too. */
function isUnset(fields: Fields, key: string): boolean {
  const value = getField(fields, key);
  return value === undefined || value === null || value === false;
}

function textOf(line: Buffer): string | Uint8Array {
  const text = line.toString('utf8');
  return text.includes('\ufffd') && !Buffer.from(text).equals(line) ? new Uint8Array(line) : text;
}
