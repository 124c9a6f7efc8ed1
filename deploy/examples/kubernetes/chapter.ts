/**
 * The chapter's steps, one test each, with what has to come of them. `run` calls this on a node that it made; see there.
 * LOG_FORM says how the container runtime writes, CLUSTER where the API server's certificate and the administrator's token are.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { root } from '../../../test/files.ts';
import { startProgram, temporaryDirectory, until, type Program } from '../../../test/program.ts';
import { Cluster } from '../../../test/services/kubernetes-cluster.ts';
import { KubernetesNode, type App, type LogForm, type RunningPod } from './node.ts';

const form: LogForm = process.env['LOG_FORM'] === 'cri' ? 'cri' : 'docker';
const clusterDirectory = process.env['CLUSTER'] ?? '';
const cluster = new Cluster(
  'https://kubernetes.default.svc',
  join(clusterDirectory, 'ca.pem'),
  readFileSync(join(clusterDirectory, 'token'), 'utf8').trim(),
);
const node = new KubernetesNode(cluster, 'node-1', form);
const etc = '/fluent-bit/etc';

const image = 'registry.example/kiamol';
const apps = {
  dev: timecheck('kiamol-ch13-dev', 'timecheck-6f4c9d7b8-8xk2p'),
  test: timecheck('kiamol-ch13-test', 'timecheck-7c9f5d6b4-2lq5n'),
  testToo: timecheck('kiamol-ch13-test', 'timecheck-7c9f5d6b4-zx7wr'),
  api: app('kiamol-ch13-test', 'numbers-api-5d8b7c6f9-qm4tz', 'numbers-api', { api: `${image}/numbers-api:1` }),
  proxy: app('kiamol-ch13-test', 'numbers-api-proxy-68d7f9-h2kx6', 'numbers-api-proxy', { nginx: 'nginx:1.17-alpine' }),
  vweb: app('kiamol-ch13-lab', 'vweb-84f7bb5d-9hslf', 'vweb', { web: `${image}/vweb:1` }, 'nginx'),
  proxyOfSystem: app('kube-system', 'kube-proxy-7lxqs', 'kube-proxy', { 'kube-proxy': 'kube-proxy:1.37.2' }),
  dns: app('kube-system', 'coredns-5dd5756b68-t4r8c', 'coredns', { coredns: 'coredns:1.12.0' }),
  sleep: app('default', 'sleep-6b9f7c8d5-w2zmn', 'sleep', { sleep: `${image}/sleep:1` }),
} as const satisfies Record<string, App>;
const pods = {} as Record<keyof typeof apps, RunningPod>;

function app(
  namespace: string,
  name: string,
  label: string,
  containers: Readonly<Record<string, string>>,
  parser?: string,
): App {
  const annotations = parser === undefined ? {} : { 'fluentbit.io/parser': parser };
  return { namespace, name, app: label, containers, annotations };
}
/** It writes a file, and a container beside it prints that file. */
function timecheck(namespace: string, name: string): App {
  return app(namespace, name, 'timecheck', { timecheck: `${image}/timecheck:1`, logger: `${image}/sleep:1` });
}

before(async () => {
  // The ways to both servers are opened beside this.
  await until(
    'the API server',
    async () => (await cluster.request('GET', '/readyz').catch(() => undefined))?.status === 200,
  );
  await until('Elasticsearch', async () => (await fetch('http://elasticsearch:9200').catch(() => undefined))?.ok);
  for (const namespace of ['dev', 'test', 'lab', 'logging'])
    await cluster.createNamespace(`kiamol-ch13-${namespace}`, { kiamol: 'ch13' });
  const account = '/var/run/secrets/kubernetes.io/serviceaccount';
  await cluster.createServiceAccount('kiamol-ch13-logging', 'fluent-bit', account);
  for (const [key, one] of Object.entries(apps)) pods[key as keyof typeof apps] = await node.run(one);
  install('shared');
});

// ------------------------------------------------------------------------------------------------- what the steps share

/** As `kubectl apply` of a config map with some of the files does. */
function install(name: string): void {
  cpSync(join(import.meta.dirname, 'configs', name), etc, { recursive: true });
}

