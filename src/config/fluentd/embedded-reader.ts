/** Reads embedded expressions by recursive descent: a small part of Ruby's grammar, made into functions to call. */
import { toRegExp } from 'oniguruma-to-es';
import { errorText } from '../../core/errors.ts';
import type { EmbeddedScope } from './embedded.ts';
import {
  NotUnderstood,
  callFunction,
  callMethod,
  elementAt,
  functionNames,
  isTruthy,
  operate,
  sliceOf,
  textOf,
} from './embedded-values.ts';
import type { RubyValue } from './embedded-values.ts';
import type { Scanner } from './scanner.ts';

/** An expression that was read. Called once; its right sides are evaluated only when they are needed. */
export type Thunk = () => RubyValue;

/** Thrown by use_nil and use_default. */
export class Unset {
  readonly unset: 'nil' | 'default';
  constructor(unset: 'nil' | 'default') {
    this.unset = unset;
  }
}

/** A value, or undefined where the expression leaves the option unset. */
function unlessUnset(thunk: Thunk): RubyValue | undefined {
  try {
    return thunk();
  } catch (error) {
    if (error instanceof Unset) return undefined;
    throw error;
  }
}

// Deeper nesting than any configuration has; keeps hostile text from exhausting the stack.
const depthMax = 50;

/** Binary operators by precedence, loosest first. */
const levels: readonly RegExp[] = [/==|!=|=~|!~/y, /<=|>=|<|>/y, /[+-]/y, /[*/%]/y];

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', s: ' ', e: '\u001B', '0': '\0' };

/** Reads one expression from a scanner. */
export class ExpressionReader {
  /** Variables that were asked for and not set. */
  readonly missing = new Set<string>();
  readonly #scanner: Scanner;
  readonly #scope: EmbeddedScope;
  /** What gives a variable's value, with what gives its name. */
  readonly #names = new Map<Thunk, Thunk>();
  #depth = 0;

