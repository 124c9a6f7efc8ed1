/** `@include`: which files a path or glob names, and their texts. */
import { existsSync, readdirSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorText, systemCode } from '../../core/errors.ts';
import { readSourceText } from './source-text.ts';
import type { SourceText } from './source-text.ts';

/** A file to include: its path as shown in places (relative to the program when the configuration was), and its text. */
export interface IncludedFile extends SourceText {
  readonly path: string;
}

/** The files a written path names, read; in order of their names. Relative paths start at `directory`. */
export function includedFiles(written: string, directory: string): readonly IncludedFile[] | { problem: string } {
  let path = written;
  if (/^file:/i.test(path)) {
    try {
      path = fileURLToPath(path);
    } catch (error) {
      return { problem: `@include ${written}: ${errorText(error)}` };
    }
  } else if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path))
    return { problem: `@include ${written}: only files can be included; fetch it first and name the copy` };
  if (path.includes('\0')) return { problem: '@include: a path cannot hold the character NUL' };
  const found = filesOf(path, directory);
  const files: IncludedFile[] = [];
  for (const file of found.sort()) {
    try {
      files.push({ path: file, ...readSourceText(file, file) });
    } catch (error) {
      const reason = systemCode(error) === 'ENOENT' ? 'no such file' : errorText(error);
      return { problem: `@include ${written}: ${reason}${reason.includes(file) ? '' : ` (${file})`}` };
    }
  }
  return files;
}

/** The files of a path or glob. Fluentd reads it as a URL (%20 and + are blanks); what is there under the name as written counts too. */
function filesOf(written: string, directory: string): string[] {
  const paths = [...new Set([decoded(written), written])].map((path) =>
    isAbsolute(path) ? path : join(directory, path),
  );
  if (/[*?[{]/.test(written)) return paths.map(glob).find((found) => found.length > 0) ?? [];
  return [paths.find((path) => existsSync(path)) ?? (paths.at(-1) as string)];
}

function decoded(path: string): string {
  try {
    const text = decodeURIComponent(path.replaceAll('+', ' '));
    return text.includes('\0') ? path : text;
  } catch {
    return path;
  }
}

/** Files that a pattern with `*`, `?`, `[…]`, `{a,b}` and `**` names; hidden ones only where the pattern says so, as in Ruby's Dir.glob. */
function glob(pattern: string): string[] {
  const names = new Set<string>();
  for (const plain of expandBraces(pattern)) {
    const parts = plain.split('/');
    const start = isAbsolute(plain) ? '/' : '.';
    walk(start === '/' ? '/' : '', start === '/' ? parts.slice(1) : parts, names);
  }
  return [...names].filter((name) => statSync(name, { throwIfNoEntry: false })?.isFile() === true);
}

/** `a{b,c}d` → `abd`, `acd`; nested braces too. */
function expandBraces(pattern: string): string[] {
  const inner = /\{([^{}]*)\}/.exec(pattern);
  if (!inner) return [pattern];
  const before = pattern.slice(0, inner.index);
  const after = pattern.slice(inner.index + inner[0].length);
  const choices = (inner[1] ?? '').split(',').flatMap((choice) => expandBraces(`${before}${choice}${after}`));
  return [...new Set(choices)];
}

function walk(directory: string, parts: readonly string[], names: Set<string>): void {
  const [part, ...rest] = parts;
  if (part === undefined) {
    names.add(directory);
    return;
  }
  if (part === '**') {
    walk(directory, rest, names);
    for (const entry of entries(directory))
      if (entry.isDirectory && !entry.name.startsWith('.')) walk(join(directory, entry.name), parts, names);
    return;
  }
  if (!/[*?[]/.test(part)) {
    walk(join(directory, part), rest, names);
    return;
  }
  const expression = partExpression(part);
  for (const entry of entries(directory)) {
    if (entry.name.startsWith('.') && !part.startsWith('.')) continue;
    if ((rest.length === 0 || entry.isDirectory) && expression.test(entry.name))
      walk(join(directory, entry.name), rest, names);
  }
}

function entries(directory: string): { name: string; isDirectory: boolean }[] {
  try {
    return readdirSync(directory === '' ? '.' : directory, { withFileTypes: true }).map((entry) => ({
      name: entry.name,
      isDirectory:
        entry.isDirectory() ||
        (entry.isSymbolicLink() &&
          statSync(join(directory, entry.name), { throwIfNoEntry: false })?.isDirectory() === true),
    }));
  } catch {
    // A directory that is missing or closed to us matches nothing, as for every other glob.
    return [];
  }
}

function partExpression(part: string): RegExp {
  const source = part.replaceAll(/\[[!^]?[^\]]+\]|[\s\S]/g, (piece) => {
    if (piece === '*') return '.*';
    if (piece === '?') return '.';
    if (piece.length > 1) return `[${piece[1] === '!' ? '^' : (piece[1] as string)}${piece.slice(2)}`;
    return piece.replace(/[\\^$.*+?()[\]{}|/]/, String.raw`\$&`);
  });
  try {
    return new RegExp(`^(?:${source})$`, 's');
  } catch {
    // `[z-a]` names no character.
    return /^(?!)/;
  }
}

/** The directory that relative includes of a file start from. */
export function includeBase(file: string): string {
  return dirname(file);
}
