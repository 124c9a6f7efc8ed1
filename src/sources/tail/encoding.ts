/** Encodings of files: lines into UTF-8, and what ends a line. Names as in Ruby and in the Encoding standard. */
import { decoderName, isPlainEncoding } from '../../codecs/encodings.ts';

/** The encoding lines are converted from, or undefined when bytes stay as they are. @throws Error for names not known. */
export function encodingName(options: {
  readonly encoding?: string | undefined;
  readonly fromEncoding?: string | undefined;
}): string | undefined {
  const { encoding, fromEncoding } = options;
  if (encoding !== undefined && !isPlainEncoding(encoding)) encodingOf('encoding', encoding);
  if (fromEncoding === undefined) return undefined;
  if (encoding === undefined) throw new Error('from_encoding needs encoding UTF-8 beside it');
  if (encoding.toLowerCase() === fromEncoding.toLowerCase()) return undefined;
  if (encoding.toLowerCase() !== 'utf-8')
    throw new Error(`encoding ${encoding} with from_encoding: records are kept in UTF-8; write encoding UTF-8`);
  return isPlainEncoding(fromEncoding) ? undefined : encodingOf('from_encoding', fromEncoding);
}

/** What ends a line in an encoding. */
export interface LineEnd {
  readonly bytes: Buffer;
  /** Bytes of a character; a line end stands at a multiple of it. */
  readonly unit: 1 | 2;
}

export function lineEndOf(encoding: string | undefined): LineEnd {
  if (encoding === 'utf-16le') return { bytes: Buffer.from([10, 0]), unit: 2 };
  if (encoding === 'utf-16be') return { bytes: Buffer.from([0, 10]), unit: 2 };
  return { bytes: Buffer.from([10]), unit: 1 };
}

function encodingOf(option: string, name: string): string {
  const found = decoderName(name);
  if (found !== undefined) return found;
  throw new Error(
    `${option} ${name} is not known; write a name such as Shift_JIS, EUC-JP, EUC-KR, ISO-8859-1, UTF-16LE`,
  );
}
