/** Constants, functions without a receiver, and what modules do: `Time.at`, `JSON.parse`, `Digest::MD5.hexdigest`. Source: Ruby 3.1. */
import { createHash, createHmac } from 'node:crypto';
import { basename, dirname, extname, posix } from 'node:path';
import { errorText } from '../../core/errors.ts';
import { jsonDepthMax, parseRecord, scanJson } from '../../core/json.ts';
import { getField } from '../../core/record.ts';
import { strictFloat, strictInteger, truncated } from '../arithmetic.ts';
import { LimitError, RubyError, argumentError, exceptionAncestors, typeError } from '../failures.ts';
import { formatText } from '../format.ts';
import { needBlock } from '../frame.ts';
import type { Frame, Method } from '../frame.ts';
import {
  hashEntries,
  hashGet,
  hashOf,
  inspect,
  needArray,
  needHash,
  needInteger,
  needText,
  toJson,
  toText,
} from '../semantics.ts';
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
  symbolOf,
  textOf,
} from '../values.ts';
import type { RubyHash, RubyProc, RubyValue } from '../values.ts';
import { splatted } from './enumerable.ts';
import { escapeRegexp, makeRegexp } from './pattern.ts';
import { parseTime, strptime, timeAt, timeFrom, timeNow, timeZones } from './time.ts';
import { parseUri } from './uri.ts';

/** A function: it has nothing it is called on. */
type Run = (args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined) => RubyValue;
function method(min: number, max: number, run: Run): Method {
  return [min, max, (_self, args, frame, block) => run(args, frame, block)];
}
function option(args: readonly RubyValue[], name: string): RubyValue | undefined {
  const options = args.at(-1);
  return options !== undefined && isHash(options) ? hashGet(options, symbolOf(name)) : undefined;
}

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

// ---------------------------------------------------------------------------------------------------- JSON

/** A copy of plain objects as Maps, which can be changed; what is in it is copied too. */
export function owned(value: RubyValue): RubyValue {
  if (Array.isArray(value)) return value.map(owned);
  if (!isHash(value)) return value;
  return new Map(hashEntries(value).map(([key, one]) => [key, owned(one)]));
}
const parseJson: Run = (args, frame) => {
  const [value = null] = args;
  const text = value === null ? undefined : needText(value);
  if (text === undefined) throw typeError('no implicit conversion of nil into String');
  const wrapped = `{"value":${text}}`;
  let parsed: RubyValue;
  try {
    JSON.parse(text);
    const { exact, tooDeep } = scanJson(Buffer.from(wrapped));
    if (tooDeep) throw new RubyError('JSON::ParserError', `nesting of more than ${jsonDepthMax} is too deep`);
    parsed = (getField(parseRecord(wrapped, exact), 'value') ?? null) as RubyValue;
  } catch (error) {
    if (error instanceof RubyError) throw error;
    throw new RubyError('JSON::ParserError', `unexpected token at '${text.slice(0, 100)}' (${errorText(error)})`);
  }
  frame.charge(text.length);
  if (option(args, 'symbolize_names') === true) return symbolized(parsed);
  return frame.mutates ? owned(parsed) : parsed;
};
function symbolized(value: RubyValue): RubyValue {
  if (Array.isArray(value)) return value.map(symbolized);
  return isHash(value)
    ? new Map(hashEntries(value).map(([key, one]) => [symbolOf(toText(key)), symbolized(one)]))
    : value;
}
const generateJson: Run = ([value = null], frame) => frame.made(toJson(value));

// ---------------------------------------------------------------------------------------------------- modules

const digests = { MD5: 'md5', SHA1: 'sha1', SHA256: 'sha256', SHA384: 'sha384', SHA512: 'sha512' } as const;
function digestFunctions(): [string, Method][] {
  return Object.entries(digests).flatMap(([name, algorithm]): [string, Method][] => [
    [
      `Digest::${name}.hexdigest`,
      method(1, 1, ([text = null]) => createHash(algorithm).update(needText(text)).digest('hex')),
    ],
    [
      `Digest::${name}.base64digest`,
      method(1, 1, ([text = null]) => createHash(algorithm).update(needText(text)).digest('base64')),
    ],
  ]);
}
const hmac: Run = ([name = null, key = null, text = null]) => {
  const algorithm = Object.values(digests).find((one) => one === toText(name).toLowerCase().replaceAll('-', ''));
  if (!algorithm) throw new LimitError(`the digest ${toText(name)}`);
  return createHmac(algorithm, needText(key)).update(needText(text)).digest('hex');
};

function lines60(text: string): string {
  return text.replaceAll(/.{1,60}/g, '$&\n');
}
function fromBase64(text: string, isStrict: boolean, isUrl: boolean): string {
  if (
    isStrict &&
    !/^(?:[A-Za-z0-9+/_-]{4})*(?:[A-Za-z0-9+/_-]{2}==|[A-Za-z0-9+/_-]{3}=)?$/.test(
      isUrl ? text.padEnd(Math.ceil(text.length / 4) * 4, '=') : text,
    )
  )
    throw argumentError('invalid base64');
  return Buffer.from(text, isUrl ? 'base64url' : 'base64').toString('utf8');
}

