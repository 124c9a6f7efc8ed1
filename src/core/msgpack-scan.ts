/**
 * Finds where MessagePack values end without making them: what is only handed on need not be decoded. Format: msgpack
 * spec.md 2.0. What passes here is what msgpack.ts decodes.
 */
import { OperatingError } from './errors.ts';
import { jsonDepthMax } from './json.ts';

/** What the byte that begins a value says: bytes of its head, and whether text, bytes or elements follow. */
const kinds = { invalid: 0, fixed: 1, sized: 2, array: 3, map: 4 } as const;
const kindOf = new Uint8Array(256);
/** Bytes of the whole value (fixed), or of its first byte and length (the others); ext types count to the head. */
const headOf = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  const [kind, head] = describe(byte);
  kindOf[byte] = kinds[kind];
  headOf[byte] = head;
}

function describe(byte: number): [keyof typeof kinds, number] {
  if (byte < 0x80 || byte >= 0xe0) return ['fixed', 1];
  if (byte < 0x90) return ['map', 1];
  if (byte < 0xa0) return ['array', 1];
  if (byte < 0xc0) return ['sized', 1];
  if (byte === 0xc1) return ['invalid', 1];
  if (byte <= 0xc3) return ['fixed', 1];
  if (byte <= 0xc6) return ['sized', 1 + (1 << (byte - 0xc4))];
  if (byte <= 0xc9) return ['sized', 2 + (1 << (byte - 0xc7))];
  if (byte <= 0xcb) return ['fixed', byte === 0xca ? 5 : 9];
  if (byte <= 0xcf) return ['fixed', 1 + (1 << (byte - 0xcc))];
  if (byte <= 0xd3) return ['fixed', 1 + (1 << (byte - 0xd0))];
  if (byte <= 0xd8) return ['fixed', 2 + (1 << (byte - 0xd4))];
  if (byte <= 0xdb) return ['sized', 1 + (1 << (byte - 0xd9))];
  if (byte <= 0xdd) return ['array', byte === 0xdc ? 3 : 5];
  return ['map', byte === 0xde ? 3 : 5];
}

/** Length of text, bytes or ext, or count of elements, at `at`; the head must lie in `bytes`. */
function lengthAt(bytes: Buffer, at: number): number {
  const byte = bytes[at] as number;
  if (byte < 0xa0) return byte & 15;
  if (byte < 0xc0) return byte & 31;
  // Of the heads with a length behind the first byte: 1, 2 or 4 bytes of it, and for ext the type.
  const width = (headOf[byte] as number) - 1 - (byte >= 0xc7 && byte <= 0xc9 ? 1 : 0);
  if (width === 1) return bytes[at + 1] as number;
  if (width === 2) return ((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number);
  return bytes.readUInt32BE(at + 1);
}

/** True for the first byte of an array. */
export function isArrayHead(byte: number | undefined): boolean {
  return byte !== undefined && kindOf[byte] === kinds.array;
}
/** True for the first byte of a map. */
export function isMapHead(byte: number | undefined): boolean {
  return byte !== undefined && kindOf[byte] === kinds.map;
}
/** True for the first byte of text or bytes. */
export function isTextHead(byte: number | undefined): boolean {
  return byte !== undefined && kindOf[byte] === kinds.sized && !(byte >= 0xc7 && byte <= 0xc9);
}

/** A place in bytes that hold whole values. Methods throw OperatingError PARSE_FAILED naming the offset. */
export class MsgpackScanner {
  readonly bytes: Buffer;
  readonly end: number;
  at: number;

  constructor(bytes: Buffer, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }
  get isAtEnd(): boolean {
    return this.at >= this.end;
  }
  /** Passes the head of an array or a map; returns how many elements or pairs follow. Only at such a head. */
  count(): number {
    const head = headOf[this.bytes[this.at] as number] as number;
    if (head > this.end - this.at) throw this.problem('the end in the middle of a value');
    const count = lengthAt(this.bytes, this.at);
    this.at += head;
    return count;
  }
  /** Passes text or bytes; returns where their content lies. Only at such a head. */
  content(): Buffer {
    const from = this.at;
    this.skip();
    return this.bytes.subarray(from + (headOf[this.bytes[from] as number] as number), this.at);
  }
  /** Passes one value. */
  skip(depth = 0): void {
    const at = this.at;
    if (at >= this.end) throw this.problem('the end in place of a value');
    const byte = this.bytes[at] as number;
    // Small integers and short texts, of which most records consist.
    if (byte < 0x80) {
      this.at = at + 1;
      return;
    }
    if (byte >= 0xa0 && byte < 0xc0) {
      this.#move(1 + (byte & 31));
      return;
    }
    const kind = kindOf[byte];
    if (kind === kinds.fixed) this.#move(headOf[byte] as number);
    else if (kind === kinds.invalid) throw this.problem(`0x${byte.toString(16)} begins no value`);
    else if (kind === kinds.sized) {
      const head = headOf[byte] as number;
      if (head > this.end - at) throw this.problem('the end in the middle of a value');
      this.#move(head + lengthAt(this.bytes, at));
    } else this.#container(kind === kinds.map, depth);
  }
  #container(isMap: boolean, depth: number): void {
    if (depth >= jsonDepthMax) throw this.problem(`nested deeper than ${jsonDepthMax} levels`);
    const count = this.count();
    if (count > this.end - this.at) throw this.problem('a length beyond the end');
    for (let i = 0; i < count; i++) {
      if (isMap) this.#key(depth);
      this.skip(depth + 1);
    }
  }
  #key(depth: number): void {
    const byte = this.bytes[this.at];
    if (byte !== undefined && (kindOf[byte] === kinds.array || kindOf[byte] === kinds.map))
      throw this.problem('an array or map as key of a map');
    this.skip(depth + 1);
  }
  #move(length: number): void {
    if (length > this.end - this.at) throw this.problem('the end in the middle of a value');
    this.at += length;
  }
  problem(found: string): OperatingError {
    return new OperatingError('PARSE_FAILED', `reading MessagePack at byte ${this.at}: ${found}`);
  }
}

