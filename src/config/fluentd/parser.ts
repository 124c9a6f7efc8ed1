/**
 * Parser for Fluentd's configuration language, v1 grammar (v0.12 configurations differ in spellings only). Reports every
 * problem it can find: after a bad value it goes on with the next line, after a bad tag with the next section.
 */
import { nearest } from '../../core/errors.ts';
import type { ConfigProblem, Location } from '../../core/errors.ts';
import type { Attribute, Section, WrittenValue } from './element.ts';
import type { EmbeddedScope } from './embedded.ts';
import { includeBase, includedFiles } from './include.ts';
import { readString, readValue } from './literal.ts';
import { Scanner } from './scanner.ts';

/** What parsing gives: a root section without a name, and everything that is wrong with the text. */
export interface ParsedText {
  readonly root: Section;
  /** Errors and warnings, in the order found. */
  readonly problems: readonly ConfigProblem[];
  /** Sections do not nest as written: what lowering would say about the tree would mislead. */
  readonly isTorn: boolean;
}

export interface ParseSettings extends EmbeddedScope {
  /** Where relative includes of the outermost text start. Default: the directory of `file`. */
  readonly directory?: string;
}

/** Parses a configuration text; `file` is how places name it. Never throws on any text. */
export function parseFluentd(text: string, file: string, settings: ParseSettings): ParsedText {
  const parser = new Parser(settings);
  const body = emptyBody();
  parser.file(text, file, settings.directory ?? includeBase(file), body, undefined, []);
  return {
    root: { name: '', argument: '', ...body, at: { file, line: 1, column: 1 } },
    problems: parser.problems,
    isTorn: parser.isTorn,
  };
}

/** Sections that take no other `@` parameters than the reserved ones. */
const strictSections = new Set(['match', 'source', 'filter', 'system']);
const reserved = ['@type', '@id', '@label', '@log_level', '@include'];
// Far more than people nest by hand; keeps hostile text from exhausting the stack.
const depthMax = 64;

/** A section's content while it is read. */
interface Body {
  readonly attributes: Attribute[];
  readonly sections: Section[];
}
const emptyBody = (): Body => ({ attributes: [], sections: [] });

/** A file that is being read, and how it was reached. */
interface OpenFile {
  readonly scanner: Scanner;
  readonly directory: string;
  readonly chain: readonly string[];
}

class Parser {
  readonly problems: ConfigProblem[] = [];
  isTorn = false;
  readonly #settings: ParseSettings;

