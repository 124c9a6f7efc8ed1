/** InfluxDB under the crash test of targets. Without exactly_once each record has a time of its own, so that there too none may be missing. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { influxdb } from '../services/influxdb.ts';
import type { CrashTarget } from './targets.ts';

/** Rows that the server sends at a time. */
const rowsTogether = 10_000;

export const influxdbTarget: CrashTarget = {
  name: 'influxdb',
  points: ['delivery.after-write', 'cursor.before-commit'],
  async start(directory) {
    const own = join(directory, 'influxdb');
    mkdirSync(own);
    await influxdb.install();
    const server = await influxdb.start(own);
    await fetch(`${server.addresses['http']}/query?q=CREATE+DATABASE+crash`, { method: 'POST' });
    return server;
  },
  stores(server) {
    const { hostname, port } = new URL(server.addresses['http'] ?? '');
    const store = (id: string, options: string): string => `  <store>
    @type influxdb
    @id ${id}
    host ${hostname}
    port ${port}
    dbname crash
    measurement ${id}
    ${options}
    <buffer tag>
      flush_interval 0.1
      retry_wait 0.2
      retry_max_interval 1
    </buffer>
  </store>`;
    return [store('once', 'exactly_once true'), store('plain', 'time_key n\n    time_precision ns')].join('\n');
  },
  async read(server, from, take) {
    const query = from === 'once' ? 'SELECT n FROM once' : 'SELECT pad FROM plain';
    const parameters = new URLSearchParams({
      db: 'crash',
      epoch: 'ns',
      q: query,
      chunked: 'true',
      chunk_size: String(rowsTogether),
    });
    const answer = await fetch(`${server.addresses['http']}/query?${parameters.toString()}`);
    if (!answer.ok || !answer.body) throw new Error(`InfluxDB answered ${answer.status}: ${await answer.text()}`);
    // One JSON text a line, each with some of the rows.
    for await (const line of createInterface({ input: Readable.fromWeb(answer.body) })) {
      if (line === '') continue;
      const { results } = JSON.parse(line) as {
        results: { error?: string; series?: { values: [time: number, value: unknown][] }[] }[];
      };
      if (results[0]?.error !== undefined) throw new Error(`InfluxDB answered: ${results[0].error}`);
      for (const [time, value] of results[0]?.series?.[0]?.values ?? []) take(from === 'once' ? Number(value) : time);
    }
  },
};
