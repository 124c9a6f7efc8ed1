/** Reads a query's text character by character: blanks, words, quoted texts, operators. Which of them may come next is the parser's business. */
import { QueryError } from './query-error.ts';
import type { Span, WildcardPart } from './tree.ts';

/** A word or a quoted text. */
export interface Word extends Span {
  /** Text and wildcards; a quoted text has no wildcards. Escapes are resolved. */
  readonly parts: readonly WildcardPart[];
  readonly isQuoted: boolean;
}

/**
 * Where a word stands. `first`: at the beginning of a term; it ends at `:`, `<` and `>`. `value`: behind `field:`. `bound`: in a
 * range; it ends at `]` and `}`.
 */
export type WordPlace = 'first' | 'value' | 'bound';

const blank = /[\s\uFEFF]/;
const blanks = /[\s\uFEFF]*/y;
/** Characters of a word that stand for themselves in every place. */
const plainRun = /[^\s\uFEFF()":<>\]}*?\\]+/y;
/** What a word may look like that is no field name although a colon follows: times, numbers, addresses (`10:30`, `10.0.0.1:80`). */
const digitsForm = /^\d[\d.T-]*$/;
const plainEscapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

export class Scanner {
  readonly text: string;
  at = 0;
  constructor(text: string) {
    this.text = text;
  }
  /** The next character, '' at the end. */
  get next(): string {
    return this.text[this.at] ?? '';
  }
  get isAtEnd(): boolean {
    return this.at >= this.text.length;
  }
  startsWith(text: string): boolean {
    return this.text.startsWith(text, this.at);
  }
  skipBlanks(): void {
    blanks.lastIndex = this.at;
    blanks.exec(this.text);
    this.at = blanks.lastIndex;
  }
  /** True when the word here is exactly this one and ends at a blank, a parenthesis, a quote or the end. */
  isWord(word: string): boolean {
    if (!this.startsWith(word)) return false;
    const after = this.text[this.at + word.length];
    return after === undefined || blank.test(after) || '()"'.includes(after);
  }
  fail(text: string, start: number, end: number): never {
    throw new QueryError(text, { start, end: Math.max(start, Math.min(end, this.text.length)) });
  }

  /** Reads a word; '' (no parts) where none begins here. */
  word(place: WordPlace): Word {
    const start = this.at;
    const parts: WildcardPart[] = [];
    // Pieces are joined once per part, so that a word of many escapes takes no more than linear time.
    let pieces: string[] = [];
    let isUrl = place !== 'first';
    const endPart = (): void => {
      if (pieces.length > 0) parts.push({ kind: 'text', text: pieces.join('').toWellFormed() });
      pieces = [];
    };
    for (;;) {
      plainRun.lastIndex = this.at;
      const run = plainRun.exec(this.text)?.[0];
      if (run !== undefined) {
        pieces.push(run);
        this.at += run.length;
      }
      const char = this.next;
      if (char === '\\') pieces.push(this.#wordEscape());
      else if (char === '*' || char === '?') {
        endPart();
        // `**` is `*`.
        if (char === '?' || parts.at(-1)?.kind !== 'any') parts.push({ kind: char === '?' ? 'one' : 'any' });
        this.at++;
      } else if (char === ':' || char === '<' || char === '>') {
        if (!isUrl && char === ':') isUrl = this.startsWith('://') || this.#isDigits(start);
        if (!isUrl || (char === ':' && this.at === start)) break;
        pieces.push(char);
        this.at++;
      } else if ((char === ']' || char === '}') && place !== 'bound') {
        pieces.push(char);
        this.at++;
      } else break;
    }
    endPart();
    if (this.at > start) this.#checkEnd(start);
    return { start, end: this.at, parts, isQuoted: false };
  }
  /** A time or an address before the colon: looked at once per word, as the word goes on behind the colon then. */
  #isDigits(start: number): boolean {
    return digitsForm.test(this.text.slice(start, this.at));
  }
  #checkEnd(start: number): void {
    const char = this.next;
    if (char === '"')
      this.fail('found a quote inside a word; put quotes round the whole text, or write \\"', this.at, this.at + 1);
    if (char === '(' && !/^(?:AND|OR|NOT|and|or|not|&&|\|\|)$/.test(this.text.slice(start, this.at)))
      this.fail(
        'found "(" directly behind a word; leave a blank before it if a group is meant, or put quotes round the text',
        this.at,
        this.at + 1,
      );
  }
  #wordEscape(): string {
    const start = this.at;
    const point = this.text.codePointAt(start + 1);
    if (point === undefined)
      this.fail('found a lone "\\" at the end; write \\\\ to find a backslash', start, start + 1);
    const char = String.fromCodePoint(point);
    this.at += 1 + char.length;
    if (char === 'u') return this.#unicodeEscape(start);
    const control = plainEscapes[char];
    if (control !== undefined) return control;
    if (/[A-Za-z0-9]/.test(char))
      this.fail(`unknown escape "\\${char}"; write \\\\ to find a backslash`, start, this.at);
    return char;
  }
  #unicodeEscape(start: number): string {
    const digits = this.text.slice(this.at, this.at + 4);
    if (!/^[0-9A-Fa-f]{4}$/.test(digits))
      this.fail('"\\u" needs four hexadecimal digits behind it, such as \\u00e9', start, this.at + digits.length);
    this.at += 4;
    return String.fromCharCode(Number.parseInt(digits, 16));
  }

  /** Reads a text in quotes, the escapes \" \\ \n \r \t and \uXXXX resolved. */
  quoted(): Word {
    const start = this.at++;
    const pieces: string[] = [];
    for (;;) {
      const run = this.#quotedRun(start);
      pieces.push(run);
      if (this.next === '"') break;
      pieces.push(this.#wordEscape());
    }
    this.at++;
    const text = pieces.join('').toWellFormed();
    return { start, end: this.at, parts: text === '' ? [] : [{ kind: 'text', text }], isQuoted: true };
  }
  /** Reads a regular expression in quotes: all backslashes stay, only \" is the quote itself. */
  quotedRegexp(): Span & { readonly source: string } {
    const start = this.at++;
    for (;;) {
      this.#quotedRun(start);
      if (this.next === '"') break;
      this.at = Math.min(this.at + 2, this.text.length);
    }
    this.at++;
    return { start, end: this.at, source: this.text.slice(start + 1, this.at - 1).toWellFormed() };
  }
  /** Up to the next quote or backslash. */
  #quotedRun(start: number): string {
    const run = /[^"\\]*/y;
    run.lastIndex = this.at;
    const text = run.exec(this.text)?.[0] ?? '';
    this.at += text.length;
    if (this.isAtEnd) this.fail('this quote is not closed; add " where the text ends', start, this.text.length);
    return text;
  }
}
