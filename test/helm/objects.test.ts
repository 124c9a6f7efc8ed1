/** Privileges, probes, Secrets, names, and what a release may have besides. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root, testFiles } from '../files.ts';
import {
  all,
  at,
  chartPath,
  check,
  container,
  environment,
  filesOf,
  list,
  nameOf,
  named,
  notes,
  one,
  podPath,
  render,
} from './chart.ts';
import type { KubernetesObject } from './chart.ts';

const everything = { collector: { enabled: true }, aggregator: { enabled: true }, explorer: { enabled: true } };
const kinds = ['StatefulSet', 'DaemonSet', 'Deployment'];
const workloads = (objects: readonly KubernetesObject[]): KubernetesObject[] =>
  kinds.flatMap((kind) => all(objects, kind));

test('no pod has a privilege that it does not need', () => {
  const found = workloads(render({ ...everything, forwarder: 'fluentd' }));
  assert.equal(found.length, 4);
  for (const workload of found) {
    const name = nameOf(workload);
    const pod = at(workload, podPath);
    const isCollector = name === 'post2log-collector';
    assert.equal(at(pod, 'enableServiceLinks'), false, name);
    assert.equal(at(pod, 'automountServiceAccountToken'), isCollector, name);
    assert.equal(at(pod, 'securityContext.runAsNonRoot'), true, name);
    assert.equal(at(pod, 'securityContext.runAsUser'), 65_532, name);
    assert.equal(at(pod, 'securityContext.runAsGroup'), isCollector ? 0 : 65_532, name);
    assert.deepEqual(at(pod, 'securityContext.seccompProfile'), { type: 'RuntimeDefault' }, name);
    for (const one of [...list(pod, 'containers'), ...list(pod, 'initContainers')]) {
      assert.equal(at(one, 'securityContext.readOnlyRootFilesystem'), true, name);
      assert.equal(at(one, 'securityContext.allowPrivilegeEscalation'), false, name);
      assert.deepEqual(at(one, 'securityContext.capabilities'), { drop: ['ALL'] }, name);
      assert.ok(at(one, 'resources.requests.memory'), name);
    }
  }
});

test('the collector reads pods and namespaces, and nothing else', () => {
  const objects = render(everything);
  assert.deepEqual(one(objects, 'ClusterRole')['rules'], [
    { apiGroups: [''], resources: ['pods', 'namespaces'], verbs: ['get', 'list', 'watch'] },
  ]);
  const binding = one(objects, 'ClusterRoleBinding');
  assert.equal(at(binding, 'roleRef.name'), nameOf(one(objects, 'ClusterRole')));
  assert.deepEqual(binding['subjects'], [{ kind: 'ServiceAccount', name: 'post2log-collector', namespace: 'logging' }]);
  assert.equal(at(one(objects, 'DaemonSet'), `${podPath}.serviceAccountName`), 'post2log-collector');
  assert.equal(all(render(), 'ClusterRole').length, 0);
  assert.equal(all(render({ ...everything, rbac: { create: false } }), 'ClusterRoleBinding').length, 0);
});

test('the collector sees logs read-only and has a directory of the node for what must last', () => {
  const workload = one(render({ collector: { enabled: true, runAsRoot: true } }), 'DaemonSet');
  const mounts = list(container(workload), 'volumeMounts').filter(({ name }) => String(name).startsWith('host-'));
  assert.deepEqual(
    mounts.map(({ mountPath, readOnly }) => [mountPath, readOnly]),
    [
      ['/var/log', true],
      ['/var/lib/docker/containers', true],
    ],
  );
  assert.deepEqual(at(named(workload, `${podPath}.volumes`, 'data'), 'hostPath'), {
    path: '/var/lib/post2log/logging-post2log',
    type: 'DirectoryOrCreate',
  });
  assert.equal(at(workload, `${podPath}.initContainers`), undefined);
  assert.equal(at(workload, `${podPath}.securityContext.runAsUser`), 0);
  assert.deepEqual(at(container(workload), 'securityContext.capabilities'), { drop: ['ALL'] });
  assert.deepEqual(at(workload, `${podPath}.tolerations`), [{ operator: 'Exists' }]);
});

test('probes ask the admin server; on loopback they ask what listens', () => {
  for (const workload of workloads(render(everything))) {
    const { livenessProbe, readinessProbe, startupProbe } = container(workload);
    assert.deepEqual(at(livenessProbe, 'httpGet'), { path: '/healthz', port: 'admin' });
    assert.deepEqual(at(readinessProbe, 'httpGet'), { path: '/readyz', port: 'admin' });
    assert.deepEqual(at(startupProbe, 'httpGet'), { path: '/healthz', port: 'admin' });
    assert.equal(environment(container(workload))['P2L_ADMIN_HOST'], '0.0.0.0');
  }
  const closed = render({
    collector: { enabled: true },
    aggregator: { enabled: true },
    admin: { generateToken: false },
  });
  assert.equal(all(closed, 'Secret').filter((secret) => nameOf(secret) === 'post2log-admin').length, 0);
  for (const workload of workloads(closed))
    assert.equal(environment(container(workload))['P2L_ADMIN_HOST'], '127.0.0.1');
  assert.deepEqual(at(container(one(closed, 'StatefulSet', 'post2log')), 'readinessProbe.httpGet'), {
    path: '/healthz',
    port: 'http',
    scheme: 'HTTP',
  });
  assert.deepEqual(at(container(one(closed, 'StatefulSet', 'post2log-aggregator')), 'livenessProbe.tcpSocket'), {
    port: 'forward',
  });
  assert.equal(at(container(one(closed, 'DaemonSet')), 'livenessProbe'), undefined);
});

test('the kubelet waits longer than the program', () => {
  const seconds = (grace: string): unknown =>
    at(one(render({ grace }), 'StatefulSet'), `${podPath}.terminationGracePeriodSeconds`);
  assert.deepEqual(['10s', '1m', '500ms', '30'].map(seconds), [30, 80, 21, 50]);
});

test('a hook keeps a receiver until nobody sends to it, where Kubernetes has it', () => {
  const hook = (kubeVersion: string): unknown =>
    at(container(one(render({}, { kubeVersion }), 'StatefulSet')), 'lifecycle');
  assert.deepEqual(hook('1.31.0'), { preStop: { sleep: { seconds: 5 } } });
  assert.equal(hook('1.28.0'), undefined);
});

test('Secrets: given, existing or made; a pod names the key that it lacks', () => {
  const keyOf = (values: object): unknown =>
    at(
      named(container(one(render(values), 'StatefulSet', 'post2log')), 'env', 'P2L_ADMIN_TOKEN'),
      'valueFrom.secretKeyRef',
    );
  assert.deepEqual(keyOf({}), { name: 'post2log-admin', key: 'token' });
  assert.deepEqual(keyOf({ admin: { existingSecret: 'mine', tokenKey: 'p.w' } }), { name: 'mine', key: 'p.w' });
  const given = one(render({ admin: { token: 'hunter2' } }), 'Secret', 'post2log-admin');
  assert.equal(at(given, 'data.token'), Buffer.from('hunter2').toString('base64'));
  const [first, second] = [render(), render()].map((objects) => at(one(objects, 'Secret'), 'data.token'));
  assert.notEqual(first, second);
  assert.equal(Buffer.from(String(first), 'base64').length, 40);
});

test('who may send postbacks comes from Secrets, and TLS too', async () => {
  const objects = render({
    receiver: {
      bearerToken: { existingSecret: 'senders', key: 'bearer' },
      signature: { existingSecret: 'shop', preset: 'stripe' },
      tls: { existingSecret: 'cert' },
      sourceCfg: 'rate_limit 100\n<guard>\n  path /postback\n  allow_from 10.0.0.0/8\n</guard>\n',
    },
  });
  const workload = one(objects, 'StatefulSet');
  assert.deepEqual(at(named(container(workload), 'env', 'POSTBACK_TOKEN'), 'valueFrom.secretKeyRef'), {
    name: 'senders',
    key: 'bearer',
  });
  assert.equal(at(named(workload, `${podPath}.volumes`, 'tls'), 'secret.secretName'), 'cert');
  const said = await check(objects, workload);
  assert.match(said, /rate_limit 100/);
  assert.match(said, /signature stripe/);
  assert.match(said, /tls_cert \/etc\/post2log-tls\/tls.crt/);
});

test('the explorer: users from a Secret, an Ingress, or a server to search', () => {
  const objects = render({
    explorer: {
      enabled: true,
      auth: { users: 'anna:$2y$10$abc' },
      ingress: { enabled: true, hostname: 'logs.example.com' },
    },
    admin: { generateToken: false },
  });
  const workload = one(objects, 'StatefulSet', 'post2log-explorer');
  const env = environment(container(workload));
  assert.equal(env['P2L_ADMIN_USERS'], '/etc/post2log-users/users');
  assert.equal(env['P2L_ADMIN_HOST'], '0.0.0.0');
  assert.equal(
    at(one(objects, 'Secret', 'post2log-explorer-users'), 'data.users'),
    Buffer.from('anna:$2y$10$abc').toString('base64'),
  );
  assert.equal(at(one(objects, 'Ingress'), 'spec.rules.0.http.paths.0.backend.service.name'), 'post2log-explorer');
  const over = render({
    explorer: {
      enabled: true,
      elasticsearch: { url: 'https://es:9200', user: 'me', existingSecret: 'es', tls: { existingSecret: 'ca' } },
    },
  });
  const deployment = one(over, 'Deployment', 'post2log-explorer');
  assert.deepEqual(container(deployment)['args'], ['explorer']);
  assert.equal(environment(container(deployment))['P2L_EXPLORER_URL'], 'https://es:9200');
  assert.deepEqual(at(named(container(deployment), 'env', 'P2L_EXPLORER_PASSWORD'), 'valueFrom.secretKeyRef'), {
    name: 'es',
    key: 'password',
  });
  assert.equal(all(over, 'StatefulSet').length, 1);
  assert.doesNotMatch(filesOf(over, one(over, 'StatefulSet'))['post2log.conf'] ?? '', /forward/);
});

test('what may be added to pods is there', () => {
  const more = {
    tolerations: [{ key: 'a', operator: 'Exists' }],
    priorityClassName: 'high',
    hostAliases: [{ ip: '10.0.0.2', hostnames: ['kafka-2'] }],
    podAnnotations: { a: 'b' },
    podLabels: { team: 'x' },
    extraEnv: [{ name: 'TZ', value: 'Asia/Seoul' }],
    extraEnvFrom: [{ secretRef: { name: '{{ .Release.Name }}-keys' } }],
    extraVolumes: [{ name: 'more', configMap: { name: 'more' } }],
    extraVolumeMounts: [{ name: 'more', mountPath: '/more' }],
    extraContainers: [{ name: 'beside', image: 'beside' }],
    initContainers: [{ name: 'before', image: 'before' }],
    extraFiles: { 'template.json': '{"a": 1}' },
    topologySpreadConstraints: [
      { maxSkew: 1, topologyKey: 'topology.kubernetes.io/zone', whenUnsatisfiable: 'ScheduleAnyway' },
    ],
  };
  const objects = render({
    hostAliases: [{ ip: '10.0.0.1', hostnames: ['kafka-1'] }],
    extraEnv: [{ name: 'LANG', value: 'C' }],
    commonLabels: { all: 'yes' },
    commonAnnotations: { owner: 'me' },
    receiver: more,
    collector: { enabled: true, ...more },
    aggregator: { enabled: true, ...more },
    explorer: { enabled: true, ...more },
  });
  for (const workload of workloads(objects)) {
    const name = nameOf(workload);
    const pod = at(workload, podPath);
    assert.deepEqual(
      list(pod, 'hostAliases').map(({ ip }) => ip),
      ['10.0.0.1', '10.0.0.2'],
      name,
    );
    assert.equal(environment(container(workload))['TZ'], 'Asia/Seoul', name);
    assert.equal(environment(container(workload))['LANG'], 'C', name);
    assert.equal(at(container(workload), 'envFrom.0.secretRef.name'), 'post2log-keys', name);
    assert.equal(at(pod, 'priorityClassName'), 'high', name);
    assert.equal(at(workload, 'spec.template.metadata.labels.team'), 'x', name);
    assert.equal(at(workload, 'metadata.labels.all'), 'yes', name);
    assert.equal(at(workload, 'metadata.annotations.owner'), 'me', name);
    assert.equal(at(workload, 'spec.template.metadata.annotations.a'), 'b', name);
    container(workload, 'beside');
    named(pod, 'initContainers', 'before');
    named(pod, 'volumes', 'more');
    assert.equal(filesOf(objects, workload)['template.json'], '{"a": 1}', name);
    const [spread] = list(pod, 'topologySpreadConstraints');
    assert.deepEqual(at(spread, 'labelSelector.matchLabels'), at(workload, 'spec.selector.matchLabels'), name);
  }
});

test('of variables with one name the last is there, alone', () => {
  const extraEnv = [{ name: 'P2L_KEEP', value: '7d' }];
  const values = {
    extraEnv: [
      { name: 'P2L_KEEP', value: '2d' },
      { name: 'A', value: '{{ .Release.Name }}' },
    ],
  };
  const env = (more: object): KubernetesObject[] =>
    list(container(one(render({ ...values, receiver: more }), 'StatefulSet')), 'env');
  assert.deepEqual(
    env({ extraEnv }).filter((entry) => at(entry, 'name') === 'P2L_KEEP'),
    extraEnv,
  );
  assert.deepEqual(
    env({}).filter((entry) => at(entry, 'name') === 'P2L_KEEP'),
    [{ name: 'P2L_KEEP', value: '2d' }],
  );
  assert.equal(env({}).find((entry) => at(entry, 'name') === 'A')?.['value'], 'post2log');
});

test('a change of the configuration rolls the pods, and no other change does', () => {
  const annotations = (values: object): unknown =>
    at(one(render(values), 'StatefulSet'), 'spec.template.metadata.annotations');
  assert.notDeepEqual(annotations({}), annotations({ endpoint: '/other' }));
  assert.notDeepEqual(annotations({}), annotations({ fluentd: { extraCfg: '# x' } }));
  assert.notDeepEqual(annotations({ admin: { token: 'a' } }), annotations({ admin: { token: 'b' } }));
  assert.deepEqual(annotations({}), annotations({ replicas: 2, port: 81 }));
});

test('budgets, scaling, policies, monitors', () => {
  const objects = render({
    ...everything,
    receiver: { autoscaling: { enabled: true, maxReplicas: 9 } },
    networkPolicy: { enabled: true, receiverFrom: [{ ipBlock: { cidr: '10.0.0.0/8' } }] },
    metrics: { serviceMonitor: { enabled: true, labels: { release: 'prometheus' } } },
  });
  const scaler = one(objects, 'HorizontalPodAutoscaler');
  assert.deepEqual(at(scaler, 'spec.scaleTargetRef'), { apiVersion: 'apps/v1', kind: 'StatefulSet', name: 'post2log' });
  assert.equal(at(one(objects, 'StatefulSet', 'post2log'), 'spec.replicas'), undefined);
  assert.equal(at(one(objects, 'PodDisruptionBudget', 'post2log'), 'spec.maxUnavailable'), 1);
  assert.equal(all(objects, 'NetworkPolicy').length, 4);
  const forward = list(one(objects, 'NetworkPolicy', 'post2log-explorer'), 'spec.ingress')[0];
  assert.deepEqual(at(forward, 'from.0.podSelector.matchLabels'), { 'app.kubernetes.io/instance': 'post2log' });
  const monitor = one(objects, 'ServiceMonitor');
  const selected = Object.entries(at(monitor, 'spec.selector.matchLabels') as Record<string, string>);
  const services = all(objects, 'Service').filter((service) => {
    const labels = at(service, 'metadata.labels') as Record<string, string>;
    return selected.every(([key, value]) => labels[key] === value);
  });
  assert.equal(services.length, 4);
  for (const service of services) assert.ok(list(service, 'spec.ports').some(({ name }) => name === 'admin'));
  assert.deepEqual(at(monitor, 'spec.endpoints.0.authorization.credentials'), { name: 'post2log-admin', key: 'token' });
});

test('every metric of the dashboard is one that the program counts', () => {
  const config = one(render({ metrics: { dashboard: { enabled: true } } }), 'ConfigMap', 'post2log-dashboard');
  assert.equal(at(config, 'metadata.labels.grafana_dashboard'), '1');
  const [text = ''] = Object.values(at(config, 'data') as Record<string, string>);
  const dashboard: unknown = JSON.parse(text);
  const sources = testFiles(['src/**/*.ts'], ['.test.ts']).map((path) => readFileSync(path, 'utf8'));
  const names = new Set<string>();
  for (const panel of list(dashboard, 'panels'))
    for (const { expr } of list(panel, 'targets'))
      for (const [, name = ''] of String(expr).matchAll(/\b([a-z_]+)\{/g)) names.add(name.replace(/_bucket$/, ''));
  assert.ok(names.size > 20);
  for (const name of names)
    assert.ok(
      sources.some((source) => source.includes(`'${name}'`)),
      name,
    );
});

