/**
 * Segments of staged chunks: `<dataDir>/staged/<output>/<number, 8 digits>.staged`. `<output>` is the output's id as in
 * the names of its cursor files. All numbers are little-endian.
 *
 *     0   4  magic `P2LS`
 *     4   4  format version, u32: 1
 *     8   4  segment number, u32
 *    12   4  CRC-32 (zlib) over bytes 0 to 12, u32
 *    16      frames, one behind the other
 *
 * A frame holds records that one chunk got in one go:
 *
 *     0   4  magic `P2LF`
 *     4   4  CRC-32 over bytes 8 to the head's end, u32
 *     8   4  length of the head in bytes, u32
 *    12   4  length of the payload in bytes, u32
 *    16   4  CRC-32 over the payload, u32
 *    20   h  head: one JSON object (FrameHead), UTF-8
 *         p  payload: the records of each part of `parts`, in that order; packed as one where the head says so (`packed`)
 *
 * Records of a part of n: offsets f64[n], seconds f64[n], nanos u32[n], bounds u32[n + 1], exact u8[n], where `hasOrdinals`
 * also ordinals i32[n], then the encoded records: record i is [bounds[i], bounds[i + 1]) of them.
 *
 * What counts of a segment is what the output's cursor says (see staged-log.ts): frames are never looked for behind that.
 */
import { promisify } from 'node:util';
import { crc32, gunzip, gzip, zstdCompress, zstdDecompress } from 'node:zlib';
import { fitsJson } from '../codecs/encode.ts';
import { Batch, Block, codecs } from '../core/batch.ts';
import type { Codec } from '../core/batch.ts';
import { scanJson, stringifyJson } from '../core/json.ts';
import { encodeMsgpack } from '../core/msgpack.ts';
import { OriginBuilder, Origins, packOrigins, unpackOrigins } from '../core/origin.ts';
import type { PackedOrigins } from '../core/origin.ts';
import type { ChunkBatch } from '../core/plugin.ts';

/** What a frame says of its records besides them. */
export interface FrameHead {
  /** Number of the chunk. */
  readonly chunk: number;
  readonly key: {
    readonly text: string;
    readonly tag?: string | undefined;
    readonly timekeySeconds?: number | undefined;
    readonly fields: readonly (readonly [string, string])[];
  };
  /** By which chunk keys it was cut: a chunk takes no records that were cut by others. */
  readonly signature: string;
  /** Wall time at which the chunk is to be written, ms since 1970; null: only when it is full. */
  readonly dueMs: number | null;
  readonly count: number;
  /** Size of the encoded records. */
  readonly bytes: number;
  /** When the journal took the oldest of them. */
  readonly appendMs: number;
  readonly parts: readonly PartHead[];
  /** How the payload is packed, and its bytes unpacked. */
  readonly packed?: { readonly by: Packing; readonly bytes: number } | undefined;
}

export type Packing = keyof typeof packings;

const packings = {
  gzip: { pack: promisify(gzip), unpack: promisify(gunzip) },
  zstd: { pack: promisify(zstdCompress), unpack: promisify(zstdDecompress) },
} as const;

/** Records of one shard, tag and source. */
interface PartHead {
  readonly shard: string;
  readonly tag: string;
  readonly source: string;
  readonly appendMs: number;
  readonly codec: Codec;
  readonly count: number;
  readonly hasOrdinals: boolean;
  readonly payloadBytes: number;
  /** Least offset of its records. */
  readonly low: number;
  /** Which records they were at the program they came from. */
  readonly origins?: PackedOrigins | undefined;
}

export const segmentHeaderBytes = 16;
export const frameHeaderBytes = 20;
const segmentMagic = 0x534c3250;
const frameMagic = 0x464c3250;
const version = 1;
/** Longest head believed in: a hundred thousand parts; beyond it the length is damage. */
const headBytesMax = 64 * 1024 * 1024;

export function encodeSegmentHeader(number: number): Buffer {
  const bytes = Buffer.alloc(segmentHeaderBytes);
  bytes.writeUInt32LE(segmentMagic, 0);
  bytes.writeUInt32LE(version, 4);
  bytes.writeUInt32LE(number, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12);
  return bytes;
}