/** A collector with the step's configuration: what the restart of the daemon set leaves. */
async function collector(context: TestContext, step: string, parser: string = form): Promise<Program> {
  install(step);
  const input = readFileSync(join(etc, 'input.conf'), 'utf8');
  writeFileSync(join(etc, 'input.conf'), input.replace(/^( +Parser +).*/m, `$1${parser}`));
  const program = await startProgram(context, {
    args: ['run', '--config', join(etc, 'fluent-bit.conf')],
    dataDir: join(await temporaryDirectory(context), 'data'),
    env: { P2L_GRACE: '5s' },
  });
  return program.ready();
}

/** All that is to be taken is taken and delivered. */
async function settled(program: Program, count: number): Promise<void> {
  await until(`${count} records to be delivered`, async () => {
    const { appended, outputs } = await program.status();
    return appended >= count && outputs.every(({ waiting }) => waiting === 0);
  });
}

/** Its end, without an error. */
async function stopped(program: Program): Promise<void> {
  assert.equal(await program.stop(), 0, program.stderr);
}

let written = 0;
const timechecks = (pod: RunningPod, count: number): string[] => {
  const lines = Array.from({ length: count }, () => `Environment: ${pod.namespace}; time check: ${written++}`);
  node.write(pod, 'logger', lines);
  return lines;
};

/** Lines of the system, and of a pod that no output asks for. */
function systemLines(): string[] {
  const proxy = [`I1128 12:00:00.000000       1 proxier.go:805] "SyncProxyRules complete" number=${written++}`];
  const dns = [`[INFO] 198.51.100.7:4${written++} - 1 "A IN numbers-api. udp 50 false 512" NOERROR`];
  node.write(pods.proxyOfSystem, 'kube-proxy', proxy, 'stderr');
  node.write(pods.dns, 'coredns', dns);
  node.write(pods.sleep, 'sleep', ['nobody asks for this']);
  return [...proxy, ...dns];
}

type Fields = Readonly<Record<string, unknown>>;
interface Metadata {
  readonly pod_name: string;
  readonly namespace_name: string;
  readonly labels: Fields;
}
const metadata = (record: Fields): Metadata => record['kubernetes'] as Metadata;
const lineOf = (record: Fields): string => (record['log'] as string).replace(/\n$/, '');
const sorted = (lines: readonly string[]): string[] => lines.toSorted();

/** Records that `stdout` printed; `counter` prints there too. */
const printed = (program: Program): Fields[] =>
  program.stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Fields)
    .filter((record) => 'log' in record);

// ------------------------------------------------------------------------------------------------- Elasticsearch

async function elastic(method: string, path: string): Promise<Fields> {
  const answer = await fetch(`http://elasticsearch:9200${path}`, { method });
  const text = await answer.text();
  assert.ok(answer.ok || answer.status === 404, `${method} ${path}: ${answer.status} ${text}`);
  return JSON.parse(text) as Fields;
}

/** Documents of an index, those that a query as one types it into Kibana finds. */
async function documents(index: string, query = '*'): Promise<Fields[]> {
  await elastic('POST', `/${index}/_refresh`);
  const found = await elastic('GET', `/${index}/_search?size=1000&q=${encodeURIComponent(query)}`);
  const { hits } = found['hits'] as { hits: { _source: Fields }[] };
  return hits.map(({ _source }) => _source);
}

const emptied = async (): Promise<void> => {
  for (const index of ['test', 'sys', 'lab']) await elastic('DELETE', `/${index}`);
};

async function indices(): Promise<string[]> {
  const all = (await elastic('GET', '/_cat/indices?format=json')) as unknown as { index: string }[];
  return all
    .map(({ index }) => index)
    .filter((index) => !index.startsWith('.'))
    .toSorted();
}

// ------------------------------------------------------------------------------------------------- the steps

test('13.2: the lines of all timechecks on stdout', async (t) => {
  const program = await collector(t, '13.2-stdout');
  const lines = [pods.dev, pods.test, pods.testToo].flatMap((pod) => timechecks(pod, 3));
  systemLines();
  await settled(program, lines.length);
  await stopped(program);
  const records = printed(program);
  assert.deepEqual(sorted(records.map(lineOf)), sorted(lines));
  for (const record of records) {
    assert.equal(record['stream'], 'stdout');
    assert.equal(typeof record['date'], 'number');
    assert.match(record['time'] as string, /^20\d\d-.*Z$/);
    assert.equal(record['kubernetes'], undefined);
  }
});

