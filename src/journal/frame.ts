/**
 * The frame: the unit in which a segment is written and checked. Version 1 (the version stands in the segment header).
 *
 * All numbers are little-endian. A frame starts at a multiple of 8 bytes in its file and is padded with zeros to a
 * multiple of 8, so that its arrays can be read in place.
 *
 *    0  u32  magic `P2LF`
 *    4  u32  CRC-32 over all bytes behind this field, padding included, seeded with the CRC-32 of the shard id
 *    8  u32  frame bytes: header, arrays, texts, payload, padding
 *   12  u8   kind: 1 records, 2 snapshot, 3 seal; reserved: 4 filter checkpoint, 5 tick, 6 staged chunk
 *   13  u8   codec of the payload (core/batch.ts), 0 when there is none
 *   14  u16  flags; 1: the frame has origins
 *   16  u64  sequence: counts the frames of a shard from 0, without gaps
 *   24  u64  offset of the first record; frames without records: of the next one
 *   32  u64  durable offset that the writer knew when it wrote: all records before it are on disk
 *   40  f64  append time, ms since 1970
 *   48  u32  records (n)
 *   52  u32  config generation
 *   56  u32  bytes of tag;   60 u32 of source;   64 u32 of state;   68 u32 of keys;   72 u32 of payload
 *   76  u32  seal frames: how many frames of the segment hold keys; frames with origins: their bytes; others: reserved, 0
 *   80  f64 × n   record times, whole seconds since 1970
 *       u32 × n   their nanoseconds
 *       u32 × n   payload bytes of each record; the top bit is set when the record is exact
 *       tag, source (UTF-8); state, keys, origins (JSON, empty when there is none); payload; padding
 *
 * - Records frame: state is an object of the source's keys that changed with these records, null values forget a key;
 *   keys is an array of strings.
 * - Snapshot frame: first of each segment; state is what state.ts says.
 * - Seal frame: last of a segment that was finished in order; proves that all before it was written.
 *
 * The checksum is CRC-32 from node:zlib and not CRC-32C: measured on 300 bytes 1.9 GB/s, on 20 kB 6 GB/s, while a
 * CRC-32C in JavaScript does 0.49 GB/s; both find the same kinds of damage. The seed keeps a frame of another shard (a
 * copied file, reused disk blocks, a record that holds a frame) from passing for one of this.
 */
import assert from 'node:assert';
import { endianness } from 'node:os';
import { crc32 } from 'node:zlib';
import type { EncodedRecords } from '../core/batch.ts';
import { Origins, packOrigins, unpackOrigins } from '../core/origin.ts';
import type { OriginRun } from '../core/origin.ts';
import { PackedRecords } from '../core/packed-records.ts';

assert(endianness() === 'LE', 'post2log reads journal arrays in place and runs on little-endian machines only');

export const frameKinds = { records: 1, snapshot: 2, seal: 3 } as const;
export type FrameKind = (typeof frameKinds)[keyof typeof frameKinds];

const originsFlag = 1;
const frameMagic = 0x46_4c_32_50;
/** The bytes a search for the next frame looks for. */
export const frameMagicBytes = Buffer.from('P2LF', 'latin1');
export const frameHeaderBytes = 80;
/** One append of 64 MiB (see writer.ts) with its arrays and a large snapshot fit well; a length beyond it is damage. */
const frameBytesMax = 256 * 1024 * 1024;
const exactBit = 0x8000_0000;
const lengthMask = 0x7fff_ffff;
/** First size of the encoder's buffer, and what it shrinks back to: a commit of 64 postbacks is about 20 kB. */
const encoderStartBytes = 256 * 1024;
/** A buffer that grew beyond this for one large commit is given back. */
const encoderKeepBytes = 8 * 1024 * 1024;

/** What a frame says besides its records. */
export interface FrameDraft {
  readonly kind: FrameKind;
  readonly sequence: number;
  readonly firstOffset: number;
  readonly durableOffset: number;
  readonly appendMs: number;
  readonly generation: number;
  readonly tag: string;
  readonly source: string;
  /** JSON, or empty. */
  readonly state: string;
  readonly keys: string;
  /** Seal frames: frames of the segment that hold keys. */
  readonly keyedFrames?: number;
  /** Records of the appends that share the frame, in order; all of one codec. */
  readonly records: readonly EncodedRecords[];
}

