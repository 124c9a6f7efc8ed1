/** What Ruby's values are to each other, and how they print: `==`, `<=>`, `to_s`, `inspect`, `to_json`, hashes. Source: Ruby 3.1. */
import { rubyInspect, rubyText } from '../codecs/ruby.ts';
import { compileStrftime } from '../codecs/strftime.ts';
import type { TimeFormat } from '../codecs/strftime.ts';
import { Float, getField } from '../core/record.ts';
import type { PlainFields } from '../core/record.ts';
import { LimitError, RubyError } from './failures.ts';
import {
  RubyClass,
  RubyEnumerator,
  RubyRecordTime,
  RubyException,
  RubyMatch,
  RubyObject,
  RubyProc,
  RubyRange,
  RubyRegexp,
  RubySymbol,
  RubyTime,
  RubyUri,
  doubleOf,
  isHash,
  isNumber,
  isText,
  kindOf,
  textOf,
} from './values.ts';
import type { RubyHash, RubyValue } from './values.ts';

/** Deepest nesting that is compared and printed; records are no deeper than 200. */
const depthMax = 250;

function deeper(depth: number): number {
  if (depth >= depthMax) throw new LimitError(`a value nested deeper than ${depthMax} levels`);
  return depth + 1;
}

/** `==`. */
export function isEqual(a: RubyValue, b: RubyValue, depth = 0): boolean {
  if (a === b) return !(typeof a === 'number' && Number.isNaN(a));
  if (isNumber(a)) return isNumber(b) && compareNumbers(a, b) === 0;
  if (isText(a)) return isText(b) && textOf(a) === textOf(b);
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((one, i) => isEqual(one, b[i] ?? null, deeper(depth)));
  if (a instanceof RubyTime) return b instanceof RubyTime && compareTimes(a, b) === 0;
  if (a instanceof RubyRange)
    return (
      b instanceof RubyRange &&
      a.isExclusive === b.isExclusive &&
      isEqual(a.first, b.first, deeper(depth)) &&
      isEqual(a.last, b.last, deeper(depth))
    );
  if (a instanceof RubyRegexp) return b instanceof RubyRegexp && a.source === b.source && a.letters === b.letters;
  if (a instanceof RubySymbol) return b instanceof RubySymbol && a.name === b.name;
  if (a instanceof RubyClass) return b instanceof RubyClass && a.name === b.name;
  if (a instanceof RubyUri) return b instanceof RubyUri && a.text === b.text;
  if (!isHash(a) || !isHash(b) || hashSize(a) !== hashSize(b)) return false;
  return hashEntries(a).every(([key, value]) => {
    const other = hashGet(b, key);
    return other !== undefined && isEqual(value, other, deeper(depth));
  });
}

/** `eql?`: as `==`, but 1 is not 1.0. What keys of hashes, `uniq` and `-` of arrays go by. */
export function isSame(a: RubyValue, b: RubyValue): boolean {
  if (isNumber(a) && isNumber(b) && kindOf(a) !== kindOf(b)) return false;
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((one, i) => isSame(one, b[i] ?? null));
  return isEqual(a, b);
}

function compareNumbers(a: number | bigint | Float, b: number | bigint | Float): number | undefined {
  const left = a instanceof Float ? a.value : a;
  const right = b instanceof Float ? b.value : b;
  if (left < right) return -1;
  if (left > right) return 1;
  // oxlint-disable-next-line eslint/eqeqeq -- a bigint equals a number of the same value only so
  return left == right ? 0 : undefined;
}
function compareTimes(a: RubyTime, b: RubyTime): number {
  return Math.sign(a.seconds - b.seconds || a.nanos - b.nanos);
}
/** By code points, which is by UTF-8 bytes. */
function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  const hasPairs = /[\ud800-\udfff]/.test(a) || /[\ud800-\udfff]/.test(b);
  if (hasPairs) return Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return a < b ? -1 : 1;
}

