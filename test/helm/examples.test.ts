/** The values files of deploy/helm/post2log/examples, each with what it has to render. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import {
  all,
  at,
  chartPath,
  check,
  container,
  filesOf,
  list,
  named,
  nameOf,
  one,
  podPath,
  refusal,
  render,
} from './chart.ts';

const directory = join(chartPath, 'examples');
const valuesOf = (name: string): object => parse(readFileSync(join(directory, `${name}.yaml`), 'utf8')) as object;
const names = readdirSync(directory).map((file) => file.replace('.yaml', ''));
/** Workloads that are post2log. */
const ours = (objects: ReturnType<typeof render>) =>
  ['StatefulSet', 'DaemonSet']
    .flatMap((kind) => all(objects, kind))
    .filter((workload) => !nameOf(workload).startsWith('elasticsearch-'));

for (const name of names)
  test(`${name}: renders, and the program takes every configuration in it`, { timeout: 120_000 }, async () => {
    const objects = render(valuesOf(name));
    const workloads = ours(objects);
    assert.ok(workloads.length > 0);
    for (const workload of workloads) await check(objects, workload);
  });

test('kafka: the match of the seed, two pods on nodes of a label', () => {
  const objects = render(valuesOf('kafka'));
  const workload = one(objects, 'StatefulSet', 'post2log');
  assert.equal(at(workload, 'spec.replicas'), 2);
  assert.deepEqual(at(workload, `${podPath}.nodeSelector`), { noderole: 'ingest' });
  assert.match(filesOf(objects, workload)['extra.conf'] ?? '', /@type kafka2\n *brokers kafka-1:9092,kafka-2:9092\n/);
  assert.match(filesOf(objects, workload)['post2log.conf'] ?? '', /endpoints \/postback\/test\n/);
});

test('influxdb: the password comes from a Secret and is in no config map', () => {
  const objects = render(valuesOf('influxdb'));
  const workload = one(objects, 'StatefulSet', 'post2log');
  const password = named(container(workload), 'env', 'INFLUXDB_PASSWORD');
  assert.deepEqual(at(password, 'valueFrom.secretKeyRef'), { name: 'influxdb', key: 'password' });
  assert.match(filesOf(objects, workload)['extra.conf'] ?? '', /password "#\{ENV\['INFLUXDB_PASSWORD'\]\}"/);
});

test('on-premises-collector: one daemon set, the right to read pods and namespaces, and nothing else', () => {
  const objects = render(valuesOf('on-premises-collector'), { name: 'fluent-bit' });
  assert.deepEqual(
    objects.map(({ kind }) => kind).filter((kind) => kind === 'StatefulSet' || kind === 'Deployment'),
    [],
  );
  assert.equal(all(objects, 'DaemonSet').length, 1);
  assert.deepEqual(at(one(objects, 'ClusterRole'), 'rules'), [
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['get', 'list', 'watch'] },
  ]);
});

// ------------------------------------------------------------------------------------------------- TACO Logging

test('taco: collectors everywhere, aggregators and masters on controllers, documents on log nodes', () => {
  const objects = render(valuesOf('taco'));
  const selectors = Object.fromEntries(
    ['StatefulSet', 'DaemonSet', 'Deployment']
      .flatMap((kind) => all(objects, kind))
      .map((workload) => [nameOf(workload), at(workload, `${podPath}.nodeSelector`)]),
  );
  const controller = { 'openstack-control-plane': 'enabled' };
  assert.deepEqual(selectors, {
    'post2log-collector': { 'kubernetes.io/os': 'linux' },
    'post2log-aggregator': controller,
    'post2log-explorer': controller,
    'elasticsearch-logging-master': controller,
    'elasticsearch-logging-client': controller,
    'elasticsearch-logging-data': { 'taco-logging': 'enabled' },
    'elasticsearch-logging-kibana': controller,
  });
  const aggregator = one(objects, 'StatefulSet', 'post2log-aggregator');
  assert.match(filesOf(objects, aggregator)['extra.conf'] ?? '', /host elasticsearch-logging\n/);
});

test('taco: counts, heap and disk of each role are values', () => {
  const role = { replicas: 5, heap: '3g', disk: '7Gi' };
  const objects = render({ elasticsearch: { enabled: true, data: role, client: { replicas: 0 } } });
  const data = one(objects, 'StatefulSet', 'elasticsearch-logging-data');
  assert.equal(at(data, 'spec.replicas'), 5);
  const [elasticsearch] = list(data, `${podPath}.containers`);
  assert.equal(named(elasticsearch, 'env', 'ES_JAVA_OPTS')['value'], '-Xms3072m -Xmx3072m');
  assert.equal(at(elasticsearch, 'resources.limits.memory'), '6144Mi');
  const [claim] = list(data, 'spec.volumeClaimTemplates');
  assert.equal(at(claim, 'spec.resources.requests.storage'), '7Gi');
  // Without clients the data nodes are asked.
  const service = one(objects, 'Service', 'elasticsearch-logging');
  assert.equal((at(service, 'spec.selector') as Record<string, string>)['app.kubernetes.io/component'], 'data');
});

test('taco: masters know who begins the cluster, and nobody else does', () => {
  const objects = render(valuesOf('taco'));
  const environmentOf = (role: string) =>
    list(list(one(objects, 'StatefulSet', `elasticsearch-logging-${role}`), `${podPath}.containers`)[0], 'env');
  const initial = environmentOf('master').find(({ name }) => name === 'cluster.initial_master_nodes');
  assert.equal(initial?.['value'], [0, 1, 2].map((n) => `elasticsearch-logging-master-${n}`).join(','));
  for (const role of ['data', 'client'])
    assert.ok(environmentOf(role).every(({ name }) => name !== 'cluster.initial_master_nodes'));
});

test('Elasticsearch is off unless it is asked for, its values are checked, and another setup is another Job', () => {
  const without = render();
  assert.ok(without.every((object) => !nameOf(object).includes('elasticsearch')));
  assert.match(refusal({ elasticsearch: { enabled: true, data: { heapp: '1g' } } }), /heapp/);
  assert.match(refusal({ elasticsearch: { enabled: true, data: { heap: 'much' } } }), /heap/);
  const jobOf = (setup: object): string => nameOf(one(render({ elasticsearch: { enabled: true, setup } }), 'Job'));
  assert.equal(jobOf({}), jobOf({}));
  assert.notEqual(jobOf({ retentionDays: 8 }), jobOf({}));
});
