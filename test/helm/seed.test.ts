/** The names and forms of values that deployments have from before: variables of the environment, passed on as text. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  all,
  at,
  check,
  container,
  environment,
  filesOf,
  list,
  named,
  one,
  podPath,
  render,
  runCheck,
} from './chart.ts';
import type { KubernetesObject } from './chart.ts';

const receiver = (objects: readonly KubernetesObject[]): KubernetesObject => one(objects, 'StatefulSet', 'post2log');
const config = (objects: readonly KubernetesObject[]): string =>
  filesOf(objects, receiver(objects))['post2log.conf'] ?? '';

test('numbers and truth values may be text', async () => {
  const objects = render({
    port: '8080',
    nodePort: '30080',
    workers: '4',
    replicas: '3',
    logQueryParam: 'false',
    skipNullFields: 'False',
    rotBytes: '1048576',
    rotBackups: '2',
    nodeExclusive: 'false',
  });
  const service = one(objects, 'Service', 'post2log');
  assert.equal(at(service, 'spec.type'), 'NodePort');
  assert.deepEqual(at(service, 'spec.ports'), [{ name: 'http', port: 8080, targetPort: 'http', nodePort: 30_080 }]);
  assert.equal(at(receiver(objects), 'spec.replicas'), 3);
  assert.equal(environment(container(receiver(objects)))['P2L_WORKERS'], '4');
  assert.equal(at(receiver(objects), `${podPath}.affinity`), undefined);
  assert.match(config(objects), /log_query_parameters false\n {2}skip_null_fields false/);
  await check(objects, receiver(objects));
});

test('a node selector is a map or text, with line feeds around it', () => {
  for (const nodeSelector of [{ noderole: 'ingest' }, 'noderole: ingest', '\nnoderole: ingest\n'])
    assert.deepEqual(at(receiver(render({ nodeSelector })), `${podPath}.nodeSelector`), { noderole: 'ingest' });
  assert.deepEqual(at(receiver(render({ nodeSelector: 'a: "1"\nb: true' })), `${podPath}.nodeSelector`), {
    a: '1',
    b: 'true',
  });
  for (const nodeSelector of ['', {}, '\n'])
    assert.equal(at(receiver(render({ nodeSelector })), `${podPath}.nodeSelector`), undefined);
});

test('annotations ask for an Ingress, as a map, a list of maps or text', () => {
  const annotation = { 'kubernetes.io/ingress.class': 'traefik' };
  for (const ingressAnnotations of [annotation, [annotation], 'kubernetes.io/ingress.class: traefik']) {
    const ingress = one(render({ ingressAnnotations, endpoint: '/postback/test' }), 'Ingress');
    assert.deepEqual(at(ingress, 'metadata.annotations'), annotation);
    assert.deepEqual(at(ingress, 'spec.rules.0.http.paths'), [
      {
        path: '/postback/test',
        pathType: 'Prefix',
        backend: { service: { name: 'post2log', port: { name: 'http' } } },
      },
    ]);
  }
  assert.equal(all(render({ ingressAnnotations: '' }), 'Ingress').length, 0);
});

test('an Ingress with class, host, TLS and several paths', () => {
  const ingress = one(
    render({
      endpoint: '/postback/*, /hooks/stripe',
      ingress: {
        enabled: true,
        className: 'nginx',
        hostname: 'in.example.com',
        tls: [{ secretName: 'cert', hosts: ['in.example.com'] }],
      },
    }),
    'Ingress',
  );
  assert.equal(at(ingress, 'spec.ingressClassName'), 'nginx');
  assert.equal(at(ingress, 'spec.rules.0.host'), 'in.example.com');
  assert.deepEqual(
    list(ingress, 'spec.rules.0.http.paths').map(({ path }) => path),
    ['/postback', '/hooks/stripe'],
  );
  assert.equal(at(ingress, 'spec.tls.0.secretName'), 'cert');
});

test('one receiver on a node', () => {
  const [term, ...more] = list(
    receiver(render()),
    `${podPath}.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution`,
  );
  assert.deepEqual(more, []);
  assert.equal(term?.['topologyKey'], 'kubernetes.io/hostname');
  assert.deepEqual(at(term, 'labelSelector.matchLabels'), at(receiver(render()), 'spec.selector.matchLabels'));
  const nodeAffinity = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } };
  const both = at(receiver(render({ receiver: { affinity: { nodeAffinity } } })), `${podPath}.affinity`);
  assert.deepEqual(at(both, 'nodeAffinity'), nodeAffinity);
  assert.ok(at(both, 'podAntiAffinity'));
});

test('storage is the size of the volume, and the program fills less', () => {
  const objects = render({ storage: '1Gi' });
  const [claim] = list(receiver(objects), 'spec.volumeClaimTemplates');
  assert.equal(at(claim, 'spec.resources.requests.storage'), '1Gi');
  const { P2L_STORAGE = '', P2L_FLUENTD_STORAGE = '' } = environment(container(receiver(objects)));
  // The journal, a quarter of it for staged chunks, and half of the other for dead letters (src/process/limits.ts).
  const most = Number(P2L_STORAGE) * 1.25 + Number(P2L_FLUENTD_STORAGE) / 2;
  assert.ok(most > 0.8 * 1024 ** 3 && most < 0.9 * 1024 ** 3, String(most));
});

test('extraCfg arrives byte for byte, its templates rendered', async () => {
  const extraCfg = [
    '<match {{ .Release.Name }}>',
    '  @type kafka2',
    '  brokers k1:9092,k2:9092',
    '  default_topic test\n  topic_key "a, {b}: \'c\' # d"',
    '  <format>',
    '\t@type json',
    '  </format>  ',
    '</match>',
    '',
    '<system>',
    '  log_level info',
    '</system>',
    '',
    '',
  ].join('\n');
  const objects = render({ fluentd: { extraCfg } }, { name: 'shop' });
  const workload = one(objects, 'StatefulSet', 'shop-post2log');
  assert.equal(filesOf(objects, workload)['extra.conf'], extraCfg.replace('{{ .Release.Name }}', 'shop'));
  assert.match(await check(objects, workload), /match shop: kafka2/);
  for (const odd of [
    '  <match a>\n  @type null\n  </match>',
    '\n\n<match a>\n@type null\n</match>\n\n\n',
    '# ü € 한글\r\n',
  ]) {
    const others = render({ fluentd: { extraCfg: odd } });
    assert.equal(filesOf(others, receiver(others))['extra.conf'], odd);
  }
});

test('fields get their second names', async () => {
  const objects = render({ duplicateFields: { a: 'b' }, fluentd: { duplicateFields: { _path: 'path name' } } });
  const said = await check(objects, receiver(objects));
  assert.match(said, /modify/);
  assert.match(config(objects), /key "a"\n\s+value "b"/);
});

test('with Fluentd: rotating files, a container beside, the same outputs', async () => {
  const extraCfg = '<match {{ .Release.Name }}>\n  @type stdout\n</match>\n';
  const objects = render({
    forwarder: 'fluentd',
    rotBytes: 1_048_576,
    rotBackups: 2,
    fluentd: { extraCfg, storage: '2Gi' },
  });
  const workload = receiver(objects);
  const said = await check(objects, workload);
  assert.match(said, /forwarder files/);
  assert.match(config(objects), /log_dir \/data/);
  const sidecar = container(workload, 'fluentd');
  assert.equal(sidecar['image'], 'post2log-fluentd:0.1.0');
  const mounts = new Map(list(sidecar, 'volumeMounts').map((mount) => [mount['mountPath'], mount]));
  assert.equal(mounts.get('/data')?.['readOnly'], true);
  assert.equal(
    mounts.get('/data')?.['subPath'],
    list(container(workload), 'volumeMounts').find(({ mountPath }) => mountPath === '/data')?.['subPath'],
  );
  assert.deepEqual(
    list(workload, 'spec.volumeClaimTemplates').map((claim) => [
      at(claim, 'metadata.name'),
      at(claim, 'spec.resources.requests.storage'),
    ]),
    [
      ['data', '4Gi'],
      ['fluentd', '2Gi'],
    ],
  );
  const files = filesOf(objects, workload, 'fluentd-config');
  // Nobody here has Fluentd; post2log reads its language.
  const fluentd = await runCheck({ ...files, 'post2log.conf': files['fluentd.conf'] ?? '' }, {});
  assert.match(fluentd.stdout, /path \/data\/\*\.txt/);
  assert.match(fluentd.stdout, /match post2log: stdout/);
  assert.equal(files['extra.conf'], extraCfg.replace('{{ .Release.Name }}', 'post2log'));
  assert.match(files['fluentd.conf'] ?? '', /path \/data\/\*\.txt/);
  assert.equal(
    (at(workload, 'spec.template.metadata.annotations') as Record<string, string>)[
      'kubectl.kubernetes.io/default-container'
    ],
    'fluentd',
  );
  assert.equal(named(workload, `${podPath}.volumes`, 'fluentd-config')['name'], 'fluentd-config');
});
