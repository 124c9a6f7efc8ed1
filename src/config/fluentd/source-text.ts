/** Reads the text of a configuration file, which has to be UTF-8. */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import type { ConfigProblem } from '../../core/errors.ts';

/** A file's text; with a problem where it is not UTF-8: what could not be read stands as U+FFFD in it. */
export interface SourceText {
  readonly text: string;
  readonly problem: ConfigProblem | undefined;
}

/** Reads `path`; `file` is how places name it. @throws the system's error */
export function readSourceText(path: string, file: string): SourceText {
  const bytes = readFileSync(path);
  const text = bytes.toString('utf8');
  return { text, problem: isUtf8(bytes) ? undefined : encodingProblem(bytes, file) };
}

function encodingProblem(bytes: Buffer, file: string): ConfigProblem {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    const row = bytes.subarray(start, end < 0 ? bytes.length : end);
    if (!isUtf8(row)) {
      const before = firstBad(row);
      const column = row.subarray(0, before).toString('utf8').length + 1;
      const byte = (row[before] ?? 0).toString(16).toUpperCase().padStart(2, '0');
      return {
        at: { file, line, column },
        text: `the byte 0x${byte} is no UTF-8; save the file as UTF-8 (comments too)`,
      };
    }
    start = end + 1;
  }
}

/** Index of the first byte that begins no whole character. */
function firstBad(row: Buffer): number {
  let [low, high] = [0, row.length];
  // The longest prefix that is UTF-8; one that ends inside a character is none, so step back over at most three bytes.
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (startsWell(row, middle)) low = middle;
    else high = middle - 1;
  }
  while (low > 0 && !isUtf8(row.subarray(0, low))) low--;
  return low;
}

/** Whether the first `length` bytes are UTF-8, perhaps with the last character cut. */
function startsWell(row: Buffer, length: number): boolean {
  for (let cut = 0; cut < 4 && cut <= length; cut++) if (isUtf8(row.subarray(0, length - cut))) return true;
  return false;
}
