/**
 * Which regular expressions DuckDB's RE2 takes, so that a wrong one is an error at its place in the query and not
 * somewhere in a partition. Syntax: https://github.com/google/re2/wiki/Syntax, as DuckDB 1.5 has it.
 */
import type { Span } from './tree.ts';

/** What is wrong, and where in the expression. */
export interface RegexpProblem extends Span {
  readonly text: string;
}

/** RE2's own limit for `{n}`, those around it multiplied. */
const repeatsMax = 1000;
/** RE2 gives a program 8 MB, about 350,000 steps; below that in our own, larger estimate. */
const stepsMax = 300_000;
const charSteps = 4;
const dotSteps = 20;
const classSteps = 40;
const unicodeClassSteps = 1200;
/** Open groups; RE2 takes 1000, and no person writes 100. */
const groupsMax = 100;

const unicodeNames = new Set(
  (
    'Any C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs ' +
    'Arabic Armenian Bengali Common Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew ' +
    'Hiragana Inherited Kannada Katakana Khmer Lao Latin Malayalam Mongolian Myanmar Oriya Sinhala Tamil Telugu Thai Tibetan'
  ).split(' '),
);
const classNames = new Set(
  'alnum alpha ascii blank cntrl digit graph lower print punct space upper word xdigit'.split(' '),
);

/** The first problem of an expression; undefined: RE2 takes it. Linear in its length. */
export function regexpProblem(source: string): RegexpProblem | undefined {
  try {
    new Reader(source).read();
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return { start: error.start, end: error.end, text: error.message };
    throw error;
  }
}

class Problem extends Error {
  readonly start: number;
  readonly end: number;
  constructor(text: string, start: number, end: number) {
    super(text);
    this.start = start;
    this.end = end;
  }
}

/** An open group: steps and repeats of what is in it so far, and of what was read last. */
interface Group {
  readonly start: number;
  steps: number;
  repeats: number;
}

