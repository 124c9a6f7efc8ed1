/** Fluentd's literals: unquoted, single-quoted and double-quoted text, JSON arrays and objects with comments inside. */
import type { Location } from '../../core/errors.ts';
import type { WrittenValue } from './element.ts';
import { readEmbedded } from './embedded.ts';
import type { EmbeddedScope } from './embedded.ts';
import { readJson } from './json-literal.ts';
import type { Scanner } from './scanner.ts';

/** Where an unquoted text ends: `line` at the line's end or a comment, `key` at a blank too, `tag` at the `>` of a section. */
export type Boundary = 'line' | 'key' | 'tag';

/** Reads a value: JSON where it begins with `[` or `{`, else a string. Stands at the value's first character. `of` names what it is the value of. */
export function readValue(scanner: Scanner, scope: EmbeddedScope, of: string): WrittenValue {
  const at = scanner.place();
  if (scanner.here === '[' || scanner.here === '{') {
    const json = readJson(scanner, scope);
    const text = json.text ?? '';
    return { text, form: 'json', unset: json.unset, isBroken: json.text === undefined, at };
  }
  const value = readString(scanner, scope, 'line', of);
  if (value.form === 'bare' && value.text.startsWith('#'))
    scanner.warning(
      at,
      'a # right after the name is no comment but the value, as Fluentd has it; put comments on a line of their own',
    );
  return value;
}

/** Reads a quoted or unquoted string. `of` says for problems what it is: `@type of <match>`. */
export function readString(scanner: Scanner, scope: EmbeddedScope, boundary: Boundary, of: string): WrittenValue {
  const at = scanner.place();
  if (scanner.here === '"') return readDoubleQuoted(scanner, scope, at, of);
  if (scanner.here === "'") return readSingleQuoted(scanner, at, of);
  const text = readBare(scanner, boundary);
  return { text, form: text === '' ? 'empty' : 'bare', unset: undefined, isBroken: false, at };
}

const bareBoundaries: Readonly<Record<Boundary, RegExp>> = {
  line: /[ \t]*(?:[ \t]#|[\r\n]|$)/y,
  key: /[ \t\r\n]|$/y,
  tag: /(?:[ \t\r\n]|[ \t]#[^\r\n]*)*>|[\r\n]|$/y,
};

function readBare(scanner: Scanner, boundary: Boundary): string {
  const end = bareBoundaries[boundary];
  const start = scanner.position;
  const { text } = scanner;
  let position = start;
  for (; position < text.length; position++) {
    end.lastIndex = position;
    if (end.test(text)) break;
    // Skip ahead: inside a run of ordinary characters no boundary can begin.
    const run = /[^ \t\r\n>#]*/y;
    run.lastIndex = position + 1;
    position += run.exec(text)?.[0].length ?? 0;
  }
  scanner.position = position;
  return text.slice(start, position);
}

/** Escapes Fluentd knows in double quotes; other letters and digits are errors, other signs stand for themselves. */
const escapes: Readonly<Record<string, string>> = { r: '\r', n: '\n', t: '\t', f: '\f', b: '\b', '0': '\0' };

function readDoubleQuoted(scanner: Scanner, scope: EmbeddedScope, at: Location, of: string): WrittenValue {
  const parts: string[] = [];
  let unset: 'nil' | 'default' | undefined;
  let isBroken = false;
  const start = scanner.position++;
  for (;;) {
    parts.push(scanner.match(/[^"\\#]*/y) ?? '');
    if (scanner.isAtEnd) return unterminated(scanner, start, 'double', of);
    if (scanner.skip('"')) break;
    const position = scanner.position;
    if (scanner.match(/\\\r?\n/y) !== undefined) continue;
    if (scanner.skip('\\')) {
      const letter = scanner.here;
      if (letter === '') return unterminated(scanner, start, 'double', of);
      const escaped = escapes[letter] ?? (/[a-zA-Z0-9]/.test(letter) ? undefined : letter);
      if (escaped === undefined) {
        scanner.problem(
          scanner.place(position),
          `unknown escape \\${letter} in double quotes: \\n \\r \\t \\f \\b \\0 and \\ before a sign are known; write \\\\${letter}, or use single quotes`,
        );
        isBroken = true;
      }
      parts.push(escaped ?? letter);
      scanner.position++;
    } else if (scanner.skip('#{')) {
      const result = readEmbedded(scanner, scope);
      if (result.kind === 'text') parts.push(result.text);
      else if (result.kind === 'problem') isBroken = true;
      else if (unset !== 'nil') unset = result.unset;
    } else {
      parts.push(scanner.here);
      scanner.position++;
    }
  }
  return { text: parts.join(''), form: 'double', unset, isBroken, at };
}

function readSingleQuoted(scanner: Scanner, at: Location, of: string): WrittenValue {
  const parts: string[] = [];
  const start = scanner.position++;
  for (;;) {
    parts.push(scanner.match(/[^'\\\r\n]*/y) ?? '');
    if (scanner.isAtEnd || scanner.match(/[\r\n]/y) !== undefined) return unterminated(scanner, start, 'single', of);
    if (scanner.skip("'")) break;
    scanner.position++;
    if (scanner.here === "'" || scanner.here === '\\') {
      parts.push(scanner.here);
      scanner.position++;
    } else parts.push('\\');
  }
  return { text: parts.join(''), form: 'single', unset: undefined, isBroken: false, at };
}

/** Reports a quote that never closes, and goes on behind the line it opened on, so that the rest is still checked. */
function unterminated(scanner: Scanner, start: number, form: 'single' | 'double', of: string): WrittenValue {
  const sign = form === 'double' ? '"' : "'";
  const at = scanner.place(start);
  const { line } = scanner.place(scanner.text.trimEnd().length);
  const end = form === 'double' ? `up to the end of the file, line ${line}` : 'on its line';
  scanner.problem(at, `unterminated ${form} quote in ${of}: it opens here and has no closing ${sign} ${end}`);
  scanner.position = start;
  scanner.skipToLineEnd();
  return { text: '', form, unset: undefined, isBroken: true, at };
}