test('every variable of the program that a pod sets is one of its', () => {
  const reference = readFileSync(join(root, 'docs', 'reference', 'variables.md'), 'utf8');
  const elasticsearch = {
    url: 'https://es:9200',
    user: 'me',
    existingSecret: 'es',
    aws: { region: 'r', service: 'es', role: 'arn' },
    tls: { existingSecret: 'ca', clientCertificate: true },
  };
  const found = [{ enabled: true }, { enabled: true, elasticsearch }].flatMap((explorer) =>
    workloads(render({ ...everything, explorer })).flatMap((workload) => Object.keys(environment(container(workload)))),
  );
  const names = new Set(found.filter((name) => name.startsWith('P2L_')));
  assert.ok(names.size > 20);
  for (const name of names) assert.ok(reference.includes(`\`${name}\``), name);
});

test('names fit, and two releases in one namespace never meet', () => {
  const long = 'a-release-with-a-name-as-long-as-helm-takes-one-53chr';
  assert.equal(long.length, 53);
  const values = {
    ...everything,
    forwarder: 'fluentd',
    networkPolicy: { enabled: true },
    metrics: { dashboard: { enabled: true }, serviceMonitor: { enabled: true } },
  };
  const releases = ['post2log', 'p2l', long, `${long.slice(0, 52)}x`, 'shop', 'shop-post2log-x'];
  const seen = new Set<string>();
  for (const name of releases)
    for (const object of render(values, { name })) {
      const id = `${String(object['kind'])}/${nameOf(object)}`;
      assert.ok(!seen.has(id), id);
      seen.add(id);
      const limit = object['kind'] === 'StatefulSet' || object['kind'] === 'DaemonSet' ? 52 : 63;
      if (!String(object['kind']).startsWith('Cluster')) assert.ok(nameOf(object).length <= limit, id);
      for (const value of Object.values((at(object, 'metadata.labels') ?? {}) as Record<string, string>))
        assert.ok(value.length <= 63, value);
    }
  const [first, second] = ['one', 'two'].map((namespace) => nameOf(one(render(values, { namespace }), 'ClusterRole')));
  assert.notEqual(first, second);
  const paths = ['post2log', 'p2l'].map((name) =>
    at(named(one(render(values, { name }), 'DaemonSet'), `${podPath}.volumes`, 'data'), 'hostPath.path'),
  );
  assert.notEqual(paths[0], paths[1]);
});

