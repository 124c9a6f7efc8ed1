/**
 * Reads the classic form of Fluent Bit's configurations by the rules of Fluent Bit 5.1 (flb_cf_fluentbit.c):
 *
 * - `[NAME]` begins a section, in the first column. What stands behind the bracket is passed over.
 * - Every key is indented as the first one of its file is. Deeper, shallower, or by tabs where that one has blanks, is an
 *   error; so is a comment that is indented in another way. A `#` in the first column or at the indentation is a comment;
 *   behind a value it belongs to the value.
 * - The first blank ends the key; a tab does not. The value goes to the end of the line, without blanks around it.
 * - `@INCLUDE path` and `@SET name=value` stand in the first column; a `*` in a path makes it a glob. Paths in included files
 *   start where the main file lies.
 *
 * Where Fluent Bit ends at the first mistake, all are collected.
 */
import { nearest } from '../../core/errors.ts';
import type { ConfigProblem, Location } from '../../core/errors.ts';
import type { ParsedConfig, Property } from './element.ts';
import type { Included } from './files.ts';

interface OpenSection {
  readonly name: string;
  readonly properties: Property[];
  readonly groups: OpenSection[];
  readonly at: Location;
}

/** Gives the files an `@INCLUDE` names. */
export type Include = (written: string, at: Location) => readonly Included[];

/** Parses a text; `file` is how places name it. */
export function parseClassic(text: string, file: string, include: Include): ParsedConfig {
  const parsed = { sections: [] as OpenSection[], variables: [] as Property[], problems: [] as ConfigProblem[] };
  new ClassicFile(parsed, include).read(text, file);
  return parsed;
}

interface Gathered {
  readonly sections: OpenSection[];
  readonly variables: Property[];
  readonly problems: ConfigProblem[];
}

class ClassicFile {
  readonly #gathered: Gathered;
  readonly #include: Include;
  #file = '';
  /** Of the first indented line of this file. */
  #indent: string | undefined;
  #section: OpenSection | undefined;
  /** A section or line was wrong: what stands under it is passed over, it would only be misread. */
  #isLost = false;

