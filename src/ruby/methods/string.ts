/** Methods of String that give something new. Source: Ruby 3.1 string.c. */
import { leadingInteger } from '../arithmetic.ts';
import {
  charactersOf,
  characterIndex,
  characterSet,
  inSets,
  lengthOf,
  reversed,
  slice,
  successor,
  transliterate,
  unitIndex,
} from '../characters.ts';
import type { CharacterSet } from '../characters.ts';
import { LimitError, RubyError, argumentError } from '../failures.ts';
import { formatText } from '../format.ts';
import { yieldOne } from '../frame.ts';
import type { Frame, MethodTable } from '../frame.ts';
import { compare, hashGet, matchAt, needInteger, needText, order, toText } from '../semantics.ts';
import { rubyFloat } from '../../codecs/ruby.ts';
import { RubyEnumerator, RubyRegexp, floatOf, isHash, isText, symbolOf } from '../values.ts';
import type { RubyProc, RubyValue } from '../values.ts';
import { clamp } from './number.ts';
import { match, matchPosition, patternOf, piece, places, scan, split, substitute } from './pattern.ts';
import { unpack } from './pack.ts';

const plain = (change: (self: string) => RubyValue): MethodTable<string>[string] => [0, 0, (self) => change(self)];

function capitalized(text: string): string {
  const [first = ''] = text;
  return first.toUpperCase() + text.slice(first.length).toLowerCase();
}
function swapped(text: string): string {
  return Array.from(text)
    .map((char) => (char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase()))
    .join('');
}

function sets(args: readonly RubyValue[]): CharacterSet[] {
  if (args.length === 0) throw argumentError('wrong number of arguments (given 0, expected 1+)');
  return args.map((arg) => oneSet(arg));
}
function oneSet(arg: RubyValue | undefined): CharacterSet {
  try {
    return characterSet(needText(arg ?? null));
  } catch (error) {
    if (error instanceof RangeError) throw argumentError(error.message);
    throw error;
  }
}
function deleted(self: string, args: readonly RubyValue[]): string {
  const isIn = inSets(sets(args));
  return Array.from(self)
    .filter((char) => !isIn(char))
    .join('');
}
function squeezed(self: string, args: readonly RubyValue[]): string {
  const isIn = args.length === 0 ? () => true : inSets(sets(args));
  let before = '';
  return Array.from(self)
    .filter((char) => {
      const isKept = char !== before || !isIn(char);
      before = char;
      return isKept;
    })
    .join('');
}

function padded(self: string, args: readonly RubyValue[], side: 'left' | 'right' | 'both'): string {
  const width = needInteger(args[0] ?? null);
  const pad = args.length > 1 ? needText(args[1] ?? null) : ' ';
  if (pad === '') throw argumentError('zero width padding');
  const missing = width - lengthOf(self);
  if (missing <= 0) return self;
  // As wide as a large record is far beyond any table.
  if (missing > 1_000_000) throw new LimitError('text padded by more than 1,000,000 characters');
  const fill = (count: number) => slice(pad.repeat(Math.ceil(count / lengthOf(pad))), 0, count);
  if (side === 'left') return fill(missing) + self;
  if (side === 'right') return self + fill(missing);
  return fill(Math.floor(missing / 2)) + self + fill(Math.ceil(missing / 2));
}
function repeated(self: string, times: RubyValue | undefined, frame: Frame): string {
  const count = needInteger(times ?? null);
  if (count < 0) throw argumentError('argument must be non-negative');
  frame.charge(count * self.length);
  return self.repeat(count);
}

function positionOf(self: string, args: readonly RubyValue[], frame: Frame): number | null {
  const start = args.length > 1 ? needInteger(args[1] ?? null) : 0;
  const length = lengthOf(self);
  const from = start < 0 ? start + length : start;
  if (from < 0 || from > length) return null;
  const pattern = patternOf(args[0]);
  const unit = unitIndex(self, from);
  if (typeof pattern === 'string') {
    const at = self.indexOf(pattern, unit);
    return at < 0 ? null : characterIndex(self, at);
  }
  frame.match = matchAt(pattern, self, unit);
  return frame.match && characterIndex(self, frame.match.found.index);
}
function lastPositionOf(self: string, args: readonly RubyValue[], frame: Frame): number | null {
  const length = lengthOf(self);
  const end = args.length > 1 ? needInteger(args[1] ?? null) : length;
  const last = unitIndex(self, end < 0 ? end + length : end);
  const pattern = patternOf(args[0]);
  if (typeof pattern === 'string') {
    const at = self.lastIndexOf(pattern, last);
    return at < 0 ? null : characterIndex(self, at);
  }
  for (let at = last; at >= 0; at--) {
    frame.step();
    const found = matchAt(pattern, self, at);
    if (found?.found.index !== at) continue;
    frame.match = found;
    return characterIndex(self, at);
  }
  return null;
}

