/**
 * Regular expressions as Fluentd and Fluent Bit configs write them (Onigmo, Ruby's engine), run as JavaScript ones.
 * `^` and `$` match at every line; `\d`, `\s`, `\w` are ASCII; unnamed groups do not capture beside named ones.
 */
import { toRegExp } from 'oniguruma-to-es';
import { errorText } from '../core/errors.ts';

/** Configs hold a few patterns each and reloads repeat them; beyond this many the oldest are compiled again. */
const cachedMax = 1000;
const cached = new Map<string, RegExp>();

/**
 * Compiles a pattern option: `/…/` with the letters `i` (any case), `m` (dot matches newlines), `x` (spaces ignored), or
 * bare text. The result is shared: use `exec` and `test` only. Source: Fluentd 1.16 Config.regexp_value.
 * @throws Error saying what is wrong
 */
export function compilePattern(text: string): RegExp {
  if (!text.startsWith('/')) return compileOnigmo(text);
  const end = text.lastIndexOf('/');
  const letters = text.slice(end + 1);
  if (end === 0 || !/^[imx]*$/.test(letters))
    throw new Error(`regular expression ${text}: expected a closing / with nothing but the letters i, m, x behind it`);
  return compileOnigmo(text.slice(1, end), letters);
}

/** Compiles Onigmo source. `letters`: of i, m, x. Shared, as above. @throws Error saying what is wrong */
export function compileOnigmo(source: string, letters = ''): RegExp {
  const key = `${letters}/${source}`;
  const known = cached.get(key);
  if (known) return known;
  let compiled: RegExp;
  try {
    // Without D, S and W the library follows Oniguruma's own default, where \d, \s and \w know all of Unicode.
    compiled = toRegExp(source, { flags: `${[...new Set(letters)].join('')}DSW` });
  } catch (error) {
    throw new Error(`regular expression ${source}: ${errorText(error)}`, { cause: error });
  }
  if (cached.size >= cachedMax) cached.delete(cached.keys().next().value as string);
  cached.set(key, compiled);
  return compiled;
}

/** Bytes as text for matching: what is not UTF-8 becomes `?`, as Fluentd scrubs it. */
export function scrub(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8').replaceAll('\uFFFD', '?');
}