/** The seed of all CRCs of a shard. */
export function crcSeed(shard: string): number {
  return crc32(shard);
}

/** Encodes frames one after another into one buffer that is used again after reset(). */
export class FrameEncoder {
  readonly #seed: number;
  #bytes = Buffer.alloc(0);
  #words = new Uint32Array();
  #doubles = new Float64Array();
  #length = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#allocate(encoderStartBytes);
  }
  get length(): number {
    return this.#length;
  }
  /** The encoded frames; valid until the next reset. */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
  reset(): void {
    this.#length = 0;
    if (this.#bytes.length > encoderKeepBytes) this.#allocate(encoderStartBytes);
  }
  /** Appends one frame. */
  add(draft: FrameDraft): void {
    let count = 0;
    let most =
      frameHeaderBytes + 8 + 3 * (draft.tag.length + draft.source.length + draft.state.length + draft.keys.length);
    for (const records of draft.records) {
      count += records.seconds.length;
      if (records instanceof PackedRecords) most += records.bytes.length;
      // Three bytes are the most that UTF-8 needs for one UTF-16 unit.
      else
        for (const payload of records.payloads)
          most += typeof payload === 'string' ? payload.length * 3 : payload.length;
    }
    const origins = originsText(draft.records);
    this.#reserve(most + count * 16 + 3 * origins.length);
    const start = this.#length;
    const bytes = this.#bytes;
    let at = start + frameHeaderBytes + count * 16;
    const tagAt = at;
    at += bytes.write(draft.tag, at, 'utf8');
    const sourceAt = at;
    at += bytes.write(draft.source, at, 'utf8');
    const stateAt = at;
    at += bytes.write(draft.state, at, 'utf8');
    const keysAt = at;
    at += bytes.write(draft.keys, at, 'utf8');
    const originsAt = at;
    at += bytes.write(origins, at, 'utf8');
    const payloadAt = at;
    at = this.#addRecords(draft.records, count, start, at);
    const end = (at + 7) & ~7;
    bytes.fill(0, at, end);

    const words = this.#words;
    const word = start >>> 2;
    words[word] = frameMagic;
    words[word + 2] = end - start;
    const flags = origins === '' ? 0 : originsFlag;
    words[word + 3] = draft.kind | ((draft.records[0]?.codec ?? 0) << 8) | (flags << 16);
    this.#long(word + 4, draft.sequence);
    this.#long(word + 6, draft.firstOffset);
    this.#long(word + 8, draft.durableOffset);
    this.#doubles[(start + 40) >>> 3] = draft.appendMs;
    words[word + 12] = count;
    words[word + 13] = draft.generation;
    words[word + 14] = sourceAt - tagAt;
    words[word + 15] = stateAt - sourceAt;
    words[word + 16] = keysAt - stateAt;
    words[word + 17] = originsAt - keysAt;
    words[word + 18] = at - payloadAt;
    words[word + 19] = flags === originsFlag ? payloadAt - originsAt : (draft.keyedFrames ?? 0);
    words[word + 1] = crc32(bytes.subarray(start + 8, end), this.#seed);
    this.#length = end;
  }
  /** Writes times, lengths and payload; returns where the payload ends. */
  #addRecords(all: readonly EncodedRecords[], count: number, start: number, payloadAt: number): number {
    const bytes = this.#bytes;
    const words = this.#words;
    let secondsAt = (start + frameHeaderBytes) >>> 3;
    let nanosAt = ((start + frameHeaderBytes) >>> 2) + count * 2;
    let lengthAt = nanosAt + count;
    let at = payloadAt;
    for (const records of all) {
      if (records instanceof PackedRecords) {
        at += this.#addPacked(records, secondsAt, nanosAt, lengthAt, at);
        secondsAt += records.ends.length;
        nanosAt += records.ends.length;
        lengthAt += records.ends.length;
        continue;
      }
      const { payloads, exact, seconds, nanos } = records;
      for (let i = 0; i < payloads.length; i++) {
        const payload = payloads[i] as string | Uint8Array;
        let length: number;
        if (typeof payload === 'string') length = bytes.write(payload, at, 'utf8');
        else {
          bytes.set(payload, at);
          length = payload.length;
        }
        at += length;
        this.#doubles[secondsAt++] = seconds[i] as number;
        words[nanosAt++] = nanos[i] as number;
        words[lengthAt++] = exact[i] ? length | exactBit : length;
      }
    }
    return at;
  }
  /** The same for packed records; returns the bytes of their payload. */
  #addPacked(
    { bytes, ends, seconds, nanos }: PackedRecords,
    secondsAt: number,
    nanosAt: number,
    lengthAt: number,
    payloadAt: number,
  ): number {
    const words = this.#words;
    const doubles = this.#doubles;
    let start = 0;
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i] as number;
      doubles[secondsAt + i] = seconds[i] as number;
      words[nanosAt + i] = nanos[i] as number;
      words[lengthAt + i] = end - start;
      start = end;
    }
    return bytes.copy(this.#bytes, payloadAt);
  }
  #long(word: number, value: number): void {
    this.#words[word] = value;
    this.#words[word + 1] = value / 0x1_0000_0000;
  }
  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const before = this.#bytes;
    this.#allocate(Math.max(before.length * 2, this.#length + more));
    before.copy(this.#bytes, 0, 0, this.#length);
  }
  #allocate(size: number): void {
    this.#bytes = Buffer.allocUnsafeSlow((size + 7) & ~7);
    this.#words = new Uint32Array(this.#bytes.buffer);
    this.#doubles = new Float64Array(this.#bytes.buffer);
  }
}

