/**
 * The query language: text to tree. docs/query.md says it for users.
 *
 *     or     := and { (OR | or | "||") and }
 *     and    := unary { [AND | and | "&&"] unary }
 *     unary  := (NOT | not | "!" | "-" | "+") unary | term
 *     term   := "(" or ")" | field ":" value | field (< | <= | > | >=) text | text
 *     value  := "(" or of values ")" | "[" bound TO bound "]" | (< | <= | > | >= | =) text | "~" regexp | text
 *
 * Pure: no imports but of this folder, so that a browser can mark errors with it. Linear in the length of the text.
 */
import { Scanner } from './lexer.ts';
import type { Word } from './lexer.ts';
import { regexpProblem } from './re2.ts';
import { parseTime, relativeMs, timeForms } from './times.ts';
import type { Bound, FieldTest, QueryTree, Span, ValueTest } from './tree.ts';

/** Characters of a query. A list of a few hundred values fits; what is longer would be slow in every store. */
export const queryLengthMax = 8192;
/** Parentheses and NOTs in each other. Nobody reads ten; SQL made of 64 is far from DuckDB's limit of 1000. */
const depthMax = 64;
/** Tests in a query: each one is looked at for every row that the others leave open. */
const testsMax = 256;

/**
 * Reads a query; an empty one is `all`. Relative times (`_time >= now-1h`) become ms since 1970 by `nowMs`, so that the same tree
 * means the same records in every table and page.
 * @throws QueryError
 */
export function parseQuery(text: string, nowMs: number = Date.now()): QueryTree {
  return new Parser(text, nowMs).read();
}

type Operator = '>=' | '<=' | '>' | '<';
interface FieldName extends Span {
  readonly name: string;
}

class Parser {
  readonly #scan: Scanner;
  readonly #nowMs: number;
  #depth = 0;
  #tests = 0;
  constructor(text: string, nowMs: number) {
    this.#scan = new Scanner(text);
    this.#nowMs = nowMs;
  }
  read(): QueryTree {
    const scan: Scanner = this.#scan;
    if (scan.text.length > queryLengthMax)
      scan.fail(
        `the query has ${scan.text.length} characters, ${queryLengthMax} are allowed; make it shorter`,
        queryLengthMax,
        scan.text.length,
      );
    scan.skipBlanks();
    if (scan.isAtEnd) return { kind: 'all' };
    const tree = this.#or(undefined);
    if (!scan.isAtEnd)
      scan.fail(
        'found ")" without a "(" before it; remove it, or put quotes round it if it belongs to the text',
        scan.at,
        scan.at + 1,
      );
    return tree;
  }

  // ------------------------------------------------------------------------------------------------- operators

