/** Constants, functions without a receiver, and what modules do: `Time.at`, `JSON.parse`, `Digest::MD5.hexdigest`. Source: Ruby 3.1. */
import { createHash } from 'node:crypto';
import { basename, dirname, extname, posix } from 'node:path';
import { strictFloat, strictInteger, truncated } from '../arithmetic.ts';
import { LimitError, RubyError, argumentError, exceptionAncestors, typeError } from '../failures.ts';
import { formatText } from '../format.ts';
import { needBlock } from '../frame.ts';
import type { Frame, Method } from '../frame.ts';
import { hashEntries, hashOf, inspect, needArray, needHash, needInteger, needText, toText } from '../semantics.ts';
import {
  DefaultHash,
  RubyClass,
  RubyException,
  RubyRange,
  RubyRegexp,
  doubleOf,
  floatOf,
  isHash,
  isInteger,
  isNumber,
  isText,
  isTruthy,
  kinds,
  textOf,
} from '../values.ts';
import type { RubyValue } from '../values.ts';
import { splatted } from './enumerable.ts';
import { codingFunctions } from './codings.ts';
import { method, option } from './functions.ts';
import type { Run } from './functions.ts';
import { jsonFunctions } from './json.ts';
import { escapeRegexp, makeRegexp } from './pattern.ts';
import { parseTime, strptime, timeAt, timeFrom, timeNow, timeZones } from './time.ts';
import { parseUri } from './uri.ts';

// ---------------------------------------------------------------------------------------------------- functions

function toInteger(args: readonly RubyValue[]): RubyValue {
  const [value = null, base] = args;
  const isQuiet = option(args, 'exception') === false;
  const fail = (error: RubyError): null => {
    if (isQuiet) return null;
    throw error;
  };
  if (isInteger(value)) return value;
  if (isNumber(value)) return truncated(doubleOf(value));
  if (isText(value)) {
    // 0: the text says which.
    const radix = base !== undefined && isInteger(base) && Number(base) !== 0 ? Number(base) : undefined;
    if (radix !== undefined && (radix < 2 || radix > 36)) return fail(argumentError(`invalid radix ${radix}`));
    const read = strictInteger(textOf(value), radix);
    return read ?? fail(argumentError(`invalid value for Integer(): ${inspect(value)}`));
  }
  return fail(typeError(`can't convert ${value === null ? 'nil' : toText(inspectClass(value))} into Integer`));
}
function toFloat(args: readonly RubyValue[]): RubyValue {
  const [value = null] = args;
  const isQuiet = option(args, 'exception') === false;
  if (isNumber(value)) return floatOf(doubleOf(value));
  const read = isText(value) ? strictFloat(textOf(value)) : undefined;
  if (read !== undefined) return floatOf(read);
  if (isQuiet) return null;
  throw isText(value)
    ? argumentError(`invalid value for Float(): ${inspect(value)}`)
    : typeError(`can't convert ${value === null ? 'nil' : inspectClass(value)} into Float`);
}
function inspectClass(value: RubyValue): string {
  return typeof value === 'boolean' ? String(value) : Array.isArray(value) ? 'Array' : 'Hash';
}

function raise([what = null, text]: readonly RubyValue[]): never {
  if (what instanceof RubyException) throw new RubyError(what.className, what.message);
  if (what instanceof RubyClass && exceptionAncestors(what.name))
    throw new RubyError(what.name, text === undefined ? what.name : toText(text));
  throw new RubyError('RuntimeError', what === null ? 'unhandled exception' : needText(what));
}

