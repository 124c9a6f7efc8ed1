/**
 * Blocks and batches: records on their way from the journal to the outputs, encoded until somebody looks.
 *
 * A *block* is what one journal frame holds: the encoded bytes of its records, their times and offsets. It is immutable
 * and shared by all outputs; decoding a record is remembered in it. A *batch* is some of a block's records, in order,
 * under one tag; what a filter changed lies over the block. Both are cheap to make and safe to share: never mutate the
 * fields you get from one (copyFields first).
 */
import type { ByteWriter } from './bytes.ts';
import type { Instant } from './clock.ts';
import { parseRecord, stringifyJson } from './json.ts';
import { decodeMsgpack } from './msgpack.ts';
import type { OriginRun, Origins } from './origin.ts';
import { isFields } from './record.ts';
import type { Fields } from './record.ts';

/** How a frame's payload is encoded; the number is the codec byte on disk. */
export const codecs = { json: 1, msgpack: 2 } as const;
export type Codec = (typeof codecs)[keyof typeof codecs];

/** Source id of records that were replayed from the dead letters. No source of a configuration can be called so. */
export const replaySource = '@replay';
/** Source id of records that are replayed for the output that refused them, and for no other. */
export function replaySourceOf(output: string): string {
  return `${replaySource}/${output}`;
}
/** The output that replayed records are for; undefined: records of another source, or replayed for all. */
export function replayedOutput(source: string): string | undefined {
  return source.startsWith(`${replaySource}/`) ? source.slice(replaySource.length + 1) : undefined;
}
/** Whether records were replayed: they were received before. */
export function isReplayed(source: string): boolean {
  return source === replaySource || replayedOutput(source) !== undefined;
}

/**
 * Records as a source hands them to the journal: parallel arrays, one entry a record.
 * JSON payloads are one JSON object each, from brace to brace, valid UTF-8, without a newline outside strings, its keys once each
 * and with no escape that they do without; MessagePack payloads one map each.
 */
export interface EncodedRecords {
  readonly codec: Codec;
  readonly payloads: readonly (string | Uint8Array)[];
  /** What scanJson said of each payload; true for every MessagePack payload. */
  readonly exact: readonly boolean[];
  /** Seconds since 1970, whole, may be negative. */
  readonly seconds: readonly number[];
  /** 0 to 999,999,999. */
  readonly nanos: readonly number[];
  /** Which records they were at the program they came from; of all of them, in order. Undefined: they came from none. */
  readonly origins?: readonly OriginRun[] | undefined;
}

/** What a block is made of; see the journal's frame layout. */
export interface BlockParts {
  readonly shard: string;
  /** Offset of the first record; the others follow without gaps, unless `offsets` says otherwise. */
  readonly firstOffset: number;
  /** The offset of each record, in no order, where they do not follow each other: records that were staged. */
  readonly offsets?: Float64Array;
  /** When the journal took the records, ms since 1970. */
  readonly appendMs: number;
  /** The configuration they were appended under; undefined where that is not known any more. */
  readonly generation?: number | undefined;
  /** Id of the source instance that took them, such as `postback` or `tail.0`. */
  readonly source: string;
  readonly codec: Codec;
  readonly payload: Buffer;
  /** count + 1 positions in payload: record i is payload[bounds[i], bounds[i + 1]). */
  readonly bounds: Uint32Array;
  readonly exact: Uint8Array;
  readonly seconds: Float64Array;
  readonly nanos: Uint32Array;
  /** Undefined: no record of the block came from another program with an origin. */
  readonly origins?: Origins | undefined;
}

/**
 * JSON records that all end in the same bytes, which lie in memory once: record i is payload[bounds[i], bounds[i + 1] - 1) and
 * `ending` in place of its closing brace. What is not in the batch that the block was made for may end otherwise.
 */
export interface SharedEnding {
  readonly payload: Buffer;
  readonly bounds: Uint32Array;
  /** `,"kubernetes":{…}}`. */
  readonly ending: Buffer;
}

/** The records of one journal frame. */
export class Block {
  readonly parts: BlockParts;
  readonly count: number;
  /**
   * Where the records share an ending: what they are made of. `payload` and `bounds` of `parts` are made of it when somebody
   * asks for them, and kept; hot paths look here first.
   */
  readonly shared: SharedEnding | undefined;
  readonly #decoded: (Fields | undefined)[] = [];
  #endingText: string | undefined;

