/**
 * Ruby's values as the evaluator holds them. What a record holds is used as it lies there (see core/record.ts): text,
 * numbers (`number` when integral is an Integer, otherwise a Float; `Float` and `bigint` as in exact records), arrays and
 * plain objects or Maps. What Ruby has besides is a class below. Hashes that expressions make are Maps with any keys.
 */
import { guardMatch } from '../codecs/guarded-match.ts';
import type { GuardedMatch } from '../codecs/guarded-match.ts';
import type { Zone } from '../codecs/strftime.ts';
import { Float } from '../core/record.ts';
import type { PlainFields } from '../core/record.ts';

export type RubyValue =
  null | boolean | number | bigint | string | Float | Uint8Array | RubyArray | RubyHash | PlainFields | RubyObject;
// oxlint-disable-next-line typescript/no-empty-object-type -- an interface, because a type alias cannot name itself
export interface RubyArray extends Array<RubyValue> {}
// oxlint-disable-next-line typescript/no-empty-object-type -- as above
export interface RubyHash extends Map<RubyValue, RubyValue> {}

/** Names of the classes that method tables exist for. */
export const kinds = [
  'NilClass',
  'TrueClass',
  'FalseClass',
  'Integer',
  'Float',
  'String',
  'Symbol',
  'Array',
  'Hash',
  'Range',
  'Regexp',
  'MatchData',
  'Time',
  'EventTime',
  'Proc',
  'Class',
  'Exception',
  'Enumerator',
  'URI',
] as const;
export type Kind = (typeof kinds)[number];

/** Values that records cannot hold. */
export abstract class RubyObject {
  abstract readonly kind: Kind;
}

/** A symbol; one object for each name (see symbolOf), so that `===` compares. */
export class RubySymbol extends RubyObject {
  readonly kind = 'Symbol';
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
}

/** Symbols of literals live as long as the program; those made from records are not kept. */
const symbols = new Map<string, RubySymbol>();
/** Expressions hold a few symbols each; `to_sym` on what records hold could make any number. */
const symbolsMax = 10_000;

/** The symbol of a name. */
export function symbolOf(name: string): RubySymbol {
  const known = symbols.get(name);
  if (known) return known;
  const made = new RubySymbol(name);
  if (symbols.size < symbolsMax) symbols.set(name, made);
  return made;
}

export class RubyRange extends RubyObject {
  readonly kind = 'Range';
  readonly first: RubyValue;
  readonly last: RubyValue;
  readonly isExclusive: boolean;
  constructor(first: RubyValue, last: RubyValue, isExclusive: boolean) {
    super();
    this.first = first;
    this.last = last;
    this.isExclusive = isExclusive;
  }
}

export class RubyRegexp extends RubyObject {
  readonly kind = 'Regexp';
  /** As written in Ruby, without delimiters. */
  readonly source: string;
  readonly letters: string;
  /** Finds the first match from `lastIndex` on; owned by this value. */
  readonly search: RegExp;
  /** The same under a time limit where it needs one. */
  readonly guarded: GuardedMatch;
  constructor(source: string, letters: string, compiled: RegExp) {
    super();
    this.source = source;
    this.letters = letters;
    this.search = compiled;
    this.guarded = guardMatch(compiled, source);
  }
}

export class RubyMatch extends RubyObject {
  readonly kind = 'MatchData';
  readonly regexp: RubyRegexp;
  readonly found: RegExpExecArray;
  constructor(regexp: RubyRegexp, found: RegExpExecArray) {
    super();
    this.regexp = regexp;
    this.found = found;
  }
}

/** A time. `utc` and `localtime` change its zone in place, as in Ruby. */
export class RubyTime extends RubyObject {
  readonly kind = 'Time';
  readonly seconds: number;
  readonly nanos: number;
  zone: Zone;
  /** A DateTime: printed in another form. */
  readonly isDateTime: boolean;
  constructor(seconds: number, nanos: number, zone: Zone, isDateTime = false) {
    super();
    this.seconds = seconds;
    this.nanos = nanos;
    this.zone = zone;
    this.isDateTime = isDateTime;
  }
}

/** `Fluent::EventTime`, the time of a record as `record_modifier` gives it: whole seconds to all that asks for a number. */
export class RubyRecordTime extends RubyObject {
  readonly kind = 'EventTime';
  readonly seconds: number;
  readonly nanos: number;
  constructor(seconds: number, nanos: number) {
    super();
    this.seconds = seconds;
    this.nanos = nanos;
  }
}