function startsWith(self: string, args: readonly RubyValue[], frame: Frame): boolean {
  return args.some((arg) => {
    if (!(arg instanceof RubyRegexp)) return self.startsWith(needText(arg));
    frame.match = matchAt(arg, self, 0);
    return frame.match?.found.index === 0;
  });
}

function partition(self: string, arg: RubyValue | undefined, frame: Frame): string[] {
  const [place] = places(self, patternOf(arg), frame);
  if (!place) return [self, '', ''];
  if (place.match) frame.match = place.match;
  return [self.slice(0, place.from), self.slice(place.from, place.to), self.slice(place.to)];
}
function lastPartition(self: string, arg: RubyValue | undefined, frame: Frame): string[] {
  const pattern = patternOf(arg);
  let last: { from: number; to: number } | undefined;
  if (typeof pattern === 'string') {
    const from = self.lastIndexOf(pattern);
    if (from >= 0) last = { from, to: from + pattern.length };
  } else for (const place of places(self, pattern, frame)) last = place;
  return last ? [self.slice(0, last.from), self.slice(last.from, last.to), self.slice(last.to)] : ['', '', self];
}

function lines(self: string, args: readonly RubyValue[]): string[] {
  const options = args.find(isHash);
  const chomps = options ? hashGet(options, symbolOf('chomp')) === true : false;
  const separator = args.length > 0 && isText(args[0] ?? null) ? needText(args[0] ?? null) : '\n';
  if (self === '') return [];
  const pieces = self.split(separator);
  const last = pieces.pop() ?? '';
  const whole = pieces.map((line) => (chomps ? chomp(line + separator) : line + separator));
  return last === '' ? whole : [...whole, last];
}
function chomp(self: string, end?: string): string {
  if (end === undefined) return self.replace(/(?:\r\n|\n|\r)$/, '');
  if (end === '') return self.replace(/(?:\r?\n)+$/, '');
  if (end === '\n') return chomp(self);
  return self.endsWith(end) ? self.slice(0, -end.length) : self;
}

/** Runs a block over pieces, gives the text; without a block an enumerator. */
function over(
  name: string,
  pieces: (self: string, args: readonly RubyValue[]) => RubyValue[],
): MethodTable<string>[string] {
  return [
    0,
    2,
    (self, args, frame, block) => {
      if (!block) return new RubyEnumerator(self, name, args);
      for (const one of pieces(self, args)) {
        frame.step();
        yieldOne(block, one);
      }
      return self;
    },
  ];
}
function bytesOf(self: string): number[] {
  return [...Buffer.from(self)];
}

/** `encode`: text is UTF-8 here, so only what could not be read as such is there to replace. */
function scrubbed(self: string, args: readonly RubyValue[]): string {
  const options = args.find(isHash);
  const replace = options ? hashGet(options, symbolOf('replace')) : args.find(isText);
  if (replace === undefined) return self;
  return self.replaceAll('\uFFFD', () => needText(replace));
}

function upTo(self: string, args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined): RubyValue {
  const end = needText(args[0] ?? null);
  if (!block) return new RubyEnumerator(self, 'upto', args);
  for (let at = self; at.length <= end.length; at = successor(at)) {
    frame.step();
    block.run([at]);
    if (at === end) break;
  }
  return self;
}

const caseMethods: MethodTable<string> = {
  upcase: [0, 1, (self) => self.toUpperCase()],
  downcase: [0, 1, (self) => self.toLowerCase()],
  capitalize: [0, 1, (self) => capitalized(self)],
  swapcase: [0, 1, (self) => swapped(self)],
  casecmp: [1, 1, (self, [other]) => compare(self.toLowerCase(), needText(other ?? null).toLowerCase()) ?? null],
  'casecmp?': [1, 1, (self, [other]) => self.toLowerCase() === needText(other ?? null).toLowerCase()],
};

