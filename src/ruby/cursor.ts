/** Moves over the text of an expression: spaces, comments, words; and keeps the names that are variables. */
import { ExpressionError } from './failures.ts';
import type { Variable } from './ast.ts';
import type { RubyValue } from './values.ts';

/** Deepest nesting of expressions: reading and running them recurses, and nobody writes a tenth of it. */
const depthMax = 60;

const keywords = new Set(
  `alias and begin BEGIN break case class def defined? do else elsif end END ensure false for if in module next nil not or
  redo rescue retry return self super then true undef unless until when while yield __FILE__ __LINE__ __ENCODING__`.split(
    /\s+/,
  ),
);

export interface Known {
  readonly slot: number;
  readonly isParameter: boolean;
}

/** What a block or the program knows of itself while it is read. */
export interface Scope {
  readonly names: Map<string, Known>;
  readonly above: Scope | undefined;
  hasNext: boolean;
  hasBreak: boolean;
}

export class Cursor {
  readonly text: string;
  /** Values of instance variables, by name with its @; undefined: there are none to be named. */
  readonly variables: ReadonlyMap<string, RubyValue> | undefined;
  at: number;
  /** Slots handed out so far. */
  slotCount = 0;
  scope: Scope = { names: new Map(), above: undefined, hasNext: false, hasBreak: false };
  #depth = 0;

  constructor(text: string, at = 0, variables?: ReadonlyMap<string, RubyValue>) {
    this.text = text;
    this.variables = variables;
    this.at = at;
  }

  /** @throws ExpressionError always */
  fail(text: string, at = this.at): never {
    throw new ExpressionError(at, text);
  }
  /** Says that the text here is none of what can stand here. */
  unexpected(wanted: string): never {
    if (this.at >= this.text.length) this.fail(`the expression ends where ${wanted} was expected`);
    const found = /^\w+[?!]?|^[^\w\s]{1,2}|^\s/.exec(this.text.slice(this.at, this.at + 30))?.[0] ?? '';
    return this.fail(`found ${found}, expected ${wanted}`);
  }
  /** Runs one level deeper. */
  nested<T>(read: () => T): T {
    if (++this.#depth > depthMax) this.fail(`nested deeper than ${depthMax} levels`);
    const result = read();
    this.#depth--;
    return result;
  }

  char(offset = 0): string {
    return this.text[this.at + offset] ?? '';
  }
  starts(word: string): boolean {
    return this.text.startsWith(word, this.at);
  }
  /** Takes the word when it is next. */
  take(word: string): boolean {
    if (!this.starts(word)) return false;
    this.at += word.length;
    return true;
  }
  expect(word: string, where: string): void {
    if (!this.take(word)) this.unexpected(`${word} ${where}`);
  }
  /** What a pattern with the flag `y` matches here, taken. */
  match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text) ?? undefined;
    if (found) this.at = pattern.lastIndex;
    return found;
  }
  /** Over spaces and continued lines, not over line breaks. */
  skipSpaces(): boolean {
    return this.match(/(?:[ \t\r\f\v]|\\\r?\n)+/y) !== undefined;
  }
  /** Over spaces, line breaks and comments. */
  skipAll(): void {
    this.match(/(?:\s|\\\r?\n|#[^\n]*)+/y);
  }
  /** Over what parts statements: line breaks, semicolons, comments. */
  skipSeparators(): boolean {
    const found = this.match(/(?:[\s;]|\\\r?\n|#[^\n]*)+/y);
    return found !== undefined && /[;\n]/.test(found[0]);
  }
  /** Goes on behind a line break when the next line begins with `.name` or `&.`. */
  skipToLeadingDot(): void {
    const found = /(?:\s|#[^\n]*\n)+(?=(?:&\.|\.)\s*[a-zA-Z_])/y;
    found.lastIndex = this.at;
    if (found.test(this.text)) this.at = found.lastIndex;
  }

  /** True when the keyword is next, as a whole word. */
  atKeyword(word: string): boolean {
    return this.starts(word) && !/[\w?!]/.test(this.char(word.length)) && !this.isLabel(word.length);
  }
  takeKeyword(word: string): boolean {
    if (!this.atKeyword(word)) return false;
    this.at += word.length;
    return true;
  }
  /** `name:` of a hash or an argument, and not `name::` or a ternary's `a ?b :c`. */
  isLabel(length: number): boolean {
    return this.char(length) === ':' && this.char(length + 1) !== ':';
  }
  /** A name, with its `?` or `!`; '' when none is next. Keywords are names too. */
  peekName(): string {
    const pattern = /[\p{L}_][\p{L}\p{N}_]*(?:[?!](?!=[^=~>]|=$))?/uy;
    pattern.lastIndex = this.at;
    return pattern.exec(this.text)?.[0] ?? '';
  }
  isKeyword(name: string): boolean {
    return keywords.has(name);
  }

  /** The variable of that name, from here or from around. */
  lookUp(name: string): Known | undefined {
    for (let scope: Scope | undefined = this.scope; scope; scope = scope.above) {
      const known = scope.names.get(name);
      if (known) return known;
    }
    return undefined;
  }
  /** The variable to assign to: a new one where none is known. */
  declare(name: string, at: number, isParameter = false): Variable {
    let known = isParameter ? undefined : this.lookUp(name);
    if (!known) {
      known = { slot: this.slotCount++, isParameter };
      this.scope.names.set(name, known);
    }
    return { type: 'variable', at, name, slot: known.slot, isParameter: known.isParameter };
  }
  /** Reads something in a scope of its own, inside the one that is there. */
  scoped<T>(read: (scope: Scope) => T): T {
    const scope: Scope = { names: new Map(), above: this.scope, hasNext: false, hasBreak: false };
    this.scope = scope;
    const result = read(scope);
    this.scope = scope.above as Scope;
    return result;
  }
}
