/** Trees for people, drawn with lines. */
import type { Location } from '../core/errors.ts';

/** A line of a tree and what hangs under it. */
export interface Branch {
  readonly text: string;
  readonly under: readonly Branch[];
  /** Sentences, which are wrapped; anything else stays on its line, to be copied. */
  readonly isProse?: boolean;
}

export function leaf(text: string): Branch {
  return { text, under: [] };
}

// Narrow enough to be read as text.
const columnsMax = 118;

/** Draws the roots one below the other. Every line ends with a newline. */
export function drawTree(roots: readonly Branch[]): string {
  const lines = roots.flatMap((root) => [root.text, ...drawn(root.under, '')]);
  return lines.map((line) => `${line}\n`).join('');
}

function drawn(branches: readonly Branch[], indent: string): string[] {
  return branches.flatMap((branch, index) => {
    const isLast = index === branches.length - 1;
    const inner = `${indent}${isLast ? '   ' : '│  '}`;
    const text = branch.text.split('\n', 1)[0] ?? '';
    const [first = '', ...others] = branch.isProse === true ? wrapped(text, columnsMax - inner.length) : [text];
    const below = branch.under.length > 0 ? '│  ' : '   ';
    return [
      `${indent}${isLast ? '└─' : '├─'} ${first}`,
      ...others.map((line) => `${inner}${below.slice(0, 2)}${line}`),
      ...drawn(branch.under, inner),
    ];
  });
}

/** Breaks prose at blanks. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = lines.length === 0 && line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** `file:line`. */
export function shortPlace(at: Location): string {
  return `${at.file}:${at.line}`;
}
