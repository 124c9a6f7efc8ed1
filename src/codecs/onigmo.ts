/**
 * Regular expressions as Fluentd and Fluent Bit configs write them (Onigmo, Ruby's engine), run as JavaScript ones.
 * `^` and `$` match at every line; `\d`, `\s`, `\w` are ASCII; unnamed groups do not capture beside named ones.
 */
import { isUtf8 } from 'node:buffer';
import { toRegExp } from 'oniguruma-to-es';
import { PatternError, errorText } from '../core/errors.ts';
import { prepareOnigmo } from './onigmo-source.ts';

/** Configs hold a few patterns each and reloads repeat them; beyond this many the oldest are compiled again. */
const cachedMax = 1000;
const cached = new Map<string, RegExp>();

/**
 * Compiles a pattern option: `/…/` with the letters `i` (any case), `m` (dot matches newlines), `x` (spaces ignored), or
 * bare text. The result is shared: use `exec` and `test` only. Source: Fluentd 1.16 Config.regexp_value.
 * @throws Error saying what is wrong
 */
export function compilePattern(text: string): RegExp {
  const { source, letters } = splitPattern(text);
  return compileOnigmo(source, letters);
}

/** The source of a pattern option and the letters behind it. @throws Error for `/…` without a closing / */
export function splitPattern(text: string): { readonly source: string; readonly letters: string } {
  if (!text.startsWith('/')) return { source: text, letters: '' };
  const end = text.lastIndexOf('/');
  const letters = text.slice(end + 1);
  if (end === 0 || !/^[imx]*$/.test(letters))
    throw new PatternError(text, 'expected a closing / with nothing but the letters i, m, x behind it');
  return { source: text.slice(1, end), letters };
}

/** Compiles Onigmo source. `letters`: of i, m, x. Shared, as above. @throws Error saying what is wrong */
export function compileOnigmo(source: string, letters = ''): RegExp {
  const key = `${letters}/${source}`;
  const known = cached.get(key);
  if (known) return known;
  const compiled = convert(source, prepareOnigmo(source, letters.includes('x'), false).source, letters);
  if (cached.size >= cachedMax) cached.delete(cached.keys().next().value as string);
  cached.set(key, compiled);
  return compiled;
}

/** Compiles Onigmo source to search on from `lastIndex`, which changes: the caller's own. @throws Error saying what is wrong */
export function compileSearch(source: string, letters: string): RegExp {
  return convert(source, prepareOnigmo(source, letters.includes('x'), false).source, `${letters}g`);
}

/** An expression whose named groups become fields. */
export interface Capture {
  readonly expression: RegExp;
  /** Of the expression's groups, which are all named, by position; a name may repeat. */
  readonly names: readonly string[];
}

/** Compiles a pattern option (see compilePattern) for its named groups. @throws Error saying what is wrong, or that no group has a name */
export function compileCapture(text: string): Capture {
  const { source, letters } = splitPattern(text);
  const prepared = prepareOnigmo(source, letters.includes('x'), true);
  if (prepared.names.length === 0)
    throw new PatternError(source, 'no group has a name; write (?<name>…) around what becomes a field');
  const converted = convert(source, prepared.source, letters);
  // Groups by position: the object of names that V8 makes for each match costs a fifth of the match.
  const expression =
    converted.constructor === RegExp
      ? new RegExp(converted.source.replaceAll(/\(\?<p2l\d+>/g, '('), converted.flags)
      : converted;
  return { expression, names: prepared.names };
}

function convert(written: string, source: string, letters: string): RegExp {
  try {
    // Without D, S and W the library follows Oniguruma's own default, where \d, \s and \w know all of Unicode.
    const flags = [...new Set(letters.replace('g', ''))].join('');
    return toRegExp(source, { flags: `${flags}DSW`, global: letters.includes('g') });
  } catch (error) {
    throw new PatternError(written, errorText(error), { cause: error });
  }
}

/** Bytes as text for matching: what is not UTF-8 becomes `?`, as Fluentd scrubs it. */
export function scrub(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').replaceAll('\uFFFD', '?');
}

/**
 * A text to match, and what gives its pieces back: bytes that are not UTF-8 are matched byte by byte (each a character up to
 * U+00FF), as Fluentd does with lines of files, and pieces of them become text where they are UTF-8.
 */
export interface Subject {
  readonly text: string;
  readonly isBinary: boolean;
}
export function subjectOf(input: Buffer | string): Subject {
  if (typeof input === 'string') return { text: input, isBinary: false };
  const text = input.toString('utf8');
  if (!text.includes('\uFFFD') || isUtf8(input)) return { text, isBinary: false };
  return { text: input.toString('latin1'), isBinary: true };
}
/** A piece of a binary subject as a field's value. */
export function pieceOf(piece: string): string | Uint8Array {
  const bytes = Buffer.from(piece, 'latin1');
  return isUtf8(bytes) ? bytes.toString('utf8') : new Uint8Array(bytes);
}
