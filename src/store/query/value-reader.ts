/** Reads what stands behind `field:` and behind comparisons. */
import type { Scanner, Word } from './lexer.ts';
import { regexpProblem } from './re2.ts';
import { parseTime, relativeMs, timeForms } from './times.ts';
import type { Bound, Span, ValueTest } from './tree.ts';

type Operator = '>=' | '<=' | '>' | '<';
/** A field's name as it was written, and where. */
export interface FieldName extends Span {
  readonly name: string;
}

export class ValueReader {
  readonly #scan: Scanner;
  readonly #nowMs: number;
  constructor(scan: Scanner, nowMs: number) {
    this.#scan = scan;
    this.#nowMs = nowMs;
  }
  /** Behind `field:`, or a term in `field:(…)`. */
  value(field: FieldName): ValueTest {
    const scan: Scanner = this.#scan;
    const { next } = scan;
    if (next === '[' || next === '{') return this.#range(field);
    if (next === '>' || next === '<') return this.comparison(field);
    if (next === '~') return this.#regexp(field);
    if (next === '!')
      scan.fail(`found "!"; write NOT ${short(field.name)}:value, or put quotes round the text`, scan.at, scan.at + 1);
    if (next === '=') {
      if (/^=[<>]/.test(scan.text.slice(scan.at, scan.at + 2)))
        scan.fail(`found "${scan.text.slice(scan.at, scan.at + 2)}"; write >= or <=`, scan.at, scan.at + 2);
      scan.at++;
      return { kind: 'exact', text: this.#literal(field, ':=') };
    }
    const word = this.text(`${short(field.name)}:`, 'a value');
    const [first] = word.parts;
    if (word.parts.length === 1 && first?.kind === 'any') return { kind: 'exists' };
    if (field.name === '_time') return { kind: 'phrase', text: this.#time(word) };
    if (field.name === '_id') this.#checkId(word);
    // No value has a text without characters as its word, but the empty one is it.
    return first ? textTest(word) : { kind: 'exact', text: '' };
  }
  /** A word or a quoted text behind a sign. */
  text(sign: string, expected: string): Word {
    const scan: Scanner = this.#scan;
    scan.skipBlanks();
    const { at, next } = scan;
    const isOperator = ['AND', 'OR', 'NOT', '&&', '||'].some((operator) => scan.isWord(operator));
    const word = isOperator ? undefined : next === '"' ? scan.quoted() : scan.word('value');
    if (word && word.end > at) return word;
    const found = isOperator ? (/\S{2,3}/.exec(scan.text.slice(at, at + 3))?.[0] ?? '') : next;
    scan.fail(
      `found ${found === '' ? 'the end' : `"${found}"`} behind ${sign}, expected ${expected}; write it there, or put quotes round the text`,
      at === scan.text.length ? Math.max(0, at - 1) : at,
      at + Math.max(1, found.length),
    );
  }
  /** A text in which wildcards stand for themselves. */
  #literal(field: FieldName, sign: string): string {
    const word = this.text(`${short(field.name)}${sign}`, 'a value');
    if (field.name === '_time') return this.#time(word);
    if (field.name === '_id') this.#checkId(word);
    return wordText(word);
  }
  /** At `<` or `>`. */
  comparison(field: FieldName): ValueTest {
    const scan: Scanner = this.#scan;
    const first = scan.next as '<' | '>';
    const operator: Operator = scan.startsWith(`${first}=`) ? `${first}=` : first;
    const start = scan.at;
    scan.at += operator.length;
    if (field.name === '_id') scan.fail('_id has no order; write _id:"…"', start, scan.at);
    if (field.name === '*') scan.fail('a comparison needs the name of a field before it', field.start, field.end);
    if (scan.next === '=' || scan.next === '<' || scan.next === '>')
      scan.fail(`found "${operator}${scan.next}"; write one of < <= > >=`, start, scan.at + 1);
    return { kind: 'compare', operator, value: this.#literal(field, ` ${operator}`) };
  }
  #regexp(field: FieldName): ValueTest {
    const scan: Scanner = this.#scan;
    const start = scan.at++;
    scan.skipBlanks();
    if (field.name === '_time' || field.name === '_id')
      scan.fail(`${field.name} cannot be matched with a regular expression; write ${field.name}:value`, start, scan.at);
    let source: string;
    let from: number;
    if (scan.next === '"') {
      const quoted = scan.quotedRegexp();
      source = quoted.source;
      from = quoted.start + 1;
    } else {
      from = scan.at;
      const bare = /[^\s\uFEFF()"]*/y;
      bare.lastIndex = from;
      source = bare.exec(scan.text)?.[0] ?? '';
      scan.at += source.length;
      if (scan.next === '(' || scan.next === '"')
        scan.fail(`found "${scan.next}" in a regular expression; put quotes round it`, scan.at, scan.at + 1);
    }
    if (source === '')
      scan.fail(
        'found "~" without a regular expression; write field:~"expression"',
        start,
        Math.max(scan.at, start + 1),
      );
    const problem = regexpProblem(source);
    if (problem) scan.fail(`in the regular expression: ${problem.text}`, from + problem.start, from + problem.end);
    return { kind: 'regexp', source };
  }
  #range(field: FieldName): ValueTest {
    const scan: Scanner = this.#scan;
    const start = scan.at;
    const isFromInclusive = scan.next === '[';
    scan.at++;
    if (field.name === '_id') scan.fail('_id has no order; write _id:"…"', start, scan.at);
    const from = this.#bound(field, start);
    scan.skipBlanks();
    if (!scan.isWord('TO') && !scan.isWord('to')) this.#failRange(start);
    scan.at += 2;
    const to = this.#bound(field, start);
    scan.skipBlanks();
    if (scan.next !== ']' && scan.next !== '}') this.#failRange(start);
    const isToInclusive = scan.next === ']';
    scan.at++;
    const bound = (value: string | undefined, isInclusive: boolean): Bound | undefined =>
      value === undefined ? undefined : { value, isInclusive };
    if (from === undefined && to === undefined) return { kind: 'exists' };
    return { kind: 'range', from: bound(from, isFromInclusive), to: bound(to, isToInclusive) };
  }
  #failRange(start: number): never {
    const scan: Scanner = this.#scan;
    const close = /[^\]}]*[\]}]/y;
    close.lastIndex = scan.at;
    scan.fail(
      'this range cannot be read; write [400 TO 499], {0 TO 1} without the ends, [500 TO *], or put quotes round the text',
      start,
      close.test(scan.text) ? close.lastIndex : Math.max(scan.at, start + 1),
    );
  }
  /** One end of a range; undefined: `*`. */
  #bound(field: FieldName, start: number): string | undefined {
    const scan: Scanner = this.#scan;
    scan.skipBlanks();
    if (scan.isAtEnd || scan.isWord('TO') || scan.isWord('to')) this.#failRange(start);
    const at = scan.at;
    const word = scan.next === '"' ? scan.quoted() : scan.word('bound');
    if (word.end === at) this.#failRange(start);
    if (word.parts.length === 1 && word.parts[0]?.kind === 'any') return undefined;
    return field.name === '_time' ? this.#time(word) : wordText(word);
  }

  // ------------------------------------------------------------------------------------------------- the record's own fields

  #time(word: Word): string {
    const text = wordText(word);
    const ms = relativeMs(text, this.#nowMs);
    const time = ms === undefined ? text : String(ms);
    // Small numbers of ms would be read as years.
    const padded =
      /^-?\d{1,4}$/.test(time) && ms !== undefined ? time.replace(/\d+/, (digits) => digits.padStart(5, '0')) : time;
    if (!parseTime(padded))
      this.#scan.fail(`"${short(text)}" is no time; write one of ${timeForms}`, word.start, word.end);
    return padded;
  }
  #checkId(word: Word): void {
    if (word.parts.some((part) => part.kind !== 'text'))
      this.#scan.fail('_id is found as a whole only; write it without wildcards', word.start, word.end);
  }
}

/** The text of a word, its wildcards as characters. */
export function wordText(word: Word): string {
  return word.parts.map((part) => (part.kind === 'text' ? part.text : part.kind === 'any' ? '*' : '?')).join('');
}

/** A word as a phrase, or as a wildcard where it has some. */
export function textTest(word: Word): ValueTest {
  return word.parts.some((part) => part.kind !== 'text')
    ? { kind: 'wildcard', parts: word.parts }
    : { kind: 'phrase', text: wordText(word) };
}

/** A text for an error: a person finds the place by its beginning. */
function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
