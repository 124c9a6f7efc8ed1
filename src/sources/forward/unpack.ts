/** Unpacks the entries of CompressedPackedForward, within a limit. */
import { gunzip, zstdDecompress } from 'node:zlib';
import { OperatingError, errorText } from '../../core/errors.ts';

/** @throws OperatingError PARSE_FAILED: it is not what it says, or unpacks to more than bytesMax */
export function unpack(packed: Buffer, compression: string, bytesMax: number): Promise<Buffer> {
  if (compression !== 'gzip' && compression !== 'zstd')
    return Promise.reject(
      new OperatingError(
        'PARSE_FAILED',
        `unpacking entries: compression ${JSON.stringify(compression.slice(0, 40))} is not known; there are gzip and zstd`,
      ),
    );
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, bytes: Buffer): void => {
      if (!error) return resolve(bytes);
      const text = `unpacking ${compression} entries: ${errorText(error)}`;
      reject(new OperatingError('PARSE_FAILED', text, { cause: error }));
    };
    if (compression === 'gzip') gunzip(packed, { maxOutputLength: bytesMax }, done);
    else zstdDecompress(packed, { maxOutputLength: bytesMax }, done);
  });
}
