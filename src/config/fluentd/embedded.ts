/**
 * Embedded expressions: the `#{…}` inside double quotes. Fluentd runs them as Ruby; a configuration is not run here, so
 * only what configurations really use is understood: the environment, the host name, the worker id, literals, `||`,
 * `+`, `? :`, comparison and a few conversions. Anything else is a problem that names it.
 */
import type { Location } from '../../core/errors.ts';
import type { Scanner } from './scanner.ts';

/** What expressions can see. */
export interface EmbeddedScope {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  /** Fluentd's SERVERENGINE_WORKER_ID: `0` for the first or only worker. */
  readonly workerId: string;
}

/** What an expression gives: `unset` for use_nil and use_default; `problem` when it is not understood. */
export type EmbeddedResult =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unset'; readonly unset: 'nil' | 'default' }
  | { readonly kind: 'problem' };

type RubyValue = string | number | boolean | null;
type Thunk = () => RubyValue;

class Unset {
  readonly unset: 'nil' | 'default';
  constructor(unset: 'nil' | 'default') {
    this.unset = unset;
  }
}
class NotUnderstood {
  readonly position: number;
  readonly text: string;
  constructor(position: number, text: string) {
    this.position = position;
    this.text = text;
  }
}

const understood =
  "only ENV['X'], ENV.fetch('X', 'default'), hostname, worker_id, Socket.gethostname, use_nil, use_default, literals, ||, +, == and ? : are understood";

/** Reads and evaluates the expression behind `#{`, up to and with its `}`. Reports what it does not understand. */
export function readEmbedded(scanner: Scanner, scope: EmbeddedScope): EmbeddedResult {
  const start = scanner.position;
  const opened = scanner.place(start - 2);
  const reader = new ExpressionReader(scanner, scope);
  try {
    const thunk = scanner.match(/\s*(?=\})/y) === undefined ? reader.choice() : () => null;
    reader.blanks();
    if (!scanner.skip('}')) throw new NotUnderstood(scanner.position, 'an operator or } was expected');
    const value = thunk();
    for (const name of reader.missing)
      if (value === null) scanner.warning(opened, `the variable ${name} is not set: the expression gives empty text`);
    return { kind: 'text', text: value === null ? '' : String(value) };
  } catch (error) {
    if (error instanceof Unset) return { kind: 'unset', unset: error.unset };
    if (!(error instanceof NotUnderstood)) throw error;
    reportProblem(scanner, start, opened, error);
    return { kind: 'problem' };
  }
}

