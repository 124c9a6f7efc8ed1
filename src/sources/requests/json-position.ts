/** Where JSON text goes wrong, for the answer to its sender. Called only after JSON.parse refused the text. */

/** The first error in a text: its place in UTF-16 units, and what would have been valid there. */
export interface JsonError {
  readonly at: number;
  readonly expected: string;
}

/** Finds the first error of `text` by RFC 8259; undefined when the text is one valid JSON value. Does not recurse. */
export function findJsonError(text: string): JsonError | undefined {
  const scanner = new Scanner(text);
  const open: ('{' | '[')[] = [];
  const wrong = (expected: string): JsonError => ({ at: scanner.at, expected });
  for (;;) {
    // A value is expected here.
    scanner.space();
    const char = text[scanner.at];
    if (char === '{' || char === '[') {
      scanner.at++;
      scanner.space();
      const isEmpty = text[scanner.at] === (char === '{' ? '}' : ']');
      if (isEmpty) scanner.at++;
      else {
        open.push(char);
        if (char === '{') {
          const problem = scanner.key();
          if (problem) return problem;
        }
        continue;
      }
    } else {
      const problem = scanner.scalar();
      if (problem) return problem;
    }
    // A value has ended: close what it ends, or go on to the next one.
    for (;;) {
      scanner.space();
      const around = open.at(-1);
      const next = text[scanner.at];
      if (around === undefined) return next === undefined ? undefined : wrong('nothing behind the value');
      if (next === (around === '{' ? '}' : ']')) {
        scanner.at++;
        open.pop();
        continue;
      }
      if (next !== ',') return wrong(around === '{' ? '"," or "}"' : '"," or "]"');
      scanner.at++;
      if (around === '[') break;
      scanner.space();
      const problem = scanner.key();
      if (problem) return problem;
      break;
    }
  }
}

class Scanner {
  readonly #text: string;
  at = 0;
  constructor(text: string) {
    this.#text = text;
  }
  space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
      this.at++;
    }
  }
  /** A field name and its colon. */
  key(): JsonError | undefined {
    if (this.#text[this.at] !== '"') return { at: this.at, expected: 'a field name in double quotes' };
    const problem = this.#string();
    if (problem) return problem;
    this.space();
    if (this.#text[this.at] !== ':') return { at: this.at, expected: '":"' };
    this.at++;
    return undefined;
  }
  /** A string, number, true, false or null. */
  scalar(): JsonError | undefined {
    if (this.#text[this.at] === '"') return this.#string();
    const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
    const word = /true|false|null/y;
    number.lastIndex = this.at;
    word.lastIndex = this.at;
    const found = number.exec(this.#text)?.[0] ?? word.exec(this.#text)?.[0];
    if (found === undefined) return { at: this.at, expected: 'a value' };
    this.at += found.length;
    return undefined;
  }
  #string(): JsonError | undefined {
    for (this.at++; ; this.at++) {
      const code = this.#text.charCodeAt(this.at);
      if (Number.isNaN(code)) return { at: this.at, expected: 'the closing double quote of a string' };
      if (code < 32) return { at: this.at, expected: 'an escape such as \\n in place of a control character' };
      if (code === 34) {
        this.at++;
        return undefined;
      }
      if (code !== 92) continue;
      this.at++;
      const escape = this.#text[this.at] ?? '';
      if (escape === 'u') {
        if (!/^[0-9a-fA-F]{4}$/.test(this.#text.slice(this.at + 1, this.at + 5)))
          return { at: this.at + 1, expected: 'four hexadecimal digits' };
        this.at += 4;
      } else if (escape === '' || !'"\\/bfnrt'.includes(escape)) return { at: this.at, expected: 'a valid escape' };
    }
  }
}

/** `line 2 column 7 (byte 31)`: a place in `text`, all counted from 1 but the byte, which is an offset plus `byteStart`. */
export function describePlace(text: string, at: number, lineStart = 1, byteStart = 0): string {
  const before = text.slice(0, at);
  const lines = before.split('\n');
  const column = (lines.at(-1) ?? '').length + 1;
  return `line ${lineStart + lines.length - 1} column ${column} (byte ${byteStart + Buffer.byteLength(before)})`;
}

/** Offset of the first byte that does not belong to valid UTF-8 (Unicode 15, table 3-7), or -1. */
export function invalidUtf8At(bytes: Uint8Array): number {
  for (let at = 0; at < bytes.length;) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const more =
      lead >= 0xc2 && lead <= 0xdf ? 1 : lead >= 0xe0 && lead <= 0xef ? 2 : lead >= 0xf0 && lead <= 0xf4 ? 3 : 0;
    if (more === 0) return at;
    const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
    const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
    for (let i = 1; i <= more; i++) {
      const next = bytes[at + i] ?? 0;
      if (next < (i === 1 ? low : 0x80) || next > (i === 1 ? high : 0xbf)) return at;
    }
    at += more + 1;
  }
  return -1;
}
