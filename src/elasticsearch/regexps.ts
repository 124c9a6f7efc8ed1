/**
 * Regular expressions of the query language (RE2, found anywhere in a value; store/query/re2.ts has let pass what is read here) as
 * Lucene's, which match a whole value and know no anchors, classes by name, or flags.
 */
import { escaped } from './patterns.ts';

/** What Lucene cannot say. Its text: what, and what to do. */
export class NotInLucene extends Error {}

const classes: Readonly<Record<string, string>> = {
  d: '0-9',
  w: '0-9A-Za-z_',
  s: '\\t\\n\\f\\r ',
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7f',
  blank: '\\t ',
  cntrl: '\\x00-\\x1f\\x7f',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-/:-@\\[-`{-~',
  space: '\\t\\n\\x0b\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** @throws NotInLucene */
export function lucenePattern(source: string): string {
  return new Translator(source).whole();
}

class Translator {
  readonly #source: string;
  #at = 0;
  #ignoresCase = false;
  #dotsTakeBreaks = false;
  constructor(source: string) {
    this.#source = source;
  }
  /** The branches at the top, each with what may stand before and behind it. */
  whole(): string {
    const branches = [this.#topBranch()];
    while (this.#next('|')) branches.push(this.#topBranch());
    return branches.join('|');
  }
  #topBranch(): string {
    this.#flags();
    const isBegun = this.#take(/\^|\\A/y) !== undefined;
    const inner = this.#branch();
    const isEnded = this.#take(/\$|\\z/y) !== undefined;
    if (isEnded && this.#at < this.#source.length && this.#source[this.#at] !== '|')
      throw new NotInLucene('"$" works at the end only');
    return `${isBegun ? '' : '.*'}(${inner === '' ? '()' : inner})${isEnded ? '' : '.*'}`;
  }
  /** `(?i)` and `(?s)` where they stand alone. */
  #flags(): void {
    const found = this.#take(/\(\?([ims]+)\)/y);
    if (!found) return;
    if (found[1]?.includes('m') === true) throw new NotInLucene('the flag m is not known there');
    if (found[1]?.includes('i') === true) this.#ignoresCase = true;
    if (found[1]?.includes('s') === true) this.#dotsTakeBreaks = true;
  }
  #branch(): string {
    let text = '';
    for (;;) {
      const char = this.#source[this.#at];
      if (
        char === undefined ||
        char === '|' ||
        char === ')' ||
        char === '$' ||
        this.#source.startsWith('\\z', this.#at)
      )
        return text;
      text += this.#repeated(this.#atom(char));
    }
  }
  #repeated(atom: string): string {
    const found = this.#take(/(?:[*+?]|\{\d+(?:,\d*)?\})/y)?.[0];
    if (found === undefined) return atom;
    // What is found first makes no difference to whether something is found.
    this.#take(/\?/y);
    return `${atom}${found}`;
  }
  #atom(char: string): string {
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#class();
      case '.':
        this.#at++;
        return this.#dotsTakeBreaks ? '.' : '[^\n]';
      case '^':
        throw new NotInLucene('"^" works at the beginning only');
      case '\\':
        return this.#escape();
      default: {
        const point = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
        this.#at += point.length;
        return this.#literal(point);
      }
    }
  }
  #group(): string {
    const open = this.#take(/\((?:\?(?:P<\w+>|:))?(?!\?)/y);
    if (!open) throw new NotInLucene('flags inside of an expression are not known there; write (?i) at its beginning');
    const branches = [this.#branch()];
    while (this.#next('|')) branches.push(this.#branch());
    if (!this.#next(')')) throw new NotInLucene('"$" works at the end only, outside of parentheses');
    return `(${branches.map((branch) => (branch === '' ? '()' : branch)).join('|')})`;
  }
  #literal(char: string): string {
    if (!this.#ignoresCase) return escaped(char);
    const cases = [...new Set([char, char.toLowerCase(), char.toUpperCase()])].filter(
      (one) => one.length === char.length,
    );
    return cases.length === 1 ? escaped(char) : `[${cases.join('')}]`;
  }
  #escape(): string {
    const quoted = this.#take(/\\Q([^]*?)(?:\\E|$)/y);
    if (quoted) return Array.from(quoted[1] ?? '', (char) => this.#literal(char)).join('');
    const named = this.#take(/\\([dDsSwW])/y)?.[1];
    if (named !== undefined)
      return `[${named === named.toUpperCase() ? '^' : ''}${plainClass(classes[named.toLowerCase()] ?? '')}]`;
    const edge = this.#take(/\\[bBAC]/y)?.[0];
    if (edge !== undefined) throw new NotInLucene(`"${edge}" is not known there; write field:"word" for whole words`);
    return this.#literal(this.#escapedChar());
  }
  #escapedChar(): string {
    const found = this.#take(/\\(?:x\{([0-9A-Fa-f]+)\}|x([0-9A-Fa-f]{2})|([0-7]{1,3})|([pP])|([afnrtv])|([^]))/y);
    if (!found) throw new NotInLucene('an expression ends in a backslash');
    const [, long, short, octal, property, control, char = ''] = found;
    if (property !== undefined)
      throw new NotInLucene('classes such as \\pL are not known there; write the characters in brackets');
    if (control !== undefined) return { a: '\x07', f: '\f', n: '\n', r: '\r', t: '\t', v: '\v' }[control] ?? '';
    const number = long ?? short;
    if (number !== undefined) return String.fromCodePoint(Number.parseInt(number, 16));
    return octal === undefined ? char : String.fromCodePoint(Number.parseInt(octal, 8));
  }
  #class(): string {
    this.#at++;
    const isNegated = this.#next('^');
    let inner = '';
    for (let isFirst = true; isFirst || this.#source[this.#at] !== ']'; isFirst = false) inner += this.#classPart();
    this.#at++;
    return `[${isNegated ? '^' : ''}${inner}]`;
  }
  #classPart(): string {
    const named = this.#take(/\[:(\^?)(\w+):\]|\\([dsw])/y);
    if (named?.[1] === '^') throw new NotInLucene('[:^…:] in brackets is not known there; write [^…]');
    if (named) return plainClass(classes[named[2] ?? named[3] ?? ''] ?? '');
    if (this.#take(/\\[DSW]/y)) throw new NotInLucene('\\D, \\S and \\W in brackets are not known there; write [^…]');
    const from = this.#classChar();
    if (this.#source[this.#at] !== '-' || this.#source[this.#at + 1] === ']') return this.#bothCases(from, from);
    this.#at++;
    return this.#bothCases(from, this.#classChar());
  }
  #classChar(): string {
    if (this.#source[this.#at] === '\\') return this.#escapedChar();
    const point = String.fromCodePoint(this.#source.codePointAt(this.#at) ?? 0);
    this.#at += point.length;
    return point;
  }
  #bothCases(from: string, to: string): string {
    const range = (low: string, high: string): string =>
      low === high ? inClass(low) : `${inClass(low)}-${inClass(high)}`;
    const text = range(from, to);
    if (!this.#ignoresCase) return text;
    const isInside = (low: string, high: string): boolean => from >= low && to <= high;
    if (isInside('a', 'z')) return text + range(from.toUpperCase(), to.toUpperCase());
    if (isInside('A', 'Z')) return text + range(from.toLowerCase(), to.toLowerCase());
    if (from === to) {
      const other = from.toLowerCase() === from ? from.toUpperCase() : from.toLowerCase();
      return other.length === from.length && other !== from ? text + inClass(other) : text;
    }
    if (to < 'A' || from > 'z') return text;
    throw new NotInLucene('this class with (?i) is not known there; write small and large letters');
  }
  #next(char: string): boolean {
    if (this.#source[this.#at] !== char) return false;
    this.#at++;
    return true;
  }
  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#source) ?? undefined;
    if (found) this.#at += found[0].length;
    return found;
  }
}

function inClass(char: string): string {
  return /[\\\]^[&"~-]/.test(char) ? `\\${char}` : char;
}

/** A class of the table with its characters as they are. */
function plainClass(written: string): string {
  return written.replaceAll(/\\(?:x([0-9a-f]{2})|([tnfr]))/g, (_, hex: string | undefined, control: string) =>
    hex === undefined
      ? ({ t: '\t', n: '\n', f: '\f', r: '\r' }[control] ?? '')
      : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
