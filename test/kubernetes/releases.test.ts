/** The chart as releases in a real cluster: what is there after each step is what the values say. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, filesOf, nameOf, one, podPath, type KubernetesObject } from '../helm/chart.ts';
import { whyNoKubernetes } from '../services/kubernetes.ts';
import { differences } from './api-objects.ts';
import { HelmCluster } from './helm-cluster.ts';

const skip = await whyNoKubernetes();
const checksumPath = ['spec', 'template', 'metadata', 'annotations', 'checksum/config'];

const match = (tag: string): string => `<match ${tag}>\n  @type stdout\n</match>\n`;
const modes = {
  receiver: { enabled: true },
  collector: { enabled: true },
  aggregator: { enabled: true },
  explorer: { enabled: true },
};

function checksum(workload: KubernetesObject | undefined): unknown {
  return checksumPath.reduce<unknown>((here, step) => (here as Record<string, unknown> | undefined)?.[step], workload);
}

const label = (object: KubernetesObject): string => `${String(object['kind'])} ${nameOf(object)}`;

/** Everything that helm says is there is there, as it says. */
async function assertThere(cluster: HelmCluster, release: string): Promise<KubernetesObject[]> {
  const asked = await cluster.manifest(release);
  assert.ok(asked.length > 3, `${release} is made of ${asked.length} objects`);
  for (const object of asked) {
    const there = await cluster.objects.find(object);
    assert.ok(there, `${label(object)} is not there`);
    assert.deepEqual(differences(object, there), [], label(object));
  }
  return asked;
}

/** As the cluster has it, without what changes with every write. */
async function lasting(cluster: HelmCluster, object: KubernetesObject): Promise<unknown> {
  const there = await cluster.objects.find(object);
  assert.ok(there, `${label(object)} is not there`);
  const { spec, data } = there;
  return { spec, data, labels: at(there, 'metadata.labels'), annotations: at(there, 'metadata.annotations') };
}

test('install, a change of the configuration, rollback and uninstall', { skip }, async (context) => {
  const cluster = await HelmCluster.start(context);
  const said = await cluster.release('install', 'post2log', { nodePort: 30_080, fluentd: { extraCfg: match('a') } });
  assert.match(said, /STATUS: deployed/);
  assert.match(said, /curl -X POST "http:\/\/\$HOST\/postback\?p1=v1&p2=v2"/, 'what to do next is said');
  const first = await assertThere(cluster, 'post2log');
  const workload = one(first, 'StatefulSet', 'post2log');
  const before = new Map<KubernetesObject, unknown>();
  for (const object of first) before.set(object, await lasting(cluster, object));
  const sumBefore = checksum(await cluster.objects.find(workload));
  assert.match(String(sumBefore), /^[0-9a-f]{64}$/);

  await cluster.release('upgrade', 'post2log', {
    nodePort: 30_081,
    replicas: 3,
    fluentd: { extraCfg: match('b') },
  });
  const second = await assertThere(cluster, 'post2log');
  assert.equal(filesOf(second, one(second, 'StatefulSet', 'post2log'))['extra.conf'], match('b'));
  const upgraded = await cluster.objects.find(workload);
  assert.equal(at(upgraded, 'spec.replicas'), 3);
  assert.notEqual(checksum(upgraded), sumBefore, 'pods that run the old configuration are replaced');

  await cluster.must('rollback', 'post2log', '1');
  await assertThere(cluster, 'post2log');
  for (const [object, state] of before) assert.deepEqual(await lasting(cluster, object), state, label(object));

  await cluster.must('uninstall', 'post2log');
  for (const object of first) assert.equal(await cluster.objects.find(object), undefined, label(object));
  assert.doesNotMatch(await cluster.must('list', '-q'), /post2log/);
});

