/**
 * multipart/form-data (RFC 7578 over RFC 2046) with text fields, parsed from a whole body, so that an error names its
 * byte and no part is left out unseen. Files are refused where a record has no place for them: dropping one would be loss.
 */
import { isUtf8 } from 'node:buffer';
import { fieldsMax } from './limits.ts';
import type { Pairs, Repeated } from './pairs.ts';
import { Refusal } from './refusal.ts';

/** Longest boundary of RFC 2046, section 5.1.1. */
const boundaryCharsMax = 70;
/** Bytes of a part's headers: three short lines in practice. */
const partHeadBytesMax = 8 * 1024;

/** Parameter of a header such as `multipart/form-data; boundary="x"`; undefined when it has none. */
function parameter(header: string, name: string): string | undefined {
  const pattern = /;\s*([^\s=;]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/g;
  for (const match of header.matchAll(pattern))
    if (match[1]?.toLowerCase() === name)
      return match[2] === undefined ? match[3] : match[2].replaceAll(/\\(["\\])/g, '$1');
  return undefined;
}

const invalid = (what: string, at: number): Refusal =>
  new Refusal('invalid_multipart', `invalid multipart body: ${what}, at byte ${at}`);

/** How a form is read: which value of a repeated name counts, and whether a part may be a file. */
interface FormRules {
  readonly repeated: Repeated;
  readonly takesFiles: boolean;
}

/**
 * The fields of a multipart body; a value that is not UTF-8 stays as bytes.
 * @throws Refusal invalid_multipart, multipart_file, too_many_fields
 */
export function parseMultipart(
  body: Buffer,
  contentType: string,
  rules: FormRules = { repeated: 'last', takesFiles: false },
): Pairs {
  const boundary = parameter(contentType, 'boundary');
  if (!boundary || boundary.length > boundaryCharsMax)
    throw invalid(`the content type needs a boundary of 1 to ${boundaryCharsMax} characters`, 0);
  const line = Buffer.from(`--${boundary}`, 'latin1');
  const between = Buffer.from(`\r\n--${boundary}`, 'latin1');
  const pairs: Pairs = new Map();
  let count = 0;
  let at = firstBoundary(body, line);
  for (;;) {
    // `at` is behind a boundary: the end, or the end of its line and a part.
    if (body[at] === 45 && body[at + 1] === 45) return pairs;
    while (body[at] === 32 || body[at] === 9) at++;
    if (body[at] !== 13 || body[at + 1] !== 10) throw invalid('expected a line end or "--" behind the boundary', at);
    at += 2;
    if (++count > fieldsMax)
      throw new Refusal('too_many_fields', `the form has more than ${fieldsMax} fields, at byte ${at}`);
    const headEnd = body.indexOf('\r\n\r\n', at - 2, 'latin1');
    if (headEnd < 0 || headEnd - at > partHeadBytesMax) throw invalid('a part has no end of its headers', at);
    const name = partName(body.toString('latin1', at, Math.max(at, headEnd)), at, rules.takesFiles);
    const valueStart = headEnd + 4;
    // The line end before the boundary may be the one that ends the headers: an empty value without its own.
    const valueEnd = body.indexOf(between, headEnd + 2);
    if (valueEnd < 0) throw invalid('a part has no boundary behind it', body.length);
    const value = body.subarray(valueStart, Math.max(valueStart, valueEnd));
    if (rules.repeated === 'last' || !pairs.has(name))
      pairs.set(name, isUtf8(value) ? value.toString('utf8') : Uint8Array.from(value));
    at = valueEnd + between.length;
  }
}

/** Position behind the first boundary; what stands before it is a preamble that nobody reads (RFC 2046). */
function firstBoundary(body: Buffer, line: Buffer): number {
  for (let at = body.indexOf(line); at >= 0; at = body.indexOf(line, at + 1))
    if (at === 0 || (body[at - 1] === 10 && body[at - 2] === 13)) return at + line.length;
  throw invalid('the boundary of the content type does not occur', body.length);
}

/** The field name in a part's headers, which begin at byte `at`. */
function partName(head: string, at: number, takesFiles: boolean): string {
  let disposition: string | undefined;
  for (const header of head.split('\r\n')) {
    if (header === '') continue;
    const colon = header.indexOf(':');
    if (colon < 1) throw invalid('a header of a part has no ":"', at);
    const name = header.slice(0, colon).trim().toLowerCase();
    const value = header.slice(colon + 1).trim();
    if (name === 'content-disposition') disposition = value;
    if (name === 'content-transfer-encoding' && !/^(?:7bit|8bit|binary)$/i.test(value))
      throw invalid(`content-transfer-encoding ${JSON.stringify(value.slice(0, 40))} is not supported`, at);
  }
  if (disposition === undefined || !/^form-data\s*(?:;|$)/i.test(disposition))
    throw invalid('a part has no content-disposition form-data', at);
  const field = parameter(disposition, 'name');
  if (field === undefined) throw invalid('a part has no name', at);
  const bytes = Buffer.from(field, 'latin1');
  if (!isUtf8(bytes)) throw invalid('the name of a part is not UTF-8', at);
  // Browsers write a quote or a line break in a name as a percent escape, and nothing else (WHATWG HTML, 4.10.21.8).
  const name = bytes.toString('utf8').replaceAll(/%(22|0D|0A)/gi, (escape) => decodeURIComponent(escape));
  const isFile = parameter(disposition, 'filename') !== undefined || parameter(disposition, 'filename*') !== undefined;
  if (isFile && !takesFiles)
    throw new Refusal(
      'multipart_file',
      `part ${JSON.stringify(name.slice(0, 80))} is a file: only text fields are taken, at byte ${at}`,
    );
  return name;
}
