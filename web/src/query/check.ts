/** Whether the program could read a query, told without asking it: by the same reader. */
import { parseQuery } from '../../../src/store/query/parser.ts';
import { QueryError } from '../../../src/store/query/query-error.ts';

export interface QueryProblem {
  readonly text: string;
  /** Characters of the query. */
  readonly at: { readonly start: number; readonly end: number } | undefined;
}

/** What is wrong with it; undefined: nothing. */
export function problemOf(query: string): QueryProblem | undefined {
  try {
    parseQuery(query);
    return undefined;
  } catch (error) {
    if (error instanceof QueryError) return { text: error.message, at: error.at };
    throw error;
  }
}
