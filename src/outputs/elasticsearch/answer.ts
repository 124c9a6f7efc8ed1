/** Answers to `_bulk` requests: what became of each document. */

/** What the server said of one document. */
export interface BulkEntry {
  readonly status: number;
  /** `mapper_parsing_exception` and the like; empty where there is none. */
  readonly type: string;
  /** Its own words, with those of the cause. */
  readonly reason: string;
  /** Where it went, as the server names it; empty where it does not. */
  readonly index: string;
  readonly id: string;
}

/** True for the beginning of an answer that says that all documents were taken. */
export function saysNoErrors(head: string): boolean {
  return /^\s*\{(?:\s*"(?:took|ingest_took)"\s*:\s*\d+\s*,)*\s*"errors"\s*:\s*false\b/.test(head);
}

/** Whether all was taken, or each item; a text: why the answer cannot be read. `count`: documents that were sent. */
export function readBulkAnswer(
  text: string,
  count: number,
): readonly BulkEntry[] | 'all' | { readonly problem: string } {
  if (saysNoErrors(text)) return 'all';
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return { problem: 'the answer is no JSON, or is not whole' };
  }
  if (typeof answer !== 'object' || answer === null || !('errors' in answer))
    return { problem: 'the answer does not say whether there were errors' };
  if (answer.errors === false) return 'all';
  const items = 'items' in answer ? answer.items : undefined;
  if (!Array.isArray(items)) return { problem: 'the answer has no items' };
  if (items.length !== count) return { problem: `the answer has ${items.length} items for ${count} documents` };
  return items.map(readEntry);
}

function readEntry(item: unknown): BulkEntry {
  const inner: unknown = typeof item === 'object' && item !== null ? Object.values(item)[0] : undefined;
  const fields = (typeof inner === 'object' && inner !== null ? inner : {}) as Record<string, unknown>;
  const { status, error, _index: index, _id: id } = fields;
  const { type, reason } = readError(error);
  return {
    // Without a status nothing is known of the document: written again rather than believed.
    status: typeof status === 'number' ? status : 500,
    type,
    reason,
    index: typeof index === 'string' ? index : '',
    id: typeof id === 'string' ? id : '',
  };
}

/** Of the server's words so much is kept. */
const reasonCharsMax = 1000;

function readError(error: unknown): { type: string; reason: string } {
  if (typeof error === 'string') return { type: '', reason: error.slice(0, reasonCharsMax) };
  if (typeof error !== 'object' || error === null) return { type: '', reason: '' };
  const { type, reason, caused_by: cause } = error as Record<string, unknown>;
  const words = typeof reason === 'string' ? reason : '';
  const inner = cause === undefined ? '' : readError(cause).reason;
  const whole = inner === '' || words.includes(inner) ? words : `${words}: ${inner}`;
  return { type: typeof type === 'string' ? type : '', reason: whole.slice(0, reasonCharsMax) };
}

/** What is done about a document that was not taken. */
export type Verdict = 'delivered' | 'exists' | 'retry' | 'refuse';

/** `exists`: one with its id is there, which may be itself. Full, busy and read-only servers are asked again. */
export function verdictOf({ status, type }: BulkEntry, operation: string): Verdict {
  if (status >= 200 && status < 300) return 'delivered';
  // An update that met another one: the next try sees what that one wrote.
  if (status === 409) return operation === 'create' ? 'exists' : 'retry';
  if (status === 429 || status >= 500 || status === 408) return 'retry';
  // A disk beyond its flood stage, a cluster without a master, a user without a right: none of it is about the document.
  if (type === 'cluster_block_exception' || type === 'security_exception') return 'retry';
  return status === 401 ? 'retry' : 'refuse';
}
