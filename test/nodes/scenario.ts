/** The run itself, inside of its namespaces. */
import { join } from 'node:path';
import { rootDirectory, wait } from '../../bench/program.ts';
import { Random } from '../crash/random.ts';
import { Patience } from '../patience.ts';
import { judge, Tally } from './check.ts';
import { LocalCluster, type ClusterNode } from './cluster.ts';
import { ContainerLog } from './container-log.ts';
import type { Image } from './container.ts';
import { disturb, plan, told } from './disturb.ts';
import { helmProgram } from './helm.ts';
import { Caller, logBytesMax, Writer } from './load.ts';
import { renderChart, type Container, type Rendered } from './manifests.ts';
import { Network } from './network.ts';
import { Outside } from './outside.ts';

const namespace = 'logging';
const release = 'post2log';
/** Longest wait for all pods: seven programs start at once, on a machine that may have one core for them. */
const readyMs = 600_000;
/** Longest wait without a record more before it counts as stuck: a transaction that a kill left open may be waited for. */
const stuckMs = 600_000;

/** Between two looks at what has come through: each costs the servers something. */
const pollMs = 500;
/** So long the last ones may be under way when as many have come as must. */
const lateMs = 60_000;

/** The image of the program, out of this checkout. */
const image: Image = {
  entrypoint: ['/opt/post2log/bin/post2log'],
  command: ['run'],
  environment: {},
  brings: { '/opt/post2log': rootDirectory, '/usr/local/bin/node': process.execPath },
  user: 65532,
};

function imageOf({ image: name }: Container): Image {
  if (!/(?:^|\/)post2log[:@]/.test(name)) throw new Error(`there is no image ${name} here`);
  return image;
}

function render(helm: string): Rendered {
  const values = [join(import.meta.dirname, 'values.yaml')];
  return renderChart(helm, { release, namespace, chart: join(rootDirectory, 'deploy/helm/post2log'), values });
}

export async function runNodes(directory: string, options: { cuts: number; seed: number }): Promise<string[]> {
  const { cuts, seed } = options;
  const rendered = render(helmProgram());
  const network = new Network();
  const outside = await Outside.start(directory);
  await outside.api.createNamespace(namespace);
  const cluster = new LocalCluster(network, {
    directory,
    namespace,
    api: outside.api,
    apiAddress: outside.apiAddress,
    imageOf,
    outsideNames: ['elasticsearch-logging', 'kafka'],
    // The chart's values name them; which ports they have is known now.
    environment: { SEARCH_PORT: outside.searchAddress.split(':')[1] ?? '', BROKERS: outside.brokerAddress },
  });
  const nodes = [
    cluster.addNode('node-1', { noderole: 'ingest' }),
    cluster.addNode('node-2', { noderole: 'ingest' }),
    cluster.addNode('node-3', { noderole: 'logging' }),
  ];
  try {
    const scene = await Scene.begin(cluster, outside, nodes, rendered, seed);
    await scene.storm(cuts, seed);
    return await scene.conclude();
  } finally {
    await Promise.all(cluster.pods.map((pod) => pod.crash()));
    cluster.end();
    await outside.end();
  }
}

/** Three pods of an application, on two nodes. */
const applications = [
  { name: 'web-a', node: 0 },
  { name: 'web-b', node: 0 },
  { name: 'web-c', node: 1 },
] as const;

class Scene {
  readonly #cluster: LocalCluster;
  readonly #outside: Outside;
  readonly #writers: readonly Writer[];
  readonly #caller: Caller;
  readonly #explorer: { readonly url: string; readonly token: string };
  #running: Promise<unknown> = Promise.resolve();
  readonly #beginMs = performance.now();

