/**
 * Expressions whose groups can only match in one way, such as those for the lines of container runtimes and of web servers,
 * by bytes: `^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$`. Each group is one of `[^c]*` and
 * `[^c]+` with the character c behind it, words with something else than a letter behind them, and `.*` at the end; what
 * stands between is taken as it is. A text that does not match here is left to the expression itself.
 */
import { isUtf8 } from 'node:buffer';
import type { ByteWriter } from '../core/bytes.ts';
import { seen, writeTextInside } from '../core/json-object.ts';
import type { DirectParser } from '../core/plugin.ts';
import { needsExactKey } from '../core/record.ts';
import { noTime } from './direct-json.ts';
import type { DirectTimeRules } from './direct-json.ts';
import { splitPattern } from './onigmo.ts';
import { RememberedTime } from './remembered-time.ts';

/** A group: where it ends when it begins at `from`, or -1. */
type Take = (bytes: Buffer, from: number, until: number) => number;
interface Group {
  readonly name: string;
  readonly take: Take;
}
/** Groups and the bytes between them: `between[i]` stands before group i, the last one behind all. */
interface Shape {
  readonly groups: readonly Group[];
  readonly between: readonly Buffer[];
}

/** Compiles an expression as options write it; undefined where it is of another kind. */
export function compileDirectPattern(
  written: string,
  rules: DirectTimeRules & { readonly skipEmptyValues: boolean },
): DirectParser | undefined {
  const { source, letters } = splitPattern(written);
  const shape = letters === '' ? shapeOf(source) : undefined;
  return shape && new DirectPattern(shape, rules);
}