/** Values may nest in a message around a record: message, entries, entry. */
const framerDepthMax = jsonDepthMax + 4;
/** Room for what a socket gives at once. */
const bufferBytes = 64 * 1024;

/**
 * Cuts a stream of bytes into whole values. Holds at most one unfinished value and what the last add() brought; a length
 * that a head claims costs memory only as far as bytes arrive. What it returned stays valid: bytes are never written twice.
 */
export class MsgpackFramer {
  readonly #bytesMax: number;
  #bytes: Buffer = Buffer.alloc(0);
  /** Where the value under way starts, how far it was looked at, and where the bytes end. */
  #start = 0;
  #at = 0;
  #end = 0;
  #isOwn = false;
  /** Values that the open arrays and maps still lack, outermost first. */
  readonly #lacking = new Float64Array(framerDepthMax + 1);
  #depth = 0;

  /** `bytesMax`: the largest value. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }
  /** Bytes held of a value that is not whole. */
  get pendingBytes(): number {
    return this.#end - this.#start;
  }
  /** Takes the next bytes, which the caller never writes to again. */
  add(chunk: Buffer): void {
    const held = this.pendingBytes;
    if (held === 0) {
      this.#bytes = chunk;
      this.#isOwn = false;
      this.#at = this.#start = 0;
      this.#end = chunk.length;
      return;
    }
    if (!this.#isOwn || this.#end + chunk.length > this.#bytes.length) this.#grow(held + chunk.length);
    chunk.copy(this.#bytes, this.#end);
    this.#end += chunk.length;
  }
  #grow(needed: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(needed * 2, bufferBytes));
    this.#bytes.copy(grown, 0, this.#start, this.#end);
    this.#at -= this.#start;
    this.#end -= this.#start;
    this.#start = 0;
    this.#bytes = grown;
    this.#isOwn = true;
  }
  /** The next whole value's bytes, or undefined: more are needed. @throws OperatingError PARSE_FAILED: the stream is broken for good */
  next(): Buffer | undefined {
    const bytes = this.#bytes;
    while (this.#at < this.#end) {
      const byte = bytes[this.#at] as number;
      const kind = kindOf[byte];
      if (kind === kinds.invalid) throw this.#problem(`0x${byte.toString(16)} begins no value`);
      const head = headOf[byte] as number;
      if (head > this.#end - this.#at) return undefined;
      let length = head;
      let elements = 0;
      if (kind === kinds.sized) length += lengthAt(bytes, this.#at);
      else if (kind !== kinds.fixed) elements = lengthAt(bytes, this.#at) * (kind === kinds.map ? 2 : 1);
      // Every element takes a byte at least.
      if (this.#at + length + elements - this.#start > this.#bytesMax)
        throw this.#problem(`a value of more than ${this.#bytesMax} bytes`);
      if (length > this.#end - this.#at) return undefined;
      this.#at += length;
      if (elements > 0) this.#open(elements);
      else if (this.#isWhole()) return this.#take();
    }
    return undefined;
  }
  #open(elements: number): void {
    if (this.#depth >= framerDepthMax) throw this.#problem(`nested deeper than ${framerDepthMax} levels`);
    this.#lacking[++this.#depth] = elements;
  }
  /** One value ended: does the whole end with it? */
  #isWhole(): boolean {
    while (this.#depth > 0) {
      const lacking = (this.#lacking[this.#depth] as number) - 1;
      this.#lacking[this.#depth] = lacking;
      if (lacking > 0) return false;
      this.#depth--;
    }
    return true;
  }
  #take(): Buffer {
    const value = this.#bytes.subarray(this.#start, this.#at);
    this.#start = this.#at;
    return value;
  }
  #problem(found: string): OperatingError {
    return new OperatingError(
      'PARSE_FAILED',
      `reading MessagePack at byte ${this.#at - this.#start} of a value: ${found}`,
    );
  }
}
