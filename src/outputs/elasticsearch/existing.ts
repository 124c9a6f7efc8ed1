/** Documents that are there already: whether one under a record's id is that record, and in which index documents are. */
import { isDeepStrictEqual } from 'node:util';
import { parseJson } from '../../core/json.ts';
import type { BulkEntry } from './answer.ts';
import type { Cluster } from './cluster.ts';
import type { WantedDocuments } from './lines.ts';

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

/** Ids of one question. With several documents of one id all must fit into an answer, which has 10,000 at most. */
const idsPerQuestion = 1000;
const hitsMax = 10_000;

/** The index of each document that is there; of several the oldest by its name. @throws OperatingError OUTPUT_UNREACHABLE */
export async function indicesOf(
  cluster: Cluster,
  { prefix, ids }: WantedDocuments,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const all = [...ids];
  const path = `/${encodeURIComponent(prefix)}*/_search?ignore_unavailable=true&allow_no_indices=true`;
  for (let from = 0; from < all.length; from += idsPerQuestion) {
    const answer = (await cluster.json('POST', path, signal, {
      query: { ids: { values: all.slice(from, from + idsPerQuestion) } },
      size: hitsMax,
      _source: false,
      sort: [{ _index: { order: 'desc' } }],
    })) as { hits?: { hits?: unknown } };
    const hits: readonly unknown[] = Array.isArray(answer.hits?.hits) ? answer.hits.hits : [];
    for (const hit of hits) {
      const { _id: id, _index: index } = (hit ?? {}) as { _id?: unknown; _index?: unknown };
      if (typeof id === 'string' && typeof index === 'string') found.set(id, index);
    }
  }
  return found;
}