/** Origins of the records of all appends that share a frame; empty where none has any. */
function originsText(all: readonly EncodedRecords[]): string {
  if (!all.some(({ origins }) => origins)) return '';
  const runs = all.flatMap(({ origins, seconds }) => origins ?? withoutOrigins(seconds.length));
  return JSON.stringify(packOrigins(runs));
}

function withoutOrigins(rows: number): OriginRun[] {
  return rows === 0 ? [] : [{ stream: '', rows, offset: 0, ordinal: 0, before: 0, after: 0 }];
}

/** A piece of a file in memory, with the views that frames are read through. Never written again once frames were made of it. */
export class Slab {
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  readonly doubles: Float64Array;
  constructor(size: number) {
    this.bytes = Buffer.allocUnsafeSlow((size + 7) & ~7);
    this.words = new Uint32Array(this.bytes.buffer);
    this.doubles = new Float64Array(this.bytes.buffer);
  }
}

/** `frame`: whole and valid. `short`: more bytes are needed to tell. `bad`: not a frame of this shard. */
export type FrameVerdict = 'frame' | 'short' | 'bad';

/** A frame's header and where its parts lie in a slab. One object is used again for every frame that is looked at. */
export class FrameHead {
  kind = 0;
  codec = 0;
  sequence = 0;
  firstOffset = 0;
  durableOffset = 0;
  appendMs = 0;
  count = 0;
  generation = 0;
  frameBytes = 0;
  tagBytes = 0;
  sourceBytes = 0;
  stateBytes = 0;
  keysBytes = 0;
  originsBytes = 0;
  payloadBytes = 0;
  /** Of a seal frame: how many frames of its segment hold keys. */
  keyedFrames = 0;
  /** Where the frame starts in the slab. */
  at = 0;
  /** After `bad`: the header at least adds up, so that frameBytes may say where the next frame starts. */
  isPlausible = false;

