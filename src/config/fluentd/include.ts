/** `@include`: which files a path or glob names, and their texts. */
import { existsSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { errorText, systemCode } from '../../core/errors.ts';
import { glob } from '../glob.ts';
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

/** The directory that relative includes of a file start from. */
export function includeBase(file: string): string {
  return dirname(file);
}