  constructor(settings: ParseSettings) {
    this.#settings = settings;
  }
  file(text: string, file: string, directory: string, body: Body, owner: string | undefined, chain: string[]): void {
    const scanner = new Scanner(file, text, this.problems);
    const open = { scanner, directory, chain: [...chain, file] };
    this.#body(open, body, owner, undefined, 0);
  }
  /** Reads lines up to the end tag of `opened`, or to the end of the file where there is none. */
  #body(file: OpenFile, body: Body, name: string | undefined, opened: Location | undefined, depth: number): void {
    const { scanner } = file;
    for (;;) {
      scanner.skipSpacing();
      if (scanner.isAtEnd) {
        if (opened) this.#torn(opened, `<${name}> is never closed: </${name}> was expected before the end of the file`);
        return;
      }
      if (scanner.skip('</')) {
        if (this.#endTag(scanner, name, opened)) return;
      } else if (scanner.here === '<') this.#section(file, body, depth);
      else if (name === undefined && scanner.match(/include(?=[ \t])/y) !== undefined) {
        scanner.warning(scanner.place(scanner.position - 7), 'include is deprecated; write @include');
        this.#include(file, body, name);
      } else this.#attribute(file, body, name);
    }
  }
  #torn(at: Location, text: string): void {
    this.isTorn = true;
    this.problems.push({ at, text });
  }
  /** Reads the rest of `</name>`; says whether it closes the section that is open. */
  #endTag(scanner: Scanner, name: string | undefined, opened: Location | undefined): boolean {
    const at = scanner.place(scanner.position - 2);
    const found = scanner.match(/[a-zA-Z0-9_]+/y) ?? '';
    scanner.skipBlanks();
    if (!scanner.skip('>')) {
      this.#torn(scanner.place(), `> was expected to end </${found}, found \`${scanner.restOfLine()}\``);
      scanner.skipToNextLine();
    } else if (!scanner.skipLineEnd()) {
      scanner.skipBlanks();
      scanner.problem(scanner.place(), `nothing may follow </${found}> on its line, found \`${scanner.restOfLine()}\``);
      scanner.skipToNextLine();
    }
    if (opened === undefined) {
      this.#torn(at, `</${found}> closes nothing: no section is open here`);
      return false;
    }
    if (found !== name)
      this.#torn(at, `</${found}> does not close <${name}> of line ${opened.line}: </${name}> was expected`);
    return true;
  }
  #section(file: OpenFile, parent: Body, depth: number): void {
    const { scanner } = file;
    const at = scanner.place();
    scanner.position++;
    const name = scanner.match(/[a-zA-Z0-9_]+/y);
    scanner.skipBlanks();
    if (name === undefined || depth >= depthMax) {
      const reason =
        name === undefined
          ? 'the name of a section was expected after <'
          : `sections are nested deeper than ${depthMax}`;
      this.#torn(scanner.place(), `${reason}, found \`${scanner.restOfLine()}\``);
      scanner.skipToNextLine();
      return;
    }
    const argument = readString(scanner, this.#settings, 'tag', `the argument of <${name}>`);
    scanner.skipBlanks();
    if (scanner.skip('>')) {
      if (!scanner.skipLineEnd()) {
        scanner.skipBlanks();
        const hint =
          argument.form === 'bare' && argument.text.startsWith('/') ? '; quote an argument that holds a >' : '';
        scanner.problem(
          scanner.place(),
          `nothing may follow <${name}> on its line, found \`${scanner.restOfLine()}\`${hint}`,
        );
        scanner.skipToNextLine();
      }
    } else {
      this.#torn(
        scanner.place(),
        `> was expected to end <${name}, found ${scanner.restOfLine() === '' ? 'the end of the line' : `\`${scanner.restOfLine()}\``}`,
      );
      scanner.skipToNextLine();
    }
    const body = emptyBody();
    this.#body(file, body, name, at, depth + 1);
    parent.sections.push({ name, argument: argument.text, ...body, at });
  }
  #attribute(file: OpenFile, body: Body, owner: string | undefined): void {
    const { scanner } = file;
    const at = scanner.place();
    const key = readString(scanner, this.#settings, 'key', owner === undefined ? 'a name' : `a name in <${owner}>`);
    if (key.text === '@include') {
      this.#include(file, body, owner);
      return;
    }
    if (key.form === 'empty' || (key.text === '' && !key.isBroken))
      scanner.problem(at, `the name of a parameter was expected, found \`${scanner.restOfLine()}\``);
    scanner.skipBlanks();
    let value: WrittenValue;
    if (scanner.isAtEnd || scanner.here === '\n' || scanner.here === '\r')
      value = { text: '', form: 'empty', unset: undefined, isBroken: false, at: scanner.place() };
    else {
      value = readValue(scanner, this.#settings, owner === undefined ? key.text : `${key.text} of <${owner}>`);
      this.#expectLineEnd(scanner, value);
    }
    if (
      key.text.startsWith('@') &&
      !reserved.includes(key.text) &&
      (owner === undefined || strictSections.has(owner))
    ) {
      const near = nearest(key.text, reserved);
      scanner.problem(at, `${key.text}: names that begin with @ are reserved${near ? `; did you mean ${near}?` : ''}`);
      return;
    }
    if (key.text !== '') this.#add(scanner, body, { key: key.text, value, at });
  }
  #expectLineEnd(scanner: Scanner, value: WrittenValue): void {
    if (scanner.skipLineEnd()) return;
    scanner.skipBlanks();
    if (!value.isBroken) {
      const end = scanner.place();
      const hint = end.line === value.at.line ? '' : ` (the quote opened on line ${value.at.line})`;
      const what = value.form === 'json' ? 'JSON value' : 'quoted text';
      scanner.problem(end, `nothing may follow a ${what} on its line, found \`${scanner.restOfLine()}\`${hint}`);
    }
    scanner.skipToNextLine();
  }
  #add(scanner: Scanner, body: Body, added: Attribute): void {
    const index = body.attributes.findIndex((other) => other.key === added.key);
    if (index < 0) {
      body.attributes.push(added);
      return;
    }
    const first = body.attributes[index] as Attribute;
    scanner.warning(added.at, `${added.key} is written twice (first on line ${first.at.line}): the last one counts`);
    body.attributes[index] = added;
  }
  #include(file: OpenFile, body: Body, owner: string | undefined): void {
    const { scanner } = file;
    scanner.skipBlanks();
    const at = scanner.place();
    const path = readString(scanner, this.#settings, 'line', '@include');
    this.#expectLineEnd(scanner, path);
    if (path.isBroken) return;
    if (path.text === '') {
      scanner.problem(at, '@include: a path was expected');
      return;
    }
    const files = includedFiles(path.text, file.directory);
    if ('problem' in files) {
      scanner.problem(at, files.problem);
      return;
    }
    for (const included of files) {
      if (file.chain.includes(included.path))
        scanner.problem(at, `@include ${path.text}: ${included.path} includes itself (${file.chain.join(' → ')})`);
      // A chain this long is a cycle through ever new names (links), not a configuration.
      else if (file.chain.length > 32) scanner.problem(at, `@include ${path.text}: nested deeper than 32 files`);
      else this.file(included.text, included.path, includeBase(included.path), body, owner, [...file.chain]);
    }
  }
}
