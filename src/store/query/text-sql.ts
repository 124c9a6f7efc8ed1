/**
 * Tests of texts as DuckDB expressions. `x` is always an SQL expression that is cheap to repeat: a column or a lambda's
 * parameter. What comes out is NULL where `x` is.
 *
 * Case is ignored for ASCII letters alone. DuckDB's lower() goes further (it makes the Kelvin sign a `k` and the dotted capital I an
 * `i`), so it serves to rule rows out cheaply, and decides alone only where it cannot err.
 */
import { sqlText } from '../database.ts';
import { asciiLower, isWordChar } from './words.ts';
import type { ValueTest, WildcardPart } from './tree.ts';

/** Tests that look at a value's text. */
export type TextTest = Extract<ValueTest, { kind: 'phrase' | 'exact' | 'wildcard' | 'regexp' }>;

export function textSql(x: string, test: TextTest): string {
  switch (test.kind) {
    case 'exact':
      return sameText(x, test.text);
    case 'phrase':
      return phraseSql(x, test.text);
    case 'wildcard':
      return wildcardSql(x, test.parts);
    case 'regexp':
      return `regexp_matches(${x}, ${sqlText(test.source)})`;
    default:
      return test satisfies never;
  }
}

function sameText(x: string, text: string): string {
  return oneOf(x, [sqlText(text), ...reprinted(text)]);
}
function oneOf(x: string, texts: readonly string[]): string {
  return texts.length === 1 ? `${x} = ${texts[0]}` : `${x} IN (${texts.join(', ')})`;
}

/** True for what JSON would take as a number. */
export function isJsonNumber(text: string): boolean {
  return /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(text);
}

/** How DuckDB prints a JSON number that is written in another way, such as 10.50 or 1e3, as SQL; nothing where it leaves it, or for other texts. */
function reprinted(text: string): string[] {
  if (!isJsonNumber(text)) return [];
  if (!/[eE]/.test(text) && text === String(Number(text))) return [];
  if (/^-?\d+$/.test(text) && text !== '-0') return [];
  return [`json_extract_string(${sqlText(`[${text}]`)}, '/0')`];
}

// ------------------------------------------------------------------------------------------------- phrases

function phraseSql(x: string, text: string): string {
  if (text === '') return `${x} IS NOT NULL`;
  if (/^[-+.0-9eE]+$/.test(text)) return numberPhraseSql(x, text);
  const isStartWord = isWordChar(text[0]);
  const isEndWord = isWordChar(text.at(-1));
  const has = `contains(lower(${x}), ${loweredSql(text)})`;
  if (!isStartWord && !isEndWord && isLowerExact(text)) return has;
  return `CASE WHEN NOT ${has} THEN false ${wholeSql(x, text)}ELSE regexp_matches(${x}, ${phrasePattern(text)}) END`;
}

function phrasePattern(text: string): string {
  return sqlText(`${isWordChar(text[0]) ? '\\b' : ''}${literalPattern(text)}${isWordChar(text.at(-1)) ? '\\b' : ''}`);
}

/** A value that is a number with a point or an exponent as a whole. */
const decimalPattern = '-?[0-9]+(?:\\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)';

/**
 * What may be a number: in a value that is a decimal number as a whole, `5` does not stand for the fraction of 1.5 but for 5.0. That is
 * what a person means, and how the number was written (1.50) leaves no trace in columns.
 */
function numberPhraseSql(x: string, text: string): string {
  const same = sameNumbers(text);
  const isSame = same.length === 0 ? '' : `WHEN ${oneOf(x, same)} THEN true `;
  return `CASE ${isSame}WHEN NOT contains(lower(${x}), ${loweredSql(text)}) THEN false WHEN regexp_full_match(${x}, ${sqlText(decimalPattern)}) THEN false ELSE regexp_matches(${x}, ${phrasePattern(text)}) END`;
}

