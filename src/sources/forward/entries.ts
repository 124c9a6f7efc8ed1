/**
 * Entries of a message into records. A record stays the MessagePack that was sent: it is looked at to the end, so that
 * it can be decoded later, and not decoded.
 */
import type { Instant } from '../../core/clock.ts';
import { MsgpackScanner, isArrayHead, isMapHead } from '../../core/msgpack-scan.ts';

/** How entries are taken; differs by form (Fluentd 1.16). */
export interface EntryRules {
  /** Only integers and event times count as times. */
  readonly isStrict: boolean;
  /** Time 0 means now. nil always does where it is taken. */
  readonly isZeroNow: boolean;
  readonly now: Instant;
}

/** Takes what entries() finds. */
export interface EntryTaker {
  /** A record's MessagePack: a view of the bytes given. */
  record(payload: Buffer, seconds: number, nanos: number): void;
  /** An entry that is no record. `raw`: what was sent. */
  refused(reason: EntryProblem, raw: Buffer): void;
}
export type EntryProblem = 'no_record' | 'invalid_record' | 'invalid_time' | 'record_too_large';

/** The journal's largest record. */
const recordBytesMax = 16 * 1024 * 1024;
const nil = 0xc0;

export function readPacked(bytes: Buffer, rules: EntryRules, sink: EntryTaker): void {
  const reader = new EntryReader(bytes, rules, sink);
  while (!reader.scanner.isAtEnd) reader.entry();
}
/** Reads the array of a Forward message. */
export function readArray(bytes: Buffer, rules: EntryRules, sink: EntryTaker): void {
  const reader = new EntryReader(bytes, rules, sink);
  const count = reader.scanner.count();
  for (let i = 0; i < count; i++) reader.entry();
}
/** Reads time and record of a Message. */
export function readSingle(bytes: Buffer, rules: EntryRules, sink: EntryTaker): void {
  const reader = new EntryReader(bytes, rules, sink);
  reader.pair(0, 2);
}

class EntryReader {
  readonly scanner: MsgpackScanner;
  readonly #bytes: Buffer;
  readonly #rules: EntryRules;
  readonly #sink: EntryTaker;
  #seconds = 0;
  #nanos = 0;

  constructor(bytes: Buffer, rules: EntryRules, sink: EntryTaker) {
    this.#bytes = bytes;
    this.scanner = new MsgpackScanner(bytes);
    this.#rules = rules;
    this.#sink = sink;
  }
  entry(): void {
    const { scanner } = this;
    const from = scanner.at;
    if (!isArrayHead(this.#bytes[from])) {
      scanner.skip();
      this.#sink.refused('invalid_record', this.#bytes.subarray(from, scanner.at));
      return;
    }
    this.pair(from, scanner.count());
  }
  /** At the time of an entry that starts at `from` and has `count` elements, or fewer where the bytes end. */
  pair(from: number, count: number): void {
    const { scanner } = this;
    const hasTime = count > 0 && !scanner.isAtEnd && this.#time();
    const at = scanner.at;
    const hasRecord = count > 1 && !scanner.isAtEnd;
    if (hasRecord) scanner.skip();
    const until = scanner.at;
    for (let i = 2; i < count; i++) scanner.skip();
    const head = hasRecord ? this.#bytes[at] : nil;
    const isMap = isMapHead(head);
    if (isMap && hasTime && until - at <= recordBytesMax)
      return this.#sink.record(this.#bytes.subarray(at, until), this.#seconds, this.#nanos);
    const ofMap = hasTime ? 'record_too_large' : 'invalid_time';
    this.#sink.refused(
      head === nil ? 'no_record' : isMap ? ofMap : 'invalid_record',
      this.#bytes.subarray(from, scanner.at),
    );
  }
  /** Reads a time into #seconds and #nanos. False: it is none. */
  #time(): boolean {
    const { scanner } = this;
    const bytes = this.#bytes;
    const at = scanner.at;
    // An event time: ext type 0 of 8 bytes, fixed or with a length.
    if (bytes[at] === 0xd7 && bytes[at + 1] === 0 && at + 10 <= scanner.end) {
      scanner.at = at + 10;
      return this.#set(bytes.readUInt32BE(at + 2), bytes.readUInt32BE(at + 6));
    }
    // [time, metadata] of Fluent Bit.
    if (isArrayHead(bytes[at])) return this.#timeWithMetadata();
    scanner.skip();
    const byte = bytes[at] as number;
    if (byte === nil) return this.#rules.isStrict ? false : this.#isNow();
    if (byte === 0xc7 && bytes[at + 1] === 8 && bytes[at + 2] === 0)
      return this.#set(bytes.readUInt32BE(at + 3), bytes.readUInt32BE(at + 7));
    if (byte === 0xca || byte === 0xcb)
      return (
        !this.#rules.isStrict && this.#float(byte === 0xca ? bytes.readFloatBE(at + 1) : bytes.readDoubleBE(at + 1))
      );
    const seconds = integerAt(bytes, at);
    return seconds !== undefined && this.#set(seconds, 0);
  }
  #timeWithMetadata(): boolean {
    const { scanner } = this;
    const count = scanner.count();
    if (count === 0) return false;
    const isTime = isArrayHead(this.#bytes[scanner.at]) ? (scanner.skip(), false) : this.#time();
    for (let i = 1; i < count; i++) scanner.skip();
    return isTime;
  }
  #float(value: number): boolean {
    if (!Number.isFinite(value)) return false;
    const seconds = Math.floor(value);
    return this.#set(seconds, Math.min(999_999_999, Math.floor((value - seconds) * 1e9)));
  }
  #set(seconds: number, nanos: number): boolean {
    if (nanos > 999_999_999 || !Number.isSafeInteger(seconds)) return false;
    if (seconds === 0 && this.#rules.isZeroNow) return this.#isNow();
    this.#seconds = seconds;
    this.#nanos = nanos;
    return true;
  }
  #isNow(): true {
    this.#seconds = this.#rules.now.seconds;
    this.#nanos = this.#rules.now.nanos;
    return true;
  }
}

/** The integer at `at`, which was passed already; undefined where there is none. */
function integerAt(bytes: Buffer, at: number): number | undefined {
  const byte = bytes[at] as number;
  if (byte < 0x80) return byte;
  if (byte >= 0xe0) return byte - 256;
  switch (byte) {
    case 0xcc:
      return bytes[at + 1];
    case 0xcd:
      return bytes.readUInt16BE(at + 1);
    case 0xce:
      return bytes.readUInt32BE(at + 1);
    case 0xcf:
      return Number(bytes.readBigUInt64BE(at + 1));
    case 0xd0:
      return bytes.readInt8(at + 1);
    case 0xd1:
      return bytes.readInt16BE(at + 1);
    case 0xd2:
      return bytes.readInt32BE(at + 1);
    case 0xd3:
      return Number(bytes.readBigInt64BE(at + 1));
    default:
      return undefined;
  }
}
