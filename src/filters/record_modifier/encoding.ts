/** `char_encoding`: every text of a record from one encoding into another. Source: Ruby 3.2 String#encode with replacement. */
import { decoderName, encoderOf, isPlainEncoding } from '../../codecs/encodings.ts';
import { copyFields, fieldEntries, isFields, setField } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';

/** Converts a value that the caller owns on its top level; what is nested in it is copied. */
export type Conversion = (value: Value) => Value;

/** Compiles `from` or `from:to`. @throws Error for an encoding that is not known */
export function compileConversion(written: string): Conversion {
  const [from = '', to] = written.split(':').map((name) => name.trim());
  const source = nameOf(from);
  // Only said to be in that encoding: the bytes stay.
  if (to === undefined) return (value) => value;
  const target = nameOf(to);
  const decoder = new TextDecoder(source, { ignoreBOM: true });
  const encode = encoderOf(target);
  const convertText = (value: string | Uint8Array): Value => {
    const text = decoder.decode(typeof value === 'string' ? Buffer.from(value) : value);
    return target === 'utf-8' ? text : textOrBytes(encode(text));
  };
  const convert: Conversion = (value) => {
    if (typeof value === 'string' || value instanceof Uint8Array) return convertText(value);
    if (Array.isArray(value)) return value.map(convert);
    if (!isFields(value)) return value;
    const copy = copyFields(value);
    for (const [key, inner] of fieldEntries(value)) setField(copy, key, convert(inner));
    return copy;
  };
  return convert;
}

function nameOf(name: string): string {
  const found = isPlainEncoding(name) ? 'utf-8' : decoderName(name);
  if (found === undefined)
    throw new Error(
      `char_encoding: unknown encoding ${name}; write a name such as UTF-8, Shift_JIS, EUC-JP, ISO-8859-1`,
    );
  return found;
}

/** Bytes that are plain ASCII are text in any encoding. */
function textOrBytes(bytes: Buffer): Value {
  return bytes.every((byte) => byte < 0x80) ? bytes.toString('latin1') : bytes;
}