/** True for the header of this segment. */
export function isSegmentHeader(bytes: Buffer, number: number): boolean {
  return (
    bytes.length >= segmentHeaderBytes && bytes.subarray(0, segmentHeaderBytes).equals(encodeSegmentHeader(number))
  );
}

/** Packs the payload of a frame; its head says so. */
export async function packPayload(
  head: FrameHead,
  payload: readonly Buffer[],
  by: Packing,
): Promise<{ readonly head: FrameHead; readonly payload: readonly Buffer[] }> {
  const plain = Buffer.concat(payload);
  return { head: { ...head, packed: { by, bytes: plain.length } }, payload: [await packings[by].pack(plain)] };
}

/** The payload as it was before it was packed; undefined: it is not what the head says. */
export async function unpackPayload({ packed }: FrameHead, payload: Buffer): Promise<Buffer | undefined> {
  if (!packed) return payload;
  try {
    const plain = await packings[packed.by].unpack(payload, { maxOutputLength: Math.max(1, packed.bytes) });
    return plain.length === packed.bytes ? plain : undefined;
  } catch {
    return undefined;
  }
}

/** A frame as buffers to write one behind the other. */
export function encodeFrame(head: FrameHead, payload: readonly Buffer[]): Buffer[] {
  const text = Buffer.from(JSON.stringify(head));
  let payloadBytes = 0;
  let payloadCrc = 0;
  for (const buffer of payload) {
    payloadBytes += buffer.length;
    payloadCrc = crc32(buffer, payloadCrc);
  }
  const header = Buffer.alloc(frameHeaderBytes);
  header.writeUInt32LE(frameMagic, 0);
  header.writeUInt32LE(text.length, 8);
  header.writeUInt32LE(payloadBytes, 12);
  header.writeUInt32LE(payloadCrc, 16);
  header.writeUInt32LE(crc32(text, crc32(header.subarray(8))), 4);
  return [header, text, ...payload];
}

/** Lengths in a frame's first bytes; undefined: there is no frame. */
export function frameLengths(
  header: Buffer,
): { readonly headBytes: number; readonly payloadBytes: number } | undefined {
  if (header.length < frameHeaderBytes || header.readUInt32LE(0) !== frameMagic) return undefined;
  const headBytes = header.readUInt32LE(8);
  return headBytes > headBytesMax ? undefined : { headBytes, payloadBytes: header.readUInt32LE(12) };
}

/** The head of a frame, from its bytes up to the head's end; undefined: it is damaged. */
export function decodeHead(bytes: Buffer): FrameHead | undefined {
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return undefined;
  return JSON.parse(bytes.toString('utf8', frameHeaderBytes)) as FrameHead;
}

/** Where the next frame may begin, from position `from` on; -1: nowhere. */
export function findFrame(bytes: Buffer, from: number): number {
  const mark = Buffer.alloc(4);
  mark.writeUInt32LE(frameMagic, 0);
  return bytes.indexOf(mark, from);
}

/** True when the payload is as the frame's header says. */
export function isPayloadWhole(header: Buffer, payload: Buffer): boolean {
  return crc32(payload) === header.readUInt32LE(16);
}

/** Records on their way into a frame. */
interface EncodedPart {
  readonly head: PartHead;
  readonly buffers: readonly Buffer[];
}

