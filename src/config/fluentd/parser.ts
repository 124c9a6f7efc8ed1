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
  /** No tree could be made of it: what lowering would say would mislead. */
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

/** A section whose end was not found yet. */
interface OpenSection {
  readonly name: string;
  readonly at: Location;
}

/** A file that is being read, and how it was reached. */
interface OpenFile {
  readonly scanner: Scanner;
  readonly directory: string;
  readonly chain: readonly string[];
  /** The section that includes it; undefined: it stands outside of sections. */
  readonly owner: string | undefined;
  /** Its open sections, outermost first. */
  readonly open: OpenSection[];
}

/** Sections that stand outside of plugins, and those of them that may stand in a `<label>` or `<worker>`. */
const directives = new Set(['source', 'match', 'filter', 'label', 'system', 'worker']);
const innerDirectives: Readonly<Record<string, ReadonlySet<string>>> = {
  label: new Set(['match', 'filter']),
  worker: new Set(['source', 'match', 'filter', 'label']),
};

/** Where, among the sections of one that was never closed, those begin that cannot belong to it. */
function orphansFrom(name: string, sections: readonly Section[]): number {
  const own = innerDirectives[name];
  const index = sections.findIndex((inner) => directives.has(inner.name) && own?.has(inner.name) !== true);
  return index < 0 ? sections.length : index;
}

/** What stands here, for problems. */
function foundText(scanner: Scanner): string {
  const rest = scanner.restOfLine();
  return rest === '' ? 'the end of the line' : `\`${rest}\``;
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
    this.#body({ scanner, directory, chain: [...chain, file], owner, open: [] }, body);
  }
  /**
   * Reads lines up to the end tag of the innermost open section, or to the end of the file. Gives the name of an outer
   * section that an end tag closed instead, and `undefined` at the end of the file: then this one was never closed.
   */
  #body(file: OpenFile, body: Body): string | undefined {
    const { scanner, open } = file;
    const section = open.at(-1);
    const name = section?.name ?? file.owner;
    for (;;) {
      scanner.skipSpacing();
      if (scanner.isAtEnd) {
        if (section)
          scanner.problem(
            section.at,
            `<${section.name}> is never closed: </${section.name}> was expected before the end of the file`,
          );
        return undefined;
      }
      if (scanner.skip('</')) {
        const closed = this.#endTag(file, section);
        if (closed !== undefined) return closed;
      } else if (scanner.here === '<') {
        const closed = this.#section(file, body);
        if (closed !== undefined && section) return this.#closedFromInside(scanner, section, closed);
      } else if (section === undefined && scanner.match(/include(?=[ \t])/y) !== undefined) {
        scanner.warning(scanner.place(scanner.position - 7), 'include is deprecated; write @include');
        this.#include(file, body, name);
      } else this.#attribute(file, body, name);
    }
  }
  /** An end tag inside a section that was never closed closed an outer one: is it this one? */
  #closedFromInside(scanner: Scanner, section: OpenSection, closed: string): string {
    if (closed !== section.name)
      scanner.problem(
        section.at,
        `<${section.name}> is never closed: </${section.name}> was expected before </${closed}>`,
      );
    return closed;
  }
  /** Reads the rest of `</name>`; gives the name of the section it closes, undefined if none. */
  #endTag({ scanner, open }: OpenFile, section: OpenSection | undefined): string | undefined {
    const at = scanner.place(scanner.position - 2);
    const found = scanner.match(/[a-zA-Z0-9_]+/y) ?? '';
    scanner.skipBlanks();
    if (!scanner.skip('>')) {
      scanner.problem(scanner.place(), `> was expected to end </${found}, found ${foundText(scanner)}`);
      scanner.skipToNextLine();
    } else if (!scanner.skipLineEnd()) {
      scanner.skipBlanks();
      const hint = /^["']/.test(scanner.restOfLine())
        ? ': a stray quote (one that ends a variable of a shell is no part of the configuration)'
        : '';
      scanner.problem(
        scanner.place(),
        `nothing may follow </${found}> on its line, found ${foundText(scanner)}${hint}`,
      );
      scanner.skipToNextLine();
    }
    if (section === undefined) {
      scanner.problem(at, `</${found}> closes nothing: no section is open here`);
      return undefined;
    }
    if (found === section.name) return found;
    if (open.some(({ name }) => name === found)) {
      scanner.problem(
        section.at,
        `<${section.name}> is never closed: </${section.name}> was expected before </${found}> on line ${at.line}`,
      );
      return found;
    }
    scanner.problem(
      at,
      `</${found}> does not close <${section.name}> of line ${section.at.line}: </${section.name}> was expected`,
    );
    return section.name;
  }
  /** Reads a section; gives the name of an outer one that was closed before it. */
  #section(file: OpenFile, parent: Body): string | undefined {
    const { scanner, open } = file;
    const at = scanner.place();
    scanner.position++;
    const name = scanner.match(/[a-zA-Z0-9_]+/y);
    scanner.skipBlanks();
    if (name === undefined || open.length >= depthMax) {
      const reason =
        name === undefined
          ? 'the name of a section was expected after <'
          : `sections are nested deeper than ${depthMax}`;
      this.isTorn = true;
      scanner.problem(scanner.place(), `${reason}, found ${foundText(scanner)}`);
      scanner.skipToNextLine();
      return undefined;
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
          `nothing may follow <${name}> on its line, found ${foundText(scanner)}${hint}`,
        );
        scanner.skipToNextLine();
      }
    } else {
      scanner.problem(scanner.place(), `> was expected to end <${name}, found ${foundText(scanner)}`);
      scanner.skipToNextLine();
    }
    const body = emptyBody();
    open.push({ name, at });
    const closed = this.#body(file, body);
    open.pop();
    if (closed === name) {
      parent.sections.push({ name, argument: argument.text, ...body, at });
      return undefined;
    }
    // What cannot stand in this section stood behind its missing end.
    const orphans = body.sections.splice(orphansFrom(name, body.sections));
    parent.sections.push({ name, argument: argument.text, ...body, isTorn: true, at }, ...orphans);
    return closed;
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
      const start = scanner.position;
      value = readValue(scanner, this.#settings, owner === undefined ? key.text : `${key.text} of <${owner}>`);
      this.#expectLineEnd(scanner, value, start);
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
  /** `start`: where the value begins. */
  #expectLineEnd(scanner: Scanner, value: WrittenValue, start: number): void {
    if (scanner.skipLineEnd()) return;
    scanner.skipBlanks();
    const end = scanner.place();
    const isLong = value.form === 'double' && end.line !== value.at.line;
    if (isLong) {
      // Its closing quote was most likely forgotten: what it swallowed is read again, as the lines that it is.
      scanner.problem(
        value.at,
        `the double quote that opens here closes on line ${end.line}, before ${foundText(scanner)}; is one missing on line ${value.at.line}?`,
      );
      scanner.position = start;
    } else if (!value.isBroken) {
      const what = value.form === 'json' ? 'JSON value' : 'quoted text';
      scanner.problem(end, `nothing may follow a ${what} on its line, found ${foundText(scanner)}`);
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
    const start = scanner.position;
    const path = readString(scanner, this.#settings, 'line', '@include');
    this.#expectLineEnd(scanner, path, start);
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
      else {
        if (included.problem) this.problems.push(included.problem);
        this.file(included.text, included.path, includeBase(included.path), body, owner, [...file.chain]);
      }
    }
  }
}
