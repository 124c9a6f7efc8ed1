/** The filters `kubernetes` and `kubernetes_metadata` against a real API server: what the watch tells, what outlives it, what is refused. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { appendFileSync, globSync, mkdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startProgram, temporaryDirectory, until, type Program } from '../program.ts';
import type { Running } from '../services/contract.ts';
import { startService } from '../services/fixture.ts';
import { collectorRules, type Cluster, type Pod } from '../services/kubernetes-cluster.ts';
import { clusterOf, kubernetes, whyNoKubernetes } from '../services/kubernetes.ts';

const skip = await whyNoKubernetes();
const namespace = 'shop';

interface Metadata {
  readonly pod_name: string;
  readonly pod_id: string;
  readonly labels: Readonly<Record<string, string>>;
}
interface Line {
  readonly log: string;
  readonly kubernetes?: Partial<Metadata>;
}

/** A cluster with a namespace and a service account, and a directory as /var/log/containers. */
class Scene {
  readonly server: Running;
  readonly cluster: Cluster;
  readonly directory: string;
  readonly logs: string;
  #instances = 0;

  private constructor(server: Running, directory: string) {
    this.server = server;
    this.cluster = clusterOf(server);
    this.directory = directory;
    // Fluentd's filter looks for these names in tags.
    this.logs = join(directory, 'var/log/containers');
    mkdirSync(this.logs, { recursive: true });
  }
  static async make(context: TestContext, rules?: readonly unknown[]): Promise<Scene> {
    const server = await startService(context, kubernetes);
    const scene = new Scene(server, await temporaryDirectory(context));
    await scene.cluster.createNamespace(namespace, { team: 'sales' });
    await scene.cluster.createServiceAccount(namespace, 'collector', join(scene.directory, 'account'), rules);
    return scene;
  }
  /** Another incarnation each time. */
  async pod(name: string, labels: Readonly<Record<string, string>>): Promise<Pod & { uid: string; file: string }> {
    const id = createHash('sha256').update(`${name} ${this.#instances++}`).digest('hex');
    const container = { name: 'main', image: 'registry.example/shop:1', id };
    const pod: Pod = { namespace, name, node: 'node-1', labels, containers: [container] };
    const file = join(this.logs, `${name}_${namespace}_main-${id}.log`);
    return { ...pod, uid: await this.cluster.runPod(pod), file };
  }
  async collector(context: TestContext, config: string, name = 'fluent-bit.conf'): Promise<Program> {
    const path = join(this.directory, name);
    await writeFile(path, config);
    const dataDir = join(this.directory, 'data');
    const env = { NODE_NAME: 'node-1', K8S_NODE_NAME: 'node-1', P2L_GRACE: '2s' };
    return (await startProgram(context, { args: ['run', '--config', path], dataDir, env })).ready();
  }
  /** Pods that lines were of are written beside the journal every few seconds. */
  isKept({ uid }: { uid: string }): boolean {
    const files = globSync(join(this.directory, 'data', '**', 'pods.json'));
    return files.some((path) => readFileSync(path, 'utf8').includes(uid));
  }
  fluentbit(...more: readonly string[]): string {
    const account = join(this.directory, 'account');
    return `[SERVICE]
    Flush 0.1
[INPUT]
    Name             tail
    Path             ${this.logs}/*.log
    Tag              kube.*
    Read_from_Head   On
    Refresh_Interval 1
[FILTER]
    Name             kubernetes
    Match            kube.*
    Kube_URL         ${this.server.addresses['https']}
    Kube_CA_File     ${account}/ca.crt
    Kube_Token_File  ${account}/token
    Kube_Tag_Prefix  kube.${this.logs.slice(1).replaceAll('/', '.')}.
    ${more.join('\n    ')}
[OUTPUT]
    Name             stdout
    Match            *
    Format           json_lines
`;
  }
  fluentd(): string {
    const account = join(this.directory, 'account');
    return `<source>
  @type tail
  path ${this.logs}/*.log
  tag kubernetes.*
  read_from_head true
  refresh_interval 1s
  <parse>
    @type none
    message_key log
  </parse>
</source>
<filter kubernetes.**>
  @type kubernetes_metadata
  kubernetes_url ${this.server.addresses['https']}
  ca_file ${account}/ca.crt
  bearer_token_file ${account}/token
</filter>
<match **>
  @type stdout
  <format>
    @type json
  </format>
</match>
`;
  }
}

const lines = (program: Program): Line[] =>
  program.stdout
    .split('\n')
    // The last is being written, or empty.
    .slice(0, -1)
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);

let written = 0;
/** A line of the pod, and the record that comes of it. */
async function lineOf(program: Program, pod: { file: string }): Promise<Line> {
  const text = `line ${written++}`;
  appendFileSync(pod.file, `${text}\n`);
  return until(`"${text}" to come out`, () => lines(program).find(({ log }) => log === text));
}

/** Repeats lines until one comes out as it should: news take a moment, and what was refused is asked for again after a minute. */
async function untilLine(
  program: Program,
  pod: { file: string },
  fits: (found: Partial<Metadata>) => boolean,
): Promise<void> {
  let last: Line | undefined;
  for (const endMs = performance.now() + 120_000; performance.now() < endMs; await delay(200)) {
    last = await lineOf(program, pod);
    if (last.kubernetes && fits(last.kubernetes)) return;
  }
  assert.fail(`no line told what is new; the last was ${JSON.stringify(last)}\n${program.stderr}`);
}

