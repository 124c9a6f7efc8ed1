/** Whether a query can be read, without asking the store. */

/** @throws QueryError */
export async function checkQuery(query: string): Promise<void> {
  // Loaded when first asked for: a program without a store has no use for the language.
  const { parseQuery } = await import('../../store/query/parser.ts');
  parseQuery(query);
}
