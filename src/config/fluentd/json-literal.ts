/** JSON arrays and objects as values: over several lines, with `#`, `//` and block comments, and `#{…}` inside strings. */
import { readEmbedded } from './embedded.ts';
import type { EmbeddedScope } from './embedded.ts';
import type { Scanner } from './scanner.ts';

/** `text`: compact JSON with numbers as written, or undefined when it was broken (reported). */
interface JsonLiteral {
  readonly text: string | undefined;
  readonly unset: 'nil' | 'default' | undefined;
}

/** Leaves the reader after a problem was reported. */
class Broken extends Error {}

// Ruby's JSON stops at 100, and a configuration has no need of more.
const depthMax = 100;

/** Reads the JSON value that begins here. Reports the first thing that is wrong in it, then stands behind that line. */
export function readJson(scanner: Scanner, scope: EmbeddedScope): JsonLiteral {
  const reader = new JsonReader(scanner, scope);
  try {
    const text = reader.value(0);
    return { text: reader.isBroken ? undefined : text, unset: reader.unset };
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    return { text: undefined, unset: undefined };
  }
}

class JsonReader {
  unset: 'nil' | 'default' | undefined;
  isBroken = false;
  readonly #scanner: Scanner;
  readonly #scope: EmbeddedScope;
  readonly #start: number;

  constructor(scanner: Scanner, scope: EmbeddedScope) {
    this.#scanner = scanner;
    this.#scope = scope;
    this.#start = scanner.position;
  }
  value(depth: number): string {
    if (depth > depthMax) this.#fail(`nested deeper than ${depthMax}`);
    const scanner = this.#scanner;
    this.#spacing();
    if (scanner.skip('[')) return this.#array(depth);
    if (scanner.skip('{')) return this.#object(depth);
    if (scanner.here === '"') return this.#string();
    const word = scanner.match(/true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?/y);
    return word ?? this.#fail('a JSON value was expected');
  }
  #array(depth: number): string {
    const values: string[] = [];
    this.#spacing();
    if (this.#scanner.skip(']')) return '[]';
    do values.push(this.value(depth + 1));
    while (this.#goesOn(']'));
    return `[${values.join(',')}]`;
  }
  #object(depth: number): string {
    const pairs: string[] = [];
    this.#spacing();
    if (this.#scanner.skip('}')) return '{}';
    do {
      this.#spacing();
      if (this.#scanner.here !== '"') this.#fail('a key in double quotes was expected');
      const key = this.#string();
      this.#spacing();
      if (!this.#scanner.skip(':')) this.#fail('a : was expected after the key');
      pairs.push(`${key}:${this.value(depth + 1)}`);
    } while (this.#goesOn('}'));
    return `{${pairs.join(',')}}`;
  }
  #goesOn(close: string): boolean {
    this.#spacing();
    if (this.#scanner.skip(',')) {
      this.#spacing();
      if (this.#scanner.here === close) this.#fail(`a value was expected after the comma, not ${close}`);
      return true;
    }
    if (this.#scanner.skip(close)) return false;
    return this.#fail(`a comma or ${close} was expected`);
  }
  #string(): string {
    const scanner = this.#scanner;
    const parts: string[] = [];
    scanner.position++;
    for (;;) {
      // Line breaks and other control characters are no part of JSON strings.
      // oxlint-disable-next-line no-control-regex
      parts.push(scanner.match(/(?:[^"\\#\u0000-\u001F]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|#(?!\{))*/y) ?? '');
      if (scanner.skip('"')) return `"${parts.join('')}"`;
      // As Ruby's JSON: a backslash before any other sign is dropped. Mostly it was meant for a regular expression.
      const escaped = scanner.match(/\\[^"\\/bfnrtu\p{Cc}]/uy);
      if (escaped !== undefined) {
        const letter = escaped.slice(1);
        const at = scanner.place(scanner.position - escaped.length);
        scanner.warning(
          at,
          `found ${escaped} in JSON, which reads as ${letter}; write ${letter}, or \\${escaped} for a backslash`,
        );
        parts.push(letter);
        continue;
      }
      if (!scanner.skip('#{'))
        this.#fail(scanner.here === '\\' ? 'an unknown escape' : 'the string is not closed on its line');
      const result = readEmbedded(scanner, this.#scope);
      if (result.kind === 'text') parts.push(JSON.stringify(result.text).slice(1, -1));
      else if (result.kind === 'problem') this.isBroken = true;
      else if (this.unset !== 'nil') this.unset = result.unset;
    }
  }
  #spacing(): void {
    this.#scanner.match(/(?:\s|#[^\r\n]*|\/\/[^\r\n]*|\/\*[\s\S]*?\*\/)*/y);
  }
  #fail(text: string): never {
    const scanner = this.#scanner;
    const what = scanner.text[this.#start] === '[' ? 'array' : 'object';
    const found = scanner.isAtEnd ? 'the end of the file' : `\`${scanner.restOfLine()}\``;
    scanner.problem(
      scanner.place(),
      `broken JSON ${what}: ${text}, found ${found}; a value that begins with ${scanner.text[this.#start]} is read as JSON, quote it if it is text`,
    );
    scanner.skipToLineEnd();
    throw new Broken();
  }
}