test(
  'the API server holds what it took over a kill, and a service account may do what its role says',
  { skip },
  async (context) => {
    const scene = await Scene.make(context);
    const { uid } = await scene.pod('web-1', { app: 'web' });
    await scene.server.kill();
    assert.deepEqual(scene.server.pids, []);
    await scene.server.restart();
    const token = await readFile(join(scene.directory, 'account', 'token'), 'utf8');
    const ask = (method: string, path: string) => scene.cluster.request(method, path, undefined, token);
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const { body } = await ask('GET', `${path}/web-1`);
    assert.equal((body as { metadata: { uid: string } }).metadata.uid, uid);
    assert.equal((await ask('GET', '/api/v1/namespaces')).status, 200);
    assert.equal((await ask('GET', `/api/v1/namespaces/${namespace}/secrets`)).status, 403);
    assert.equal((await ask('DELETE', `${path}/web-1`)).status, 403);
    await scene.cluster.deletePod(namespace, 'web-1');
    assert.equal((await ask('GET', `${path}/web-1`)).status, 404);
  },
);

for (const dialect of ['fluentbit', 'fluentd'] as const)
  test(
    `the watch tells changes, a deletion and the next pod of a StatefulSet: ${dialect}`,
    { skip },
    async (context) => {
      const scene = await Scene.make(context);
      const first = await scene.pod('db-0', { app: 'db', version: '1' });
      const program = await scene.collector(context, scene[dialect](), `${dialect}.conf`);
      const told = await lineOf(program, first);
      assert.equal(told.kubernetes?.pod_name, 'db-0', program.stderr);
      assert.equal(told.kubernetes.pod_id, first.uid);
      assert.deepEqual(told.kubernetes.labels, { app: 'db', version: '1' });

      await scene.cluster.patchMetadata(namespace, 'db-0', { labels: { version: '2' } });
      await untilLine(program, first, ({ labels }) => labels?.['version'] === '2');

      await scene.cluster.deletePod(namespace, 'db-0');
      const late = await lineOf(program, first);
      assert.equal(late.kubernetes?.pod_id, first.uid, 'a deleted pod stays known');

      const second = await scene.pod('db-0', { app: 'db', version: '3' });
      assert.notEqual(second.uid, first.uid);
      await untilLine(program, second, ({ pod_id, labels }) => pod_id === second.uid && labels?.['version'] === '3');
      const old = await lineOf(program, first);
      assert.equal(old.kubernetes?.pod_id, first.uid, 'its last lines stay those of the first');
      assert.equal(await program.stop(), 0, program.stderr);
    },
  );

test(
  'the API server is killed: known pods stay known, also over a restart, and new ones wait for it',
  { skip },
  async (context) => {
    const scene = await Scene.make(context);
    const known = await scene.pod('web-1', { app: 'web' });
    let program = await scene.collector(context, scene.fluentbit());
    assert.equal((await lineOf(program, known)).kubernetes?.pod_id, known.uid);
    await until('the pod to be kept for the next start', () => scene.isKept(known));
    const fresh = await scene.pod('web-2', { app: 'web' });
    await scene.server.kill();
    assert.equal((await lineOf(program, known)).kubernetes?.pod_id, known.uid);
    assert.equal(await program.stop(), 0, program.stderr);
    program = await scene.collector(context, scene.fluentbit());
    assert.equal((await lineOf(program, known)).kubernetes?.pod_id, known.uid, program.stderr);
    appendFileSync(fresh.file, 'first\n');
    await until('the line to be in the journal', async () => (await program.status()).appended >= 3);
    await scene.server.restart();
    await untilLine(program, fresh, ({ pod_id }) => pod_id === fresh.uid);
    assert.equal(lines(program).filter(({ log }) => log === 'first').length, 1, 'nothing is lost or doubled');
    const later = await scene.pod('web-3', { app: 'web' });
    await untilLine(program, later, ({ pod_id }) => pod_id === later.uid);
    await scene.cluster.patchMetadata(namespace, 'web-1', { labels: { app: 'renamed' } });
    await untilLine(program, known, ({ labels }) => labels?.['app'] === 'renamed');
    assert.equal(await program.stop(), 0, program.stderr);
  },
);

test(
  'without the right to read pods it says which is missing, loses nothing, and goes on when it is given',
  { skip },
  async (context) => {
    const scene = await Scene.make(context, []);
    const pod = await scene.pod('web-1', { app: 'web' });
    const program = await scene.collector(context, scene.fluentbit());
    appendFileSync(pod.file, 'refused\n');
    await until('a warning of what is missing', () => /403.*(?:get|list|watch).*pods/i.test(program.stderr));
    await scene.cluster.bindRole(namespace, 'collector', collectorRules);
    await untilLine(program, pod, ({ pod_id }) => pod_id === pod.uid);
    assert.equal(lines(program).filter(({ log }) => log === 'refused').length, 1);
    assert.equal(await program.stop(), 0, program.stderr);
  },
);
