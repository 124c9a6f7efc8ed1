/** Servers that lie outside of the nodes: the API server, OpenSearch and Kafka, all real, at one address. */
import { mkdirSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { freePort } from '../free-port.ts';
import { makeTopics } from '../integration/kafka-fixture.ts';
import type { Running } from '../services/contract.ts';
import { kafka, startKafka } from '../services/kafka.ts';
import type { Cluster } from '../services/kubernetes-cluster.ts';
import { clusterOf, kubernetes } from '../services/kubernetes.ts';
import { opensearch } from '../services/opensearch.ts';
import { readIndex } from '../services/opensearch-index.ts';
import { Tally } from './check.ts';
import { outsideAddress } from './network.ts';

const index = 'records';
const topic = 'records';

/** The same port at `outsideAddress` for a server that listens on loopback alone. */
async function reachable(url: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const open = await freePort();
  const server = createServer((client) => {
    const target = connect({ host: hostname, port: Number(port) });
    client.on('error', () => target.destroy()).on('close', () => target.destroy());
    target.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(target).pipe(client);
  });
  server.listen(open, outsideAddress);
  await once(server, 'listening');
  return `${outsideAddress}:${open}`;
}

export class Outside {
  readonly api: Cluster;
  readonly apiAddress: string;
  /** HOST:PORT as nodes reach them. */
  readonly searchAddress: string;
  readonly brokerAddress: string;
  readonly search: Running;
  readonly broker: Running;
  readonly #running: readonly Running[];

  private constructor(running: readonly [Running, Running, Running], apiAddress: string, searchAddress: string) {
    const [api, search, broker] = running;
    this.#running = running;
    this.api = clusterOf(api);
    this.apiAddress = apiAddress;
    this.search = search;
    this.searchAddress = searchAddress;
    this.broker = broker;
    this.brokerAddress = broker.addresses['plain'] ?? '';
  }
  static async install(): Promise<void> {
    for (const service of [opensearch, kafka, kubernetes]) await service.install();
  }
  /** Network must be there. */
  static async start(directory: string): Promise<Outside> {
    const place = (name: string): string => {
      mkdirSync(join(directory, name), { recursive: true });
      return join(directory, name);
    };
    // One after the other: all at once take longer on a machine with little to spare than a server may take to start.
    const search = await opensearch.start(place('opensearch'));
    const broker = await startKafka(place('kafka'), outsideAddress);
    const api = await kubernetes.start(place('api'));
    await makeTopics(broker.addresses['plain'] ?? '', [topic]);
    await makeIndex(search.addresses['http'] ?? '');
    return new Outside(
      [api, search, broker],
      await reachable(api.addresses['https'] ?? ''),
      await reachable(search.addresses['http'] ?? ''),
    );
  }
  /** How many documents an origin has. */
  async documents(origin: string): Promise<number> {
    const answer = await fetch(`${this.#searchUrl}/${index}/_count?q=origin:${origin}`).catch(() => undefined);
    return answer?.ok === true ? ((await answer.json()) as { count: number }).count : 0;
  }
  async readIndex(): Promise<Tally> {
    const tally = new Tally();
    await readIndex(this.#searchUrl, index, ['origin', 'n'], (document) => tally.add(document));
    return tally;
  }
  async readTopic(): Promise<Tally> {
    const tally = new Tally();
    const committed = ['-X', 'isolation.level=read_committed'];
    const child = spawn('kcat', ['-b', this.brokerAddress, '-C', '-t', topic, '-e', '-q', ...committed], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    for await (const line of createInterface({ input: child.stdout })) tally.add(JSON.parse(line) as object);
    const [code] = (await exited) as [number | null];
    if (code !== 0) throw new Error(`kcat ended with ${code}`);
    return tally;
  }
  async end(): Promise<void> {
    await Promise.all(this.#running.map((one) => one.kill()));
  }
  get #searchUrl(): string {
    return this.search.addresses['http'] ?? '';
  }
}

async function makeIndex(url: string): Promise<void> {
  const answer = await fetch(`${url}/${index}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      settings: { number_of_shards: 1, number_of_replicas: 0, refresh_interval: '2s' },
      mappings: { dynamic: false, properties: { n: { type: 'integer' }, origin: { type: 'keyword' } } },
    }),
  });
  if (!answer.ok) throw new Error(`PUT ${url}/${index}: ${answer.status} ${await answer.text()}`);
}
