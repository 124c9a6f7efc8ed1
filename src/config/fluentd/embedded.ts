/**
 * Embedded expressions: the `#{…}` inside double quotes. Fluentd runs them as Ruby; a configuration is not run here, so
 * only what configurations really use is understood: the environment, the host name, the worker id, files to read and
 * paths to join, literals, operators, `? :`, `if` behind, and methods of text and arrays. Anything else is a problem
 * that names it.
 */
import type { Location } from '../../core/errors.ts';
import { ExpressionReader, Unset } from './embedded-reader.ts';
import { NotUnderstood, textOf } from './embedded-values.ts';
import type { Scanner } from './scanner.ts';

/** What expressions can see. */
export interface EmbeddedScope {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  /** Fluentd's SERVERENGINE_WORKER_ID: `0` for the first or only worker. */
  readonly workerId: string;
}

/** What an expression gives: `unset` for use_nil and use_default; `problem` when it is not understood. */
export type EmbeddedResult =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'unset'; readonly unset: 'nil' | 'default' }
  | { readonly kind: 'problem' };

const understood =
  "only ENV['X'], ENV.fetch('X', 'default'), hostname, worker_id, use_nil, use_default, File.join, File.read, literals, operators, ? : and methods of text are understood";

/** Reads and evaluates the expression behind `#{`, up to and with its `}`. Reports what it does not understand. */
export function readEmbedded(scanner: Scanner, scope: EmbeddedScope): EmbeddedResult {
  const start = scanner.position;
  const opened = scanner.place(start - 2);
  const reader = new ExpressionReader(scanner, scope);
  try {
    const thunk = scanner.match(/\s*(?=\})/y) === undefined ? reader.statement() : () => null;
    reader.blanks();
    if (!scanner.skip('}')) throw new NotUnderstood(scanner.position, 'an operator or } was expected');
    const value = thunk();
    for (const name of reader.missing)
      if (value === null) scanner.warning(opened, `the variable ${name} is not set: the expression gives empty text`);
    return { kind: 'text', text: textOf(value) };
  } catch (error) {
    if (error instanceof Unset) return { kind: 'unset', unset: error.unset };
    if (!(error instanceof NotUnderstood)) throw error;
    reportProblem(scanner, start, opened, error);
    return { kind: 'problem' };
  }
}

function reportProblem(scanner: Scanner, start: number, opened: Location, error: NotUnderstood): void {
  scanner.position = start;
  const source = scanner.match(/(?:[^}"'\r\n]|"(?:[^"\\\r\n]|\\.)*"|'(?:[^'\\\r\n]|\\.)*')*/y) ?? '';
  if (!scanner.skip('}')) scanner.position = start;
  const shown = source.length > 60 ? `${source.slice(0, 59)}…` : source;
  scanner.problem(
    opened,
    `#{${shown}}: ${error.text} at column ${scanner.place(error.position).column}; ${error.advice ?? understood}`,
  );
}