/** @throws RangeError or the encoder's error for a record that cannot be encoded */
export function encodePart(part: ChunkBatch): EncodedPart {
  const { batch } = part;
  const { count, block } = batch;
  const { codec, payloads, exact } = encodeRecords(batch);
  const bounds = new Uint32Array(count + 1);
  for (const [row, payload] of payloads.entries()) bounds[row + 1] = (bounds[row] as number) + payload.length;
  const rows = Array.from({ length: count }, (_, row) => row);
  const ordinals = Int32Array.from(rows, (row) => part.ordinal(row));
  const hasOrdinals = ordinals.some((ordinal) => ordinal >= 0);
  const { shard, source, appendMs } = block.parts;
  const origins = block.parts.origins && packedOrigins(batch, block.parts.origins);
  const payloadBytes = bounds[count] as number;
  const offsets = Float64Array.from(rows, (row) => batch.offset(row));
  const low = offsets.reduce((least, offset) => Math.min(least, offset), Number.POSITIVE_INFINITY);
  return {
    head: { shard, tag: batch.tag, source, appendMs, codec, count, hasOrdinals, payloadBytes, low, origins },
    buffers: [
      bytesOf(offsets),
      bytesOf(Float64Array.from(rows, (row) => batch.seconds(row))),
      bytesOf(Uint32Array.from(rows, (row) => batch.nanos(row))),
      bytesOf(bounds),
      Buffer.from(exact),
      ...(hasOrdinals ? [bytesOf(ordinals)] : []),
      Buffer.concat(payloads, payloadBytes),
    ],
  };
}

function packedOrigins(batch: Batch, origins: Origins): PackedOrigins {
  const builder = new OriginBuilder();
  for (let row = 0; row < batch.count; row++) builder.add(origins.at(batch.index(row)));
  return packOrigins(builder.runs);
}

/** Each record's bytes as they lie in its block where no filter changed it; all of them by one codec. */
function encodeRecords(batch: Batch): { codec: Codec; payloads: Buffer[]; exact: Uint8Array } {
  const { parts } = batch.block;
  const rows = Array.from({ length: batch.count }, (_, row) => row);
  const isJson = rows.every((row) =>
    batch.isChanged(row) ? fitsJson(batch.fields(row)) : parts.codec === codecs.json,
  );
  const exact = new Uint8Array(batch.count);
  const payloads = rows.map((row) => {
    if (!batch.isChanged(row) && (isJson || parts.codec === codecs.msgpack)) {
      exact[row] = parts.exact[batch.index(row)] as number;
      return batch.block.encoded(batch.index(row));
    }
    if (!isJson) {
      exact[row] = 1;
      return encodeMsgpack(batch.fields(row));
    }
    const json = Buffer.from(stringifyJson(batch.fields(row)));
    const scanned = scanJson(json);
    if (scanned.tooDeep) throw new RangeError('a record is nested too deep to be staged');
    exact[row] = scanned.exact ? 1 : 0;
    return json;
  });
  return { codec: isJson ? codecs.json : codecs.msgpack, payloads, exact };
}

/** The records of a part in a frame's payload. */
interface DecodedPart {
  readonly batch: Batch;
  /** By index in the batch's block. */
  readonly ordinals: Int32Array | undefined;
}

/** Takes apart a payload that is whole. */
export function decodeParts(head: FrameHead, payload: Buffer): DecodedPart[] {
  let at = 0;
  // Copied: a typed array must begin where its element size divides the position.
  const take = (bytes: number): ArrayBuffer => {
    const copy = new ArrayBuffer(bytes);
    Buffer.from(copy).set(payload.subarray(at, at + bytes));
    at += bytes;
    return copy;
  };
  return head.parts.map((part) => {
    const { count } = part;
    const offsets = new Float64Array(take(count * 8));
    const seconds = new Float64Array(take(count * 8));
    const nanos = new Uint32Array(take(count * 4));
    const bounds = new Uint32Array(take((count + 1) * 4));
    const exact = new Uint8Array(take(count));
    const ordinals = part.hasOrdinals ? new Int32Array(take(count * 4)) : undefined;
    const records = payload.subarray(at, at + part.payloadBytes);
    at += part.payloadBytes;
    const { shard, source, appendMs, codec, tag } = part;
    const firstOffset = offsets[0] as number;
    const runs = part.origins && unpackOrigins(part.origins, count);
    const own = { shard, source, appendMs, codec, payload: records, bounds, exact, seconds, nanos };
    const block = new Block({ ...own, firstOffset, offsets, ...(runs && { origins: new Origins(runs) }) });
    return { batch: Batch.of(tag, block), ordinals };
  });
}

function bytesOf(array: Float64Array | Uint32Array | Int32Array): Buffer {
  return Buffer.from(array.buffer, array.byteOffset, array.byteLength);
}