test('modes come and go with an upgrade, and what they leave alone stays as it is', { skip }, async (context) => {
  const cluster = await HelmCluster.start(context);
  await cluster.release('install', 'logs', modes);
  const all = await assertThere(cluster, 'logs');
  const receiver = one(all, 'StatefulSet', 'logs-post2log');
  const secrets = all.filter(({ kind }) => kind === 'Secret');
  const held = await Promise.all(secrets.map((secret) => lasting(cluster, secret)));

  await cluster.release('upgrade', 'logs', { ...modes, collector: { enabled: false }, explorer: { enabled: false } });
  const fewer = await assertThere(cluster, 'logs');
  const left = new Set(fewer.map(label));
  const gone = all.filter((object) => !left.has(label(object)));
  assert.ok(gone.some(({ kind }) => kind === 'DaemonSet'));
  for (const object of gone) assert.equal(await cluster.objects.find(object), undefined, label(object));
  const kept = await cluster.objects.find(receiver);
  assert.equal(at(kept, 'metadata.name'), 'logs-post2log');

  await cluster.release('upgrade', 'logs', modes);
  await assertThere(cluster, 'logs');
  for (const [index, secret] of secrets.entries())
    if (left.has(label(secret)))
      assert.deepEqual(await lasting(cluster, secret), held[index], `${label(secret)} is made once`);
});

test('an upgrade with values that are wrong changes nothing', { skip }, async (context) => {
  const cluster = await HelmCluster.start(context);
  await cluster.release('install', 'post2log', {});
  const [first] = (await cluster.manifest('post2log')).filter(({ kind }) => kind === 'StatefulSet');
  assert.ok(first);
  const before = await lasting(cluster, first);
  await assert.rejects(cluster.release('upgrade', 'post2log', { replica: 3 }), /replica/);
  await assert.rejects(cluster.release('upgrade', 'post2log', { nodePort: 80 }), /30000-32767/);
  assert.deepEqual(await lasting(cluster, first), before);
});

test(
  'receivers, aggregators and the explorer need no rights on their nodes; collectors read host paths',
  { skip },
  async (context) => {
    const cluster = await HelmCluster.start(context);
    const enforce = 'pod-security.kubernetes.io/enforce';
    await cluster.cluster.createNamespace('restricted', { [enforce]: 'restricted' });
    await cluster.cluster.createNamespace('privileged', { [enforce]: 'privileged' });
    await cluster.release('install', 'logs', modes);
    const workloads = (await cluster.manifest('logs')).filter(
      ({ kind }) => kind === 'StatefulSet' || kind === 'DaemonSet',
    );
    assert.equal(workloads.length, 4);
    for (const workload of workloads) {
      const spec = at(workload, podPath) as KubernetesObject;
      const claims = (at(workload, 'spec.volumeClaimTemplates') ?? []) as KubernetesObject[];
      // A controller puts the volume of each claim into the pod.
      const volumes = claims.map((claim) => ({
        name: nameOf(claim),
        persistentVolumeClaim: { claimName: `${nameOf(claim)}-${nameOf(workload)}-0` },
      }));
      const pod = (namespace: string): KubernetesObject => ({
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: `${nameOf(workload)}-0`, namespace, labels: at(workload, 'spec.template.metadata.labels') },
        spec: { ...spec, volumes: [...((spec['volumes'] ?? []) as KubernetesObject[]), ...volumes] },
      });
      const isCollector = workload['kind'] === 'DaemonSet';
      const { status, body } = await cluster.objects.apply(pod('restricted'), true);
      assert.equal(status, isCollector ? 403 : 201, `${nameOf(workload)}: ${JSON.stringify(body)}`);
      if (isCollector) {
        const message = String(at(body, 'message'));
        assert.match(message, /hostPath/);
        assert.doesNotMatch(message, /privileged|capabilities|seccompProfile|allowPrivilegeEscalation/, message);
      }
      assert.equal((await cluster.objects.apply(pod('privileged'), true)).status, 201);
    }
  },
);
