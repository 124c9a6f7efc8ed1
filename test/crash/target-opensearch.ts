/** OpenSearch under the crash test of targets; its own search counts what is there. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { opensearch } from '../services/opensearch.ts';
import { readIndex } from '../services/opensearch-index.ts';
import type { CrashTarget } from './targets.ts';

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
  read: (server, from, take) => readIndex(server.addresses['http'] ?? '', from, ['n'], ({ n }) => take(n as number)),
};
