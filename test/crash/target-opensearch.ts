/** OpenSearch under the crash test of targets; its own search counts what is there. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { opensearch } from '../services/opensearch.ts';
import type { CrashTarget } from './targets.ts';

/** What the server gives at most at a time. */
const pageRecords = 10_000;

async function search(address: string, index: string, after: readonly unknown[] | undefined): Promise<readonly Hit[]> {
  const answer = await fetch(`${address}/${index}/_search`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      size: pageRecords,
      _source: ['n'],
      sort: [{ n: 'asc' }, { _doc: 'asc' }],
      ...(after && { search_after: after }),
    }),
  });
  const { hits } = (await answer.json()) as { hits: { hits: readonly Hit[] } };
  return hits.hits;
}
interface Hit {
  readonly _source: { readonly n: number };
  readonly sort: readonly unknown[];
}

export const opensearchTarget: CrashTarget = {
  name: 'opensearch',
  points: ['delivery.after-write', 'cursor.before-commit'],
  async start(directory) {
    const own = join(directory, 'server');
    mkdirSync(own);
    await opensearch.install();
    const server = await opensearch.start(own);
    for (const index of ['once', 'plain'])
      await fetch(`${server.addresses['http']}/${index}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          settings: { number_of_shards: 1, number_of_replicas: 0, refresh_interval: '30s' },
          mappings: { dynamic: false, properties: { n: { type: 'integer' } } },
        }),
      });
    return server;
  },
  stores(server) {
    const { hostname, port } = new URL(server.addresses['http'] ?? '');
    const store = (id: string, isExactlyOnce: boolean): string => `  <store>
    @type elasticsearch
    @id ${id}
    host ${hostname}
    port ${port}
    index_name ${id}
    request_timeout 60s
    exactly_once ${isExactlyOnce}
    <buffer tag>
      flush_interval 0.1
      retry_wait 0.2
      retry_max_interval 1
    </buffer>
  </store>`;
    return [store('once', true), store('plain', false)].join('\n');
  },
  async read(server, from, take) {
    const address = server.addresses['http'] ?? '';
    await fetch(`${address}/${from}/_refresh`, { method: 'POST' });
    // A merge between two pages would give records other places.
    await fetch(`${address}/${from}/_forcemerge?max_num_segments=1`, { method: 'POST' });
    let after: readonly unknown[] | undefined;
    for (;;) {
      // A page ends within records of one number where one is there more than once: `_doc` tells them apart.
      const hits = await search(address, from, after);
      for (const { _source } of hits) take(_source.n);
      after = hits.at(-1)?.sort;
      if (hits.length < pageRecords) return;
    }
  },
};
