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
import type { FieldTest, QueryTree, Span, ValueTest } from './tree.ts';
import { textTest, ValueReader, wordText } from './value-reader.ts';
import type { FieldName } from './value-reader.ts';

/** Characters of a query. A list of a few hundred values fits; what is longer would be slow in every store. */
const queryLengthMax = 8192;
/** Parentheses and NOTs in each other. Nobody reads ten; SQL made of 64 is far from DuckDB's limit of 1000. */
const depthMax = 64;
/** Tests in a query: each one is looked at for every row that the others leave open. */
const testsMax = 256;

/** Characters of a field's name. A Kubernetes annotation has 317 at most; a name stands in the SQL up to 60 times for each test of it. */
const nameLengthMax = 512;

/**
 * Reads a query; an empty one is `all`. Relative times (`_time >= now-1h`) become ms since 1970 by `nowMs`, so that the same tree
 * means the same records in every table and page.
 * @throws QueryError
 */
export function parseQuery(text: string, nowMs: number = Date.now()): QueryTree {
  return new Parser(text, nowMs).read();
}

class Parser {
  readonly #scan: Scanner;
  readonly #values: ValueReader;
  #depth = 0;
  #tests = 0;
  constructor(text: string, nowMs: number) {
    this.#scan = new Scanner(text);
    this.#values = new ValueReader(this.#scan, nowMs);
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
    if (field) return this.#test(field, scan.at, this.#values.value(field));
    const start = scan.at;
    if (scan.next === '"') return this.#behindWord(scan.quoted(), start);
    if (scan.startsWith('||') || scan.startsWith('&&') || scan.isWord('AND') || scan.isWord('OR'))
      this.#failOperator(start);
    if (scan.isWord('or') || scan.isWord('and')) this.#failOperator(start);
    if (scan.isWord('|'))
      scan.fail('found "|": pipes are not supported; write "|" in quotes to find the character', start, start + 1);
    const word = scan.word('first');
    if (word.end === start) this.#failTerm();
    if (scan.text.slice(start, word.end) === '=' && /[<>]/.test(scan.next))
      scan.fail(`found "=${scan.next}"; write >= or <=`, start, word.end + 1);
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
      return this.#test(name, start, this.#values.comparison(name));
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
    return scan.next === '(' ? this.#group(name) : this.#test(name, start, this.#values.value(name));
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
    if (name.length > nameLengthMax)
      scan.fail(
        `a field name of ${name.length} characters, ${nameLengthMax} are allowed; shorten it`,
        word.start,
        word.end,
      );
    if (name === '') scan.fail('found an empty field name; write the name before the colon', word.start, word.end);
    return { name, start: word.start, end: word.end };
  }
  /** `_exists_:field`, as Lucene has it. */
  #exists(start: number): QueryTree {
    const scan: Scanner = this.#scan;
    const word = this.#values.text('_exists_:', 'the name of a field');
    const { name } = this.#fieldName(word);
    if (name === '*') scan.fail('_exists_ needs the name of a field', word.start, word.end);
    return this.#test({ name, start: word.start, end: word.end }, start, { kind: 'exists' });
  }
  /** `*:value` is free text, `*:*` everything. */
  #anyField(start: number): QueryTree {
    const word = this.#values.text('*:', 'what to look for');
    const [first] = word.parts;
    if (first === undefined)
      this.#scan.fail('found an empty text; write what to look for between the quotes', word.start, word.end);
    if (word.parts.length === 1 && first.kind === 'any') return { kind: 'all' };
    return this.#test(undefined, start, textTest(word));
  }

  #test(field: FieldName | undefined, start: number, test: ValueTest): FieldTest {
    const scan: Scanner = this.#scan;
    if (++this.#tests > testsMax)
      scan.fail(`more than ${testsMax} conditions in one query; use fewer, or ask twice`, start, scan.at);
    return { kind: 'test', field: field?.name, test, at: { start, end: scan.at } };
  }
}

/** One operand alone is itself; operands of the same kind are joined, so that long lists stay flat. */
function joined(kind: 'and' | 'or', operands: readonly QueryTree[]): QueryTree {
  const flat = operands.flatMap((operand) => (operand.kind === kind ? operand.operands : [operand]));
  const [only] = flat;
  return flat.length === 1 && only ? only : { kind, operands: flat };
}