  /** Up to the end or a `)`. `field`: in `field:(…)`, every term is a value of it. */
  #or(field: FieldName | undefined): QueryTree {
    const operands = [this.#and(field)];
    for (;;) {
      const operator = this.#operator('||', 'OR', 'or');
      if (!operator) return joined('or', operands);
      this.#needOperand(operator);
      operands.push(this.#and(field, true));
    }
  }
  #and(field: FieldName | undefined, isBehindOperator = false): QueryTree {
    const scan: Scanner = this.#scan;
    const operands = [this.#unary(field, isBehindOperator)];
    for (;;) {
      scan.skipBlanks();
      if (scan.isAtEnd || scan.next === ')' || this.#isOr()) return joined('and', operands);
      const operator = this.#operator('&&', 'AND', 'and');
      if (operator) this.#needOperand(operator);
      operands.push(this.#unary(field, operator !== undefined));
    }
  }
  #isOr(): boolean {
    const scan: Scanner = this.#scan;
    return scan.startsWith('||') || scan.isWord('OR') || scan.isWord('or');
  }
  /** Reads one of the operators, if it is here. */
  #operator(sign: string, upper: string, lower: string): Span | undefined {
    const scan: Scanner = this.#scan;
    scan.skipBlanks();
    const length = scan.startsWith(sign) ? sign.length : scan.isWord(upper) || scan.isWord(lower) ? upper.length : 0;
    if (length === 0) return undefined;
    const start = scan.at;
    scan.at += length;
    return { start, end: scan.at };
  }
  #needOperand(operator: Span): void {
    const scan: Scanner = this.#scan;
    scan.skipBlanks();
    if (!scan.isAtEnd && scan.next !== ')') return;
    const sign = scan.text.slice(operator.start, operator.end);
    const end = scan.isAtEnd ? 'the end' : '")"';
    scan.fail(
      `found ${end} behind ${sign}, expected what to look for; add it, or write "${sign}" in quotes to find the word`,
      operator.start,
      operator.end,
    );
  }
  #unary(field: FieldName | undefined, isBehindOperator: boolean): QueryTree {
    const scan: Scanner = this.#scan;
    scan.skipBlanks();
    const start = scan.at;
    const sign = this.#negation(field, isBehindOperator);
    if (sign === undefined) {
      // `+` (must be there) is what a term means anyway.
      if (!field && scan.next === '+' && /[^\s)+]/.test(scan.text[scan.at + 1] ?? ' ')) scan.at++;
      return this.#term(field);
    }
    scan.at += sign.length;
    if (sign === '-') {
      if (/^[\s-]?$/.test(scan.next))
        scan.fail(
          'found "-" without what to exclude directly behind it; remove it, or put quotes round the text',
          start,
          scan.at,
        );
    } else this.#needOperand({ start, end: scan.at });
    this.#deeper(start);
    const operand = this.#unary(field, true);
    this.#depth--;
    return { kind: 'not', operand };
  }
  /** The sign of a negation that stands here, not read yet. In `field:(…)` a `-` belongs to the value: `temperature:(-5 OR -6)`. */
  #negation(field: FieldName | undefined, isBehindOperator: boolean): string | undefined {
    const scan: Scanner = this.#scan;
    if (scan.next === '!' && !scan.startsWith('!=')) return '!';
    if (scan.next === '-' && !(field && /[\d.]/.test(scan.text[scan.at + 1] ?? ''))) return '-';
    if (scan.isWord('NOT')) return 'NOT';
    if (!scan.isWord('not')) return undefined;
    // `not found` is a text; `a and not b`, `not path:x`, `not (…)`, `not "…"` are conditions.
    if (field || isBehindOperator || this.#isConditionBehindNot()) return 'not';
    return undefined;
  }
  #isConditionBehindNot(): boolean {
    const condition =
      /not[\s\uFEFF]*(?:[("!]|[^\s\uFEFF()":<>\\-](?:\\.|[^\s\uFEFF()":<>\\])*[\s\uFEFF]*(?::(?!\/\/)|[<>]))/y;
    condition.lastIndex = this.#scan.at;
    return condition.test(this.#scan.text);
  }
  #deeper(start: number): void {
    if (++this.#depth > depthMax)
      this.#scan.fail(`more than ${depthMax} levels of parentheses and NOT; use fewer`, start, start + 1);
  }

  // ------------------------------------------------------------------------------------------------- terms

  #term(field: FieldName | undefined): QueryTree {
    const scan: Scanner = this.#scan;
    if (scan.next === '(') return this.#group(field);
    if (field) return this.#value(field, scan.at);
    const start = scan.at;
    if (scan.next === '"') return this.#behindWord(scan.quoted(), start);
    if (scan.startsWith('||') || scan.startsWith('&&') || scan.isWord('AND') || scan.isWord('OR'))
      this.#failOperator(start);
    if (scan.isWord('or') || scan.isWord('and')) this.#failOperator(start);
    if (scan.isWord('|'))
      scan.fail('found "|": pipes are not supported; write "|" in quotes to find the character', start, start + 1);
    const word = scan.word('first');
    if (word.end === start) this.#failTerm();
    if (/^(?:=|==|!=|=~)$/.test(scan.text.slice(start, word.end)))
      scan.fail(
        `found "${scan.text.slice(start, word.end)}"; write field:value, NOT field:value, field:="exact value" or field:~"regular expression"`,
        start,
        word.end,
      );
    return this.#behindWord(word, start);
  }
  #failOperator(start: number): never {
    const scan: Scanner = this.#scan;
    const sign = /&&|\|\||\w+/y;
    sign.lastIndex = start;
    const found = sign.exec(scan.text)?.[0] ?? '';
    scan.fail(
      `found ${found}, expected what to look for before it; add it, or write "${found}" in quotes to find the word`,
      start,
      start + found.length,
    );
  }
  #failTerm(): never {
    const scan: Scanner = this.#scan;
    const { next, at } = scan;
    const quote = `put quotes round a text with "${next}" in it`;
    if (next === ':') scan.fail(`found ":" without a field name before it; write field:value, or ${quote}`, at, at + 1);
    if (next === '<' || next === '>')
      scan.fail(`found "${next}" without a field name before it; write status >= 500, or ${quote}`, at, at + 1);
    scan.fail(
      next === '' ? 'found the end, expected what to look for' : `found "${next}", expected what to look for; ${quote}`,
      at,
      at + 1,
    );
  }
  #group(field: FieldName | undefined): QueryTree {
    const scan: Scanner = this.#scan;
    const start = scan.at++;
    this.#deeper(start);
    scan.skipBlanks();
    if (scan.next === ')')
      scan.fail(
        'found "()" with nothing in it; write a condition in it, or put quotes round the text',
        start,
        scan.at + 1,
      );
    if (scan.isAtEnd) this.#failOpen(start);
    const tree = this.#or(field);
    if (scan.isAtEnd) this.#failOpen(start);
    scan.at++;
    this.#depth--;
    return tree;
  }
  #failOpen(start: number): never {
    this.#scan.fail(
      'this "(" is not closed; add ")", or put quotes round it if it belongs to the text',
      start,
      start + 1,
    );
  }
  /** Behind the first word of a term: it was a field's name, or free text. */
  #behindWord(word: Word, start: number): QueryTree {
    const scan: Scanner = this.#scan;
    const behind = scan.at;
    scan.skipBlanks();
    if (scan.next === ':') return this.#behindColon(word, start);
    if (scan.next === '<' || scan.next === '>') {
      if (/[=-]$/.test(scan.text.slice(start, scan.at)))
        scan.fail(
          `found "${scan.text[scan.at - 1]}${scan.next}"; write >= or <=, or put quotes round the text`,
          scan.at - 1,
          scan.at + 1,
        );
      const name = this.#fieldName(word);
      return this.#test(name, start, this.#comparison(name));
    }
    scan.at = behind;
    const [first] = word.parts;
    if (first === undefined)
      scan.fail('found an empty text; write what to look for between the quotes', word.start, word.end);
    if (word.parts.length === 1 && first.kind === 'any') return { kind: 'all' };
    return this.#test(undefined, start, textTest(word));
  }
  #behindColon(word: Word, start: number): QueryTree {
    const scan: Scanner = this.#scan;
    scan.at++;
    const name = this.#fieldName(word);
    scan.skipBlanks();
    if (name.name === '_exists_') return this.#exists(start);
    if (name.name === '*') return this.#anyField(start);
    return scan.next === '(' ? this.#group(name) : this.#value(name, start);
  }
  #fieldName(word: Word): FieldName {
    const scan: Scanner = this.#scan;
    if (word.parts.length === 1 && word.parts[0]?.kind === 'any')
      return { name: '*', start: word.start, end: word.end };
    if (word.parts.some((part) => part.kind !== 'text'))
      scan.fail(
        'wildcards in a field name are not supported; write the name, or \\* for the character',
        word.start,
        word.end,
      );
    const name = wordText(word);
    if (name === '') scan.fail('found an empty field name; write the name before the colon', word.start, word.end);
    return { name, start: word.start, end: word.end };
  }
  /** `_exists_:field`, as Lucene has it. */
  #exists(start: number): QueryTree {
    const scan: Scanner = this.#scan;
    const word = this.#text('_exists_:', 'the name of a field');
    const { name } = this.#fieldName(word);
    if (name === '*') scan.fail('_exists_ needs the name of a field', word.start, word.end);
    return this.#test({ name, start: word.start, end: word.end }, start, { kind: 'exists' });
  }
  /** `*:value` is free text, `*:*` everything. */
  #anyField(start: number): QueryTree {
    const word = this.#text('*:', 'what to look for');
    const [first] = word.parts;
    if (first === undefined)
      this.#scan.fail('found an empty text; write what to look for between the quotes', word.start, word.end);
    if (word.parts.length === 1 && first.kind === 'any') return { kind: 'all' };
    return this.#test(undefined, start, textTest(word));
  }

  // ------------------------------------------------------------------------------------------------- values

  /** Behind `field:`, or a term in `field:(…)`. */
  #value(field: FieldName, start: number): QueryTree {
    const scan: Scanner = this.#scan;
    const { next } = scan;
    if (next === '[' || next === '{') return this.#test(field, start, this.#range(field));
    if (next === '>' || next === '<') return this.#test(field, start, this.#comparison(field));
    if (next === '~') return this.#test(field, start, this.#regexp(field));
    if (next === '!')
      scan.fail(`found "!"; write NOT ${field.name}:value, or put quotes round the text`, scan.at, scan.at + 1);
    if (next === '=') {
      if (/^=[<>]/.test(scan.text.slice(scan.at, scan.at + 2)))
        scan.fail(`found "${scan.text.slice(scan.at, scan.at + 2)}"; write >= or <=`, scan.at, scan.at + 2);
      scan.at++;
      return this.#test(field, start, { kind: 'exact', text: this.#literal(field, ':=') });
    }
    const word = this.#text(`${field.name}:`, 'a value');
    if (field.name.startsWith('_')) this.#checkOwn(field.name, word);
    // No value is a text without characters but the empty one.
    if (word.parts.length === 0) return this.#test(field, start, { kind: 'exact', text: '' });
    const isAny = word.parts.length === 1 && word.parts[0]?.kind === 'any';
    const isTime = field.name === '_time' && !isAny;
    return this.#test(
      field,
      start,
      isAny ? { kind: 'exists' } : isTime ? { kind: 'phrase', text: this.#time(word) } : textTest(word),
    );
  }
  #test(field: FieldName | undefined, start: number, test: ValueTest): FieldTest {
    const scan: Scanner = this.#scan;
    if (++this.#tests > testsMax)
      scan.fail(`more than ${testsMax} conditions in one query; use fewer, or ask twice`, start, scan.at);
    return { kind: 'test', field: field?.name, test, at: { start, end: scan.at } };
  }
  /** A word or a quoted text behind a sign. */
  #text(sign: string, expected: string): Word {
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
    const word = this.#text(`${field.name}${sign}`, 'a value');
    if (field.name === '_time') return this.#time(word);
    if (field.name === '_id') this.#checkOwn('_id', word);
    return wordText(word);
  }
  #comparison(field: FieldName): ValueTest {
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
    scan.fail(
      'this range cannot be read; write [400 TO 499], {0 TO 1} without the ends, [500 TO *], or put quotes round the text',
      start,
      Math.max(scan.at, start + 1),
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
    if (!parseTime(padded)) this.#scan.fail(`"${text}" is no time; write one of ${timeForms}`, word.start, word.end);
    return padded;
  }
  #checkOwn(name: string, word: Word): void {
    if (name !== '_id' || (word.parts.length === 1 && word.parts[0]?.kind === 'any')) return;
    if (word.parts.some((part) => part.kind !== 'text'))
      this.#scan.fail('_id is found as a whole only; write it without wildcards', word.start, word.end);
    if (!/-\d{1,16}(?:\.\d{1,9})?$/.test(wordText(word)))
      this.#scan.fail('this is no _id; it looks like <shard>-<offset> or <shard>-<offset>.<k>', word.start, word.end);
  }
}

/** One operand alone is itself; operands of the same kind are joined, so that long lists stay flat. */
function joined(kind: 'and' | 'or', operands: readonly QueryTree[]): QueryTree {
  const flat = operands.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand]));
  const [only] = flat;
  return flat.length === 1 && only ? only : { kind, operands: flat };
}

/** The text of a word, its wildcards as characters. */
function wordText(word: Word): string {
  return word.parts.map((part) => (part.kind === 'text' ? part.text : part.kind === 'any' ? '*' : '?')).join('');
}

function textTest(word: Word): ValueTest {
  return word.parts.some((part) => part.kind !== 'text')
    ? { kind: 'wildcard', parts: word.parts }
    : { kind: 'phrase', text: wordText(word) };
}
