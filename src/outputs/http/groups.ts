/** Chunks whose records say something of their request: those that say the same share one, each is answered for. */
import type { Batch } from '../../core/batch.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, ChunkBatch, WriteResult } from '../../core/plugin.ts';

/** What a record says of its request, or why it cannot be sent. */
export type RequestOf = (batch: Batch, row: number) => RowRequest | { readonly reason: string };
export interface RowRequest {
  /** Go before those of the configuration. */
  readonly headers: Readonly<Record<string, string>>;
  /** It shares its request with no other. */
  readonly isAlone?: boolean;
}

/** Rows of a chunk that go out in one request. */
interface Group {
  readonly headers: Readonly<Record<string, string>>;
  /** Through the whole chunk, ascending. */
  readonly rows: number[];
}

export type SendGroup = (chunk: Chunk, headers: Readonly<Record<string, string>>) => Promise<WriteResult>;

/** Sends a chunk in as many requests as it needs. @throws OperatingError when all of it is to be tried again */
export async function sendGroups(chunk: Chunk, requestOf: RequestOf, send: SendGroup): Promise<WriteResult> {
  const refused: { row: number; reason: string }[] = [];
  const groups = groupsOf(chunk, requestOf, refused);
  const retry: number[] = [];
  let problem: OperatingError | undefined;
  const write = async (rows: readonly number[], headers: Group['headers']): Promise<void> => {
    try {
      const result = await send(partOf(chunk, rows), headers);
      for (const one of result.refused ?? []) refused.push({ row: rows[one.row] as number, reason: one.reason });
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      if (error.retryable) {
        problem ??= error;
        retry.push(...rows);
      } else if (rows.length === 1) refused.push({ row: rows[0] as number, reason: error.message });
      else {
        await write(rows.slice(0, rows.length >> 1), headers);
        await write(rows.slice(rows.length >> 1), headers);
      }
    }
  };
  for (const { rows, headers } of groups) await write(rows, headers);
  if (problem && retry.length === chunk.count) throw problem;
  return { refused, ...(problem && { retry, retryReason: problem.message }) };
}

function groupsOf(chunk: Chunk, requestOf: RequestOf, refused: { row: number; reason: string }[]): Iterable<Group> {
  const groups = new Map<string, Group>();
  let row = 0;
  for (const { batch } of chunk.batches)
    for (let index = 0; index < batch.count; index++, row++) {
      const found = requestOf(batch, index);
      if ('reason' in found) {
        refused.push({ row, reason: `OUTPUT_REFUSED: ${found.reason}` });
        continue;
      }
      const key = found.isAlone === true ? `${row}` : JSON.stringify(found.headers);
      const group = groups.get(key);
      if (group) group.rows.push(row);
      else groups.set(key, { headers: found.headers, rows: [row] });
    }
  return groups.values();
}

/** Some rows of a chunk, as a chunk. */
function partOf(chunk: Chunk, rows: readonly number[]): Chunk {
  if (rows.length === chunk.count) return chunk;
  const batches: ChunkBatch[] = [];
  let first = 0;
  let at = 0;
  for (const one of chunk.batches) {
    const picked: number[] = [];
    for (; at < rows.length && (rows[at] as number) < first + one.batch.count; at++)
      picked.push((rows[at] as number) - first);
    first += one.batch.count;
    if (picked.length > 0)
      batches.push({
        ...one,
        batch: one.batch.select(picked),
        emissionId: (row) => one.emissionId(picked[row] as number),
        ordinal: (row) => one.ordinal(picked[row] as number),
        span: undefined,
      });
  }
  return { ...chunk, batches, count: rows.length };
}
