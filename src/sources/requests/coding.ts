/** Content codings: gzip, deflate (zlib or raw), br, zstd, undone with a limit on what comes out. */
import {
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
} from 'node:zlib';
import { errorText, systemCode } from '../../core/errors.ts';
import { codingsMax } from './limits.ts';
import { Refusal } from './refusal.ts';

type Engine = ReturnType<typeof createGunzip> | ReturnType<typeof createZstdDecompress>;
type Coding = 'gzip' | 'deflate' | 'br' | 'zstd';
const codingNames: Readonly<Record<string, Coding | 'identity'>> = {
  gzip: 'gzip',
  'x-gzip': 'gzip',
  deflate: 'deflate',
  br: 'br',
  zstd: 'zstd',
  identity: 'identity',
};

/** The codings of a Content-Encoding header, in the order in which they were applied. @throws Refusal unsupported_encoding */
export function contentCodings(header: string): Coding[] {
  const codings: Coding[] = [];
  for (const part of header.split(',')) {
    const name = part.trim().toLowerCase();
    if (name === '') continue;
    const coding = Object.hasOwn(codingNames, name) ? codingNames[name] : undefined;
    if (coding === undefined)
      throw new Refusal(
        'unsupported_encoding',
        `content encoding ${JSON.stringify(name.slice(0, 40))} is not supported: gzip, deflate, br and zstd are`,
      );
    if (coding !== 'identity') codings.push(coding);
  }
  if (codings.length > codingsMax)
    throw new Refusal('unsupported_encoding', `more than ${codingsMax} content encodings are not supported`);
  return codings;
}

/** Undoes codings, last one first. @throws Refusal body_too_large, invalid_compression */
export async function decodeContent(body: Buffer, codings: readonly Coding[], bytesMax: number): Promise<Buffer> {
  let bytes = body;
  for (const coding of codings.toReversed()) bytes = await decompress(bytes, coding, bytesMax);
  return bytes;
}

/** RFC 9110 means zlib's format; many senders leave its two-byte head out (RFC 1950: method 8, head divisible by 31). */
function createDeflateEngine(body: Buffer): Engine {
  const [first = 0, second = 0] = body;
  return (first & 0x0f) === 8 && ((first << 8) | second) % 31 === 0 ? createInflate() : createInflateRaw();
}

/** 8 MiB, what RFC 9659 lets a sender use: a head of a few bytes must not make us reserve the 128 MiB that zstd allows. */
const zstdWindowLogMax = 23;

const engines: Readonly<Record<Coding, (body: Buffer) => Engine>> = {
  gzip: () => createGunzip(),
  br: () => createBrotliDecompress(),
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: zstdWindowLogMax } }),
  deflate: createDeflateEngine,
};

function decompress(body: Buffer, coding: Coding, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const engine = engines[coding](body);
    const parts: Buffer[] = [];
    let length = 0;
    engine.on('data', (part: Buffer) => {
      length += part.length;
      if (length > bytesMax) {
        engine.destroy();
        reject(new Refusal('body_too_large', `the body is larger than ${bytesMax} bytes after ${coding} is undone`));
      } else parts.push(part);
    });
    engine.on('error', (error) => {
      const what = systemCode(error) === 'Z_BUF_ERROR' ? 'the text ends too early' : errorText(error);
      reject(
        new Refusal('invalid_compression', `the body is not valid ${coding}: ${what}, at byte ${engine.bytesWritten}`, {
          cause: error,
        }),
      );
    });
    engine.on('end', () => {
      if (engine.bytesWritten < body.length)
        reject(
          new Refusal(
            'invalid_compression',
            `the body goes on behind the end of its ${coding}, at byte ${engine.bytesWritten}`,
          ),
        );
      else resolve(parts.length === 1 && parts[0] ? parts[0] : Buffer.concat(parts, length));
    });
    engine.end(body);
  });
}
