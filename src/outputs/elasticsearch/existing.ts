/** Documents that are there already: whether one under a record's id is that record, and in which index documents are. */
import { isDeepStrictEqual } from 'node:util';
import { parseJson } from '../../core/json.ts';
import type { BulkEntry } from './answer.ts';
import type { Cluster } from './cluster.ts';
import type { WantedDocuments } from './lines.ts';
import { isRebuilt, isSameRebuilt } from './rebuilt-source.ts';

const settingsBytes = 64 * 1024;

export interface Doubted {
  readonly item: BulkEntry;
  /** The lines that were sent. */
  readonly lines: Buffer;
}

/** Reads the documents back; true for each that holds what was sent. @throws OperatingError OUTPUT_UNREACHABLE */
export async function isThere(cluster: Cluster, asked: readonly Doubted[], signal: AbortSignal): Promise<boolean[]> {
  const docs = asked.map(({ item, lines }) => ({ _index: item.index, _id: item.id, ...routingOf(lines) }));
  const answer = (await cluster.json('POST', '/_mget', signal, { docs })) as { docs?: unknown };
  const found: readonly unknown[] = Array.isArray(answer.docs) ? answer.docs : [];
  const rebuilds = new Map<string, boolean>();
  const same: boolean[] = [];
  for (const [at, { item, lines }] of asked.entries()) {
    const [source, sent] = [sourceOf(found[at]), documentOf(lines)];
    let isSame = isDeepStrictEqual(source, sent);
    if (!isSame && source !== undefined && isSameRebuilt(sent, source)) {
      const { index } = item;
      const known = rebuilds.get(index) ?? (await rebuildsSource(cluster, index, signal));
      rebuilds.set(index, known);
      isSame = known;
    }
    same.push(isSame);
  }
  return same;
}

/** Whether an index keeps no source; false where its settings may not be read. @throws OperatingError OUTPUT_UNREACHABLE */
async function rebuildsSource(cluster: Cluster, index: string, signal: AbortSignal): Promise<boolean> {
  const path = `/${encodeURIComponent(index)}/_settings/index.mode,index.mapping.source.mode?flat_settings=true`;
  const answer = await cluster.send({ method: 'GET', path, answer: { bytesKept: settingsBytes } }, signal);
  if (answer.status !== 200) return false;
  try {
    const indices = Object.values(JSON.parse(answer.text) as object) as readonly { settings?: unknown }[];
    return indices.some(({ settings }) => isRebuilt(settings));
  } catch {
    return false;
  }
}

/** A document is looked for where it was written to. */
function routingOf(lines: Buffer): { readonly routing?: unknown } {
  const action = JSON.parse(lines.toString('utf8', 0, lines.indexOf(10))) as Record<string, Record<string, unknown>>;
  const { routing, _routing: old = routing } = Object.values(action)[0] ?? {};
  return old === undefined ? {} : { routing: old };
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