  constructor(parts: BlockParts, shared?: SharedEnding) {
    this.parts = parts;
    this.shared = shared;
    this.count = (shared ?? parts).bounds.length - 1;
  }
  /** The block with `ending` in place of the closing brace of each record, which is its last byte. */
  withEnding(ending: Buffer, exact: Uint8Array): Block {
    const { payload, bounds } = this.parts;
    const shared = { payload, bounds, ending };
    return new Block(endedParts(this.parts, shared, exact), shared);
  }
  /** The encoded bytes of record `index`: valid as long as the block is held. A view, but where endings are shared. */
  encoded(index: number): Buffer {
    const { payload, bounds } = this.shared ?? this.parts;
    const [from, until] = [bounds[index] as number, bounds[index + 1] as number];
    if (!this.shared) return payload.subarray(from, until);
    return Buffer.concat([payload.subarray(from, until - 1), this.shared.ending]);
  }
  /** Appends record `index`, from byte `from` of what holds it (`shared`, else `parts`) up to its end. */
  writeFrom(index: number, from: number, out: ByteWriter): void {
    const { payload, bounds } = this.shared ?? this.parts;
    const until = bounds[index + 1] as number;
    if (!this.shared) return out.copy(payload, from, until);
    out.copy(payload, from, until - 1);
    out.bytes(this.shared.ending);
  }
  /** Size of record `index` in encoded bytes, without looking at it. */
  encodedBytes(index: number): number {
    const { bounds } = this.shared ?? this.parts;
    const bytes = (bounds[index + 1] as number) - (bounds[index] as number);
    return this.shared ? bytes - 1 + this.shared.ending.length : bytes;
  }
  /** Size of all of them. */
  get totalBytes(): number {
    if (!this.shared) return this.parts.payload.length;
    return this.shared.payload.length + this.count * (this.shared.ending.length - 1);
  }
  /** The bytes that records are made of; no string of JSON begins in one piece and ends in another. */
  get pieces(): readonly Buffer[] {
    return this.shared ? [this.shared.payload, this.shared.ending] : [this.parts.payload];
  }
  /** The decoded fields of record `index`, decoded once. Do not mutate. */
  fields(index: number): Fields {
    const known = this.#decoded[index];
    if (known) return known;
    const { codec, exact } = this.parts;
    let fields: Fields;
    if (codec === codecs.json) fields = parseRecord(this.#text(index), exact[index] === 1);
    else {
      const value = decodeMsgpack(this.encoded(index));
      if (!isFields(value)) throw new TypeError('a MessagePack record must be a map');
      fields = value;
    }
    this.#decoded[index] = fields;
    return fields;
  }
  #text(index: number): string {
    const { payload, bounds } = this.shared ?? this.parts;
    const [from, until] = [bounds[index] as number, bounds[index + 1] as number];
    if (!this.shared) return payload.toString('utf8', from, until);
    return payload.toString('utf8', from, until - 1) + (this.#endingText ??= this.shared.ending.toString());
  }
}

/** Parts of a block whose records share an ending. */
function endedParts(parts: BlockParts, { payload, bounds, ending }: SharedEnding, exact: Uint8Array): BlockParts {
  let whole: { readonly payload: Buffer; readonly bounds: Uint32Array } | undefined;
  const make = () => {
    const count = bounds.length - 1;
    const made = Buffer.allocUnsafeSlow(payload.length + count * ending.length);
    const ends = new Uint32Array(count + 1);
    let at = 0;
    for (let i = 0; i < count; i++) {
      const [from, until] = [bounds[i] as number, bounds[i + 1] as number];
      // Nothing is there of a record that a filter took out.
      if (until > from) {
        at += payload.copy(made, at, from, until - 1);
        at += ending.copy(made, at);
      }
      ends[i + 1] = at;
    }
    return { payload: made.subarray(0, at), bounds: ends };
  };
  // Getters of its own, so that a copy of the parts has what they give.
  return {
    ...parts,
    exact,
    get payload() {
      return (whole ??= make()).payload;
    },
    get bounds() {
      return (whole ??= make()).bounds;
    },
  };
}

/** Some records of a block under one tag. Positions (`row`) count from 0 to `count - 1`. */
export class Batch {
  readonly tag: string;
  readonly block: Block;
  readonly count: number;
  /** Which of the block's records, in order; undefined: all of them. */
  readonly #rows: Uint32Array | undefined;
  readonly #changed: readonly (Fields | undefined)[] | undefined;
  readonly #times: readonly (Instant | undefined)[] | undefined;