/** Texts of the same number, and of its negative for one without a sign, as in a text `5` is a word of -5. */
function sameNumbers(text: string): string[] {
  if (!isJsonNumber(text)) return [];
  const value = Number(text);
  const whole = value === 0 ? ['0', '0.0', '-0', '-0.0'] : wholeForms(text, value);
  const positive = [...[text, ...whole].map(sqlText), ...reprinted(text)];
  if (text.startsWith('-')) return positive;
  return [...positive, ...[text, ...whole].map((number) => sqlText(`-${number}`)), ...reprinted(`-${text}`)];
}

function wholeForms(text: string, value: number): string[] {
  if (Number.isSafeInteger(value)) return [String(value), `${value}.0`];
  return /^-?\d+$/.test(text) ? [`${text}.0`] : [];
}

/** A value that contains the phrase and is no longer than it, is it. Not where lower() changes lengths: bytes are counted. */
function wholeSql(x: string, text: string): string {
  // oxlint-disable-next-line no-control-regex
  return /^[\x00-\x7f]*$/.test(text) ? `WHEN strlen(${x}) = ${text.length} THEN true ` : '';
}

/** A text as lower(x) would have it. */
export function loweredSql(text: string): string {
  return isUncased(text) ? sqlText(asciiLower(text)) : `lower(${sqlText(text)})`;
}

/** True where lower(x) contains lower(text) only if x contains text but for the case of ASCII letters. */
function isLowerExact(text: string): boolean {
  return isUncased(text) && !/[ikIK]/.test(text);
}
function isUncased(text: string): boolean {
  // oxlint-disable-next-line no-control-regex
  const rest = text.replaceAll(/[\x00-\x7f]+/g, '');
  return rest.toLowerCase() === rest && rest.toUpperCase() === rest;
}

