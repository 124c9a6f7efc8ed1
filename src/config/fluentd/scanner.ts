/** A cursor over one configuration text: positions, places, and the blanks and comments of Fluentd's grammar. */
import type { ConfigProblem, Location } from '../../core/errors.ts';

/** Moves over a text. `position` counts UTF-16 units; places count lines and columns from 1. */
export class Scanner {
  readonly file: string;
  readonly text: string;
  position = 0;
  readonly #problems: ConfigProblem[];
  readonly #lineStarts: number[] = [0];

  constructor(file: string, text: string, problems: ConfigProblem[]) {
    this.file = file;
    // A byte order mark is no part of the first key.
    this.text = (text.startsWith('\uFEFF') ? text.slice(1) : text).replaceAll(/\r(?!\n)/g, '\n');
    this.#problems = problems;
    for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1)) this.#lineStarts.push(at + 1);
  }

  get isAtEnd(): boolean {
    return this.position >= this.text.length;
  }
  /** The character here, or '' at the end. */
  get here(): string {
    return this.text[this.position] ?? '';
  }
  place(position: number = this.position): Location {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#lineStarts[middle] as number) <= position) low = middle;
      else high = middle - 1;
    }
    return { file: this.file, line: low + 1, column: position - (this.#lineStarts[low] as number) + 1 };
  }
  problem(at: Location, text: string): void {
    this.#problems.push({ at, text });
  }
  warning(at: Location, text: string): void {
    this.#problems.push({ at, text, severity: 'warning' });
  }
  /** Steps over `literal` if it stands here. */
  skip(literal: string): boolean {
    if (!this.text.startsWith(literal, this.position)) return false;
    this.position += literal.length;
    return true;
  }
  /** Matches a sticky expression here and steps over it. */
  match(expression: RegExp): string | undefined {
    expression.lastIndex = this.position;
    const found = expression.exec(this.text)?.[0];
    if (found !== undefined) this.position += found.length;
    return found;
  }
  /** Spaces and tabs. */
  skipBlanks(): void {
    this.match(/[ \t]*/y);
  }
  /** Spaces, tabs and line breaks; says whether a line break was among them. */
  skipLines(): boolean {
    return /[\r\n]/.test(this.match(/[ \t\r\n]*/y) ?? '');
  }
  /** Spaces, line breaks and comments. */
  skipSpacing(): void {
    this.match(/(?:[ \t\r\n]|#[^\r\n]*)*/y);
  }
  /** Whether only blanks and a comment follow on this line. A comment needs a blank before it, or the line's start. */
  isLineEnd(position: number = this.position): boolean {
    const end = /[ \t]*(?:#[^\r\n]*)?(?:[\r\n]|$)/y;
    end.lastIndex = position;
    return end.test(this.text);
  }
  /** Steps to the next line if only blanks and a comment follow on this one; says whether they did. */
  skipLineEnd(): boolean {
    if (!this.isLineEnd()) return false;
    this.skipToNextLine();
    return true;
  }
  /** Steps behind this line's break, whatever stands before it. */
  skipToNextLine(): void {
    const end = this.text.indexOf('\n', this.position);
    this.position = end < 0 ? this.text.length : end + 1;
  }
  /** Steps to this line's end, before its break. */
  skipToLineEnd(): void {
    this.match(/[^\r\n]*/y);
  }
  /** The rest of this line, for texts of problems; at most 40 characters. */
  restOfLine(): string {
    const rest = this.text.slice(this.position).split(/[\r\n]/, 1)[0] ?? '';
    return rest.length > 40 ? `${rest.slice(0, 39)}…` : rest;
  }
}