/** A block, proc, lambda, or `&:name`. */
export class RubyProc extends RubyObject {
  readonly kind = 'Proc';
  /** How many parameters it takes apart an array into; 1 takes it whole. */
  readonly parameterCount: number;
  readonly isLambda: boolean;
  /** Runs it with exactly these arguments. */
  readonly run: (args: readonly RubyValue[]) => RubyValue;
  constructor(parameterCount: number, isLambda: boolean, run: (args: readonly RubyValue[]) => RubyValue) {
    super();
    this.parameterCount = parameterCount;
    this.isLambda = isLambda;
    this.run = run;
  }
}

/** A class or module by name. */
export class RubyClass extends RubyObject {
  readonly kind = 'Class';
  readonly name: string;
  /** Classes and modules above it, nearest first. */
  readonly above: readonly string[];
  constructor(name: string, above: readonly string[]) {
    super();
    this.name = name;
    this.above = above;
  }
}

/** An exception as a value (`rescue => e`). */
export class RubyException extends RubyObject {
  readonly kind = 'Exception';
  readonly className: string;
  readonly message: string;
  constructor(className: string, message: string) {
    super();
    this.className = className;
    this.message = message;
  }
}

/** `each_with_index` and others without a block: the call is made when the values are asked for. */
export class RubyEnumerator extends RubyObject {
  readonly kind = 'Enumerator';
  readonly self: RubyValue;
  readonly method: string;
  readonly args: readonly RubyValue[];
  constructor(self: RubyValue, method: string, args: readonly RubyValue[]) {
    super();
    this.self = self;
    this.method = method;
    this.args = args;
  }
}

/** What `URI.parse` gives. */
export class RubyUri extends RubyObject {
  readonly kind = 'URI';
  readonly text: string;
  readonly scheme: string | null;
  readonly userinfo: string | null;
  readonly host: string | null;
  readonly port: number | null;
  readonly path: string;
  readonly query: string | null;
  readonly fragment: string | null;
  constructor(text: string, parts: Omit<RubyUri, 'kind' | 'text'>) {
    super();
    this.text = text;
    this.scheme = parts.scheme;
    this.userinfo = parts.userinfo;
    this.host = parts.host;
    this.port = parts.port;
    this.path = parts.path;
    this.query = parts.query;
    this.fragment = parts.fragment;
  }
}

/** A hash with a value for keys that it has not: `Hash.new(0)`, `Hash.new { |hash, key| … }`. */
export class DefaultHash extends Map<RubyValue, RubyValue> {
  readonly fallback: (key: RubyValue) => RubyValue;
  constructor(fallback: (self: DefaultHash, key: RubyValue) => RubyValue) {
    super();
    this.fallback = (key) => fallback(this, key);
  }
}

/** The class of a value, by the name of its method table. */
export function kindOf(value: RubyValue): Kind {
  switch (typeof value) {
    case 'string':
      return 'String';
    case 'number':
      return Number.isInteger(value) ? 'Integer' : 'Float';
    case 'bigint':
      return 'Integer';
    case 'boolean':
      return value ? 'TrueClass' : 'FalseClass';
    default:
      break;
  }
  if (value === null) return 'NilClass';
  if (Array.isArray(value)) return 'Array';
  if (value instanceof RubyObject) return value.kind;
  if (value instanceof Float) return 'Float';
  return value instanceof Uint8Array ? 'String' : 'Hash';
}

/** Everything but nil and false is true. */
export function isTruthy(value: RubyValue): boolean {
  return value !== null && value !== false;
}

export function isHash(value: RubyValue): value is RubyHash | PlainFields {
  return kindOf(value) === 'Hash';
}
export function isInteger(value: RubyValue): value is number | bigint {
  return typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
}
export function isFloat(value: RubyValue): value is number | Float {
  return value instanceof Float || (typeof value === 'number' && !Number.isInteger(value));
}
export function isNumber(value: RubyValue): value is number | bigint | Float {
  return typeof value === 'number' || typeof value === 'bigint' || value instanceof Float;
}
export function isText(value: RubyValue): value is string | Uint8Array {
  return typeof value === 'string' || value instanceof Uint8Array;
}

/** The text of a String value; bytes that are not UTF-8 become U+FFFD. */
export function textOf(value: string | Uint8Array): string {
  if (typeof value === 'string') return value;
  return Buffer.from(value.buffer, value.byteOffset, value.length).toString('utf8');
}

/** A double as a Float value: integral ones need their own class. */
export function floatOf(value: number): number | Float {
  return Number.isInteger(value) ? new Float(value) : value;
}
/** A bigint as an Integer value: a number where that holds it. */
export function integerOf(value: bigint): number | bigint {
  const small = Number(value);
  return Number.isSafeInteger(small) ? small : value;
}
/** Any number as a double. */
export function doubleOf(value: number | bigint | Float): number {
  return value instanceof Float ? value.value : Number(value);
}
