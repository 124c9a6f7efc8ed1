/** A query that cannot be read. */
import type { Span } from './tree.ts';

/** Text: what was found, what was expected, what to do. */
export class QueryError extends Error {
  readonly at: Span;
  constructor(text: string, at: Span) {
    super(text);
    this.name = 'QueryError';
    this.at = at;
  }
}