  private constructor(
    tag: string,
    block: Block,
    rows: Uint32Array | undefined,
    changed: readonly (Fields | undefined)[] | undefined,
    times: readonly (Instant | undefined)[] | undefined,
  ) {
    this.tag = tag;
    this.block = block;
    this.#rows = rows;
    this.#changed = changed;
    this.#times = times;
    this.count = rows ? rows.length : block.count;
  }
  /** All records of a block, unchanged. */
  static of(tag: string, block: Block): Batch {
    return new Batch(tag, block, undefined, undefined, undefined);
  }
  /** The record's index in its block. */
  index(row: number): number {
    return this.#rows ? (this.#rows[row] as number) : row;
  }
  /** The record's offset in its shard. */
  offset(row: number): number {
    const { firstOffset, offsets } = this.block.parts;
    return offsets ? (offsets[this.index(row)] as number) : firstOffset + this.index(row);
  }
  /** True where a filter gave records another time than their block's. */
  get hasOwnTimes(): boolean {
    return this.#times !== undefined;
  }
  seconds(row: number): number {
    return this.#times?.[row]?.seconds ?? (this.block.parts.seconds[this.index(row)] as number);
  }
  nanos(row: number): number {
    return this.#times?.[row]?.nanos ?? (this.block.parts.nanos[this.index(row)] as number);
  }
  /** The record's time. Prefer seconds() and nanos() in hot paths. */
  time(row: number): Instant {
    return { seconds: this.seconds(row), nanos: this.nanos(row) };
  }
  /** The record's fields. Do not mutate. */
  fields(row: number): Fields {
    return this.#changed?.[row] ?? this.block.fields(this.index(row));
  }
  /** False while the record's fields are as they lie in its block. */
  isChanged(row: number): boolean {
    return this.#changed?.[row] !== undefined;
  }
  /** True where a filter gave a record other fields. */
  get hasChanges(): boolean {
    return this.#changed !== undefined;
  }
  /** True while the record's JSON bytes can be taken as they lie in the journal: `rawJson(row)` is defined. */
  rawJson(row: number): Buffer | undefined {
    if (this.#changed?.[row] !== undefined || this.block.parts.codec !== codecs.json) return undefined;
    return this.block.encoded(this.index(row));
  }
  /** When no record of the batch was changed or selected, nor shares an ending: the payload of the whole block. For bulk copies. */
  wholeJson(): { payload: Buffer; bounds: Uint32Array } | undefined {
    if (this.#rows || this.#changed || this.block.shared || this.block.parts.codec !== codecs.json) return undefined;
    return this.block.parts;
  }
  /** The record as JSON text without a line break. */
  json(row: number): Buffer {
    return this.rawJson(row) ?? Buffer.from(stringifyJson(this.fields(row)));
  }
  /** Size estimate for chunk limits: exact for unchanged records, else the size before the change. */
  sizeBytes(row: number): number {
    return this.block.encodedBytes(this.index(row));
  }
  /** Sum of sizeBytes over all rows. */
  totalBytes(): number {
    if (!this.#rows) return this.block.totalBytes;
    let sum = 0;
    for (let row = 0; row < this.count; row++) sum += this.sizeBytes(row);
    return sum;
  }
  /** True while no record of the block is in the batch twice, and they are in its order. */
  get isOrdered(): boolean {
    if (!this.#rows) return true;
    for (let row = 1; row < this.count; row++) if (this.index(row) <= this.index(row - 1)) return false;
    return true;
  }
  /**
   * The same records with other JSON texts, for filters that put something behind them without looking inside: `payload`,
   * `bounds` and `exact` as in BlockParts, by index in the block; what of the block is not in the batch may be empty.
   */
  reencoded(payload: Buffer, bounds: Uint32Array, exact: Uint8Array): Batch {
    const block = new Block({ ...this.block.parts, codec: codecs.json, payload, bounds, exact });
    return new Batch(this.tag, block, this.#rows, undefined, this.#times);
  }
  /**
   * The same records, each with `ending` in place of its closing brace, which is its last byte; as reencoded(), but nothing is
   * copied. `exact` by index in the block.
   */
  withEnding(ending: Buffer, exact: Uint8Array): Batch {
    return new Batch(this.tag, this.block.withEnding(ending, exact), this.#rows, undefined, this.#times);
  }
  /** The same records; `times[row]`, where given, replaces the record's time. */
  withTimes(times: readonly (Instant | undefined)[]): Batch {
    if (!times.some((time) => time !== undefined)) return this;
    const all = Array.from({ length: this.count }, (_, row) => times[row] ?? this.#times?.[row]);
    return new Batch(this.tag, this.block, this.#rows, this.#changed, all);
  }
  /** The same records under another tag. */
  withTag(tag: string): Batch {
    return tag === this.tag ? this : new Batch(tag, this.block, this.#rows, this.#changed, this.#times);
  }
  /** The rows given (positions in this batch, in any order, repeats allowed). */
  select(rows: readonly number[]): Batch {
    return new Batch(
      this.tag,
      this.block,
      Uint32Array.from(rows, (row) => this.index(row)),
      this.#changed && rows.map((row) => this.#changed?.[row]),
      this.#times && rows.map((row) => this.#times?.[row]),
    );
  }
  /**
   * New fields for each row: the same object keeps the record as it is, undefined drops it. `times[row]`, where given,
   * replaces the record's time.
   */
  map(change: (fields: Fields, row: number) => Fields | undefined, times?: readonly (Instant | undefined)[]): Batch {
    const kept: number[] = [];
    const changed: (Fields | undefined)[] = [];
    const newTimes: (Instant | undefined)[] = [];
    let anyChanged = false;
    for (let row = 0; row < this.count; row++) {
      const before = this.fields(row);
      const after = change(before, row);
      if (after === undefined) continue;
      kept.push(this.index(row));
      const same = after === before ? this.#changed?.[row] : after;
      if (same !== undefined) anyChanged = true;
      changed.push(same);
      newTimes.push(times?.[row] ?? this.#times?.[row]);
    }
    const all = kept.length === this.count;
    return new Batch(
      this.tag,
      this.block,
      all ? this.#rows : Uint32Array.from(kept),
      anyChanged ? changed : undefined,
      newTimes.some((time) => time !== undefined) ? newTimes : undefined,
    );
  }
}