const trimming: MethodTable<string> = {
  strip: plain((self) => self.replace(/^[\s\0]+/, '').replace(/[\s\0]+$/, '')),
  lstrip: plain((self) => self.replace(/^[\s\0]+/, '')),
  rstrip: plain((self) => self.replace(/[\s\0]+$/, '')),
  chomp: [0, 1, (self, args) => chomp(self, args.length > 0 ? needText(args[0] ?? null) : undefined)],
  chop: plain((self) => (self.endsWith('\r\n') ? self.slice(0, -2) : slice(self, 0, lengthOf(self) - 1))),
  chr: plain((self) => slice(self, 0, 1)),
  delete_prefix: [
    1,
    1,
    (self, [start]) => (self.startsWith(needText(start ?? null)) ? self.slice(needText(start ?? null).length) : self),
  ],
  delete_suffix: [
    1,
    1,
    (self, [end]) =>
      needText(end ?? null) === ''
        ? self
        : chomp(self, needText(end ?? null) === '\n' ? undefined : needText(end ?? null)),
  ],
  squeeze: [0, 99, squeezed],
  delete: [0, 99, deleted],
  tr: [2, 2, (self, [from, to]) => transliterate(self, oneSet(from), oneSet(to), false)],
  tr_s: [2, 2, (self, [from, to]) => transliterate(self, oneSet(from), oneSet(to), true)],
  count: [1, 99, (self, args) => Array.from(self).filter(inSets(sets(args))).length],
  ljust: [1, 2, (self, args) => padded(self, args, 'right')],
  rjust: [1, 2, (self, args) => padded(self, args, 'left')],
  center: [1, 2, (self, args) => padded(self, args, 'both')],
};

const searching: MethodTable<string> = {
  'include?': [1, 1, (self, [other]) => self.includes(needText(other ?? null))],
  'start_with?': [0, 99, startsWith],
  'end_with?': [0, 99, (self, args) => args.some((arg) => self.endsWith(needText(arg)))],
  index: [1, 2, positionOf],
  rindex: [1, 2, lastPositionOf],
  '=~': [
    1,
    1,
    (self, [other = null], frame) => (other instanceof RubyRegexp ? matchPosition(other, self, frame) : null),
  ],
  match: [1, 2, match],
  'match?': [
    1,
    2,
    (self, [pattern]) =>
      typeof patternOf(pattern) === 'string'
        ? self.includes(needText(pattern ?? null))
        : matchAt(patternOf(pattern) as RubyRegexp, self, 0) !== null,
  ],
  scan: [1, 1, scan],
  sub: [1, 2, (self, args, frame, block) => substitute(self, args, frame, block, false) ?? self],
  gsub: [1, 2, (self, args, frame, block) => substitute(self, args, frame, block, true) ?? self],
  split: [0, 2, (self, args, frame) => split(self, args, frame)],
  partition: [1, 1, (self, [pattern], frame) => partition(self, pattern, frame)],
  rpartition: [1, 1, (self, [pattern], frame) => lastPartition(self, pattern, frame)],
  '[]': [1, 2, (self, args, frame) => piece(self, args, frame) ?? null],
  slice: [1, 2, (self, args, frame) => piece(self, args, frame) ?? null],
  byteslice: [
    1,
    2,
    (self, args, frame) => {
      const bytes = frame.call(bytesOf(self), '[]', args);
      const list = Array.isArray(bytes) ? bytes : bytes === null ? undefined : [bytes];
      return list ? Buffer.from(list.map(Number)).toString('utf8') : null;
    },
  ],
};

const parts: MethodTable<string> = {
  chars: plain((self) => charactersOf(self)),
  lines: [0, 2, (self, args) => lines(self, args)],
  bytes: plain(bytesOf),
  codepoints: plain((self) => Array.from(self).map((char) => char.codePointAt(0) as number)),
  each_char: over('each_char', (self) => charactersOf(self)),
  each_line: over('each_line', lines),
  each_byte: over('each_byte', bytesOf),
  unpack: [1, 1, (self, [format]) => unpack(self, needText(format ?? null))],
  unpack1: [1, 1, (self, [format]) => unpack(self, needText(format ?? null))[0] ?? null],
  getbyte: [1, 1, (self, [at]) => bytesOf(self).at(needInteger(at ?? null)) ?? null],
  upto: [1, 2, upTo],
};