function reportProblem(scanner: Scanner, start: number, opened: Location, error: NotUnderstood): void {
  scanner.position = start;
  const source = scanner.match(/(?:[^}"'\r\n]|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')*/y) ?? '';
  if (!scanner.skip('}')) scanner.position = start;
  const shown = source.length > 60 ? `${source.slice(0, 59)}…` : source;
  scanner.problem(
    opened,
    `#{${shown}}: ${error.text} at column ${scanner.place(error.position).column}; ${understood}`,
  );
}

/** Recursive descent; every rule gives a thunk, so that the right side of `||` is only evaluated when it is needed. */
class ExpressionReader {
  /** Variables that were asked for and not set. */
  readonly missing = new Set<string>();
  readonly #scanner: Scanner;
  readonly #scope: EmbeddedScope;
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
  choice(): Thunk {
    // Deeper nesting than any configuration has; keeps hostile text from exhausting the stack.
    if (++this.#depth > 50) throw new NotUnderstood(this.#scanner.position, 'nested too deep');
    const condition = this.#either();
    let thunk = condition;
    if (this.#operator(/\?/y) !== undefined) {
      const yes = this.choice();
      if (this.#operator(/:/y) === undefined) throw new NotUnderstood(this.#scanner.position, ': was expected');
      const no = this.choice();
      thunk = () => (isTruthy(condition()) ? yes() : no());
    }
    this.#depth--;
    return thunk;
  }
  #either(): Thunk {
    let left = this.#both();
    while (this.#operator(/\|\|/y) !== undefined) {
      const [first, second] = [left, this.#both()];
      left = () => {
        const value = first();
        return isTruthy(value) ? value : second();
      };
    }
    return left;
  }
  #both(): Thunk {
    let left = this.#comparison();
    while (this.#operator(/&&/y) !== undefined) {
      const [first, second] = [left, this.#comparison()];
      left = () => {
        const value = first();
        return isTruthy(value) ? second() : value;
      };
    }
    return left;
  }
  #comparison(): Thunk {
    const left = this.#sum();
    const operator = this.#operator(/==|!=/y);
    if (operator === undefined) return left;
    const right = this.#sum();
    return () => (left() === right()) === (operator === '==');
  }
  #sum(): Thunk {
    let left = this.#postfix();
    for (;;) {
      const position = this.#scanner.position;
      if (this.#operator(/\+/y) === undefined) return left;
      const [first, second] = [left, this.#postfix()];
      left = () => add(first(), second(), position);
    }
  }
  #postfix(): Thunk {
    let value = this.#primary();
    for (;;) {
      const position = this.#scanner.position;
      const call = this.#scanner.match(/&?\.[a-z_]+[?!]?(?:\(\))?/y);
      if (call === undefined) return value;
      const name = call.replace(/^&?\./, '').replace('()', '');
      const method = methods.get(name);
      if (!method) throw new NotUnderstood(position, `${name} is no method known here`);
      const receiver = value;
      const isSafe = call.startsWith('&');
      value = () => {
        const given = receiver();
        if (given === null && isSafe) return null;
        const result = method(given);
        if (result === undefined) throw new NotUnderstood(position, `${name} cannot be called on ${inspect(given)}`);
        return result;
      };
    }
  }
  #primary(): Thunk {
    this.blanks();
    const scanner = this.#scanner;
    const position = scanner.position;
    if (scanner.here === '"' || scanner.here === "'") {
      const text = this.#string();
      return () => text;
    }
    if (scanner.skip('(')) {
      const inner = this.choice();
      this.blanks();
      if (!scanner.skip(')')) throw new NotUnderstood(scanner.position, ') was expected');
      return inner;
    }
    const digits = scanner.match(/-?\d+(?:\.\d+)?(?![\w.])/y);
    if (digits !== undefined) return () => Number(digits);
    if (scanner.skip('ENV')) return this.#environment(position);
    const word = scanner.match(/(?:::)?Socket\.gethostname|[a-z_]\w*/y);
    switch (word) {
      case '::Socket.gethostname':
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
        throw new NotUnderstood(position, word === undefined ? 'an expression was expected' : `${word} is not known`);
    }
  }
  #environment(position: number): Thunk {
    const scanner = this.#scanner;
    if (scanner.match(/\s*\[/y) !== undefined) {
      const name = this.#name();
      if (this.#operator(/\]/y) === undefined) throw new NotUnderstood(scanner.position, '] was expected');
      return () => this.#variable(name) ?? null;
    }
    if (scanner.match(/\s*\.fetch\s*\(/y) === undefined) throw new NotUnderstood(position, "ENV['X'] was expected");
    const name = this.#name();
    const otherwise = this.#operator(/,/y) === undefined ? undefined : this.choice();
    if (this.#operator(/\)/y) === undefined) throw new NotUnderstood(scanner.position, ') was expected');
    const block = otherwise ?? this.#block();
    return () => {
      const value = this.#scope.env[name];
      if (value !== undefined) return value;
      if (!block) throw new NotUnderstood(position, `the variable ${name} is not set`);
      return block();
    };
  }
  #block(): Thunk | undefined {
    if (this.#operator(/\{(?!\s*\|)/y) === undefined) return undefined;
    const inner = this.choice();
    if (this.#operator(/\}/y) === undefined) throw new NotUnderstood(this.#scanner.position, '} was expected');
    return inner;
  }
  #variable(name: string): string | undefined {
    const value = this.#scope.env[name];
    if (value === undefined) this.missing.add(name);
    return value;
  }
  #name(): string {
    this.blanks();
    if (this.#scanner.here !== '"' && this.#scanner.here !== "'")
      throw new NotUnderstood(this.#scanner.position, 'the quoted name of a variable was expected');
    return this.#string();
  }
  #string(): string {
    const scanner = this.#scanner;
    const position = scanner.position;
    const written = scanner.match(/'(?:[^'\\]|\\[\s\S])*'|"(?:[^"\\#]|#(?!\{)|\\["\\nrt])*"/y);
    if (written === undefined) throw new NotUnderstood(position, 'a plain quoted text was expected');
    const inner = written.slice(1, -1);
    if (written.startsWith("'")) return inner.replaceAll(/\\([\\'])/g, '$1');
    return inner.replaceAll(/\\(.)/g, (_, letter: string) => escapes[letter] ?? letter);
  }
}

const escapes: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };

const onText = (change: (text: string) => RubyValue) => (value: RubyValue) =>
  typeof value === 'string' ? change(value) : undefined;
/** Methods by Ruby name; undefined: the receiver has no such method. */
const methods = new Map<string, (value: RubyValue) => RubyValue | undefined>([
  ['upcase', onText((text) => text.toUpperCase())],
  ['downcase', onText((text) => text.toLowerCase())],
  ['capitalize', onText((text) => text.slice(0, 1).toUpperCase() + text.slice(1).toLowerCase())],
  ['strip', onText((text) => text.trim())],
  ['chomp', onText((text) => text.replace(/\r?\n$/, ''))],
  ['empty?', onText((text) => text === '')],
  ['nil?', (value) => value === null],
  ['to_s', (value) => (value === null ? '' : String(value))],
  ['to_i', toInteger],
]);

function toInteger(value: RubyValue): number | undefined {
  if (typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Math.trunc(value);
  return Number(/^\s*[-+]?\d+/.exec(value ?? '')?.[0] ?? 0);
}
function isTruthy(value: RubyValue): boolean {
  return value !== null && value !== false;
}
function inspect(value: RubyValue): string {
  return value === null ? 'nil (is the variable set?)' : typeof value === 'string' ? 'text' : String(value);
}
function add(left: RubyValue, right: RubyValue, position: number): RubyValue {
  if (typeof left === 'string' && typeof right === 'string') return left + right;
  if (typeof left === 'number' && typeof right === 'number') return left + right;
  throw new NotUnderstood(position, `${inspect(left)} and ${inspect(right)} cannot be added`);
}
