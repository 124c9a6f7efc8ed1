/** `Merge_Log` of JSON objects by their bytes: what mergeRows() and printing give, without the fields between. */
import { Reencoding } from '../../codecs/reencoding.ts';
import type { Batch } from '../../core/batch.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import { JsonObject, readTextInside } from '../../core/json-object.ts';
import { needsExactKey } from '../../core/record.ts';
import type { MergeOptions } from './merge.ts';

const logKey = Buffer.from('log');
const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN = 123;
const CLOSE = 125;
/** A line feed at the end of a text may be written in so many bytes: `\u000a`. */
const lineFeedBytesMax = 6;

export class DirectMerge {
  readonly #options: MergeOptions;
  /** `"key":{` where the object goes under a key of its own. */
  readonly #key: Buffer | undefined;
  readonly #opening: Buffer | undefined;
  readonly #record = new JsonObject();
  readonly #inner = new JsonObject();
  #scratch = Buffer.alloc(0);

  private constructor(options: MergeOptions) {
    const { mergeLogKey } = options;
    this.#options = options;
    this.#key = mergeLogKey === undefined ? undefined : Buffer.from(mergeLogKey);
    this.#opening = mergeLogKey === undefined ? undefined : Buffer.from(`${JSON.stringify(mergeLogKey)}:`);
  }
  /** Undefined where records have to be taken apart. */
  static for(options: MergeOptions): DirectMerge | undefined {
    const { mergeLogKey } = options;
    const isPlain = (key: string): boolean => !needsExactKey(key) && JSON.stringify(key) === `"${key}"`;
    return mergeLogKey === undefined || isPlain(mergeLogKey) ? new DirectMerge(options) : undefined;
  }
  /** The batch merged; `merge` does it the long way. */
  apply(batch: Batch, merge: (batch: Batch) => Batch): Batch {
    if (!Reencoding.suits(batch)) return merge(batch);
    const made = new Reencoding(batch, 0);
    for (let row = 0; row < batch.count; row++) if (!this.#row(batch, row, made)) made.leave(row);
    const { late } = made;
    if (late.length > batch.count >> 1) return merge(batch);
    return made.finish(late.length === 0 ? undefined : merge(batch.select(late))) ?? merge(batch);
  }
  /** False: the long way. */
  #row(batch: Batch, row: number, made: Reencoding): boolean {
    const record = this.#record;
    const out = made.begin(row);
    if (!record.readRow(batch, row)) return false;
    const member = record.find(logKey);
    // An object is merged too, and rare.
    if (member >= 0 && record.bytes[record.valueFrom[member] as number] === OPEN) return false;
    const found = member >= 0 && record.isText(member) ? this.#innerOf(member) : 'none';
    if (found === 'unsure') return false;
    if (found === 'none') {
      made.keep(row);
      return true;
    }
    if (!this.#join(member, out)) return false;
    made.end(row, false);
    return true;
  }
  /** Reads the object that the text of a member holds. */
  #innerOf(member: number): 'found' | 'none' | 'unsure' {
    const record = this.#record;
    let { bytes } = record;
    let [from, until] = [(record.valueFrom[member] as number) + 1, (record.valueUntil[member] as number) - 1];
    // Most lines are no JSON, and need not be copied.
    const first = bytes[from] as number;
    if (first !== OPEN && first !== BACKSLASH && first > 32 && first < 128) return 'none';
    if (!record.isPlainText(member)) {
      if (this.#scratch.length < until - from) this.#scratch = Buffer.allocUnsafeSlow(2 * (until - from));
      until = readTextInside(bytes, from, until, this.#scratch);
      [bytes, from] = [this.#scratch, 0];
    }
    return this.#inner.read(bytes, from, until) ? 'found' : 'unsure';
  }
  #join(member: number, out: ByteWriter): boolean {
    const { keepLog, mergeLogTrim } = this.#options;
    const [record, inner] = [this.#record, this.#inner];
    if (mergeLogTrim && this.#mayBeTrimmed()) return false;
    const dropped = keepLog ? -1 : member;
    // Fields of the same name would change places.
    const isOver = this.#key ? record.find(this.#key) >= 0 : record.sharesKey(inner, dropped);
    if (isOver) return false;
    if (dropped < 0) record.write(out);
    else record.writeWithout(dropped, out);
    if (inner.count === 0) return true;
    out.truncate(out.length - 1);
    if (record.count > (dropped < 0 ? 0 : 1)) out.byte(COMMA);
    if (this.#opening) {
      out.bytes(this.#opening);
      inner.write(out);
    } else inner.writeMembers(0, inner.count, out);
    out.byte(CLOSE);
    return true;
  }
  /** Whether a text may end in a line feed, or in one that is written as `\n`. */
  #mayBeTrimmed(): boolean {
    const { bytes, count, valueFrom, valueUntil } = this.#inner;
    for (let i = 0; i < count; i++) {
      const from = valueFrom[i] as number;
      const until = (valueUntil[i] as number) - 1;
      if (bytes[from] !== QUOTE) continue;
      for (let at = Math.max(from + 1, until - lineFeedBytesMax); at < until; at++)
        if (bytes[at] === BACKSLASH) return true;
    }
    return false;
  }
}