  private constructor(
    cluster: LocalCluster,
    outside: Outside,
    writers: readonly Writer[],
    caller: Caller,
    token: string,
  ) {
    this.#cluster = cluster;
    this.#outside = outside;
    this.#writers = writers;
    this.#caller = caller;
    const [pod] = cluster.podsOf('explorer');
    this.#explorer = { url: `http://${pod?.plan.address}:5601`, token };
  }
  static async begin(
    cluster: LocalCluster,
    outside: Outside,
    nodes: readonly ClusterNode[],
    rendered: Rendered,
    seed: number,
  ): Promise<Scene> {
    await outside.api.createNamespace('shop');
    const writers = await Promise.all(
      applications.map(async ({ name, node: n }) => {
        const node = nodes[n] as ClusterNode;
        const pod = { namespace: 'shop', name, labels: { app: 'web' } };
        const { uid, ids } = await cluster.registerPod(node, pod, [{ name: 'main', image: 'registry.example/web:1' }]);
        const container = { namespace: 'shop', pod: name, uid, container: 'main', id: ids.get('main') ?? '' };
        return new Writer(name, new ContainerLog(node.root, container, logBytesMax), new Random(seed, name));
      }),
    );
    await cluster.install(rendered);
    await cluster.ready(readyMs);
    const port = rendered.services
      .flatMap(({ spec }) => spec.ports)
      .find(({ nodePort }) => nodePort !== undefined)?.nodePort;
    const urls = nodes.slice(0, 2).map(({ network }) => `http://${network.address}:${port}/postback`);
    const token = rendered.secrets.get(`${release}-admin`)?.values().next().value?.toString() ?? '';
    return new Scene(cluster, outside, writers, new Caller(urls, new Random(seed, 'calls')), token);
  }
  get #origins() {
    return [...this.#writers, this.#caller];
  }
  /** Cuts, each when records of every origin have come through since the last one. */
  async storm(cuts: number, seed: number): Promise<void> {
    this.#running = Promise.all(this.#origins.map((one) => one.run()));
    const random = new Random(seed, 'cuts');
    for (const [n, one] of plan(this.#cluster.nodes, cuts, random).entries()) {
      await this.#flowing();
      console.log(`cut ${n + 1} of ${cuts}: ${told(one)}`);
      await disturb(one, this.#cluster, this.#outside, random);
    }
    await this.#flowing();
    for (const one of this.#origins) one.stop();
    await this.#running;
  }
  /** Until more of each origin is in OpenSearch than was in this moment written: what comes now comes through. */
  async #flowing(): Promise<void> {
    for (const origin of this.#origins) {
      const goal = origin.count - origin.unsure.size;
      const count = (): Promise<number> => this.#outside.documents(origin.name);
      await this.#until(`${goal} records of ${origin.name} in OpenSearch`, goal, count);
    }
  }
  /** @throws when it grows no more */
  async #until(what: string, goal: number, count: () => Promise<number>): Promise<void> {
    let best = -1;
    const patience = new Patience(stuckMs);
    for (;;) {
      const now = await count();
      if (now >= goal) return;
      if (now > best) {
        best = now;
        patience.renew();
      }
      if (patience.isOver()) throw new Error(`stuck at ${best}: ${what}\n${await this.#state()}`);
      await wait(pollMs);
    }
  }
  /** Of all pods, for who looks for the reason. */
  async #state(): Promise<string> {
    const asked = this.#cluster.pods.map(async ({ name, plan, tail }) => {
      const headers = { authorization: `Bearer ${this.#explorer.token}` };
      const answer = await fetch(`http://${plan.address}:5601/api/status`, { headers }).catch(String);
      return `${name}: ${typeof answer === 'string' ? answer : await answer.text()}\n${tail.slice(-1500)}`;
    });
    return (await Promise.all(asked)).join('\n');
  }
  /** All is written; what has become of it? */
  async conclude(): Promise<string[]> {
    const [total, unsure] = [this.#sum(({ count }) => count), this.#sum((one) => one.unsure.size)];
    await this.#until('all records in OpenSearch', total - unsure, () => this.#documents());
    await this.#until('all records at the explorer', total - unsure, async () => {
      const answer = await this.#ask('/api/histogram?query=origin:*&buckets=1');
      return ((await answer.json()) as { total: number }).total;
    });
    await this.#until('all records in Kafka', total - unsure, async () => {
      const { held } = await this.#outside.readTopic();
      return [...held.values()].reduce((sum, { size }) => sum + size, 0);
    });
    const problems = [
      ...(await this.#judged('the store', () => this.#export())),
      ...(await this.#judged('OpenSearch', () => this.#outside.readIndex())),
      ...(await this.#judged('Kafka', () => this.#outside.readTopic())),
      ...(await this.#oneSearch()),
    ];
    const killed = await this.#cluster.stop();
    const ownEnds = this.#cluster.pods.flatMap((pod) => pod.ownEnds);
    const seconds = ((performance.now() - this.#beginMs) / 1000).toFixed(0);
    const probed = this.#cluster.pods.reduce((sum, { livenessKills }) => sum + livenessKills, 0);
    console.log(
      `${total} records in ${seconds} s; ${this.#caller.answered} of ${this.#caller.count} postbacks answered; ${probed} restarts by liveness probes`,
    );
    return [
      ...problems,
      ...killed.map((name) => `pod ${name} did not end within its grace time`),
      ...ownEnds.map((text) => `a container ended by itself: ${text}`),
    ];
  }
  /** What is wrong with a place, once nothing more comes: what nobody was sure of may have come before what is still under way. */
  async #judged(place: string, read: () => Promise<Tally>): Promise<string[]> {
    for (const patience = new Patience(lateMs); ; await wait(pollMs)) {
      const problems = judge(place, this.#origins, (await read()).held);
      if (problems.length === 0 || patience.isOver()) return problems;
    }
  }
  #sum(of: (origin: Writer | Caller) => number): number {
    return this.#origins.reduce((sum, origin) => sum + of(origin), 0);
  }
  async #documents(): Promise<number> {
    const counts = await Promise.all(this.#origins.map(({ name }) => this.#outside.documents(name)));
    return counts.reduce((sum, count) => sum + count, 0);
  }
  async #ask(path: string): Promise<Response> {
    const { url, token } = this.#explorer;
    const answer = await fetch(`${url}${path}`, { headers: { authorization: `Bearer ${token}` } });
    if (!answer.ok) throw new Error(`GET ${path}: ${answer.status} ${await answer.text()}`);
    return answer;
  }
  async #export(): Promise<Tally> {
    const tally = new Tally();
    const text = await (await this.#ask('/api/export?query=origin:*')).text();
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const record = JSON.parse(line) as { fields?: object };
      tally.add(record.fields ?? record);
    }
    return tally;
  }
  /** Records of all three pods, on both nodes, in one search. */
  async #oneSearch(): Promise<string[]> {
    const query = encodeURIComponent('kubernetes.labels.app:web AND n<3');
    const answer = (await (await this.#ask(`/api/search?query=${query}&limit=100`)).json()) as {
      records: { fields: { kubernetes?: { pod_name: string; host: string } } }[];
    };
    const found = answer.records.map(({ fields }) => fields.kubernetes);
    const [pods, hosts] = [new Set(found.map((one) => one?.pod_name)), new Set(found.map((one) => one?.host))];
    console.log(`one search: ${found.length} records of ${[...pods].join(', ')} on ${[...hosts].join(', ')}`);
    const isWhole = applications.every(({ name }) => pods.has(name)) && hosts.size === 2 && found.length === 9;
    return isWhole ? [] : [`one search found ${JSON.stringify(found)}`];
  }
}