/** Bytes that are as good as random, and the same at every replay of the record. */
function randomBytes(frame: Frame, count: number): Buffer {
  if (count < 0 || count > 10_000) throw new LimitError('more than 10,000 random bytes');
  const pieces: Buffer[] = [];
  for (let size = 0; size < count; size += 32)
    pieces.push(createHash('sha256').update(`${frame.identify()} ${frame.randomCount++}`).digest());
  return Buffer.concat(pieces).subarray(0, count);
}
function randomFloat(frame: Frame): number {
  return Number(randomBytes(frame, 8).readBigUInt64BE() >> 11n) / 2 ** 53;
}
const rand: Run = ([max = null], frame) => {
  if (max instanceof RubyRange) {
    const first = needInteger(max.first);
    const count = needInteger(max.last) - first + (max.isExclusive ? 0 : 1);
    return count <= 0 ? null : first + Math.floor(randomFloat(frame) * count);
  }
  if (max === null || (isNumber(max) && doubleOf(max) === 0)) return floatOf(randomFloat(frame));
  return Math.floor(randomFloat(frame) * Math.abs(needInteger(max)));
};
function uuid(frame: Frame): string {
  const bytes = randomBytes(frame, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 15) | 64, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 63) | 128, 8);
  return bytes.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}

/** Libraries of which something is taken: it is there without them. */
const libraries = new Set(
  'json time date digest digest/md5 digest/sha1 digest/sha2 base64 cgi uri securerandom socket yajl oj openssl set'.split(
    ' ',
  ),
);
/** True for a library that `require` finds, because what is taken of it is always there. */
export function isLibrary(name: string): boolean {
  return libraries.has(name);
}
function required(name: string): boolean {
  if (!isLibrary(name)) throw new LimitError(`library ${name}`);
  return false;
}

/** Functions that are called by their name alone. */
export const functions: ReadonlyMap<string, Method> = new Map<string, Method>([
  ['Integer', method(1, 3, toInteger)],
  ['Float', method(1, 2, toFloat)],
  ['String', method(1, 1, ([value = null]) => toText(value))],
  ['Array', method(1, 1, ([value = null], frame) => [...splatted(value, frame)])],
  [
    'Hash',
    method(1, 1, ([value = null]) =>
      value === null || (Array.isArray(value) && value.length === 0) ? new Map() : needHash(value),
    ),
  ],
  ['URI', method(1, 1, ([value = null]) => parseUri(needText(value)))],
  ['format', method(1, 99, ([text = null, ...values]) => formatText(needText(text), values))],
  ['sprintf', method(1, 99, ([text = null, ...values]) => formatText(needText(text), values))],
  ['raise', method(0, 3, raise)],
  ['fail', method(0, 3, raise)],
  ['rand', method(0, 1, rand)],
  ['require', method(1, 1, ([name = null]) => required(needText(name)))],
  ['block_given?', method(0, 0, () => false)],
  [
    'loop',
    method(0, 0, (_args, frame, block) => {
      for (;;) {
        frame.step();
        try {
          needBlock(block).run([]);
        } catch (error) {
          if (error instanceof RubyError && error.className === 'StopIteration') return null;
          throw error;
        }
      }
    }),
  ],
]);

// ---------------------------------------------------------------------------------------------------- modules

const environment: [string, Method][] = [
  ['ENV.[]', method(1, 1, ([name = null], frame) => frame.around.environment[needText(name)] ?? null)],
  [
    'ENV.fetch',
    method(1, 2, ([name = null, fallback], frame, block) => {
      const found = frame.around.environment[needText(name)];
      if (found !== undefined) return found;
      if (block) return block.run([name]);
      if (fallback !== undefined) return fallback;
      throw new RubyError('KeyError', `key not found: ${inspect(name)}`);
    }),
  ],
  ...['key?', 'has_key?', 'include?', 'member?'].map((name): [string, Method] => [
    `ENV.${name}`,
    method(1, 1, ([key = null], frame) => frame.around.environment[needText(key)] !== undefined),
  ]),
];

