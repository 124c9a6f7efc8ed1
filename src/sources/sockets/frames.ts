/**
 * Messages in a stream of bytes: up to a delimiter, or behind their length (RFC 6587, octet counting: `LENGTH SP MESSAGE`).
 * What is longer than the limit is passed over without being held, and told once, by its first bytes.
 */

import { OperatingError } from '../../core/errors.ts';
import { JsonFramer } from '../forward/json.ts';

/** A message, or the start of one that is too long. */
export interface Frame {
  readonly bytes: Buffer;
  readonly isWhole: boolean;
}

export interface FrameCutter {
  /** Bytes held of a message that is not whole. */
  readonly pendingBytes: number;
  /** @throws BadFrame what follows cannot be understood any more; `frames` of it were before that */
  add(chunk: Buffer): Frame[];
  /** The stream ended in order: what is held, where it can be taken for a message. */
  end(): Frame | undefined;
}

/** The stream is not what it should be, from here on. */
export class BadFrame extends Error {
  readonly frames: readonly Frame[];
  readonly bytes: Buffer;
  constructor(problem: string, frames: readonly Frame[], bytes: Buffer) {
    super(problem);
    this.name = 'BadFrame';
    this.frames = frames;
    this.bytes = bytes;
  }
}

/** How much is kept of a message that is too long, for the dead letters. */
const shownBytes = 64 * 1024;

export class DelimiterCutter implements FrameCutter {
  readonly #delimiter: Buffer;
  readonly #max: number;
  /** Parts of the message that is not whole. Together they hold no whole delimiter. */
  #parts: Buffer[] = [];
  #bytes = 0;
  #isSkipping = false;

  constructor(delimiter: string, bytesMax: number) {
    this.#delimiter = Buffer.from(delimiter);
    this.#max = bytesMax;
  }
  get pendingBytes(): number {
    return this.#bytes;
  }
  add(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    const overlap = this.#delimiter.length - 1;
    // A delimiter of several bytes may lie across two chunks: the end of what is held is looked at again.
    const tail = overlap > 0 ? this.#takeTail(overlap) : undefined;
    const bytes = tail ? Buffer.concat([tail, chunk]) : chunk;
    let from = 0;
    for (;;) {
      const at = bytes.indexOf(this.#delimiter, from);
      if (at < 0) break;
      this.#hold(bytes.subarray(from, at), frames);
      this.#finish(frames);
      from = at + this.#delimiter.length;
    }
    this.#hold(bytes.subarray(from), frames);
    return frames;
  }
  end(): Frame | undefined {
    const frames: Frame[] = [];
    if (this.#bytes > 0) this.#finish(frames);
    return frames[0];
  }
  #takeTail(length: number): Buffer | undefined {
    let last = this.#parts.pop();
    while (last && last.length < length && this.#parts.length > 0)
      last = Buffer.concat([this.#parts.pop() as Buffer, last]);
    if (!last) return undefined;
    const at = Math.max(0, last.length - length);
    if (at > 0) this.#parts.push(last.subarray(0, at));
    this.#bytes -= last.length - at;
    return last.subarray(at);
  }
  #hold(part: Buffer, frames: Frame[]): void {
    if (part.length === 0) return;
    if (this.#isSkipping) {
      // Only as much as may be the start of a delimiter.
      const overlap = this.#delimiter.length - 1;
      this.#parts = overlap > 0 ? [Buffer.from(part.subarray(-overlap))] : [];
      this.#bytes = this.#parts[0]?.length ?? 0;
      return;
    }
    this.#parts.push(part);
    this.#bytes += part.length;
    if (this.#bytes <= this.#max + this.#delimiter.length - 1) return;
    this.#tellLong(frames);
    this.#isSkipping = true;
    this.#hold(part, frames);
  }
  #finish(frames: Frame[]): void {
    if (!this.#isSkipping && this.#bytes > this.#max) this.#tellLong(frames);
    else if (!this.#isSkipping) frames.push({ bytes: joined(this.#parts), isWhole: true });
    this.#parts = [];
    this.#bytes = 0;
    this.#isSkipping = false;
  }
  #tellLong(frames: Frame[]): void {
    frames.push({ bytes: Buffer.from(joined(this.#parts).subarray(0, shownBytes)), isWhole: false });
    this.#parts = [];
    this.#bytes = 0;
  }
}

/** Longest length in digits that is believed in: ten of them are gigabytes. */
const digitsMax = 10;

export class OctetCutter implements FrameCutter {
  readonly #max: number;
  #digits = '';
  /** Of the message: bytes still to come; undefined: its length is being read. */
  #left: number | undefined;
  #isSkipping = false;
  #parts: Buffer[] = [];
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#max = bytesMax;
  }
  get pendingBytes(): number {
    return this.#bytes;
  }
  add(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    for (let at = 0; at < chunk.length;) {
      if (this.#left === undefined) {
        this.#readLength(chunk[at] as number, chunk.subarray(at), frames);
        at++;
        if (this.#left !== 0) continue;
      }
      const part = chunk.subarray(at, at + (this.#left ?? 0));
      at += part.length;
      this.#take(part, frames);
    }
    return frames;
  }
  /** A message shorter than its length says is none. */
  end(): undefined {
    return undefined;
  }
  #readLength(byte: number, rest: Buffer, frames: Frame[]): void {
    const isDigit = byte >= 48 && byte <= 57;
    if (isDigit && this.#digits.length < digitsMax) {
      this.#digits += String.fromCharCode(byte);
      return;
    }
    // Some senders put a line end behind each message.
    if (this.#digits === '' && (byte === 10 || byte === 13 || byte === 32)) return;
    if (byte !== 32 || this.#digits === '')
      throw new BadFrame(
        `a length in digits and a blank were expected (frame_type octet_count), found ${JSON.stringify(this.#digits + rest.subarray(0, 20).toString('latin1'))}`,
        frames,
        Buffer.from(rest.subarray(0, shownBytes)),
      );
    this.#left = Number(this.#digits);
    this.#digits = '';
    this.#isSkipping = this.#left > this.#max;
  }
  #take(part: Buffer, frames: Frame[]): void {
    this.#left = (this.#left ?? 0) - part.length;
    if (!this.#isSkipping || this.#bytes < shownBytes) {
      const kept = this.#isSkipping ? part.subarray(0, shownBytes - this.#bytes) : part;
      this.#parts.push(kept);
      this.#bytes += kept.length;
    }
    if (this.#left > 0) return;
    frames.push({ bytes: joined(this.#parts), isWhole: !this.#isSkipping });
    this.#left = undefined;
    this.#parts = [];
    this.#bytes = 0;
  }
}

/** JSON objects and arrays one behind the other, with or without space between. */
export class JsonCutter implements FrameCutter {
  readonly #framer: JsonFramer;

  constructor(bytesMax: number) {
    this.#framer = new JsonFramer(bytesMax);
  }
  get pendingBytes(): number {
    return this.#framer.pendingBytes;
  }
  add(chunk: Buffer): Frame[] {
    const frames: Frame[] = [];
    this.#framer.add(chunk);
    try {
      for (let bytes = this.#framer.next(); bytes; bytes = this.#framer.next()) frames.push({ bytes, isWhole: true });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      throw new BadFrame(error.message, frames, Buffer.from(chunk.subarray(0, shownBytes)));
    }
    return frames;
  }
  /** Half a value is none. */
  end(): undefined {
    return undefined;
  }
}

function joined(parts: readonly Buffer[]): Buffer {
  return parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts);
}
