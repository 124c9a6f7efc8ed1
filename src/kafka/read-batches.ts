/**
 * Record batches as they are read: layout in record-batch.ts. Heads are read first, so that one whose records cannot be
 * decoded still says which offsets it has.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { errorText } from '../core/errors.ts';
import { compressionNumbers } from './compression.ts';
import type { KafkaLibrary } from './library.ts';
import { VarintReader } from './varint.ts';

/** A record as it was read. */
export interface ReadRecord {
  readonly offset: number;
  readonly timeMs: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: readonly (readonly [Buffer | null, Buffer | null])[];
}

/** A batch that is whole, its records not read yet. */
export interface BatchHead {
  readonly first: number;
  /** Offset of its last record. */
  readonly last: number;
  readonly attributes: number;
  readonly baseMs: number;
  readonly producerId: bigint;
  readonly count: number;
  /** From its first byte to its last. */
  readonly bytes: Buffer;
  /** Why its records cannot be read; undefined: nothing speaks against it yet. */
  readonly problem: string | undefined;
}

const headBytes = 61;
const lengthFrom = 12;
const crcFrom = 21;
const compressionBits = 7;
/** The one format that brokers have written since 0.11; older ones stay in old segments. */
const currentMagic = 2;
/** What a batch may come to: brokers take some megabytes packed, which a bomb makes gigabytes of. */
const unpackedBytesMax = 256 * 1024 * 1024;

/** The batches of a fetched record set, but for the last where it was cut off. */
export function readHeads(library: Pick<KafkaLibrary, 'crc32c'>, set: Buffer): BatchHead[] {
  const heads: BatchHead[] = [];
  for (let at = 0; set.length - at > lengthFrom + 5;) {
    const end = at + lengthFrom + set.readInt32BE(at + 8);
    // Nothing shorter than a message of the oldest format is one.
    if (end > set.length || end < at + lengthFrom + 14) break;
    heads.push(readHead(library, set.subarray(at, end)));
    at = end;
  }
  return heads;
}

function readHead(library: Pick<KafkaLibrary, 'crc32c'>, bytes: Buffer): BatchHead {
  const first = Number(bytes.readBigInt64BE(0));
  const magic = bytes.readInt8(16);
  if (magic !== currentMagic || bytes.length < headBytes) {
    const problem = `it is of format ${magic}, which brokers before 0.11 wrote; format ${currentMagic} is read`;
    return { first, last: first, attributes: 0, baseMs: 0, producerId: -1n, count: 1, bytes, problem };
  }
  const isSound = library.crc32c(bytes.subarray(crcFrom)) >>> 0 === bytes.readUInt32BE(17);
  return {
    first,
    last: first + Math.max(0, bytes.readInt32BE(23)),
    attributes: bytes.readInt16BE(crcFrom),
    baseMs: Number(bytes.readBigInt64BE(27)),
    producerId: bytes.readBigInt64BE(43),
    count: Math.max(0, bytes.readInt32BE(57)),
    bytes,
    problem: isSound ? undefined : 'its checksum is wrong',
  };
}

/** @throws Error saying why they cannot be read */
export function readRecords(library: KafkaLibrary, head: BatchHead): ReadRecord[] {
  if (head.problem !== undefined) throw new Error(head.problem);
  const packed = head.bytes.subarray(headBytes);
  const records = unpacked(library, head.attributes & compressionBits, packed);
  const reader = new VarintReader(records);
  const found: ReadRecord[] = [];
  try {
    for (let i = 0; i < head.count; i++) found.push(readRecord(reader, head));
  } catch (error) {
    if (error instanceof RangeError)
      throw new Error(`record ${found.length} of ${head.count}: ${error.message}`, { cause: error });
    throw error;
  }
  return found;
}

function readRecord(reader: VarintReader, { first, last, baseMs }: BatchHead): ReadRecord {
  const length = reader.next();
  const end = reader.at + length;
  // Attributes, which are not used yet.
  reader.skip(1);
  const timeMs = baseMs + reader.next();
  const offset = first + reader.next();
  if (offset < first || offset > last) throw new RangeError(`offset ${offset} is none of its batch`);
  const key = reader.bytes();
  const value = reader.bytes();
  const headers: [Buffer | null, Buffer | null][] = [];
  for (let left = reader.next(); left > 0; left--) headers.push([reader.bytes(), reader.bytes()]);
  if (reader.at !== end) throw new RangeError(`it says ${length} bytes and has ${length + reader.at - end}`);
  return { offset, timeMs, key, value, headers };
}

function unpacked(library: KafkaLibrary, kind: number, bytes: Buffer): Buffer {
  try {
    switch (kind) {
      case compressionNumbers.none:
        return bytes;
      case compressionNumbers.gzip:
        return gunzipSync(bytes, { maxOutputLength: unpackedBytesMax });
      case compressionNumbers.zstd:
        return zstdDecompressSync(bytes, { maxOutputLength: unpackedBytesMax });
      case compressionNumbers.snappy:
        return library.compressionsAlgorithms.snappy.decompressSync(bytes);
      case compressionNumbers.lz4:
        return library.compressionsAlgorithms.lz4.decompressSync(bytes);
      default:
        throw new Error('there is no such compression');
    }
  } catch (error) {
    const [name = `number ${kind}`] = Object.entries(compressionNumbers).find(([, number]) => number === kind) ?? [];
    throw new Error(`it cannot be decompressed (${name}): ${errorText(error)}`, { cause: error });
  }
}