/** `<=>`; undefined where Ruby gives nil. */
export function compare(a: RubyValue, b: RubyValue, depth = 0): number | undefined {
  if (isNumber(a)) return isNumber(b) ? compareNumbers(a, b) : undefined;
  if (isText(a)) return isText(b) ? compareTexts(textOf(a), textOf(b)) : undefined;
  if (a instanceof RubySymbol) return b instanceof RubySymbol ? compareTexts(a.name, b.name) : undefined;
  if (a instanceof RubyTime) return b instanceof RubyTime ? compareTimes(a, b) : undefined;
  if (Array.isArray(a)) {
    if (!Array.isArray(b)) return undefined;
    for (let i = 0; i < Math.min(a.length, b.length); i++) {
      const found = compare(a[i] ?? null, b[i] ?? null, deeper(depth));
      if (found !== 0) return found;
    }
    return Math.sign(a.length - b.length);
  }
  return isEqual(a, b) ? 0 : undefined;
}
/** `<=>` where a comparison is needed. @throws RubyError */
export function order(a: RubyValue, b: RubyValue): number {
  const found = compare(a, b);
  if (found === undefined)
    throw new RubyError('ArgumentError', `comparison of ${kindName(a)} with ${describeOperand(b)} failed`);
  return found;
}
function describeOperand(value: RubyValue): string {
  const shown = value === null || typeof value === 'boolean' || isNumber(value);
  return shown ? inspect(value) : kindName(value);
}

/** `===` of what stands behind `when`. */
export function covers(pattern: RubyValue, value: RubyValue, frame: { match: RubyMatch | null }): boolean {
  if (pattern instanceof RubyRegexp) {
    if (!isText(value) && !(value instanceof RubySymbol)) return false;
    frame.match = matchAt(pattern, isText(value) ? textOf(value) : value.name, 0);
    return frame.match !== null;
  }
  if (pattern instanceof RubyClass) return isA(value, pattern.name);
  if (pattern instanceof RubyRange) return rangeCovers(pattern, value);
  if (pattern instanceof RubyProc) return isProcTrue(pattern.run([value]));
  return isEqual(pattern, value);
}
function isProcTrue(value: RubyValue): boolean {
  return value !== null && value !== false;
}
function rangeCovers({ first, last, isExclusive }: RubyRange, value: RubyValue): boolean {
  const low = first === null ? -1 : compare(first, value);
  const high = last === null ? 1 : compare(last, value);
  if (low === undefined || high === undefined || low > 0) return false;
  return isExclusive ? high > 0 : high >= 0;
}

/** The first match at or behind a position in UTF-16 units. @throws MatchLate */
export function matchAt(regexp: RubyRegexp, text: string, from: number): RubyMatch | null {
  regexp.search.lastIndex = from;
  const found = regexp.guarded.exec(text);
  return found && new RubyMatch(regexp, found);
}

const ancestry: Readonly<Record<string, readonly string[]>> = {
  NilClass: [],
  TrueClass: [],
  FalseClass: [],
  Integer: ['Numeric', 'Comparable'],
  Float: ['Numeric', 'Comparable'],
  String: ['Comparable'],
  Symbol: ['Comparable'],
  Array: ['Enumerable'],
  Hash: ['Enumerable'],
  Range: ['Enumerable'],
  Enumerator: ['Enumerable'],
  Time: ['Comparable'],
  DateTime: ['Date', 'Comparable'],
  Class: ['Module'],
};
/** Names of the classes and modules of a value, its own first. */
export function ancestorsOf(value: RubyValue): readonly string[] {
  const own = kindName(value);
  if (value instanceof RubyException) return [own, 'StandardError', 'Exception', 'Object', 'BasicObject'];
  return [own, ...(ancestry[own] ?? []), 'Object', 'Kernel', 'BasicObject'];
}
export function isA(value: RubyValue, className: string): boolean {
  return ancestorsOf(value).includes(className);
}
/** The name of a value's class. */
export function kindName(value: RubyValue): string {
  if (value instanceof RubyException) return value.className;
  if (value instanceof RubyTime && value.isDateTime) return 'DateTime';
  if (value instanceof RubyRecordTime) return 'Fluent::EventTime';
  if (value instanceof RubyUri)
    return value.scheme === 'https' ? 'URI::HTTPS' : value.scheme === 'http' ? 'URI::HTTP' : 'URI::Generic';
  return kindOf(value);
}

// ---------------------------------------------------------------------------------------------------- as text

/** Compiled formats: expressions have a few, with a zone each. */
const formats = new Map<string, TimeFormat>();
/** Formats may come from records: forget all rather than grow. */
const formatsMax = 200;

/** How a time prints with a format, in its own zone. */
export function timeText(time: RubyTime, format: string): string {
  const { zone } = time;
  const key = `${zone.kind === 'name' ? zone.name : zone.kind === 'offset' ? zone.seconds : zone.kind} ${format}`;
  let compiled = formats.get(key);
  if (!compiled) {
    if (format.length > 1000) throw new LimitError('a time format of more than 1,000 characters');
    if (formats.size >= formatsMax) formats.clear();
    formats.set(key, (compiled = compileStrftime(format, zone)));
  }
  return compiled(time.seconds, time.nanos);
}