const times: [string, Method][] = [
  ['Time.at', method(1, 4, timeAt)],
  ['Time.now', method(0, 1, timeNow)],
  ['Time.parse', method(1, 2, parseTime(false))],
  ['Time.iso8601', method(1, 1, parseTime(false))],
  ['Time.xmlschema', method(1, 1, parseTime(false))],
  ['Time.rfc2822', method(1, 1, parseTime(false))],
  ['Time.httpdate', method(1, 1, parseTime(false))],
  ['Time.strptime', method(2, 2, strptime(false))],
  ['Time.new', method(0, 8, timeFrom(timeZones.local))],
  ['Time.local', method(1, 7, timeFrom(timeZones.local))],
  ['Time.mktime', method(1, 7, timeFrom(timeZones.local))],
  ['Time.utc', method(1, 7, timeFrom(timeZones.utc))],
  ['Time.gm', method(1, 7, timeFrom(timeZones.utc))],
  ['DateTime.parse', method(1, 2, parseTime(true))],
  ['DateTime.iso8601', method(1, 2, parseTime(true))],
  ['DateTime.strptime', method(2, 2, strptime(true))],
];

const texts: [string, Method][] = [
  [
    'File.basename',
    method(1, 2, ([path = null, end]) =>
      basename(needText(path), end === '.*' ? extname(needText(path)) : end === undefined ? '' : needText(end)),
    ),
  ],
  ['File.dirname', method(1, 1, ([path = null]) => dirname(needText(path)))],
  ['File.extname', method(1, 1, ([path = null]) => extname(needText(path)))],
  ['File.join', method(0, 99, (parts) => posix.join(...parts.map(needText)))],
  ['Regexp.escape', method(1, 1, ([text = null]) => escapeRegexp(needText(text)))],
  ['Regexp.quote', method(1, 1, ([text = null]) => escapeRegexp(needText(text)))],
  [
    'Regexp.new',
    method(1, 2, ([source = null, flags = null]) =>
      source instanceof RubyRegexp ? source : makeRegexp(needText(source), letters(flags)),
    ),
  ],
  [
    'Regexp.union',
    method(0, 99, (parts) =>
      makeRegexp(
        parts
          .flatMap((part) => (Array.isArray(part) ? part : [part]))
          .map((part) => (part instanceof RubyRegexp ? toText(part) : escapeRegexp(needText(part))))
          .join('|'),
        '',
      ),
    ),
  ],
  [
    'Regexp.last_match',
    method(0, 1, ([group], frame) =>
      group === undefined || !frame.match ? frame.match : frame.call(frame.match, '[]', [group]),
    ),
  ],
];
function letters(flags: RubyValue): string {
  if (isInteger(flags)) return ['i', 'x', 'm'].filter((_, i) => (Number(flags) >> i) % 2 === 1).join('');
  return isTruthy(flags) ? 'i' : '';
}

const made: [string, Method][] = [
  ['String.new', method(0, 2, ([text]) => (text === undefined || isHash(text) ? '' : needText(text)))],
  [
    'Array.new',
    method(0, 2, ([size, value = null], frame, block) => {
      if (Array.isArray(size)) return [...size];
      const count = size === undefined ? 0 : needInteger(size);
      if (count < 0) throw argumentError('negative array size');
      frame.chargeElements(count);
      return Array.from({ length: count }, (_, i) => (block ? block.run([i]) : value));
    }),
  ],
  [
    'Hash.new',
    method(
      0,
      1,
      ([value = null], _frame, block) => new DefaultHash(block ? (self, key) => block.run([self, key]) : () => value),
    ),
  ],
  [
    'Hash.[]',
    method(1, 1, ([value = null]) =>
      isHash(value)
        ? hashOf(hashEntries(value))
        : hashOf(
            needArray(value)
              .map(needArray)
              .map(([key = null, one = null]) => [key, one] as const),
          ),
    ),
  ],
  [
    'Range.new',
    method(
      2,
      3,
      ([first = null, last = null, isExclusive = false]) => new RubyRange(first, last, isTruthy(isExclusive)),
    ),
  ],
  ['SecureRandom.uuid', method(0, 0, (_args, frame) => uuid(frame))],
  ['SecureRandom.hex', method(0, 1, ([count = 16], frame) => randomBytes(frame, needInteger(count)).toString('hex'))],
  [
    'SecureRandom.base64',
    method(0, 1, ([count = 16], frame) => randomBytes(frame, needInteger(count)).toString('base64')),
  ],
  [
    'SecureRandom.urlsafe_base64',
    method(0, 1, ([count = 16], frame) => randomBytes(frame, needInteger(count)).toString('base64url')),
  ],
  ['SecureRandom.random_number', method(0, 1, rand)],
  ['Random.rand', method(0, 1, rand)],
  ['Kernel.format', functions.get('format') as Method],
  ['Kernel.sprintf', functions.get('sprintf') as Method],
  ['Kernel.Integer', functions.get('Integer') as Method],
  ['Kernel.Float', functions.get('Float') as Method],
  ['Kernel.rand', functions.get('rand') as Method],
  ['Socket.gethostname', method(0, 0, (_args, frame) => frame.around.hostname)],
];

