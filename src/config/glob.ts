/** Files that a glob in a configuration names. */
import { readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';

/** Files that a pattern with `*`, `?`, `[…]`, `{a,b}` and `**` names; hidden ones only where the pattern says so, as in Ruby's Dir.glob. */
export function glob(pattern: string): string[] {
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