test('the notes tell the next three commands', () => {
  const receiver = notes({ replicas: 3 });
  assert.match(receiver, /port-forward svc\/post2log 8080:80/);
  assert.match(receiver, /curl -X POST "http:\/\/\$HOST\/postback\?p1=v1&p2=v2"/);
  assert.match(receiver, /3 receivers need as many nodes/);
  for (const values of [
    {},
    { receiver: { enabled: false }, explorer: { enabled: true } },
    { receiver: { enabled: false }, collector: { enabled: true } },
    { receiver: { enabled: false }, aggregator: { enabled: true } },
  ])
    for (const step of ['1. kubectl', '2. ', '3. '])
      assert.ok(notes(values).includes(`  ${step}`), JSON.stringify(values) + notes(values));
});

test('the default image is that of the chart; digest, registry and slim variant', () => {
  const image = (values: object): unknown => container(one(render(values), 'StatefulSet'))['image'];
  const { appVersion } = {
    appVersion: /^appVersion: (.*)$/m.exec(readFileSync(join(chartPath, 'Chart.yaml'), 'utf8'))?.[1],
  };
  assert.equal(image({}), `post2log:${appVersion}`);
  assert.equal(
    image({ image: { registry: 'r.io', repository: 'a/p', tag: 'v1' }, receiver: { slim: true } }),
    'r.io/a/p:v1-slim',
  );
  const digest = `sha256:${'0'.repeat(64)}`;
  assert.equal(image({ image: { digest } }), `post2log@${digest}`);
});