/** `to_s`. */
export function toText(value: RubyValue): string {
  if (typeof value === 'string') return value;
  if (value === null) return '';
  if (value instanceof RubySymbol) return value.name;
  if (value instanceof RubyTime)
    return timeText(value, value.isDateTime ? '%FT%T%:z' : value.zone.kind === 'utc' ? '%F %T UTC' : '%F %T %z');
  if (value instanceof RubyRecordTime) return String(value.seconds);
  if (value instanceof RubyMatch) return value.found[0];
  if (value instanceof RubyException) return value.message;
  if (value instanceof RubyUri) return value.text;
  if (value instanceof RubyRange)
    return `${toText(value.first)}${value.isExclusive ? '...' : '..'}${toText(value.last)}`;
  if (value instanceof RubyRegexp) {
    const off = ['m', 'i', 'x'].filter((letter) => !value.letters.includes(letter)).join('');
    const on = ['m', 'i', 'x'].filter((letter) => value.letters.includes(letter)).join('');
    return `(?${on}${off === '' ? '' : `-${off}`}:${value.source})`;
  }
  if (value instanceof Uint8Array) return textOf(value);
  return inspect(value);
}

/** `inspect`. */
export function inspect(value: RubyValue, depth = 0): string {
  if (Array.isArray(value)) return `[${value.map((one) => inspect(one, deeper(depth))).join(', ')}]`;
  if (value instanceof RubyObject) return inspectObject(value, depth);
  if (isHash(value)) {
    const pairs = hashEntries(value).map(
      ([key, one]) => `${inspect(key, deeper(depth))}=>${inspect(one, deeper(depth))}`,
    );
    return `{${pairs.join(', ')}}`;
  }
  return rubyInspect(value);
}
function inspectObject(value: RubyObject, depth: number): string {
  if (value instanceof RubySymbol) return `:${isPlainSymbol(value.name) ? value.name : rubyInspect(value.name)}`;
  if (value instanceof RubyTime) {
    const fraction = value.nanos === 0 ? '' : `.${String(value.nanos).padStart(9, '0').replace(/0+$/, '')}`;
    return timeText(value, `%F %T${fraction} ${value.zone.kind === 'utc' ? 'UTC' : '%z'}`);
  }
  if (value instanceof RubyRecordTime) return toText(value);
  if (value instanceof RubyRange) {
    const ends = [value.first, value.last].map((one) => (one === null ? '' : inspect(one, deeper(depth))));
    return ends.join(value.isExclusive ? '...' : '..');
  }
  if (value instanceof RubyRegexp)
    return `/${value.source.replaceAll(/(\\.)|\//gs, (_, kept?: string) => kept ?? '\\/')}/${value.letters}`;
  if (value instanceof RubyMatch) return `#<MatchData ${rubyInspect(value.found[0])}>`;
  if (value instanceof RubyException) return `#<${value.className}: ${value.message}>`;
  if (value instanceof RubyUri) return `#<${kindName(value)} ${value.text}>`;
  if (value instanceof RubyClass) return value.name;
  if (value instanceof RubyEnumerator) return `#<Enumerator: ${inspect(value.self, deeper(depth))}:${value.method}>`;
  return `#<${kindName(value)}>`;
}
function isPlainSymbol(name: string): boolean {
  return /^(?:[\p{L}_][\p{L}\p{N}_]*[?!=]?|\[\]=?|\*\*|[+\-*/%<>!~^&|]|<=>|===?|=~|![=~]|<<|>>|<=|>=|[+-]@)$/u.test(
    name,
  );
}

/** JSON as Ruby's `to_json` writes it. `indent` '' is all on one line. @throws RubyError for NaN and infinities */
export function toJson(value: RubyValue, indent = '', depth = 0): string {
  if (value instanceof RubyRecordTime) return String(value.seconds);
  if (value === null || typeof value === 'boolean') return String(value);
  if (isNumber(value)) {
    if (!Number.isFinite(doubleOf(value)) && typeof value !== 'bigint')
      throw new RubyError('JSON::GeneratorError', `${rubyText(value)} not allowed in JSON`);
    return rubyText(value);
  }
  if (isText(value)) return JSON.stringify(textOf(value));
  const [line, space] = indent === '' ? ['', ''] : [`\n${indent.repeat(depth + 1)}`, ' '];
  const last = indent === '' ? '' : `\n${indent.repeat(depth)}`;
  if (Array.isArray(value)) {
    if (value.length === 0) return '[]';
    return `[${value.map((one) => line + toJson(one, indent, deeper(depth))).join(',')}${last}]`;
  }
  if (!isHash(value)) return JSON.stringify(toText(value));
  if (hashSize(value) === 0) return '{}';
  const pairs = hashEntries(value).map(
    ([key, one]) => `${line}${JSON.stringify(toText(key))}:${space}${toJson(one, indent, deeper(depth))}`,
  );
  return `{${pairs.join(',')}${last}}`;
}

