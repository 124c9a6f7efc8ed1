/** Line ends as Fluentd's formatters have them (`newline lf|crlf`, `add_newline`). */
import { boolean, choice } from '../core/options.ts';
import type { ByteWriter } from '../core/bytes.ts';

const LF = 10;
const CR = 13;

/** Options of formatters whose line end can be left out. */
export const newlineOptions = {
  newline: choice(['lf', 'crlf'])('What ends a line: a line feed, or carriage return and line feed.', {
    default: 'lf',
  }),
  addNewline: boolean('Ends each record with a line end.', { default: true }),
};

/** The line end as text; empty without add_newline. */
export function lineEnd(options: { readonly newline: 'lf' | 'crlf'; readonly addNewline?: boolean }): string {
  if (options.addNewline === false) return '';
  return options.newline === 'crlf' ? '\r\n' : '\n';
}

/** Ends what was written since `start` with exactly one line feed: Ruby's `chomp + "\n"`. */
export function endLine(out: ByteWriter, start: number): void {
  let end = out.length;
  if (end > start && out.at(end - 1) === LF) end--;
  if (end > start && out.at(end - 1) === CR) end--;
  out.truncate(end);
  out.byte(LF);
}