const { sqrt, cbrt, sin, cos, tan, atan, exp, log2, log10, atan2, hypot } = Math;
const mathOfOne = { sqrt, cbrt, sin, cos, tan, atan, exp, log2, log10 };
function mathFunction(run: (value: number, other?: number) => number): Method {
  return method(1, 2, (args) => {
    const result = run(mathOperand(args[0] ?? null), args.length > 1 ? mathOperand(args[1] ?? null) : undefined);
    if (Number.isNaN(result) && args.every((arg) => isNumber(arg) && !Number.isNaN(doubleOf(arg))))
      throw new RubyError('Math::DomainError', 'Numerical argument is out of domain');
    return floatOf(result);
  });
}
function mathOperand(value: RubyValue): number {
  if (isNumber(value)) return doubleOf(value);
  throw typeError(`can't convert ${value === null ? 'nil' : inspectClass(value)} into Float`);
}
const maths: [string, Method][] = [
  ...Object.entries(mathOfOne).map(([name, run]): [string, Method] => [
    `Math.${name}`,
    mathFunction((value) => run(value)),
  ]),
  ['Math.atan2', mathFunction((y, x = Number.NaN) => atan2(y, x))],
  ['Math.hypot', mathFunction((x, y = Number.NaN) => hypot(x, y))],
  [
    'Math.log',
    mathFunction((value, base) => (base === undefined ? Math.log(value) : Math.log(value) / Math.log(base))),
  ],
  ['Math.pow', mathFunction((value, by = 1) => value ** by)],
];

/** Functions of modules and classes, by `Name.function`. */
export const moduleFunctions: ReadonlyMap<string, Method> = new Map<string, Method>([
  ...environment,
  ...times,
  ...jsonFunctions,
  ...codingFunctions,
  ...texts,
  ...made,
  ...maths,
]);

/** Constants that are values. */
export const constants: ReadonlyMap<string, RubyValue> = new Map<string, RubyValue>([
  ['Float::INFINITY', Number.POSITIVE_INFINITY],
  ['Float::NAN', Number.NaN],
  ['Float::EPSILON', Number.EPSILON],
  ['Float::MAX', floatOf(Number.MAX_VALUE)],
  ['Float::MIN', 2.225_073_858_507_201_4e-308],
  ['Float::DIG', 15],
  ['Math::PI', Math.PI],
  ['Math::E', Math.E],
  ['Regexp::IGNORECASE', 1],
  ['Regexp::EXTENDED', 2],
  ['Regexp::MULTILINE', 4],
  ['File::SEPARATOR', '/'],
  ...['UTF_8', 'ASCII_8BIT', 'BINARY', 'US_ASCII', 'ASCII', 'ISO_8859_1'].map((name): [string, RubyValue] => [
    `Encoding::${name}`,
    name.replaceAll('_', '-').replace('BINARY', 'ASCII-8BIT'),
  ]),
]);

const plainClasses = new Set<string>([
  ...kinds,
  'Object',
  'BasicObject',
  'Numeric',
  'Comparable',
  'Enumerable',
  'Kernel',
  'Module',
  'DateTime',
  'Date',
]);
/** The class of a constant's name; undefined for one that is not taken. */
export function classNamed(name: string): RubyClass | undefined {
  const above = exceptionAncestors(name);
  if (above) return new RubyClass(name, above);
  return plainClasses.has(name) ? new RubyClass(name, ['Object']) : undefined;
}
