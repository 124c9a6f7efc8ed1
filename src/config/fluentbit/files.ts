/** Which files `@INCLUDE`, `includes` and `Parsers_File` name, and their texts. */
import { existsSync } from 'node:fs';
import { isAbsolute, join, resolve } from 'node:path';
import { errorText, systemCode } from '../../core/errors.ts';
import type { ConfigProblem, Location } from '../../core/errors.ts';
import { readSourceText } from '../fluentd/source-text.ts';
import { glob } from '../glob.ts';
import { isStandardParsers, standardParsers } from './standard-parsers.ts';

/** A file that is read: its path as places show it, and its text. */
export interface Included {
  readonly path: string;
  readonly text: string;
  /** It is not there: the parsers that Fluent Bit has in it stand for it. */
  readonly isStandard?: boolean;
}

/** Fluent Bit reads no more files than this; it bounds what a mistaken glob reads. */
const filesMax = 32;

/** Reads the files of one configuration; keeps count of them, and of what was wrong. */
export class ConfigFiles {
  readonly problems: ConfigProblem[] = [];
  readonly #directory: string;
  readonly #read = new Set<string>();

  /** `directory`: where the main file lies. */
  constructor(directory: string) {
    this.#directory = directory;
  }
  /** Notes the main file, so that it cannot include itself. */
  begin(path: string): void {
    this.#read.add(resolve(path));
  }
  /**
   * The files of a written path. Without a glob: where the program runs, else beside the main file, as Fluent Bit looks
   * for it; with one, beside the main file. A file that was read already is an error, as it is there.
   */
  include(what: string, written: string, at: Location, directory = this.#directory): Included[] {
    const paths = written.includes('*')
      ? glob(isAbsolute(written) ? written : join(directory, written)).sort()
      : [existsSync(written) || isAbsolute(written) ? written : join(directory, written)];
    if (paths.length === 0) this.#error(at, `${what} ${written}: no file has such a name`);
    return paths.flatMap((path) => this.#one(what, written, path, at));
  }
  #one(what: string, written: string, path: string, at: Location): Included[] {
    const full = resolve(path);
    if (this.#read.has(full)) return this.#error(at, `${what} ${written}: ${path} is read already`);
    if (this.#read.size >= filesMax)
      return this.#error(at, `${what} ${written}: more than ${filesMax} files in one configuration`);
    this.#read.add(full);
    try {
      const { text, problem } = readSourceText(path, path);
      if (problem) this.problems.push(problem);
      return [{ path, text }];
    } catch (error) {
      const isMissing = systemCode(error) === 'ENOENT';
      if (isMissing && what === 'Parsers_File' && isStandardParsers(full))
        return [{ path, text: standardParsers(), isStandard: true }];
      return this.#error(
        at,
        `${what} ${written}: ${isMissing ? `no such file (${path})${imageHint(full)}` : errorText(error)}`,
      );
    }
  }
  #error(at: Location, text: string): never[] {
    this.problems.push({ at, text });
    return [];
  }
}

/** The image of Fluent Bit has files that configurations count on; that of this program has them not. */
function imageHint(path: string): string {
  return /^\/fluent-bit\/etc\/[\w.-]+$/.test(path)
    ? '; where it is of the image of Fluent Bit, bring it along from there, or leave the line out if nothing names what it holds'
    : '';
}