// ---------------------------------------------------------------------------------------------------- hashes

type AnyHash = RubyHash | PlainFields;

/** The compiler sees which code changes values; this is for what it cannot see. */
const notCopied = 'a change of the record in a way that is not taken';

/** The key under which a Map holds what is the same as `key`. */
function heldKey(hash: RubyHash, key: RubyValue): RubyValue | undefined {
  if (key instanceof Uint8Array) return heldKey(hash, textOf(key));
  if (typeof key !== 'object' || key === null) return hash.has(key) ? key : undefined;
  if (hash.has(key)) return key;
  for (const held of hash.keys()) if (typeof held === 'object' && held !== null && isSame(held, key)) return held;
  return undefined;
}
/** The value; undefined where there is no such key. */
export function hashGet(hash: AnyHash, key: RubyValue): RubyValue | undefined {
  if (!(hash instanceof Map)) return isText(key) ? getField(hash, textOf(key)) : undefined;
  if (typeof key === 'string') return hash.get(key);
  const held = heldKey(hash, key);
  return held === undefined ? undefined : hash.get(held);
}
/** Sets a pair in a hash that an expression made, or in a record that was copied for it. */
export function hashSet(hash: AnyHash, key: RubyValue, value: RubyValue): void {
  if (hash instanceof Map) hash.set(heldKey(hash, key) ?? (key instanceof Uint8Array ? textOf(key) : key), value);
  else throw new LimitError(notCopied);
}
export function hashDelete(hash: AnyHash, key: RubyValue): RubyValue | undefined {
  if (!(hash instanceof Map)) throw new LimitError(notCopied);
  const held = heldKey(hash, key);
  if (held === undefined) return undefined;
  const value = hash.get(held);
  hash.delete(held);
  return value;
}
export function hashEntries(hash: AnyHash): [RubyValue, RubyValue][] {
  return hash instanceof Map ? [...hash.entries()] : Object.entries(hash);
}
export function hashKeys(hash: AnyHash): RubyValue[] {
  return hash instanceof Map ? [...hash.keys()] : Object.keys(hash);
}
export function hashSize(hash: AnyHash): number {
  return hash instanceof Map ? hash.size : Object.keys(hash).length;
}
/** A new hash of pairs; a later pair of the same key takes the earlier one's place. */
export function hashOf(pairs: Iterable<readonly [RubyValue, RubyValue]>): RubyHash {
  const made: RubyHash = new Map();
  for (const [key, value] of pairs) hashSet(made, key, value);
  return made;
}

// ---------------------------------------------------------------------------------------------------- conversions

/** What Ruby converts to text on its own. @throws RubyError TypeError for anything but text */
export function needText(value: RubyValue): string {
  if (isText(value)) return textOf(value);
  throw new RubyError('TypeError', `no implicit conversion of ${implicitName(value)} into String`);
}
/** The same for whole numbers. Numbers far beyond any size are cut. */
export function needInteger(value: RubyValue): number {
  if (isNumber(value)) {
    const number = Math.trunc(doubleOf(value));
    if (Number.isNaN(number) || !Number.isFinite(number)) throw new RubyError('FloatDomainError', rubyText(value));
    return Math.max(-Number.MAX_SAFE_INTEGER, Math.min(Number.MAX_SAFE_INTEGER, number));
  }
  throw new RubyError(
    'TypeError',
    `no implicit conversion ${value === null ? 'from nil to integer' : `of ${implicitName(value)} into Integer`}`,
  );
}
export function needArray(value: RubyValue): RubyValue[] {
  if (Array.isArray(value)) return value;
  throw new RubyError('TypeError', `no implicit conversion of ${implicitName(value)} into Array`);
}
export function needHash(value: RubyValue): AnyHash {
  if (isHash(value)) return value;
  throw new RubyError('TypeError', `no implicit conversion of ${implicitName(value)} into Hash`);
}
/** How messages about conversions name a value's class. */
export function implicitName(value: RubyValue): string {
  return value === null || typeof value === 'boolean' ? String(value === null ? 'nil' : value) : kindName(value);
}