/** `(?<name>…)` with what may stand in it here. */
const groupForm = /^\(\?<([A-Za-z_]\w*)>(?:\[\^([^\]\\^[-])\]([*+])|(\w+(?:\|\w+)*)|(\.[*+]))\)/;
/** A character that stands for itself. */
const literalForm = /^(?:[^\\^$.|?*+()[\]{}\n]|\\[\\^$.|?*+()[\]{}/"-])/;

function shapeOf(source: string): Shape | undefined {
  if (!source.startsWith('^') || !source.endsWith('$')) return undefined;
  const groups: Group[] = [];
  const between: Buffer[] = [];
  let rest = source.slice(1, -1);
  let literal = '';
  while (rest !== '') {
    const [whole, name, excluded, repeat, words, all] = groupForm.exec(rest) ?? [];
    if (whole === undefined || name === undefined) {
      const [one] = literalForm.exec(rest) ?? [];
      if (one === undefined) return undefined;
      literal += one.slice(-1);
      rest = rest.slice(one.length);
      continue;
    }
    rest = rest.slice(whole.length);
    const take = takeOf({ excluded, repeat, words, all }, rest);
    if (!take || needsExactKey(name) || groups.some((other) => other.name === name)) return undefined;
    groups.push({ name, take });
    between.push(Buffer.from(literal));
    literal = '';
  }
  between.push(Buffer.from(literal));
  return groups.length > 0 ? { groups, between } : undefined;
}

/** Undefined where what stands behind does not say for sure where the group ends. */
function takeOf(
  { excluded, repeat, words, all }: Readonly<Record<'excluded' | 'repeat' | 'words' | 'all', string | undefined>>,
  rest: string,
): Take | undefined {
  const [behind = ''] = literalForm.exec(rest) ?? [];
  const next = behind.slice(-1);
  if (all !== undefined) return rest === '' ? takeRest(all === '.+' ? 1 : 0) : undefined;
  if (excluded !== undefined) {
    if (excluded.charCodeAt(0) >= 128 || (rest !== '' && next !== excluded)) return undefined;
    return takeUpTo(excluded.charCodeAt(0), repeat === '+' ? 1 : 0);
  }
  if (rest !== '' && (next === '' || /\w/.test(next))) return undefined;
  return words === undefined ? undefined : takeWord(words.split('|').map((word) => Buffer.from(word)));
}

/** All of a text that has no further line. */
function takeRest(bytesMin: number): Take {
  return (_, from, until) => (until - from >= bytesMin ? until : -1);
}
function takeUpTo(excluded: number, bytesMin: number): Take {
  return (bytes, from, until) => {
    let at = from;
    while (at < until && bytes[at] !== excluded) at++;
    return at - from >= bytesMin ? at : -1;
  };
}
/** The longest one that stands there: behind a shorter one a letter would follow. */
function takeWord(words: readonly Buffer[]): Take {
  const sorted = [...words].sort((a, b) => b.length - a.length);
  return (bytes, from, until) => {
    for (const word of sorted) if (isAt(bytes, from, until, word)) return from + word.length;
    return -1;
  };
}

function isAt(bytes: Buffer, from: number, until: number, wanted: Buffer): boolean {
  if (from + wanted.length > until) return false;
  for (let i = 0; i < wanted.length; i++) if (bytes[from + i] !== wanted[i]) return false;
  return true;
}

class DirectPattern implements DirectParser {
  readonly time: DirectParser['time'];
  readonly #groups: readonly Take[];
  readonly #between: readonly Buffer[];
  /** `"name":"` of each. */
  readonly #opening: readonly Buffer[];
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #timeGroup: number;
  readonly #time: RememberedTime | undefined;
  readonly #keeps: boolean;
  readonly #skipsEmpty: boolean;
  readonly #mustBeTime: boolean;
  readonly names: readonly string[];

  constructor(
    { groups, between }: Shape,
    {
      timeKey,
      timeKeep,
      readTime,
      skipEmptyValues,
      mustBeTime,
    }: DirectTimeRules & { readonly skipEmptyValues: boolean },
  ) {
    this.names = groups.map(({ name }) => name);
    this.#mustBeTime = mustBeTime === true;
    this.#groups = groups.map(({ take }) => take);
    this.#between = between;
    this.#opening = groups.map(({ name }) => Buffer.from(`"${name}":"`));
    this.#starts = new Int32Array(groups.length);
    this.#ends = new Int32Array(groups.length);
    this.#time = readTime && new RememberedTime(readTime);
    this.time = this.#time ?? noTime;
    this.#timeGroup = readTime ? groups.findIndex(({ name }) => name === timeKey) : -1;
    this.#keeps = timeKeep;
    this.#skipsEmpty = skipEmptyValues;
  }
  write(bytes: Buffer, from: number, until: number, out: ByteWriter): boolean {
    if (!this.#match(bytes, from, until)) return false;
    const timeAt = this.#timeAt(bytes);
    if (timeAt === undefined) return false;
    out.byte(123);
    let isFirst = true;
    let found = 0;
    for (let i = 0; i < this.#opening.length; i++) {
      const [start, end] = [this.#starts[i] as number, this.#ends[i] as number];
      if ((i === timeAt && !this.#keeps) || (start === end && this.#skipsEmpty)) continue;
      if (!isFirst) out.byte(44);
      isFirst = false;
      out.bytes(this.#opening[i] as Buffer);
      found |= writeTextInside(bytes, start, end, out);
      out.byte(34);
    }
    out.byte(125);
    if (found === 0) return true;
    // Of several lines an expression may match one.
    return (found & seen.lineFeed) === 0 && isUtf8(bytes.subarray(from, until));
  }
  #match(bytes: Buffer, from: number, until: number): boolean {
    let at = from;
    for (let i = 0; i < this.#groups.length; i++) {
      const literal = this.#between[i] as Buffer;
      if (!isAt(bytes, at, until, literal)) return false;
      at += literal.length;
      this.#starts[i] = at;
      at = (this.#groups[i] as Take)(bytes, at, until);
      if (at < 0) return false;
      this.#ends[i] = at;
    }
    const last = this.#between.at(-1) as Buffer;
    return isAt(bytes, at, until, last) && at + last.length === until;
  }
  /** Which group holds the time; -1: none. Undefined: it holds something else. */
  #timeAt(bytes: Buffer): number | undefined {
    const [time, group] = [this.#time, this.#timeGroup];
    if (!time) return -1;
    time.forget();
    if (group < 0) return -1;
    const [start, end] = [this.#starts[group] as number, this.#ends[group] as number];
    if (start === end) return this.#mustBeTime ? undefined : -1;
    return time.read(bytes, start, end) ? group : undefined;
  }
}