class Reader {
  readonly #source: string;
  #at = 0;
  readonly #groups: Group[] = [{ start: 0, steps: 0, repeats: 1 }];
  /** What a repetition would repeat; undefined: nothing. */
  #last: { steps: number; repeats: number } | undefined;
  /** What was read last is a repetition already. */
  #isRepeated = false;
  constructor(source: string) {
    this.#source = source;
  }
  read(): void {
    while (this.#at < this.#source.length) this.#piece(this.#source[this.#at] ?? '');
    const open = this.#groups.at(-1);
    if (open && this.#groups.length > 1)
      this.#fail('"(" is not closed; close it with ")", or write \\( for the character', open.start, open.start + 1);
    if ((open?.steps ?? 0) > stepsMax)
      this.#fail('the expression is too large; repeat less, or use smaller classes', 0, this.#source.length);
  }
  #piece(char: string): void {
    const start = this.#at;
    if (char === '(') return this.#open();
    if (char === ')') return this.#close();
    if (char === '|') {
      this.#at++;
      this.#last = undefined;
      this.#isRepeated = false;
      return;
    }
    if (char === '*' || char === '+' || char === '?') {
      this.#at++;
      return this.#repeat(start, 1, char === '?' ? 1 : 2);
    }
    if (char === '{') {
      const counts = /\{(\d+)(,)?(\d*)\}/y;
      counts.lastIndex = start;
      const found = counts.exec(this.#source);
      if (found && (found[2] !== undefined || found[3] === '')) return this.#count(found);
    }
    if (char === '[') this.#class();
    else if (char === '\\') this.#escape();
    else {
      this.#at += (this.#source.codePointAt(start) ?? 0) > 0xffff ? 2 : 1;
      this.#add(char === '.' ? dotSteps : charSteps);
    }
  }
  #add(steps: number): void {
    this.#last = { steps, repeats: 1 };
    this.#isRepeated = false;
    const group = this.#groups.at(-1);
    if (group) group.steps += steps;
  }
  #count(found: RegExpExecArray): void {
    const start = this.#at;
    this.#at += found[0].length;
    const least = Number(found[1]);
    const most = found[2] === undefined ? least : found[3] === '' ? undefined : Number(found[3]);
    if (most !== undefined && most < least)
      this.#fail(`${found[0]} goes from more to less; write the smaller number first`, start, this.#at);
    this.#repeat(start, Math.max(least, most ?? 0, 1), Math.max(least, most ?? 0) + 1);
  }
  #repeat(start: number, count: number, copies: number): void {
    const sign = this.#source.slice(start, this.#at);
    const last = this.#last;
    if (!last)
      this.#fail(`"${sign}" has nothing to repeat; write something before it, or \\${sign[0]}`, start, this.#at);
    if (this.#isRepeated)
      this.#fail(`"${sign}" repeats a repetition; remove one, or put the first in a group`, start, this.#at);
    if (this.#source[this.#at] === '?') this.#at++;
    const repeats = last.repeats * count;
    if (repeats > repeatsMax)
      this.#fail(`more than ${repeatsMax} repetitions, those around it multiplied; repeat less`, start, this.#at);
    const steps = Math.min(last.steps * copies, stepsMax + 1);
    const group = this.#groups.at(-1);
    if (group) {
      group.steps = Math.min(group.steps - last.steps + steps, stepsMax + 1);
      group.repeats = Math.max(group.repeats, repeats);
    }
    this.#last = { steps, repeats };
    this.#isRepeated = true;
  }
  #open(): void {
    const start = this.#at;
    if (this.#groups.length > groupsMax)
      this.#fail(`more than ${groupsMax} groups in each other; use fewer`, start, start + 1);
    const form = /\(\?(?:P<\w+>|(?:[imsU]+(?:-[imsU]+)?|-[imsU]+|)[:)])|\((?!\?)/y;
    form.lastIndex = start;
    const found = form.exec(this.#source)?.[0];
    if (found === undefined) this.#failOpen(start);
    this.#at += found.length;
    this.#last = undefined;
    this.#isRepeated = false;
    if (!found.endsWith(')')) this.#groups.push({ start, steps: charSteps, repeats: 1 });
  }
  #failOpen(start: number): never {
    const rest = this.#source.slice(start, start + 4);
    if (/^\(\?<?[=!]/.test(rest))
      this.#fail('look-ahead and look-behind are not supported; write two conditions', start, start + 3);
    if (rest.startsWith('(?<')) this.#fail('a named group is written (?P<name>…)', start, start + 3);
    this.#fail(
      `unknown group "${rest.slice(0, 3)}"; write (?:…) or (…)`,
      start,
      Math.min(start + 3, this.#source.length),
    );
  }
  #close(): void {
    const group = this.#groups.pop();
    const outer = this.#groups.at(-1);
    if (!group || !outer)
      this.#fail('")" closes nothing; remove it, or write \\) for the character', this.#at, this.#at + 1);
    this.#at++;
    outer.steps = Math.min(outer.steps + group.steps, stepsMax + 1);
    outer.repeats = Math.max(outer.repeats, group.repeats);
    this.#last = { steps: group.steps, repeats: group.repeats };
    this.#isRepeated = false;
  }
  /** Outside of classes. */
  #escape(): void {
    const start = this.#at;
    const quoted = /\\Q([^]*?)(?:\\E|$)/y;
    quoted.lastIndex = start;
    const text = quoted.exec(this.#source);
    if (text) {
      this.#at += text[0].length;
      // In RE2 a repetition behind \Q…\E is of its last character.
      if (text[1]) this.#add(charSteps * text[1].length);
      else this.#last = undefined;
      return;
    }
    if (/^\\[AzbBC]/.test(this.#source.slice(start, start + 2))) {
      this.#at += 2;
      return this.#add(charSteps);
    }
    this.#add(this.#escapeInClass());
  }
  /** Escapes that stand inside and outside of classes; gives their steps. */
  #escapeInClass(): number {
    const start = this.#at;
    const form =
      /\\(?:([dDsSwW])|p(?:\{\^?(\w+)\}|(\w))|P(?:\{\^?(\w+)\}|(\w))|[0-3]?[0-7]{2}|0[0-7]?|x[0-9A-Fa-f]{2}|x\{([0-9A-Fa-f]{1,8})\}|[afnrtv]|[!-/:-@[-`{-~ ])/y;
    form.lastIndex = start;
    const found = form.exec(this.#source);
    if (!found) this.#failEscape(start);
    this.#at += found[0].length;
    const name = found[2] ?? found[3] ?? found[4] ?? found[5];
    if (name !== undefined && !unicodeNames.has(name))
      this.#fail(`unknown class "${name}"; known are \\pL, \\p{Lu}, \\p{Hangul} and the like`, start, this.#at);
    if (found[6] !== undefined && Number.parseInt(found[6], 16) > 0x10ffff)
      this.#fail('no character has this number; the last is \\x{10FFFF}', start, this.#at);
    return name === undefined ? (found[1] === undefined ? charSteps : classSteps) : unicodeClassSteps;
  }
  #failEscape(start: number): never {
    const escape = this.#source.slice(start, start + 2);
    const end = start + escape.length;
    if (escape.length < 2) this.#fail('a lone "\\" at the end; write \\\\ for the character', start, end);
    if (/[1-9k]$/.test(escape))
      this.#fail(`"${escape}" refers back to a group, which is not supported; write two conditions`, start, end);
    this.#fail(`unknown escape "${escape}"; write \\\\ for a backslash`, start, end);
  }
  #class(): void {
    const start = this.#at;
    this.#at++;
    if (this.#source[this.#at] === '^') this.#at++;
    let steps = classSteps;
    for (let isFirst = true; isFirst || this.#source[this.#at] !== ']'; isFirst = false) {
      if (this.#at >= this.#source.length)
        this.#fail('"[" is not closed; close it with "]", or write \\[ for the character', start, start + 1);
      steps += this.#classPart();
    }
    this.#at++;
    this.#add(steps);
  }
  /** One character, range or named class in brackets; gives its steps. */
  #classPart(): number {
    const start = this.#at;
    const named = /\[:\^?(\w*):\]/y;
    named.lastIndex = start;
    const name = named.exec(this.#source);
    if (name) {
      this.#at += name[0].length;
      if (!classNames.has(name[1] ?? ''))
        this.#fail(
          `unknown class "${name[0]}"; known are [:alpha:], [:digit:], [:space:] and the like`,
          start,
          this.#at,
        );
      return classSteps;
    }
    const [low, steps] = this.#classChar();
    if (low === undefined || this.#source[this.#at] !== '-' || [']', undefined].includes(this.#source[this.#at + 1]))
      return steps;
    this.#at++;
    const [high] = this.#classChar();
    if (high === undefined || high < low)
      this.#fail('a range in brackets goes from a smaller to a larger character', start, this.#at);
    return classSteps;
  }
  /** A character's number and its steps; undefined: it is a class. */
  #classChar(): [number | undefined, number] {
    const start = this.#at;
    const point = this.#source.codePointAt(start) ?? 0;
    if (point !== 92) {
      this.#at += point > 0xffff ? 2 : 1;
      return [point, charSteps];
    }
    const steps = this.#escapeInClass();
    return [steps === charSteps ? escapedChar(this.#source.slice(start + 1, this.#at)) : undefined, steps];
  }
  #fail(text: string, start: number, end: number): never {
    throw new Problem(text, start, end);
  }
}

const controlChars: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };

/** The number of an escaped character, without its backslash. */
function escapedChar(escape: string): number {
  const first = escape[0] ?? '';
  if (first === 'x') return Number.parseInt(escape.replaceAll(/[x{}]/g, ''), 16);
  if (/\d/.test(first)) return Number.parseInt(escape, 8);
  return controlChars[first] ?? escape.charCodeAt(0);
}
