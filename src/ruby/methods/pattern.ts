/** What String does with patterns, and the methods of Regexp and MatchData. Source: Ruby 3.1 string.c, re.c. */
import { errorText } from '../../core/errors.ts';
import { compileSearch } from '../../codecs/onigmo.ts';
import { characterIndex, charactersOf, lengthOf, slice, unitIndex } from '../characters.ts';
import { LimitError, RubyError, argumentError, typeError } from '../failures.ts';
import { needBlock } from '../frame.ts';
import type { Frame, MethodTable } from '../frame.ts';
import {
  hashGet,
  hashOf,
  implicitName,
  inspect,
  isEqual,
  matchAt,
  needInteger,
  needText,
  toText,
} from '../semantics.ts';
import { RubyMatch, RubyRegexp, RubySymbol, isHash, isInteger, isText, textOf } from '../values.ts';
import type { RubyProc, RubyValue } from '../values.ts';

/** Regular expressions made while running (`/#{x}/`, `Regexp.new`): kept, because the same ones come again and again. */
const made = new Map<string, RubyRegexp>();
/** Records could make any number; each is some kilobytes when it has run. */
const madeMax = 500;

/** A regular expression from text that is known only now. @throws RubyError RegexpError */
export function makeRegexp(source: string, letters: string): RubyRegexp {
  const key = `${letters}/${source}`;
  const known = made.get(key);
  if (known) return known;
  if (source.length > 10_000) throw new LimitError('a regular expression of more than 10,000 characters');
  let regexp: RubyRegexp;
  try {
    regexp = new RubyRegexp(source, letters, compileSearch(source, letters));
  } catch (error) {
    throw new RubyError('RegexpError', errorText(error));
  }
  if (made.size >= madeMax) made.clear();
  made.set(key, regexp);
  return regexp;
}
/** Text with all that has a meaning in a regular expression escaped: `Regexp.escape`. */
export function escapeRegexp(text: string): string {
  const named: Readonly<Record<string, string>> = {
    '\n': '\\n',
    '\t': '\\t',
    '\r': '\\r',
    '\f': '\\f',
    '\v': '\\v',
    ' ': '\\ ',
  };
  return text.replaceAll(/[[\]{}()|\-*.\\?+^$#\s]/g, (char) => named[char] ?? (/\s/.test(char) ? char : `\\${char}`));
}

/** What is searched for: text or a regular expression. */
export function patternOf(value: RubyValue | undefined): string | RubyRegexp {
  if (value instanceof RubyRegexp) return value;
  if (value !== undefined && isText(value)) return textOf(value);
  throw typeError(`wrong argument type ${implicitName(value ?? null)} (expected Regexp)`);
}
function regexpOf(value: RubyValue | undefined): RubyRegexp {
  const pattern = patternOf(value);
  return typeof pattern === 'string' ? makeRegexp(pattern, '') : pattern;
}

/** A place where a pattern was found, and its match where it was a regular expression. */
interface Place {
  readonly from: number;
  readonly to: number;
  readonly match: RubyMatch | undefined;
}
function find(text: string, pattern: string | RubyRegexp, from: number): Place | undefined {
  if (typeof pattern === 'string') {
    const at = text.indexOf(pattern, from);
    return at < 0 ? undefined : { from: at, to: at + pattern.length, match: undefined };
  }
  const match = matchAt(pattern, text, from);
  if (!match) return undefined;
  return { from: match.found.index, to: match.found.index + match.found[0].length, match };
}
/** All places, one behind the other; behind an empty one the search goes on a character further. */
export function* places(text: string, pattern: string | RubyRegexp, frame: Frame): Generator<Place> {
  for (let from = 0; from <= text.length;) {
    const place = find(text, pattern, from);
    if (!place) return;
    frame.step();
    yield place;
    from = place.to > place.from ? place.to : place.to + ((text.codePointAt(place.to) ?? 0) > 0xffff ? 2 : 1);
  }
}

/** `$~` for a place of a text pattern too. */
function matchOf(place: Place, text: string): RubyMatch {
  if (place.match) return place.match;
  const piece = text.slice(place.from, place.to);
  const found = Object.assign([piece], {
    index: place.from,
    input: text,
    groups: undefined,
  }) as unknown as RegExpExecArray;
  return new RubyMatch(new RubyRegexp(escapeRegexp(piece), '', /(?:)/g), found);
}

/** `sub` and `gsub`, with text, a hash or a block as what comes instead; undefined where nothing was found. */
export function substitute(
  self: string,
  args: readonly RubyValue[],
  frame: Frame,
  block: RubyProc | undefined,
  isGlobal: boolean,
): string | undefined {
  const pattern = patternOf(args[0]);
  const instead = args[1];
  if (instead === undefined && !block)
    throw isGlobal
      ? new LimitError('gsub without a replacement or a block')
      : argumentError('wrong number of arguments (given 1, expected 2)');
  const hash = instead !== undefined && isHash(instead) ? instead : undefined;
  const replacement = instead === undefined || hash ? undefined : needText(instead);
  let out = '';
  let from = 0;
  let any = false;
  for (const place of places(self, pattern, frame)) {
    any = true;
    const piece = self.slice(place.from, place.to);
    frame.match = matchOf(place, self);
    const filled =
      replacement !== undefined
        ? fillReplacement(replacement, frame.match)
        : hash
          ? toText(hashGet(hash, piece) ?? null)
          : toText(needBlock(block).run([piece]));
    out += self.slice(from, place.from) + filled;
    frame.charge(filled.length);
    from = place.to;
    if (!isGlobal) break;
  }
  if (!any) frame.match = null;
  return any ? out + self.slice(from) : undefined;
}
/** `\1`, `\0`, `\&`, `\k<name>`, `` \` ``, `\'` and `\\` in what comes instead. */
function fillReplacement(text: string, { found }: RubyMatch): string {
  if (!text.includes('\\')) return text;
  return text.replaceAll(
    /\\(?:([0-9&])|k<([^>]+)>|(`)|(')|(\\))/g,
    (_, digit?: string, name?: string, before?: string, after?: string) => {
      if (digit !== undefined) return (digit === '&' ? found[0] : found[Number(digit)]) ?? '';
      if (name !== undefined) return (/^\d+$/.test(name) ? found[Number(name)] : found.groups?.[name]) ?? '';
      if (before !== undefined) return found.input.slice(0, found.index);
      return after === undefined ? '\\' : found.input.slice(found.index + found[0].length);
    },
  );
}

/** `split`. */
export function split(self: string, args: readonly RubyValue[], frame: Frame): string[] {
  const [pattern = null] = args;
  const limit = args.length > 1 ? needInteger(args[1] ?? null) : 0;
  if (self === '') return [];
  if (limit === 1) return [self];
  const isAwk = pattern === null || (isText(pattern) && textOf(pattern) === ' ');
  const pieces = isAwk ? splitAwk(self, limit) : splitAt(self, patternOf(pattern), limit, frame);
  if (limit === 0) while (pieces.length > 0 && pieces.at(-1) === '') pieces.pop();
  frame.chargeElements(pieces.length);
  return pieces;
}
function splitAwk(self: string, limit: number): string[] {
  const text = self.replace(/^[\s\0]+/, '');
  if (limit <= 0) return text.split(/[\s\0]+/);
  const pieces: string[] = [];
  let rest = text;
  while (pieces.length < limit - 1) {
    const space = /[\s\0]+/.exec(rest);
    if (!space) break;
    pieces.push(rest.slice(0, space.index));
    rest = rest.slice(space.index + space[0].length);
  }
  return [...pieces, rest];
}
function splitAt(self: string, pattern: string | RubyRegexp, limit: number, frame: Frame): string[] {
  if (pattern === '') {
    const chars = charactersOf(self);
    return limit > 0 && chars.length >= limit ? [...chars.slice(0, limit - 1), chars.slice(limit - 1).join('')] : chars;
  }
  if (typeof pattern === 'string' && limit <= 0) return self.split(pattern);
  const pieces: string[] = [];
  let from = 0;
  for (const place of places(self, pattern, frame)) {
    if (place.to === place.from && (place.from === from || place.from >= self.length)) {
      if (place.from >= self.length) break;
      if (place.from === 0) continue;
    }
    pieces.push(self.slice(from, place.from));
    from = place.to;
    for (const group of place.match?.found.slice(1) ?? []) if (group !== undefined) pieces.push(group);
    if (limit > 0 && pieces.length >= limit - 1) break;
  }
  pieces.push(self.slice(from));
  return pieces;
}

/** `scan`: the matches, or of each its groups. */
export function scan(self: string, args: readonly RubyValue[], frame: Frame, block: RubyProc | undefined): RubyValue {
  const results: RubyValue[] = [];
  for (const place of places(self, patternOf(args[0]), frame)) {
    const groups = place.match?.found.slice(1) ?? [];
    const value = groups.length > 0 ? groups.map((group) => group ?? null) : self.slice(place.from, place.to);
    frame.match = matchOf(place, self);
    if (block) block.run(Array.isArray(value) && block.parameterCount > 1 ? value : [value]);
    else results.push(value);
    frame.chargeElements(1);
  }
  return block ? self : results;
}

/** `match`: sets `$~`. */
export function match(self: string, args: readonly RubyValue[], frame: Frame): RubyMatch | null {
  const from = args.length > 1 ? needInteger(args[1] ?? null) : 0;
  frame.match = matchAt(regexpOf(args[0]), self, unitIndex(self, from < 0 ? from + lengthOf(self) : from));
  return frame.match;
}
/** `=~`: the position in characters. */
export function matchPosition(regexp: RubyRegexp, text: RubyValue, frame: Frame): number | null {
  if (text === null) {
    frame.match = null;
    return null;
  }
  const subject = text instanceof RubySymbol ? text.name : needText(text);
  frame.match = matchAt(regexp, subject, 0);
  return frame.match && characterIndex(subject, frame.match.found.index);
}

export const regexpMethods: MethodTable<RubyRegexp> = {
  '=~': [1, 1, (self, [text], frame) => matchPosition(self, text ?? null, frame)],
  match: [
    1,
    2,
    (self, [text = null, from], frame) => {
      if (text !== null)
        return match(
          text instanceof RubySymbol ? text.name : needText(text),
          from === undefined ? [self] : [self, from],
          frame,
        );
      frame.match = null;
      return null;
    },
  ],
  'match?': [
    1,
    1,
    (self, [text = null]) =>
      text !== null && matchAt(self, text instanceof RubySymbol ? text.name : needText(text), 0) !== null,
  ],
  source: [0, 0, (self) => self.source],
  options: [
    0,
    0,
    (self) => ['i', 'x', 'm'].reduce((sum, letter, i) => sum + (self.letters.includes(letter) ? 1 << i : 0), 0),
  ],
  names: [
    0,
    0,
    (self) => [...new Set([...self.source.matchAll(/\(\?<([a-zA-Z_]\w*)>/g)].map((found) => found[1] as string))],
  ],
};

function group({ found }: RubyMatch, key: RubyValue): RubyValue {
  if (isInteger(key)) {
    const index = Number(key) < 0 ? Number(key) + found.length : Number(key);
    return found[index] ?? null;
  }
  const name = key instanceof RubySymbol ? key.name : needText(key);
  if (!found.groups || !Object.hasOwn(found.groups, name))
    throw new RubyError('IndexError', `undefined group name reference: ${name}`);
  return found.groups[name] ?? null;
}
function named({ found }: RubyMatch): [string, RubyValue][] {
  return Object.entries(found.groups ?? {}).map(([name, value]) => [name, value ?? null]);
}
function groups({ found }: RubyMatch, from: number): RubyValue[] {
  return Array.from(found, (one: string | undefined) => one ?? null).slice(from);
}
function place(self: RubyMatch, args: readonly RubyValue[], isEnd: boolean): number {
  if (needInteger(args[0] ?? null) !== 0) throw new LimitError('the position of a group of a match');
  const { found } = self;
  return characterIndex(found.input, found.index + (isEnd ? found[0].length : 0));
}

export const matchMethods: MethodTable<RubyMatch> = {
  '[]': [
    1,
    2,
    (self, args, frame) =>
      args.length > 1 || (typeof args[0] === 'object' && !(args[0] instanceof RubySymbol))
        ? frame.call(groups(self, 0), '[]', args)
        : group(self, args[0] ?? null),
  ],
  to_a: [0, 0, (self) => groups(self, 0)],
  captures: [0, 0, (self) => groups(self, 1)],
  named_captures: [0, 0, (self) => hashOf(named(self))],
  names: [0, 0, (self) => named(self).map(([name]) => name)],
  pre_match: [0, 0, ({ found }) => found.input.slice(0, found.index)],
  post_match: [0, 0, ({ found }) => found.input.slice(found.index + found[0].length)],
  values_at: [0, 99, (self, args) => args.map((key) => group(self, key))],
  string: [0, 0, ({ found }) => found.input],
  regexp: [0, 0, (self) => self.regexp],
  begin: [1, 1, (self, args) => place(self, args, false)],
  end: [1, 1, (self, args) => place(self, args, true)],
  offset: [1, 1, (self, args) => [place(self, args, false), place(self, args, true)]],
  size: [0, 0, ({ found }) => found.length],
  length: [0, 0, ({ found }) => found.length],
  '==': [1, 1, (self, [other]) => other instanceof RubyMatch && isEqual(groups(self, 0), groups(other, 0))],
};

/** `text[…]` with all it takes; undefined where there is no such place. */
export function piece(self: string, args: readonly RubyValue[], frame: Frame): string | undefined {
  const [key = null, second] = args;
  if (key instanceof RubyRegexp) {
    frame.match = matchAt(key, self, 0);
    if (!frame.match) return undefined;
    const found = group(frame.match, second ?? 0);
    return found === null ? undefined : toText(found);
  }
  if (isText(key)) return self.includes(textOf(key)) ? textOf(key) : undefined;
  const bounds = boundsOf(lengthOf(self), args, second === undefined);
  return bounds && slice(self, bounds[0], bounds[1]);
}
/** Where `[at]`, `[at, count]` and `[range]` begin and how many they take; undefined: outside. `isOne` with one number. */
export function boundsOf(
  length: number,
  args: readonly RubyValue[],
  isOne: boolean,
): readonly [number, number] | undefined {
  const [key = null, second] = args;
  if (typeof key === 'object' && key !== null && 'isExclusive' in key) {
    const range = key as { first: RubyValue; last: RubyValue; isExclusive: boolean };
    const first = range.first === null ? 0 : needInteger(range.first);
    const from = first < 0 ? first + length : first;
    if (from < 0 || from > length) return undefined;
    const last = range.last === null ? length - 1 : needInteger(range.last);
    const end = (last < 0 ? last + length : last) + (range.isExclusive && range.last !== null ? 0 : 1);
    return [from, Math.max(0, Math.min(end, length) - from)];
  }
  const at = needInteger(key);
  const from = at < 0 ? at + length : at;
  if (isOne) return from < 0 || from >= length ? undefined : [from, 1];
  const count = needInteger(second ?? null);
  if (from < 0 || from > length || count < 0) return undefined;
  return [from, Math.min(count, length - from)];
}
/** What is said of a key that is not there. */
export function keyMissing(key: RubyValue): string {
  return `key not found: ${inspect(key)}`;
}
