/**
 * `_bulk` bodies: records copied, with @timestamp behind or before, under ids of their own, by way of decoded fields; and
 * the whole output with requests to a server in the same process that takes all, whose time counts too.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { bulkRequests } from '../../src/outputs/elasticsearch/bulk.ts';
import { elasticsearchOutput } from '../../src/outputs/elasticsearch/index.ts';
import { FluentbitLines } from '../../src/outputs/elasticsearch/fluentbit-lines.ts';
import { FluentdLines } from '../../src/outputs/elasticsearch/fluentd-lines.ts';
import type { Lines } from '../../src/outputs/elasticsearch/lines.ts';
import { documentSettings } from '../../src/outputs/elasticsearch/settings.ts';
import type { WrittenDocuments } from '../../src/outputs/elasticsearch/settings.ts';
import { esOutput } from '../../src/outputs/es.ts';
import { defaultBuffer } from '../../src/config/model.ts';
import { realClock } from '../../src/core/clock.ts';
import type { Chunk } from '../../src/core/plugin.ts';
import { builtinPlugins } from '../../src/plugins.ts';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf } from '../../test/fixture.ts';
import type { OutputCase } from './case.ts';

/** A log line of some 250 bytes, as the Kubernetes filter leaves it. */
const record = (n: number): string =>
  JSON.stringify({
    log: `10.0.${n % 256}.7 - - "GET /api/v1/orders/${n} HTTP/1.1" 200 ${n % 5000}`,
    stream: n % 7 === 0 ? 'stderr' : 'stdout',
    kubernetes: { pod_name: `shop-${n % 97}`, namespace_name: 'shop', container_name: 'web', host: `node-${n % 13}` },
  });

/** Batches as the journal's frames hold them, chunks as they are written. */
const batchRecords = 500;
const chunkRecords = 20_000;
const bytesMax = 64 * 1024 * 1024;

function chunksOf(count: number): Chunk[] {
  const batch = (first: number) =>
    batchOf(
      'kube.shop',
      Array.from({ length: batchRecords }, (_unused, i) => record(first + i)),
      Array.from({ length: batchRecords }, (_unused, i) => ({ seconds: 1_709_618_820 + first / 100, nanos: i * 1000 })),
    );
  const chunks: Chunk[] = [];
  for (let first = 0; first < count; first += chunkRecords) {
    const length = Math.min(chunkRecords, count - first);
    const batches = Array.from({ length: length / batchRecords }, (_unused, b) => batch(first + b * batchRecords));
    chunks.push(chunkOf(batches, { tag: 'kube.shop' }));
  }
  return chunks;
}

function way(name: string, make: () => Lines, mustReach: number | undefined): OutputCase {
  return {
    name,
    mustReach,
    prepare(count) {
      const chunks = chunksOf(count);
      const lines = make();
      return () => {
        const bodies = chunks.flatMap((chunk) =>
          [...bulkRequests(lines, chunk, undefined, bytesMax, () => undefined)].map(({ body }) => body),
        );
        return Buffer.concat(bodies);
      };
    },
  };
}

function fluentd(options: Record<string, unknown>): () => Lines {
  const written = configOf(elasticsearchOutput, options).options as unknown as WrittenDocuments;
  const settings = documentSettings(written, { typeRule: 'elasticsearch', chunkIdKey: undefined });
  const context = { clock: realClock, buffer: defaultBuffer, divert: undefined, badTime: () => undefined };
  return () => new FluentdLines(settings, context);
}
function fluentbit(options: Record<string, unknown>): () => Lines {
  const settings = configOf(esOutput, options).options as unknown as ConstructorParameters<typeof FluentbitLines>[0];
  return () => new FluentbitLines(settings, 'es', realClock, undefined);
}

/** Requests over loopback, answers read. */
const requests: OutputCase = {
  name: 'elasticsearch, logstash_format, to a recording server',
  mustReach: 100_000,
  prepare(count) {
    const chunks = chunksOf(count);
    let received = 0;
    const server = createServer((req, res) => {
      req.on('data', (part: Buffer) => (received += part.length));
      req.on('end', () => {
        const items =
          req.method === 'POST' ? '{"index":{"_index":"x","_id":"y","status":201}},'.repeat(chunkRecords) : '';
        res.end(`{"took":1,"errors":false,"items":[${items.slice(0, -1)}]}`);
      });
    });
    const listening = once(server.listen(0, '127.0.0.1'), 'listening');
    server.unref();
    return async () => {
      await listening;
      if (elasticsearchOutput.kind !== 'output') throw new TypeError('elasticsearch is no output');
      const { port } = server.address() as AddressInfo;
      const config = configOf(elasticsearchOutput, {
        host: '127.0.0.1',
        port,
        logstashFormat: true,
        verifyEsVersionAtStartup: false,
      });
      const output = elasticsearchOutput.create(config, outputContextOf(contextOf(builtinPlugins)));
      await output.open?.();
      received = 0;
      for (const chunk of chunks) await output.write(chunk, new AbortController().signal);
      await output.close();
      return Buffer.alloc(received);
    };
  },
};

export const elasticsearchCases: readonly OutputCase[] = [
  way('elasticsearch, as it is', fluentd({}), undefined),
  way('elasticsearch, logstash_format', fluentd({ logstashFormat: true, includeTagKey: true }), 200_000),
  way('elasticsearch, exactly once', fluentd({ logstashFormat: true, exactlyOnce: true }), undefined),
  way('elasticsearch, id_key', fluentd({ logstashFormat: true, idKey: '$.kubernetes.pod_name' }), undefined),
  way('es, logstash_format', fluentbit({ logstashFormat: true }), 200_000),
  requests,
];
