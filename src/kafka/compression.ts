/** How the records of a batch are compressed. The codecs in WebAssembly come with the client library. */
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import type { KafkaLibrary } from './library.ts';

export const compressions = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof compressions)[number];

/** The number of each in a batch's attributes. */
export const compressionNumbers: Readonly<Record<Compression, number>> = {
  none: 0,
  gzip: 1,
  snappy: 2,
  lz4: 3,
  zstd: 4,
};

const packGzip = promisify(gzip);
const packZstd = promisify(zstdCompress);

/** Gzip and zstd off the main thread, snappy and lz4 (which are faster than a thread's turn) on it. */
export async function compress(library: KafkaLibrary, kind: Compression, bytes: Buffer): Promise<Buffer> {
  if (kind === 'gzip') return packGzip(bytes);
  if (kind === 'zstd') return packZstd(bytes);
  return library.compressionsAlgorithms[kind].compressSync(bytes);
}
