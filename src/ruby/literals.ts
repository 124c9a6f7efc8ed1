/** Reads Ruby's literals: numbers, quoted text with escapes and interpolation, `%` forms, symbols, regular expressions. */
import { errorText } from '../core/errors.ts';
import { compileSearch } from '../codecs/onigmo.ts';
import { Cursor } from './cursor.ts';
import type { Node, TextParts } from './ast.ts';
import { RubyRegexp, floatOf, integerOf, symbolOf } from './values.ts';

const closing: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}', '<': '>' };
const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  s: ' ',
  r: '\r',
  e: '\x1b',
  a: '\x07',
  b: '\b',
  v: '\v',
  f: '\f',
  '\n': '',
};
const operatorSymbols = /\[\]=?|\*\*|=~|===?|<=>|<<|>>|<=|>=|!=|!~|[+\-*/%<>!&|^~]/y;

export abstract class LiteralReader extends Cursor {
  /** Statements up to a closing brace, which is taken too. */
  abstract readInterpolation(): Node;

  readNumber(): Node {
    const at = this.at;
    const based = this.match(/0[xX][\da-fA-F_]+|0[bB][01_]+|0[oO]?[0-7_]+(?![\d.eE])/y)?.[0].replaceAll('_', '');
    if (based !== undefined) {
      const octal = /^0[oO]?([0-7]+)$/.exec(based)?.[1];
      return { type: 'literal', at, value: integerOf(BigInt(octal === undefined ? based : `0o${octal}`)) };
    }
    const written = this.match(/\d+(?:_\d+)*(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+)?/y)?.[0].replaceAll('_', '') ?? '';
    if (/[\p{L}_]/u.test(this.char())) this.unexpected('an operator behind the number');
    const isFloat = /[.eE]/.test(written);
    if (/^0\d/.test(written) && !isFloat) this.fail(`${written} is no octal number`, at);
    return { type: 'literal', at, value: isFloat ? floatOf(Number(written)) : integerOf(BigInt(written)) };
  }