test('13.2: the kubernetes filter tells whose a line is, and a match chooses by namespace', async (t) => {
  const program = await collector(t, '13.2-kubernetes');
  timechecks(pods.dev, 2);
  const lines = [pods.test, pods.testToo].flatMap((pod) => timechecks(pod, 2));
  systemLines();
  await settled(program, 9);
  await stopped(program);
  const records = printed(program);
  assert.deepEqual(sorted(records.map(lineOf)), sorted(lines));
  const pod = pods.test;
  const logger = pod.containers.find(({ name }) => name === 'logger');
  const [record] = records.filter((one) => metadata(one).pod_name === pod.name);
  assert.partialDeepStrictEqual(record?.['kubernetes'], {
    pod_name: pod.name,
    namespace_name: 'kiamol-ch13-test',
    pod_id: pod.uid,
    labels: { app: 'timecheck' },
    host: 'node-1',
    container_name: 'logger',
    docker_id: logger?.id,
    container_hash: `${image}/sleep@sha256:${logger?.id}`,
    container_image: `${image}/sleep:1`,
  });
});

test('13.2: one match prints, another counts', async (t) => {
  const program = await collector(t, '13.2-matches');
  const lines = timechecks(pods.test, 3);
  timechecks(pods.dev, 5);
  systemLines();
  await settled(program, 11);
  await stopped(program);
  assert.deepEqual(sorted(printed(program).map(lineOf)), sorted(lines));
  const counts = [...program.stdout.matchAll(/^\{"ts":.*"log_records":(\d+)/gm)].map(([, count]) => Number(count));
  assert.equal(
    counts.reduce((sum, count) => sum + count, 0),
    5,
    program.stdout,
  );
});

test('13.3: the indices test and sys hold exactly their namespaces', async (t) => {
  await emptied();
  const others = await indices();
  const program = await collector(t, '13.3-elasticsearch');
  const lines = [pods.test, pods.testToo].flatMap((pod) => timechecks(pod, 4));
  timechecks(pods.dev, 4);
  const system = systemLines();
  await settled(program, 15);
  assert.deepEqual(
    (await indices()).filter((index) => !others.includes(index)),
    ['sys', 'test'],
  );
  assert.deepEqual(sorted((await documents('test')).map(lineOf)), sorted(lines));
  assert.deepEqual(sorted((await documents('sys')).map(lineOf)), sorted(system));
  for (const [index, namespace] of [
    ['test', 'kiamol-ch13-test'],
    ['sys', 'kube-system'],
  ] as const)
    for (const one of await documents(index)) assert.equal(metadata(one).namespace_name, namespace);

  // The numbers API fails at its second call; what it says of that is found as one finds it in Kibana.
  const failure = 'f63c1e5a9b';
  node.write(pods.api, 'api', ['<6>Returned random number: 42', `<4>API has failed. ID: ${failure}`]);
  await settled(program, 17);
  const found = await documents('test', `kubernetes.labels.app:numbers-api AND log:${failure}`);
  assert.deepEqual(found.map(lineOf), [`<4>API has failed. ID: ${failure}`]);
  assert.equal(found[0] && metadata(found[0]).pod_name, pods.api.name);
  await stopped(program);
});

const access = (path: string, code: number): string =>
  `198.51.100.9 - - [28/Nov/2026:12:00:${String(written++ % 60).padStart(2, '0')} +0000] "GET ${path} HTTP/1.1" ${code} 615 "-" "curl/8.5.0" "-"`;

test('13.4: pods name the parser of their lines in an annotation', async (t) => {
  await emptied();
  await cluster.patchMetadata('kiamol-ch13-test', pods.api.name, annotated('dotnet-syslog'));
  await cluster.patchMetadata('kiamol-ch13-test', pods.proxy.name, annotated('nginx'));
  const program = await collector(t, '13.4-parsers');
  node.write(pods.api, 'api', ['<6>Returned random number: 7', '<3>API has failed']);
  node.write(pods.proxy, 'nginx', [access('/rng', 200)]);
  const lines = timechecks(pods.test, 1);
  await settled(program, 4);
  await stopped(program);
  const all = await documents('test');
  const of = (pod: RunningPod): Fields[] => all.filter((one) => metadata(one).pod_name === pod.name);
  assert.deepEqual(
    sorted(of(pods.api).map(({ priority, message }) => `${String(priority)} ${String(message).trim()}`)),
    ['3 API has failed', '6 Returned random number: 7'],
  );
  assert.partialDeepStrictEqual(of(pods.proxy), [{ remote: '198.51.100.9', method: 'GET', path: '/rng', code: '200' }]);
  assert.deepEqual(of(pods.test).map(lineOf), lines);
  for (const one of all) assert.ok(!('annotations' in metadata(one)));
});

const annotated = (parser: string): unknown => ({ annotations: { 'fluentbit.io/parser': parser } });

test('13.4: of the numbers API only what is critical, an error or a warning', async (t) => {
  await emptied();
  const program = await collector(t, '13.4-grep');
  node.write(
    pods.api,
    'api',
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((priority) => `<${priority}>Message of priority ${priority}`),
  );
  node.write(pods.api, 'api', ['a line without a priority']);
  node.write(pods.proxy, 'nginx', [access('/rng', 200)]);
  const lines = timechecks(pods.test, 1);
  const system = systemLines();
  await settled(program, 15);
  await stopped(program);
  const all = await documents('test');
  const ofApi = all.filter((one) => metadata(one).labels['app'] === 'numbers-api');
  assert.deepEqual(sorted(ofApi.map(({ priority }) => String(priority))), ['2', '3', '4']);
  assert.equal(all.length, 3 + 1 + lines.length);
  assert.deepEqual(sorted((await documents('sys')).map(lineOf)), sorted(system));
});

test('lab: what has not changed is left out', async (t) => {
  await emptied();
  const program = await collector(t, 'lab-exclude');
  const codes = [200, 304, 404, 304, 200];
  node.write(
    pods.vweb,
    'web',
    codes.map((code) => access('/', code)),
  );
  timechecks(pods.test, 1);
  await settled(program, codes.length + 1);
  await stopped(program);
  assert.deepEqual(sorted((await documents('lab')).map(({ code }) => String(code))), ['200', '200', '404']);
});

test('the store finds what Kibana finds', async (t) => {
  const program = await collector(t, 'store');
  const failure = '0d9a7f34c2';
  node.write(pods.api, 'api', ['<6>Returned random number: 3', `<4>API has failed. ID: ${failure}`]);
  node.write(pods.proxy, 'nginx', [access('/rng', 500)]);
  node.write(pods.test, 'logger', [`another application saw ${failure}`]);
  timechecks(pods.test, 1);
  await settled(program, 5);
  const query = ['query', `kubernetes.labels.app:numbers-api AND log:${failure}`, '-o', 'json'];
  const environment = { ...process.env, P2L_DATA_DIR: program.dataDir };
  const { stdout } = await promisify(execFile)(join(root, 'bin/post2log'), query, { env: environment });
  assert.equal(stdout.trim().split('\n').length, 1, stdout);
  assert.match(stdout, /API has failed\. ID: 0d9a7f34c2/);
  assert.match(stdout, /numbers-api-5d8b7c6f9-qm4tz/);
  await stopped(program);
});

test('the parser of another runtime: lines stay whole, and a warning says why', async (t) => {
  await emptied();
  install('13.2-kubernetes');
  // The level of the other steps hides warnings, as it does with Fluent Bit.
  const service = readFileSync(join(etc, 'fluent-bit.conf'), 'utf8');
  writeFileSync(join(etc, 'fluent-bit.conf'), service.replace(/^( +Log_Level +).*/m, '$1warn'));
  const program = await collector(t, '13.3-elasticsearch', form === 'cri' ? 'docker' : 'cri');
  const lines = timechecks(pods.test, 2);
  await settled(program, lines.length);
  await stopped(program);
  const texts = (await documents('test')).map(lineOf);
  assert.equal(texts.length, lines.length);
  for (const [n, line] of lines.entries()) {
    const text = texts.find((one) => one.includes(line)) ?? '';
    assert.match(
      text,
      form === 'cri' ? /^20\S+Z stdout F Environment: / : /^\{"log":"Environment: /,
      `${n}: ${texts.join('\n')}`,
    );
  }
  assert.match(program.stderr, form === 'cri' ? /docker.*(?:containerd|CRI)/i : /cri.*Docker/i);
});