/** RE2 that matches exactly this text, the case of ASCII letters ignored. (?i) would let `s` match the long s. */
function literalPattern(text: string): string {
  return text.replaceAll(/[A-Za-z]|[^A-Za-z0-9_]/gu, (char) =>
    /[A-Za-z]/.test(char) ? `[${char.toLowerCase()}${char.toUpperCase()}]` : escapedChar(char),
  );
}
function escapedChar(char: string): string {
  if (char === '\0') return '\\x00';
  return /[!-/:-@[-`{-~]/.test(char) ? `\\${char}` : char;
}

// ------------------------------------------------------------------------------------------------- wildcards

function wildcardSql(x: string, parts: readonly WildcardPart[]): string {
  const texts = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
  const longest = texts.reduce((best, text) => (text.length > best.length ? text : best), '');
  const [first] = parts;
  // `/health*`, `*.gz`, `*timeout*`: one text, and where it has to be.
  if (texts.length === 1 && !parts.some((part) => part.kind === 'one') && isLowerExact(longest)) {
    const isAtStart = first?.kind === 'text';
    const isAtEnd = parts.at(-1)?.kind === 'text';
    if (isAtStart !== isAtEnd || !isAtStart) {
      const place = isAtStart ? 'starts_with' : isAtEnd ? 'ends_with' : 'contains';
      return `${place}(lower(${x}), ${loweredSql(longest)})`;
    }
  }
  const pattern = parts.map((part) =>
    part.kind === 'text' ? literalPattern(part.text) : part.kind === 'any' ? '.*' : '.',
  );
  const whole = `regexp_matches(${x}, ${sqlText(`(?s)\\A${pattern.join('')}\\z`)})`;
  if (longest === '') return whole;
  const place = first?.kind === 'text' && first.text === longest ? 'starts_with' : 'contains';
  return `CASE WHEN NOT ${place}(lower(${x}), ${loweredSql(longest)}) THEN false ELSE ${whole} END`;
}

// ------------------------------------------------------------------------------------------------- any value of a record

/** One character inside of a JSON string. Of the escapes only \u is longer than two characters; there it stands for control characters only. */
const unit = '(?:[^"\\\\]|\\\\[^u]|\\\\u[0-9a-fA-F]{4})';
/** One that is no word character; all escapes stand for such. */
const separatorUnit = '(?:[^"\\\\0-9A-Za-z_]|\\\\[^u]|\\\\u[0-9a-fA-F]{4})';
/** From the start of a record's JSON to any place outside of its strings. */
const outside = `\\A(?:[^"]|"${unit}*")*`;
/** Behind a string that is a value: behind a key comes a colon. */
const behindValue = '"\\s*[,}\\]]';
/** What numbers are made of. */
const numberChar = '[-+.0-9eE]';

/** A test of any value of a record; `fields` is its canonical JSON. Never NULL where `fields` is not. */
export function anyValueSql(fields: string, parts: readonly WildcardPart[]): string {
  const texts = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));
  const longest = texts.reduce((best, text) => (text.length > best.length ? text : best), '');
  const edges = {
    isStartWord: parts[0]?.kind === 'text' && isWordChar(parts[0].text[0]),
    isEndWord: ((last) => last?.kind === 'text' && isWordChar(last.text.at(-1)))(parts.at(-1)),
  };
  const end = edges.isEndWord ? '\\b' : '';
  const inString = parts.map((part) =>
    part.kind === 'text' ? jsonPattern(part.text) : part.kind === 'any' ? `${unit}*` : unit,
  );
  const before = edges.isStartWord ? `(?:${unit}*${separatorUnit})?` : `${unit}*`;
  const places = [`"${before}${inString.join('')}${end}${unit}*${behindValue}`, ...bareValues(parts, edges)];
  const anywhere = `regexp_matches(${fields}, ${sqlText(`${outside}(?:${places.join('|')})`)})`;
  if (longest === '') return anywhere;
  const has = `contains(lower(${fields}), ${loweredSql(jsonText(longest))})`;
  // Most hits are in values. Seen from the hit that is twice as fast to tell, for a phrase that is nowhere but in strings.
  const quick =
    parts.length === 1 && /[^-+.0-9truefalsnTRUEFALSN\s{}[\]:,]/.test(longest)
      ? `WHEN regexp_matches(${fields}, ${sqlText(
          `${edges.isStartWord ? '[^\\\\0-9A-Za-z_]' : '[^\\\\]'}${inString.join('')}${end}${unit}*${behindValue}`,
        )}) THEN true `
      : '';
  return `CASE WHEN NOT ${has} THEN false ${quick}ELSE ${anywhere} END`;
}

/** Values outside of strings: numbers as they are written, true and false. */
function bareValues(
  parts: readonly WildcardPart[],
  edges: { readonly isStartWord: boolean; readonly isEndWord: boolean },
): string[] {
  const places: string[] = [];
  const wrap = (pattern: string): string =>
    `${edges.isStartWord ? '\\b' : ''}${pattern}${edges.isEndWord ? '\\b' : ''}`;
  if (parts.every((part) => part.kind !== 'text' || /^[-+.0-9eE]*$/.test(part.text))) {
    const pattern = parts.map((part) =>
      part.kind === 'text' ? literalPattern(part.text) : part.kind === 'any' ? `${numberChar}*` : numberChar,
    );
    const isEmpty = parts.every((part) => part.kind === 'any');
    places.push(wrap(isEmpty ? `${numberChar}+` : pattern.join('')));
  }
  const inWord = parts.map((part) =>
    part.kind === 'text' ? literalPattern(part.text) : part.kind === 'any' ? '.*' : '.',
  );
  const pattern = new RegExp(wrap(inWord.join('')), 's');
  for (const literal of ['true', 'false']) if (pattern.test(literal)) places.push(literal);
  return places;
}

/** A text as it stands inside of a JSON string. */
function jsonText(text: string): string {
  return JSON.stringify(text.toWellFormed()).slice(1, -1);
}

/** RE2 for a text inside of a JSON string, the case of ASCII letters ignored but for those of escapes. */
function jsonPattern(text: string): string {
  return Array.from(text.toWellFormed(), (char) => {
    const json = jsonText(char);
    return json === char ? literalPattern(char) : literalEscape(json);
  }).join('');
}
function literalEscape(json: string): string {
  return json.replaceAll(/[^A-Za-z0-9_]/g, escapedChar);
}
