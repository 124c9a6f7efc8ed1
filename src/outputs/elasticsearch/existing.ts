/** Documents that are there already under the id of a record: whether they are that record. */
import { isDeepStrictEqual } from 'node:util';
import { parseJson } from '../../core/json.ts';
import type { BulkEntry } from './answer.ts';
import type { Cluster } from './cluster.ts';

export interface Doubted {
  readonly item: BulkEntry;
  /** The lines that were sent. */
  readonly lines: Buffer;
}

/** Reads the documents back; true for each that holds what was sent. @throws OperatingError OUTPUT_UNREACHABLE */
export async function isThere(cluster: Cluster, asked: readonly Doubted[], signal: AbortSignal): Promise<boolean[]> {
  const ids = asked.map(({ item }) => ({ _index: item.index, _id: item.id }));
  const answer = (await cluster.json('POST', '/_mget', signal, { docs: ids })) as { docs?: unknown };
  const found: readonly unknown[] = Array.isArray(answer.docs) ? answer.docs : [];
  return asked.map(({ lines }, at) => {
    const source = sourceOf(found[at]);
    return source !== undefined && isDeepStrictEqual(source, documentOf(lines));
  });
}

function sourceOf(found: unknown): unknown {
  return typeof found === 'object' && found !== null && '_source' in found ? found._source : undefined;
}

function documentOf(lines: Buffer): unknown {
  return parseJson(lines.toString('utf8', lines.indexOf(10) + 1));
}