  /** `'…'` or `"…"`, and others right behind it. */
  readQuoted(): Node {
    const at = this.at;
    const parts: (string | Node)[] = [];
    do {
      const quote = this.char();
      this.at++;
      parts.push(...(quote === "'" ? [this.#readPlain("'", '')] : this.readInterpolated('"', '')));
      const before = this.at;
      this.skipSpaces();
      if (this.char() !== '"' && this.char() !== "'") {
        this.at = before;
        break;
      }
    } while (this.at < this.text.length);
    return textNode(at, parts);
  }

  /** Text up to the closing quote, with `\\` and the escaped quote only. */
  #readPlain(close: string, open: string): string {
    const from = this.at - 1;
    let read = '';
    for (let level = 0; ;) {
      const char = this.char();
      if (char === '') this.fail(`text without a closing ${close}`, from);
      this.at++;
      if (char === '\\' && [close, open, '\\'].includes(this.char()) && this.char() !== '') {
        read += this.char();
        this.at++;
        continue;
      }
      if (char === close && level === 0) return read;
      if (char === close) level--;
      else if (open !== '' && char === open) level++;
      read += char;
    }
  }

  /**
   * Text with escapes and `#{code}` up to the closing quote. For regular expressions escapes stay as they are. `toEnd`: there
   * is no quote around it: the end of all text is the end, and a closing one without its opening one is a mistake.
   */
  readInterpolated(close: string, open: string, isRegexp = false, toEnd = false): (string | Node)[] {
    const from = this.at - 1;
    const parts: (string | Node)[] = [];
    let read = '';
    for (let level = 0; ;) {
      const char = this.char();
      if (char === '' && toEnd && level === 0) break;
      if (char === '') this.fail(`text without a closing ${close}`, Math.max(0, from));
      this.at++;
      if (char === '\\') {
        read += isRegexp ? this.#regexpEscape(close) : this.#readEscape();
        continue;
      }
      if (char === '#' && this.#isInterpolated()) {
        if (read !== '') parts.push(read);
        read = '';
        parts.push(this.#readCode());
        continue;
      }
      if (char === close && level === 0) {
        if (toEnd) this.fail(`${close} without its ${open} ends the text there; write \\${close}`, this.at - 1);
        break;
      }
      if (char === close) level--;
      else if (open !== '' && char === open) level++;
      read += char;
    }
    if (read !== '') parts.push(read);
    return parts;
  }
  #isInterpolated(): boolean {
    return (
      this.char() === '{' || /^(?:\$[~&`'+\d]|\$[a-zA-Z_]|@@?[a-zA-Z_])/.test(this.text.slice(this.at, this.at + 3))
    );
  }
  #readCode(): Node {
    if (this.take('{')) return this.nested(() => this.readInterpolation());
    if (this.char() === '@') {
      if (this.variables) return this.readInstanceVariable();
      this.fail(`#@ in text stands for an instance variable, which are not taken; write \\#@`);
    }
    return this.readGlobal();
  }
  /** `@name`: a value that is known before (record_modifier's `prepare_value`); one that is not is nil, as in Ruby. */
  readInstanceVariable(): Node {
    const at = this.at;
    const name = this.match(/@[\p{L}_][\p{L}\p{N}_]*/uy)?.[0];
    if (!this.variables || name === undefined) return this.fail('instance and class variables are not taken', at);
    return { type: 'literal', at, value: this.variables.get(name) ?? null };
  }
  /** `$~`, `$1` and the like. */
  readGlobal(): Node {
    const at = this.at;
    const [, sign] = this.match(/\$(~|&|`|'|\+|[1-9]\d{0,2}(?!\d))/y) ?? [];
    if (sign === undefined) {
      const name = this.match(/\$[\w/,;.<>_0*$?!@\\-]\w*/y)?.[0] ?? '$';
      return this.fail(
        `global variable ${name} is not taken; of these there are $~, $&, $\`, $', $+ and $1, $2, …`,
        at,
      );
    }
    const part = sign === '~' ? 'all' : /\d/.test(sign) ? Number(sign) : (sign as '&' | '`' | "'" | '+');
    return { type: 'match', at, part };
  }

  /** In a regular expression only the escaped delimiter loses its backslash. */
  #regexpEscape(close: string): string {
    const char = this.char();
    if (char === '') return '\\';
    this.at++;
    return char === close && /[^\w\s()[\]{}<>.*+?^$|\\-]/.test(char) ? char : `\\${char}`;
  }

  #readEscape(): string {
    const at = this.at - 1;
    const char = this.char();
    if (char === '') this.fail('text ends with a backslash', at);
    const code = this.match(/u([\da-fA-F]{4})|u\{\s*([\da-fA-F]{1,6}(?:\s+[\da-fA-F]{1,6})*)\s*\}/y);
    if (code) {
      const points = (code[1] ?? code[2] ?? '').split(/\s+/).map((hex) => Number.parseInt(hex, 16));
      if (points.some((point) => point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff)))
        this.fail('\\u with a number that is no character', at);
      return String.fromCodePoint(...points);
    }
    const byte = this.match(/x[\da-fA-F]{1,2}|[0-7]{1,3}/y);
    if (byte) return this.#readBytes(at, byte[0]);
    if (/[uxMCc]/.test(char)) this.fail(`escape \\${char} is not taken here; expected \\uXXXX, \\u{…} or \\xHH`, at);
    this.at++;
    return escapes[char] ?? char;
  }
  /** Bytes written one by one, which must come to characters. */
  #readBytes(at: number, first: string): string {
    const bytes: number[] = [];
    for (let next: string | undefined = first; next !== undefined;) {
      bytes.push(next.startsWith('x') ? Number.parseInt(next.slice(1), 16) : Number.parseInt(next, 8) & 255);
      const more = bytes.some((byte) => byte > 127) ? this.match(/\\(x[\da-fA-F]{1,2}|[0-7]{1,3})/y) : undefined;
      next = more?.[1];
    }
    const text = Buffer.from(bytes).toString('utf8');
    if (text.includes('\uFFFD')) this.fail('bytes that are no UTF-8 text are not taken', at);
    return text;
  }

