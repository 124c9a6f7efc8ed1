/**
 * A field of records taken apart by a parser's short way: what it holds goes before the other fields, from the bytes in the
 * journal to those of the new record.
 */
import type { Batch } from '../core/batch.ts';
import { ByteWriter } from '../core/bytes.ts';
import type { Instant } from '../core/clock.ts';
import { JsonObject, readTextInside } from '../core/json-object.ts';
import type { DirectMembers, DirectParser } from '../core/plugin.ts';
import { Reencoding } from './reencoding.ts';

const COMMA = 44;

export interface DirectFieldRules {
  /** A key of the record itself. */
  readonly key: string;
  /** The other fields stay, and the field itself. */
  readonly keepsOthers: boolean;
  readonly keepsField: boolean;
}

export class DirectField {
  readonly #parser: DirectParser;
  readonly #rules: DirectFieldRules;
  readonly #key: Buffer;
  readonly #record = new JsonObject();
  readonly #found: DirectMembers = { object: new JsonObject(), without: -1 };
  readonly #parsed = new ByteWriter();
  #scratch = Buffer.alloc(0);

  constructor(parser: DirectParser, rules: DirectFieldRules) {
    this.#parser = parser;
    this.#rules = rules;
    this.#key = Buffer.from(rules.key);
  }
  /** The batch with the field parsed; `parse` does it the long way. */
  apply(batch: Batch, parse: (batch: Batch) => Batch): Batch {
    if (!Reencoding.suits(batch)) return parse(batch);
    const made = new Reencoding(batch, 0);
    const times: (Instant | undefined)[] = [];
    for (let row = 0; row < batch.count; row++) if (!this.#row(batch, row, made, times)) made.leave(row);
    const { late } = made;
    // Not worth it where nearly none have the usual form.
    if (late.length > batch.count >> 1) return parse(batch);
    const parsed = late.length === 0 ? undefined : parse(batch.select(late));
    if (parsed?.hasOwnTimes === true) for (const [i, row] of late.entries()) times[row] = parsed.time(i);
    const whole = made.finish(parsed);
    return whole ? whole.withTimes(times) : parse(batch);
  }
  /** False: the long way. */
  #row(batch: Batch, row: number, made: Reencoding, times: (Instant | undefined)[]): boolean {
    const record = this.#record;
    const out = made.begin(row);
    if (!record.readRow(batch, row)) return false;
    const member = record.find(this.#key);
    if (member < 0 || !record.isText(member)) {
      made.keep(row);
      return true;
    }
    if (!this.#parse(member, out)) return false;
    const { time } = this.#parser;
    if (time.isKnown) times[row] = { seconds: time.seconds, nanos: time.nanos };
    made.end(row, false);
    return true;
  }
  /** Parses the text that a member holds, and writes the record. */
  #parse(member: number, out: ByteWriter): boolean {
    const record = this.#record;
    let { bytes } = record;
    let [from, until] = [(record.valueFrom[member] as number) + 1, (record.valueUntil[member] as number) - 1];
    if (!record.isPlainText(member)) {
      if (this.#scratch.length < until - from) this.#scratch = Buffer.allocUnsafeSlow(2 * (until - from));
      until = readTextInside(bytes, from, until, this.#scratch);
      [bytes, from] = [this.#scratch, 0];
    }
    const { keepsOthers, keepsField } = this.#rules;
    if (!keepsOthers && !keepsField) return this.#parser.write(bytes, from, until, out);
    const members = this.#membersIn(bytes, from, until);
    return members !== undefined && this.#join(member, members, out);
  }
  #membersIn(bytes: Buffer, from: number, until: number): DirectMembers | undefined {
    if (this.#parser.members) return this.#parser.members(bytes, from, until);
    const [parsed, found] = [this.#parsed, this.#found];
    parsed.reset();
    if (!this.#parser.write(bytes, from, until, parsed)) return undefined;
    return found.object.read(parsed.room(0), 0, parsed.length) ? found : undefined;
  }
  #join(member: number, { object: found, without }: DirectMembers, out: ByteWriter): boolean {
    const { keepsOthers, keepsField } = this.#rules;
    const record = this.#record;
    // Fields of the same name: what stays goes over what was found, in its place.
    if (record.sharesKey(found, keepsField ? -1 : member)) return false;
    out.byte(123);
    if (without < 0) append(found, 0, found.count, out);
    else {
      append(found, 0, without, out);
      append(found, without + 1, found.count, out);
    }
    if (!keepsOthers) append(record, member, member + 1, out);
    else if (keepsField) append(record, 0, record.count, out);
    else {
      append(record, 0, member, out);
      append(record, member + 1, record.count, out);
    }
    out.byte(125);
    return true;
  }
}

/** Appends members [from, to) to an object that was begun. */
function append(object: JsonObject, from: number, to: number, out: ByteWriter): void {
  if (from >= to) return;
  if (out.at(out.length - 1) !== 123) out.byte(COMMA);
  object.writeMembers(from, to, out);
}
