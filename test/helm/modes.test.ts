/** What each mode of the chart makes, and that post2log runs the configurations that it writes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  all,
  at,
  check,
  container,
  environment,
  filesOf,
  helm,
  chartPath,
  list,
  nameOf,
  named,
  one,
  podPath,
  render,
  warnings,
} from './chart.ts';
import type { KubernetesObject } from './chart.ts';

const everything = {
  receiver: { enabled: true },
  collector: { enabled: true },
  aggregator: { enabled: true },
  explorer: { enabled: true },
};
const workloads = (objects: readonly KubernetesObject[]): KubernetesObject[] => [
  ...all(objects, 'StatefulSet'),
  ...all(objects, 'DaemonSet'),
];

test('helm lint finds nothing', () => {
  const { status, stdout, stderr } = helm(['lint', '--strict', chartPath]);
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /0 chart\(s\) failed/);
});

test('any mix of modes: its workloads, and configurations that post2log takes', async (context) => {
  const names = {
    receiver: 'post2log',
    collector: 'post2log-collector',
    aggregator: 'post2log-aggregator',
    explorer: 'post2log-explorer',
  };
  for (let mix = 1; mix < 16; mix++) {
    const modes = Object.keys(names).filter((_, index) => (mix & (1 << index)) !== 0);
    await context.test(modes.join(' '), async () => {
      const objects = render(
        Object.fromEntries(Object.keys(names).map((mode) => [mode, { enabled: modes.includes(mode) }])),
      );
      assert.deepEqual(
        workloads(objects).map(nameOf).toSorted(),
        modes.map((mode) => names[mode as keyof typeof names]).toSorted(),
      );
      for (const workload of workloads(objects)) await check(objects, workload);
    });
  }
});

test('the receiver is what the seed is: Service, port, path, output', async () => {
  const objects = render();
  const service = one(objects, 'Service', 'post2log');
  assert.deepEqual(at(service, 'spec.ports'), [{ name: 'http', port: 80, targetPort: 'http' }]);
  assert.equal(at(service, 'spec.type'), 'ClusterIP');
  const workload = one(objects, 'StatefulSet', 'post2log');
  assert.equal(named(container(workload), 'ports', 'http')['containerPort'], 8000);
  assert.deepEqual(at(service, 'spec.selector'), at(workload, 'spec.selector.matchLabels'));
  const said = await check(objects, workload);
  assert.match(said, /port 8000/);
  assert.match(said, /match \*\*: stdout/);
  assert.equal(all(objects, 'Ingress').length, 0);
});

test('every pod has the directory that must last on a volume', () => {
  const objects = render(everything);
  assert.equal(workloads(objects).length, 4);
  for (const workload of workloads(objects)) {
    const mount = list(container(workload), 'volumeMounts').find(({ mountPath }) => mountPath === '/var/lib/post2log');
    assert.equal(mount?.['name'], 'data');
    assert.equal(environment(container(workload))['P2L_DATA_DIR'], '/var/lib/post2log');
    const claims = list(workload, 'spec.volumeClaimTemplates').map(nameOf);
    const volumes = list(workload, `${podPath}.volumes`).map(({ name }) => name);
    assert.ok(claims.includes('data') !== volumes.includes('data'), nameOf(workload));
  }
});

test('records go to the next component, each of them once', async () => {
  const objects = render({ ...everything, fluentd: { extraCfg: '<match shop>\n  @type null\n</match>\n' } });
  const receiver = await check(objects, one(objects, 'StatefulSet', 'post2log'));
  assert.match(receiver, /forward \(to_aggregator\) to post2log-aggregator:24224/);
  assert.match(receiver, /exactly_once true/);
  assert.match(receiver, /match shop: null/);
  const collector = await check(objects, one(objects, 'DaemonSet'));
  assert.match(collector, /forward \(to_aggregator\) to post2log-aggregator:24224/);
  assert.match(collector, /exactly_once true/i);
  const aggregator = await check(objects, one(objects, 'StatefulSet', 'post2log-aggregator'));
  assert.match(aggregator, /forward \(to_explorer\) to post2log-explorer:24224/);
  assert.match(aggregator, /exactly_once true/);
  const explorer = await check(objects, one(objects, 'StatefulSet', 'post2log-explorer'));
  assert.match(explorer, /match \*\*: store/);
  for (const [name, port] of [
    ['post2log-aggregator', 24224],
    ['post2log-explorer', 24224],
  ] as const)
    assert.ok(list(one(objects, 'Service', name), 'spec.ports').some((entry) => entry['port'] === port));
  const direct = render({
    ...everything,
    receiver: { sendTo: 'explorer' },
    collector: { enabled: true, sendTo: 'none' },
  });
  assert.match(
    filesOf(direct, one(direct, 'StatefulSet', 'post2log'))['post2log.conf'] ?? '',
    /host post2log-explorer/,
  );
  assert.doesNotMatch(filesOf(direct, one(direct, 'DaemonSet'))['post2log.conf'] ?? '', /forward/);
});

test('who sends and who takes have the key from one Secret', () => {
  const objects = render(everything);
  for (const workload of workloads(objects)) {
    const entry = named(container(workload), 'env', 'FORWARD_SHARED_KEY');
    assert.deepEqual(at(entry, 'valueFrom.secretKeyRef'), { name: 'post2log-forward', key: 'shared-key' });
  }
  assert.ok(at(one(objects, 'Secret', 'post2log-forward'), 'data.shared-key'));
  const own = render({ ...everything, forward: { existingSecret: 'mine', sharedKeyKey: 'k' } });
  assert.deepEqual(at(named(container(one(own, 'DaemonSet')), 'env', 'FORWARD_SHARED_KEY'), 'valueFrom.secretKeyRef'), {
    name: 'mine',
    key: 'k',
  });
  assert.equal(all(own, 'Secret').filter((secret) => nameOf(secret) === 'post2log-forward').length, 0);
});

test('forward over TLS, with certificates on both sides', async () => {
  const tls = { existingSecret: 'forward-cert', clientCertificates: true };
  const objects = render({ ...everything, forward: { tls } });
  for (const workload of workloads(objects)) {
    assert.equal(at(named(workload, `${podPath}.volumes`, 'forward-tls'), 'secret.secretName'), 'forward-cert');
    assert.equal(named(container(workload), 'volumeMounts', 'forward-tls')['mountPath'], '/etc/post2log-forward');
  }
  assert.match(await check(objects, one(objects, 'StatefulSet', 'post2log')), /transport tls/);
  assert.match(await check(objects, one(objects, 'DaemonSet')), /transport tls|tls true/i);
  const aggregator = await check(objects, one(objects, 'StatefulSet', 'post2log-aggregator'));
  assert.match(aggregator, /client_cert_auth true/);
  const alone = render({ forward: { tls } });
  assert.equal(
    list(one(alone, 'StatefulSet'), `${podPath}.volumes`).some(({ name }) => name === 'forward-tls'),
    false,
  );
});

test('what the pod should say of itself and does not is named, and so is a key', async () => {
  const objects = render(everything);
  const said = await warnings(objects, one(objects, 'StatefulSet', 'post2log'));
  for (const name of ['NODE_NAME', 'POD_NAME', 'FORWARD_SHARED_KEY'])
    assert.match(said, new RegExp(`warning: .*${name} is not set`));
  assert.match(await warnings(objects, one(objects, 'DaemonSet')), /FORWARD_SHARED_KEY} is not set/);
});

test('the collector leaves out what this release writes, and nothing else', () => {
  const objects = render({ ...everything, forwarder: 'fluentd' });
  const config = filesOf(objects, one(objects, 'DaemonSet'))['post2log.conf'] ?? '';
  const globs = (/Exclude_Path +(.*)/.exec(config)?.[1] ?? '').split(',');
  const isLeftOut = (file: string): boolean =>
    globs.some((glob) =>
      new RegExp(`^${glob.replaceAll('.', '\\.').replaceAll('*', '.*')}$`).test(`/var/log/containers/${file}.log`),
    );
  for (const workload of workloads(objects))
    for (const { name } of list(workload, `${podPath}.containers`))
      assert.ok(isLeftOut(`${nameOf(workload)}-0_logging_${String(name)}-${'a'.repeat(64)}`), nameOf(workload));
  assert.ok(!isLeftOut(`web-0_logging_web-${'a'.repeat(64)}`));
  assert.ok(!isLeftOut(`post2log-0_other_post2log-${'a'.repeat(64)}`));
  const all = render({ ...everything, collector: { enabled: true, excludeOwn: false } });
  assert.doesNotMatch(filesOf(all, one(all, 'DaemonSet'))['post2log.conf'] ?? '', /Exclude_Path/);
});