  /** `%w[…]`, `%q(…)`, `%(…)`, `%i[…]`, `%r{…}`, `%s(…)`. */
  readPercent(): Node {
    const at = this.at;
    const form = this.match(/%([qQwWiIrs]?)([^\w\s])/y);
    if (!form) return this.unexpected('a value');
    const [, letter = '', open = ''] = form;
    const close = closing[open] ?? open;
    const nests = close === open ? '' : open;
    switch (letter) {
      case 'q':
        return textNode(at, [this.#readPlain(close, nests)]);
      case 's':
        return { type: 'literal', at, value: symbolOf(this.#readPlain(close, nests)) };
      case 'r':
        return this.#regexpNode(at, this.readInterpolated(close, nests, true));
      case 'w':
      case 'i':
      case 'W':
      case 'I': {
        const isPlain = letter === letter.toLowerCase();
        const read = isPlain ? this.#readPlain(close, nests) : allText(this.readInterpolated(close, nests));
        if (read === undefined) return this.fail(`%${letter} with code in it is not taken; write an array`, at);
        const words = read.split(/\s+/).filter((word) => word !== '');
        const items = words.map((word): Node => {
          return { type: 'literal', at, value: letter.toLowerCase() === 'i' ? symbolOf(word) : word };
        });
        return { type: 'array', at, items };
      }
      default:
        return textNode(at, this.readInterpolated(close, nests));
    }
  }

  /** `:name`, `:"text"`, `:+`; undefined where no symbol begins. */
  readSymbol(): Node | undefined {
    const at = this.at;
    if (this.char() !== ':' || this.char(1) === ':') return undefined;
    this.at++;
    if (this.take('"')) return symbolNode(at, this.readInterpolated('"', ''));
    if (this.take("'")) return symbolNode(at, [this.#readPlain("'", '')]);
    const name = this.match(/[\p{L}_][\p{L}\p{N}_]*(?:[?!]|=(?![=~>]))?/uy) ?? this.match(operatorSymbols);
    if (name) return { type: 'literal', at, value: symbolOf(name[0]) };
    this.at = at;
    return undefined;
  }

  readRegexp(): Node {
    const at = this.at;
    this.at++;
    return this.#regexpNode(at, this.readInterpolated('/', '', true));
  }
  #regexpNode(at: number, parts: TextParts): Node {
    const letters = this.match(/[a-z]*/y)?.[0] ?? '';
    const odd = /[^imxounse]/.exec(letters)?.[0];
    if (odd !== undefined) this.fail(`regular expression with the letter ${odd}; there are i, m and x`, at);
    const kept = [...new Set(letters.replaceAll(/[^imx]/g, ''))].join('');
    const source = allText(parts);
    if (source === undefined) return { type: 'regexp', at, parts, letters: kept };
    try {
      return { type: 'literal', at, value: new RubyRegexp(source, kept, compileSearch(source, kept)) };
    } catch (error) {
      return this.fail(errorText(error), at);
    }
  }
}

/** The text of parts without code. */
function allText(parts: TextParts): string | undefined {
  let text = '';
  for (const part of parts) {
    if (typeof part !== 'string') return undefined;
    text += part;
  }
  return text;
}
function textNode(at: number, parts: TextParts): Node {
  const text = allText(parts);
  return text === undefined ? { type: 'text', at, parts, isSymbol: false } : { type: 'literal', at, value: text };
}
function symbolNode(at: number, parts: TextParts): Node {
  const text = allText(parts);
  return text === undefined
    ? { type: 'text', at, parts, isSymbol: true }
    : { type: 'literal', at, value: symbolOf(text) };
}