const htmlNames: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};
function fromHtml(text: string): string {
  const names = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" } as Readonly<Record<string, string>>;
  return text.replaceAll(
    /&(?:#x([\da-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi,
    (all, hex?: string, decimal?: string, name?: string) => {
      if (name !== undefined) return names[name.toLowerCase()] ?? all;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      return code <= 0x10ffff ? String.fromCodePoint(code) : all;
    },
  );
}
function formEscape(text: string): string {
  return encodeURIComponent(text)
    .replaceAll('%20', '+')
    .replaceAll(/[!'()~]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
function formUnescape(text: string): string {
  return percentDecoded(text.replaceAll('+', ' '));
}
function percentDecoded(text: string): string {
  return text.replaceAll(/(?:%[\da-fA-F]{2})+/g, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}
function formPairs(text: string): [string, string][] {
  return text
    .split(/[&;]/)
    .filter((part) => part !== '')
    .map((part) => {
      const [key = '', ...rest] = part.split('=');
      return [formUnescape(key), formUnescape(rest.join('='))];
    });
}
function formHash(text: string): RubyHash {
  const lists = new Map<string, string[]>();
  for (const [key, value] of formPairs(text)) lists.set(key, [...(lists.get(key) ?? []), value]);
  return new Map(lists);
}
function formText(value: RubyValue): string {
  const pairs = isHash(value) ? hashEntries(value) : needArray(value).map(needArray);
  return pairs.map(([key = null, one = null]) => `${formEscape(toText(key))}=${formEscape(toText(one))}`).join('&');
}

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

const json: [string, Method][] = [
  ['JSON.parse', method(1, 2, parseJson)],
  ['JSON.load', method(1, 2, (args, frame, block) => (args[0] === null ? null : parseJson(args, frame, block)))],
  ['JSON.generate', method(1, 2, generateJson)],
  ['JSON.dump', method(1, 1, generateJson)],
  ['JSON.pretty_generate', method(1, 2, ([value = null], frame) => frame.made(toJson(value, '  ')))],
  ['Yajl.load', method(1, 2, parseJson)],
  ['Yajl.dump', method(1, 1, generateJson)],
  ['Yajl::Parser.parse', method(1, 2, parseJson)],
  ['Yajl::Encoder.encode', method(1, 1, generateJson)],
  ['Oj.load', method(1, 2, parseJson)],
  ['Oj.dump', method(1, 2, generateJson)],
];

const texts: [string, Method][] = [
  ...digestFunctions(),
  ['OpenSSL::HMAC.hexdigest', method(3, 3, hmac)],
  ['Base64.encode64', method(1, 1, ([text = null]) => lines60(Buffer.from(needText(text)).toString('base64')))],
  ['Base64.strict_encode64', method(1, 1, ([text = null]) => Buffer.from(needText(text)).toString('base64'))],
  [
    'Base64.urlsafe_encode64',
    method(1, 2, (args) => {
      const encoded = Buffer.from(needText(args[0] ?? null))
        .toString('base64')
        .replaceAll('+', '-')
        .replaceAll('/', '_');
      return option(args, 'padding') === false ? encoded.replaceAll('=', '') : encoded;
    }),
  ],
  ['Base64.decode64', method(1, 1, ([text = null]) => fromBase64(needText(text), false, false))],
  ['Base64.strict_decode64', method(1, 1, ([text = null]) => fromBase64(needText(text), true, false))],
  [
    'Base64.urlsafe_decode64',
    method(1, 1, ([text = null]) => fromBase64(needText(text).replaceAll('=', ''), true, true)),
  ],
  ['CGI.escape', method(1, 1, ([text = null]) => formEscape(needText(text)).replaceAll('%7E', '~'))],
  ['CGI.unescape', method(1, 1, ([text = null]) => formUnescape(needText(text)))],
  [
    'CGI.escapeHTML',
    method(1, 1, ([text = null]) => needText(text).replaceAll(/[&<>"']/g, (char) => htmlNames[char] ?? char)),
  ],
  ['CGI.unescapeHTML', method(1, 1, ([text = null]) => fromHtml(needText(text)))],
  ['CGI.parse', method(1, 1, ([text = null]) => formHash(needText(text)))],
  ['URI.parse', method(1, 1, ([text = null]) => parseUri(needText(text)))],
  ['URI.encode_www_form_component', method(1, 1, ([text = null]) => formEscape(toText(text)))],
  ['URI.decode_www_form_component', method(1, 1, ([text = null]) => formUnescape(needText(text)))],
  ['URI.decode_www_form', method(1, 1, ([text = null]) => formPairs(needText(text)))],
  ['URI.encode_www_form', method(1, 1, ([value = null]) => formText(value))],
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
  ...json,
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