  /** Looks at the frame at `at` (a multiple of 8) of a slab that is filled up to `end`. The fields are valid after `frame`. */
  read(slab: Slab, at: number, end: number, seed: number): FrameVerdict {
    const { words } = slab;
    const word = at >>> 2;
    this.isPlausible = false;
    // Fewer bytes than the magic: all that can be said is that they are no frame yet.
    if (end - at < 4) return 'short';
    if (words[word] !== frameMagic) return 'bad';
    if (end - at < frameHeaderBytes) return 'short';
    this.at = at;
    this.frameBytes = words[word + 2] as number;
    this.count = words[word + 12] as number;
    this.tagBytes = words[word + 14] as number;
    this.sourceBytes = words[word + 15] as number;
    this.stateBytes = words[word + 16] as number;
    this.keysBytes = words[word + 17] as number;
    this.payloadBytes = words[word + 18] as number;
    const kinds = words[word + 3] as number;
    const hasOrigins = ((kinds >>> 16) & originsFlag) !== 0;
    this.originsBytes = hasOrigins ? (words[word + 19] as number) : 0;
    const sum = this.payloadAt - at + this.payloadBytes;
    if (this.frameBytes !== sum + ((8 - (sum % 8)) % 8) || this.frameBytes > frameBytesMax) return 'bad';
    this.isPlausible = true;
    if (end - at < this.frameBytes) return 'short';
    if (words[word + 1] !== crc32(slab.bytes.subarray(at + 8, at + this.frameBytes), seed)) return 'bad';
    this.kind = kinds & 0xff;
    this.codec = (kinds >>> 8) & 0xff;
    this.sequence = long(words, word + 4);
    this.firstOffset = long(words, word + 6);
    this.durableOffset = long(words, word + 8);
    this.appendMs = slab.doubles[(at + 40) >>> 3] as number;
    this.generation = words[word + 13] as number;
    this.keyedFrames = hasOrigins ? 0 : (words[word + 19] as number);
    return 'frame';
  }
  get #tagAt(): number {
    return this.at + frameHeaderBytes + this.count * 16;
  }
  /** Where the payload starts in the slab. */
  get payloadAt(): number {
    return this.#tagAt + this.tagBytes + this.sourceBytes + this.stateBytes + this.keysBytes + this.originsBytes;
  }
  tag(slab: Slab): string {
    return slab.bytes.toString('utf8', this.#tagAt, this.#tagAt + this.tagBytes);
  }
  source(slab: Slab): string {
    const at = this.#tagAt + this.tagBytes;
    return slab.bytes.toString('utf8', at, at + this.sourceBytes);
  }
  /** The state's JSON, or empty. */
  state(slab: Slab): string {
    const at = this.#tagAt + this.tagBytes + this.sourceBytes;
    return slab.bytes.toString('utf8', at, at + this.stateBytes);
  }
  /** Idempotency keys. */
  keys(slab: Slab): readonly string[] {
    if (this.keysBytes === 0) return noKeys;
    const at = this.payloadAt - this.originsBytes - this.keysBytes;
    const keys: unknown = JSON.parse(slab.bytes.toString('utf8', at, at + this.keysBytes));
    return Array.isArray(keys) ? keys.filter((key) => typeof key === 'string') : noKeys;
  }
  /** Undefined: the records have none. */
  origins(slab: Slab): Origins | undefined {
    if (this.originsBytes === 0) return undefined;
    const packed: unknown = JSON.parse(slab.bytes.toString('utf8', this.payloadAt - this.originsBytes, this.payloadAt));
    const runs = unpackOrigins(packed, this.count);
    return runs && new Origins(runs);
  }
  /** The arrays of the records: seconds and nanos lie in the slab, bounds and exact are made. */
  arrays(slab: Slab): { seconds: Float64Array; nanos: Uint32Array; bounds: Uint32Array; exact: Uint8Array } {
    const { count } = this;
    const buffer = slab.bytes.buffer;
    const secondsAt = this.at + frameHeaderBytes;
    const bounds = new Uint32Array(count + 1);
    const exact = new Uint8Array(count);
    const lengthAt = (secondsAt + count * 12) >>> 2;
    let position = 0;
    for (let i = 0; i < count; i++) {
      const length = slab.words[lengthAt + i] as number;
      if (length >= exactBit) exact[i] = 1;
      position += length & lengthMask;
      bounds[i + 1] = position;
    }
    return {
      seconds: new Float64Array(buffer, secondsAt, count),
      nanos: new Uint32Array(buffer, secondsAt + count * 8, count),
      bounds,
      exact,
    };
  }
}

const noKeys: readonly string[] = [];

function long(words: Uint32Array, word: number): number {
  return (words[word] as number) + (words[word + 1] as number) * 0x1_0000_0000;
}