  constructor(scanner: Scanner, scope: EmbeddedScope) {
    this.#scanner = scanner;
    this.#scope = scope;
  }
  blanks(): void {
    this.#scanner.match(/\s*/y);
  }
  #operator(expression: RegExp): string | undefined {
    this.blanks();
    return this.#scanner.match(expression);
  }
  #expect(sign: string): void {
    this.blanks();
    if (!this.#scanner.skip(sign)) throw new NotUnderstood(this.#scanner.position, `${sign} was expected`);
  }
  /** A whole expression, with `if` or `unless` behind it. */
  statement(): Thunk {
    let thunk = this.#words();
    for (;;) {
      const word = this.#operator(/(?:if|unless)\b/y);
      if (word === undefined) return thunk;
      const [inner, condition] = [thunk, this.#words()];
      thunk = () => (isTruthy(condition()) === (word === 'if') ? inner() : null);
    }
  }
  /** `and`, `or`, `not`: looser than anything else. */
  #words(): Thunk {
    let left = this.#negation();
    for (;;) {
      const word = this.#operator(/(?:and|or)\b/y);
      if (word === undefined) return left;
      const [first, second] = [left, this.#negation()];
      left = () => {
        const value = first();
        return isTruthy(value) === (word === 'and') ? second() : value;
      };
    }
  }
  #negation(): Thunk {
    if (this.#operator(/not\b/y) === undefined) return this.#choice();
    const inner = this.#choice();
    return () => !isTruthy(inner());
  }
  #choice(): Thunk {
    if (++this.#depth > depthMax) throw new NotUnderstood(this.#scanner.position, 'nested too deep');
    const condition = this.#either();
    let thunk = condition;
    if (this.#operator(/\?/y) !== undefined) {
      const yes = this.#choice();
      this.#expect(':');
      const no = this.#choice();
      thunk = () => (isTruthy(condition()) ? yes() : no());
    }
    this.#depth--;
    return thunk;
  }
  #either(): Thunk {
    const terms = [this.#both()];
    while (this.#operator(/\|\|/y) !== undefined) terms.push(this.#both());
    return terms.reduceRight((second, first) => this.#or(first, second));
  }
  #or(first: Thunk, second: Thunk): Thunk {
    const name = this.#names.get(first);
    return () => {
      const known = name && this.#withDefault(textOf(name()), second);
      if (known !== undefined) return known;
      const value = first();
      return isTruthy(value) ? value : second();
    };
  }
  #both(): Thunk {
    let left = this.#binary(0);
    while (this.#operator(/&&/y) !== undefined) {
      const [first, second] = [left, this.#binary(0)];
      left = () => {
        const value = first();
        return isTruthy(value) ? second() : value;
      };
    }
    return left;
  }
  #binary(level: number): Thunk {
    const signs = levels[level];
    if (!signs) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      this.blanks();
      const { position } = this.#scanner;
      const sign = this.#scanner.match(signs);
      if (sign === undefined) return left;
      const [first, second] = [left, this.#binary(level + 1)];
      left = () => operate(sign, first(), second(), position);
    }
  }
  #unary(): Thunk {
    const { position } = this.#scanner;
    if (this.#operator(/!(?![=~])/y) !== undefined) {
      const inner = this.#nested(() => this.#unary());
      return () => !isTruthy(inner());
    }
    if (this.#operator(/-(?!\d)/y) !== undefined) {
      const inner = this.#nested(() => this.#unary());
      return () => operate('-', 0n, inner(), position);
    }
    return this.#postfix();
  }
  #nested<T>(read: () => T): T {
    if (++this.#depth > depthMax) throw new NotUnderstood(this.#scanner.position, 'nested too deep');
    const result = read();
    this.#depth--;
    return result;
  }
  #postfix(): Thunk {
    let value = this.#primary();
    for (;;) {
      const { position } = this.#scanner;
      const receiver = value;
      if (this.#scanner.skip('[')) {
        value = this.#element(receiver, position);
        continue;
      }
      const call = this.#scanner.match(/&?\.[a-z_]+[?!]?/y);
      if (call === undefined) return value;
      const name = call.replace(/^&?\./, '');
      const isSafe = call.startsWith('&');
      const args = this.#scanner.skip('(') ? this.#list(')') : [];
      value = () => {
        const given = receiver();
        return given === null && isSafe
          ? null
          : callMethod(
              name,
              given,
              args.map((read) => read()),
              position,
            );
      };
    }
  }
  #element(receiver: Thunk, position: number): Thunk {
    const index = this.#choice();
    const range = this.#operator(/\.\.\.?/y);
    if (range === undefined) {
      this.#expect(']');
      return () => elementAt(receiver(), index(), position);
    }
    this.blanks();
    const end: Thunk = this.#scanner.here === ']' ? () => -1n : this.#choice();
    this.#expect(']');
    return () => {
      const [from, to] = [index(), end()];
      if (typeof from !== 'bigint' || typeof to !== 'bigint')
        throw new NotUnderstood(position, 'whole numbers were expected in the range');
      return sliceOf(receiver(), from, range === '...' ? to - 1n : to, position);
    };
  }
  /** Expressions between commas, up to and with `close`. */
  #list(close: string): Thunk[] {
    const list: Thunk[] = [];
    this.blanks();
    if (this.#scanner.skip(close)) return list;
    do list.push(this.#choice());
    while (this.#operator(/,/y) !== undefined);
    this.#expect(close);
    return list;
  }
  #primary(): Thunk {
    this.blanks();
    const scanner = this.#scanner;
    const { position } = scanner;
    if (scanner.here === '"' || scanner.here === "'") return this.#string();
    if (scanner.here === '/') return this.#regexp();
    if (scanner.skip('(')) {
      const inner = this.#nested(() => this.statement());
      this.#expect(')');
      return inner;
    }
    if (scanner.skip('[')) {
      const list = this.#nested(() => this.#list(']'));
      return () => list.map((read) => read());
    }
    const digits = scanner.match(/-?\d+(?:_\d+)*(?:\.\d+)?(?!\w|\.\d)/y)?.replaceAll('_', '');
    if (digits !== undefined) {
      const value = digits.includes('.') ? Number(digits) : BigInt(digits);
      return () => value;
    }
    if (scanner.match(/ENV\b/y) !== undefined) return this.#environment(position);
    return this.#word(position);
  }
  #word(position: number): Thunk {
    const scanner = this.#scanner;
    const word = scanner.match(/(?:::)?(?:[A-Z]\w*(?:\.[a-z_]+\??)?|[a-z_]\w*)/y)?.replace(/^::/, '');
    switch (word) {
      case 'Socket.gethostname':
      case 'hostname':
        return () => this.#scope.hostname;
      case 'worker_id':
        return () => this.#scope.workerId;
      case 'nil':
        return () => null;
      case 'true':
        return () => true;
      case 'false':
        return () => false;
      case 'use_nil':
      case 'use_default':
        return () => {
          throw new Unset(word === 'use_nil' ? 'nil' : 'default');
        };
      default:
    }
    if (word === undefined) throw new NotUnderstood(position, 'an expression was expected');
    if (!functionNames.includes(word)) throw new NotUnderstood(position, `${word} is not known`);
    const args = scanner.skip('(') ? this.#list(')') : [];
    return () =>
      callFunction(
        word,
        args.map((read) => read()),
        position,
      );
  }
  #environment(position: number): Thunk {
    const scanner = this.#scanner;
    if (scanner.match(/\s*\[/y) !== undefined) {
      const name = this.#choice();
      this.#expect(']');
      const variable: Thunk = () => this.#variable(textOf(name())) ?? null;
      this.#names.set(variable, name);
      return variable;
    }
    const call = scanner.match(/\s*\.(?:fetch|key\?|has_key\?|include\?|dig)\s*\(/y);
    if (call === undefined) throw new NotUnderstood(position, "ENV['X'] was expected");
    const [name, otherwise] = this.#list(')');
    if (!name) throw new NotUnderstood(position, 'the name of a variable was expected');
    if (call.includes('dig')) return () => this.#variable(textOf(name())) ?? null;
    if (!call.includes('fetch')) return () => this.#scope.env[textOf(name())] !== undefined;
    const fallback = otherwise ?? this.#block();
    return () => {
      const known = fallback && this.#withDefault(textOf(name()), fallback);
      if (known !== undefined) return known;
      const value = this.#scope.env[textOf(name())];
      if (value !== undefined) return value;
      if (fallback) return fallback();
      const text = textOf(name());
      const advice = `set it, or write a default: ENV.fetch('${text}', 'default')`;
      throw new NotUnderstood(position, `the variable ${text} is not set`, advice);
    };
  }
  #block(): Thunk | undefined {
    if (this.#operator(/\{(?!\s*\|)/y) === undefined) return undefined;
    const inner = this.#nested(() => this.statement());
    this.#expect('}');
    return inner;
  }
  /**
   * A variable with its default as an environment knows it that has a `:?`, that of convert: `X:-text` is both in one; where
   * they cannot be, `X:?` is the variable, or empty where it is not set. Undefined with an environment like any other.
   */
  #withDefault(name: string, fallback: Thunk): RubyValue | undefined {
    const { env } = this.#scope;
    if (env[':?'] === undefined) return undefined;
    const otherwise = unlessUnset(fallback);
    const whole = otherwise === undefined ? undefined : env[`${name}:-${textOf(otherwise)}`];
    if (whole !== undefined) return whole;
    const now = env[`${name}:?`];
    return now === '' ? fallback() : now;
  }
  #variable(name: string): string | undefined {
    const value = this.#scope.env[name];
    if (value === undefined) this.missing.add(name);
    return value;
  }
  #string(): Thunk {
    const scanner = this.#scanner;
    const { position } = scanner;
    const single = scanner.match(/'(?:[^'\\]|\\[\s\S])*'/y);
    if (single !== undefined) {
      const text = single.slice(1, -1).replaceAll(/\\([\\'])/g, '$1');
      return () => text;
    }
    scanner.position++;
    const parts: Thunk[] = [];
    for (;;) {
      const raw = scanner.match(/(?:[^"\\#]|#(?!\{)|\\[^a-zA-Z0-9]|\\[nrtse0])*/y) ?? '';
      const text = raw.replaceAll(/\\([\s\S])/g, (_, sign: string) => escapes[sign] ?? sign);
      parts.push(() => text);
      if (scanner.skip('"')) return () => parts.map((read) => textOf(read())).join('');
      if (!scanner.skip('#{')) throw new NotUnderstood(position, 'a plain quoted text was expected');
      parts.push(this.#nested(() => this.statement()));
      this.#expect('}');
    }
  }
  #regexp(): Thunk {
    const { position } = this.#scanner;
    const written = this.#scanner.match(/\/((?:[^/\\\r\n]|\\.)+)\/[im]*/y);
    if (written === undefined) throw new NotUnderstood(position, 'an expression was expected');
    const end = written.lastIndexOf('/');
    try {
      const flags = written.slice(end + 1);
      const prefix = flags === '' ? '' : `(?${flags})`;
      const pattern = toRegExp(prefix + written.slice(1, end));
      return () => pattern;
    } catch (error) {
      throw new NotUnderstood(position, errorText(error));
    }
  }
}
