/**
 * Globs by the rules of Ruby's Dir.glob: `*` and `?` within a name (no leading dot), `**` for any depth of directories,
 * `[a-z]`, `[^a]`, `{a,b}`, a backslash before a character that is meant itself. Matches come sorted.
 */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../core/errors.ts';

/** Directories that `**` goes down at most: what a loop of bind mounts would never end. */
const depthMax = 64;

/** Paths that match. `onUnreadable` is told of directories that may not be looked into. */
export async function glob(pattern: string, onUnreadable: (path: string, code: string) => void): Promise<string[]> {
  const found = new Set<string>();
  for (const one of expandBraces(pattern)) {
    const isAbsolute = one.startsWith('/');
    const parts = one.split('/').filter((part) => part !== '');
    const walk = new Walk(onUnreadable);
    for (const path of await walk.below(isAbsolute ? '/' : '', parts, 0)) found.add(path);
  }
  return [...found].sort();
}

/** What every match of the pattern begins with: a directory and the slash behind it, or nothing. */
export function globRoot(pattern: string): string {
  const magic = pattern.search(/[*?[{]/);
  const fixed = magic < 0 ? pattern : pattern.slice(0, magic);
  return fixed.slice(0, fixed.lastIndexOf('/') + 1);
}

class Walk {
  readonly #onUnreadable: (path: string, code: string) => void;
  constructor(onUnreadable: (path: string, code: string) => void) {
    this.#onUnreadable = onUnreadable;
  }
  async below(base: string, parts: readonly string[], depth: number): Promise<string[]> {
    const [part, ...rest] = parts;
    if (part === undefined) return [base];
    if (part === '**' && rest.length > 0) return this.#anyDepth(base, rest, depth);
    if (!isMagic(part)) {
      const path = join(base, part.replaceAll(/\\(.)/g, '$1'));
      if (rest.length > 0) return this.below(path, rest, depth);
      return (await exists(path)) ? [path] : [];
    }
    const matches = namePattern(part);
    const names = (await this.#entries(base)).filter(({ name }) => matches.test(name));
    const found: string[] = [];
    for (const { name } of names) found.push(...(await this.below(join(base, name), rest, depth)));
    return found;
  }
  /** Here, and in every directory below that is not hidden; links to directories are not followed. */
  async #anyDepth(base: string, rest: readonly string[], depth: number): Promise<string[]> {
    const found = await this.below(base, rest, depth);
    if (depth >= depthMax) return found;
    for (const { name, isDirectory } of await this.#entries(base))
      if (isDirectory && !name.startsWith('.'))
        found.push(...(await this.#anyDepth(join(base, name), rest, depth + 1)));
    return found;
  }
  async #entries(directory: string): Promise<{ name: string; isDirectory: boolean }[]> {
    try {
      const entries = await readdir(directory === '' ? '.' : directory, { withFileTypes: true });
      return entries.map((entry) => ({ name: entry.name, isDirectory: entry.isDirectory() }));
    } catch (error) {
      const code = systemCode(error) ?? 'unknown';
      if (code !== 'ENOENT' && code !== 'ENOTDIR') this.#onUnreadable(directory, code);
      return [];
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function isMagic(part: string): boolean {
  return /[*?[]/.test(part);
}

/** The expression that a part of a pattern stands for. */
function namePattern(part: string): RegExp {
  let source = /^[*?[]/.test(part) ? '(?!\\.)' : '';
  for (let at = 0; at < part.length; at++) {
    const char = part[at] as string;
    if (char === '*') source += '[^/]*';
    else if (char === '?') source += '[^/]';
    else if (char === '[') {
      const close = part.indexOf(']', at + 2);
      if (close < 0) source += '\\[';
      else {
        const inner = part.slice(at + 1, close).replaceAll(/[\\\][]/g, '\\$&');
        source += `[${inner.replace(/^[!^]/, '^')}]`;
        at = close;
      }
    } else if (char === '\\' && at + 1 < part.length) source += escapeRegExp(part[++at] as string);
    else source += escapeRegExp(char);
  }
  return new RegExp(`^${source}$`, 'su');
}

function escapeRegExp(char: string): string {
  return char.replaceAll(/[\\^$.*+?()[\]{}|/]/g, '\\$&');
}

/** `a{b,c}` as `ab` and `ac`; braces may lie in each other. A brace without its partner stands for itself. */
function expandBraces(pattern: string): string[] {
  const open = pattern.indexOf('{');
  if (open < 0) return [pattern];
  let depth = 0;
  let from = open + 1;
  const choices: string[] = [];
  for (let at = open; at < pattern.length; at++) {
    const char = pattern[at];
    if (char === '\\') at++;
    else if (char === '{') depth++;
    else if (char === ',' && depth === 1) {
      choices.push(pattern.slice(from, at));
      from = at + 1;
    } else if (char === '}' && --depth === 0) {
      choices.push(pattern.slice(from, at));
      const [before, after] = [pattern.slice(0, open), pattern.slice(at + 1)];
      return choices.flatMap((one) => expandBraces(`${before}${one}${after}`));
    }
  }
  return [pattern];
}