  constructor(gathered: Gathered, include: Include) {
    this.#gathered = gathered;
    this.#include = include;
  }
  read(text: string, file: string): void {
    this.#file = file;
    for (const [index, line] of text.split('\n').entries())
      this.#line(line.endsWith('\r') ? line.slice(0, -1) : line, index + 1);
  }
  #line(line: string, number: number): void {
    if (line === '' || line.startsWith('#')) return;
    if (/^@include /i.test(line)) this.#includeFiles(line, number);
    else if (line.startsWith('@')) this.#command(line, number);
    else if (line.startsWith('[')) this.#header(line, number);
    else this.#pair(line, number);
  }
  #includeFiles(line: string, number: number): void {
    const path = line.slice(9).trim();
    const at = this.#at(number, line.indexOf(path, 9) + 1);
    if (path === '') return this.#error(at, '@INCLUDE: the path of a file was expected');
    for (const { text, path: shown } of this.#include(path, at))
      new ClassicFile(this.#gathered, this.#include).read(text, shown);
  }
  #command(line: string, number: number): void {
    const set = /^@set\s+([^=]*)=(.*)$/i.exec(line);
    const at = this.#at(number, 1);
    if (set) {
      const valueAt = this.#at(number, line.indexOf('=') + 2);
      this.#gathered.variables.push({ key: (set[1] ?? '').trim(), value: (set[2] ?? '').trim(), at, valueAt });
      return;
    }
    const word = /^@\S*/.exec(line)?.[0] ?? '@';
    if (/^@set\b/i.test(line))
      return this.#warn(at, '@SET: name=value was expected; it has no effect, as in Fluent Bit');
    const near = nearest(word.toUpperCase(), ['@INCLUDE', '@SET']);
    // What was meant to be one of the two would be missed.
    if (near !== undefined) this.#error(at, `unknown command ${word}; did you mean ${near}?`);
    else this.#warn(at, `unknown command ${word}: it has no effect, as in Fluent Bit (there are @INCLUDE and @SET)`);
  }
  #header(line: string, number: number): void {
    const at = this.#at(number, 1);
    this.#section = undefined;
    this.#isLost = true;
    const end = line.indexOf(']');
    if (end < 0) return this.#error(at, `${line.trim()}: the ] of a section was expected`);
    const name = line.slice(1, end).trim();
    if (name === '')
      return this.#warn(
        at,
        '[]: a section without a name has no effect, as in Fluent Bit; a name such as [INPUT] was expected',
      );
    this.#isLost = false;
    this.#section = { name: name.toLowerCase(), properties: [], groups: [], at };
    this.#gathered.sections.push(this.#section);
  }
  #pair(line: string, number: number): void {
    const blanks = /^[ \t]*/.exec(line)?.[0] ?? '';
    if (blanks.length === line.length) return;
    if (blanks !== '') this.#indent ??= blanks;
    const at = this.#at(number, blanks.length + 1);
    const problem = this.#indentProblem(line, blanks);
    if (problem !== undefined) return this.#error(at, problem);
    if (line[blanks.length] === '#') return;
    const rest = line.slice(blanks.length);
    if (rest.startsWith('['))
      return this.#error(
        at,
        `${rest.trim()}: sections begin in the first column; groups inside of a section are not known`,
      );
    const blank = rest.indexOf(' ');
    const value = blank < 0 ? '' : rest.slice(blank + 1).trim();
    const key = blank < 0 ? rest.trim() : rest.slice(0, blank);
    if (value === '') {
      const word = /^[^\s]+/.exec(key)?.[0] ?? key;
      return this.#error(
        at,
        key.includes('\t')
          ? `${word}: a tab stands behind it; a blank was expected between a key and its value`
          : `${word} has no value; Key and Value with a blank between them were expected`,
      );
    }
    const valueAt = this.#at(number, line.indexOf(value, blanks.length + blank) + 1);
    this.#add({ key: key.trim(), value, at, valueAt });
  }
  #add(property: Property): void {
    if (this.#section) this.#section.properties.push(property);
    else if (!this.#isLost)
      this.#error(
        property.at,
        `${property.key} stands outside of any section; expected [SERVICE], [INPUT] or another first`,
      );
  }
  /** What is wrong with the blanks before a key or comment. */
  #indentProblem(line: string, blanks: string): string | undefined {
    const indent = this.#indent;
    const word = (/^\S+/.exec(line.trimStart())?.[0] ?? '').slice(0, 40);
    if (blanks === '') return `${word} is not indented; keys stand behind blanks, under the header of their section`;
    // Twice the indentation is what stands in a group; without one it belongs to the section.
    if (indent === undefined || blanks === indent || isTwice(blanks, indent)) return undefined;
    if (blanks.replaceAll(/[ \t]/g, '').length === 0 && blanks[0] !== indent[0])
      return `${word}: inconsistent use of tabs and blanks; the first key of this file is indented by ${indentText(indent)}`;
    const found = blanks.length < indent.length ? 'less' : 'more';
    return `${word} is indented ${found} than the first key of this file; ${indentText(indent)} were expected, found ${indentText(blanks)} (comments too)`;
  }
  #at(line: number, column: number): Location {
    return { file: this.#file, line, column };
  }
  #error(at: Location, text: string): void {
    this.#gathered.problems.push({ at, text });
  }
  #warn(at: Location, text: string): void {
    this.#gathered.problems.push({ at, text, severity: 'warning' });
  }
}

function isTwice(blanks: string, indent: string): boolean {
  return blanks.startsWith(indent) && blanks.length === 2 * indent.length;
}

function indentText(blanks: string): string {
  const kind = /^ *$/.test(blanks) ? 'blank' : /^\t*$/.test(blanks) ? 'tab' : 'blanks or tab';
  return `${blanks.length} ${kind}${blanks.length === 1 ? '' : 's'}`;
}