export const stringMethods: MethodTable<string> = {
  ...caseMethods,
  ...trimming,
  ...searching,
  ...parts,
  length: plain(lengthOf),
  size: plain(lengthOf),
  bytesize: plain((self) => Buffer.byteLength(self)),
  'empty?': plain((self) => self === ''),
  reverse: plain(reversed),
  '+': [1, 1, (self, [other]) => self + needText(other ?? null)],
  '*': [1, 1, (self, [times], frame) => repeated(self, times, frame)],
  '%': [1, 1, (self, [values = null]) => formatText(self, Array.isArray(values) ? values : [values])],
  '+@': plain((self) => self),
  '-@': plain((self) => self),
  '<': [1, 1, (self, [other]) => order(self, other ?? null) < 0],
  '<=': [1, 1, (self, [other]) => order(self, other ?? null) <= 0],
  '>': [1, 1, (self, [other]) => order(self, other ?? null) > 0],
  '>=': [1, 1, (self, [other]) => order(self, other ?? null) >= 0],
  'between?': [2, 2, (self, [low, high]) => order(self, low ?? null) >= 0 && order(self, high ?? null) <= 0],
  clamp: [1, 2, clamp],
  to_str: plain((self) => self),
  to_sym: plain(symbolOf),
  intern: plain(symbolOf),
  to_i: [
    0,
    1,
    (self, args) => {
      const base = args.length > 0 ? needInteger(args[0] ?? null) : 10;
      if (base < 2 || base > 36) throw argumentError(`invalid radix ${base}`);
      return leadingInteger(self, base);
    },
  ],
  to_f: plain((self) => floatOf(rubyFloat(self) ?? 0)),
  hex: plain((self) => leadingInteger(self, 16)),
  oct: plain((self) => leadingInteger(self, /^\s*[+-]?0[xX]/.test(self) ? 16 : /^\s*[+-]?0[bB]/.test(self) ? 2 : 8)),
  ord: plain((self) => {
    if (self === '') throw argumentError('empty string');
    return self.codePointAt(0) as number;
  }),
  sum: [0, 1, (self) => bytesOf(self).reduce((sum, byte) => sum + byte, 0) % 65_536],
  succ: plain(successor),
  next: plain(successor),
  force_encoding: [1, 1, (self) => self],
  encode: [0, 3, scrubbed],
  scrub: [0, 1, (self, args) => scrubbed(self, args)],
  unicode_normalize: [0, 1, (self, args) => normalized(self, args)],
  'valid_encoding?': plain((self) => !self.includes('\uFFFD')),
  'ascii_only?': plain((self) => !/[^\0-\x7f]/.test(self)),
  b: plain((self) => self),
  encoding: plain(() => 'UTF-8'),
};

function normalized(self: string, args: readonly RubyValue[]): string {
  const form = args.length > 0 ? toText(args[0] ?? null).toUpperCase() : 'NFC';
  if (!/^NFK?[CD]$/.test(form)) throw argumentError(`Invalid normalization form ${form.toLowerCase()}.`);
  return self.normalize(form);
}

/** `x!` of String by the method that gives something new; nil where nothing changed, but for those that give themselves. */
export const changingInPlace: ReadonlyMap<string, string> = new Map(
  'upcase downcase capitalize swapcase strip lstrip rstrip chomp chop squeeze delete tr tr_s sub gsub reverse succ next encode scrub unicode_normalize delete_prefix delete_suffix'
    .split(' ')
    .map((name) => [`${name}!`, name]),
);
/** Those that give the text also where nothing changed. */
export const alwaysSelf: ReadonlySet<string> = new Set([
  'reverse!',
  'succ!',
  'next!',
  'encode!',
  'scrub!',
  'unicode_normalize!',
]);

/** Text after `<<`, `concat`, `prepend`, `insert`, `replace`, `clear` in place. */
export function changedText(self: string, name: string, args: readonly RubyValue[]): string {
  switch (name) {
    case '<<':
    case 'concat':
      return self + args.map((arg) => (typeof arg === 'number' ? String.fromCodePoint(arg) : needText(arg))).join('');
    case 'prepend':
      return args.map(needText).join('') + self;
    case 'insert': {
      const length = lengthOf(self);
      const at = needInteger(args[0] ?? null);
      const from = at < 0 ? at + length + 1 : at;
      if (from < 0 || from > length) throw new RubyError('IndexError', `index ${at} out of string`);
      return slice(self, 0, from) + needText(args[1] ?? null) + slice(self, from, length);
    }
    case 'replace':
      return needText(args[0] ?? null);
    default:
      return '';
  }
}
