/**
 * What the first README promises of each variable, with its own commands' values: by `skaffold render` where skaffold is built,
 * and in any case by helm, given what skaffold gives it.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { root } from '../files.ts';
import {
  all,
  at,
  check,
  container,
  environment,
  filesOf,
  list,
  one,
  podPath,
  type KubernetesObject,
} from '../helm/chart.ts';
import { temporaryDirectory } from '../program.ts';
import { skaffold, whyNoTool } from '../services/kubernetes-tools.ts';
import { byHelm, bySkaffold, variableDefaults, type Variables } from './skaffold-render.ts';

const whyNoSkaffold = whyNoTool(skaffold);
type Objects = readonly KubernetesObject[];

const receiver = (objects: Objects): KubernetesObject => one(objects, 'StatefulSet', 'post2log');
const configs = (objects: Objects): Record<string, string> => filesOf(objects, receiver(objects));
const service = (objects: Objects): KubernetesObject => one(objects, 'Service', 'post2log');

/** One promise, held by both. */
function promise(name: string, variables: Variables, assertHeld: (objects: Objects) => unknown): void {
  for (const renderer of [byHelm, bySkaffold]) {
    const skip = renderer === bySkaffold ? whyNoSkaffold : false;
    test(`${name}: by ${renderer.name}`, { skip }, async (context: TestContext) => {
      await assertHeld(await renderer.render(context, variables));
    });
  }
}

/** As README.md of seed 1 has it, with names and addresses in its gaps. */
const kafka = `<match test>
  @type kafka2
  brokers 10.0.0.1:9092,10.0.0.2:9092
  use_event_time true
  default_topic test

  <format>
    @type json
  </format>

  <buffer>
    @type memory
    flush_mode interval
    flush_interval 10s
  </buffer>

  # 디버깅용
  # @log_level trace
  # get_kafka_client_log true
</match>

<system>
  log_level info
</system>
`;

const influxdb = `<match test>
  @type influxdb
  host 10.0.0.3
  port 8086
  dbname post2log
  user writer
  password a,b{c}\\d'"e
  time_precision ns
  use_ssl false
  <buffer>
    @type memory
    chunk_limit_size 1m
    flush_mode interval
    flush_interval 10
  </buffer>
</match>

<system>
  log_level info
</system>
`;

test('every variable of the first README has its value, with its default', () => {
  assert.deepEqual(variableDefaults(), {
    P2L_PORT: '80',
    P2L_ENDPOINT: '/postback',
    P2L_LOG_QUERYPARAM: 'true',
    P2L_SKIP_NULLFLDS: 'true',
    P2L_NODEPORT: '',
    P2L_INGRESS_ANNOT: '',
    P2L_WORKERS: '1',
    P2L_REPLICAS: '1',
    P2L_NODE_SELECTOR: '',
    P2L_STORAGE: '4Gi',
    P2L_ROTBYTES: '10485760',
    P2L_ROTBACKUPS: '5',
    P2L_UVICORN_LOGLEVEL: 'debug',
    P2L_FLUENTD_STORAGE: '4Gi',
    P2L_FLUENTD_EXTRACFG: '',
  });
});

promise('without any variable: svc/post2log at port 80 in the cluster, one pod, 4Gi', {}, async (objects) => {
  assert.equal(at(service(objects), 'spec.type') ?? 'ClusterIP', 'ClusterIP');
  assert.equal(at(service(objects), 'spec.ports.0.port'), 80);
  assert.equal(at(service(objects), 'spec.ports.0.nodePort'), undefined);
  assert.deepEqual(all(objects, 'Ingress'), []);
  assert.equal(at(receiver(objects), 'spec.replicas'), 1);
  assert.equal(at(receiver(objects), `${podPath}.nodeSelector`), undefined);
  assert.equal(at(receiver(objects), 'spec.volumeClaimTemplates.0.spec.resources.requests.storage'), '4Gi');
  const { P2L_WORKERS, P2L_LOGLEVEL } = environment(container(receiver(objects)));
  assert.deepEqual([P2L_WORKERS, P2L_LOGLEVEL], ['1', 'debug']);
  assert.match(configs(objects)['post2log.conf'] ?? '', /endpoints \/postback\n/);
  await check(objects, receiver(objects));
});

promise('a local cluster with a smaller volume', { P2L_STORAGE: '1Gi' }, (objects) =>
  assert.equal(at(receiver(objects), 'spec.volumeClaimTemplates.0.spec.resources.requests.storage'), '1Gi'),
);

promise('kubectl port-forward svc/post2log 8080:80 finds the container’s port 8000', {}, (objects) => {
  const target = at(service(objects), 'spec.ports.0.targetPort');
  const ports = list(container(receiver(objects)), 'ports');
  assert.equal(ports.find(({ name }) => name === target)?.['containerPort'], 8000);
  const selector = at(service(objects), 'spec.selector') as Record<string, string>;
  const labels = at(receiver(objects), 'spec.template.metadata.labels') as Record<string, string>;
  for (const [label, value] of Object.entries(selector)) assert.equal(labels[label], value);
});

promise('the port of the Service', { P2L_PORT: '8080' }, (objects) =>
  assert.equal(at(service(objects), 'spec.ports.0.port'), 8080),
);

promise('a port of the nodes', { P2L_NODEPORT: '30080' }, (objects) => {
  assert.equal(at(service(objects), 'spec.type'), 'NodePort');
  assert.equal(at(service(objects), 'spec.ports.0.nodePort'), 30_080);
});

const traefik = 'kubernetes.io/ingress.class: traefik';
promise('an Ingress with the annotation of K3s', { P2L_INGRESS_ANNOT: traefik }, (objects) => {
  const ingress = one(objects, 'Ingress');
  assert.equal(at(ingress, 'metadata.annotations')?.['kubernetes.io/ingress.class' as never], 'traefik');
  assert.equal(at(ingress, 'spec.rules.0.http.paths.0.path'), '/postback');
  const { name, port } = at(ingress, 'spec.rules.0.http.paths.0.backend.service') as Record<string, unknown>;
  assert.equal(name, 'post2log');
  assert.ok(port);
});

const braces = 'a/b: "x, {y}, \\\\z"\nc/d: \'{"e": ["f", 1]}\'';
promise('annotations with commas, braces, quotes and a line feed', { P2L_INGRESS_ANNOT: braces }, (objects) => {
  const annotations = at(one(objects, 'Ingress'), 'metadata.annotations') as Record<string, string>;
  assert.equal(annotations['a/b'], 'x, {y}, \\z');
  assert.equal(annotations['c/d'], '{"e": ["f", 1]}');
});

promise('workers', { P2L_WORKERS: '4' }, (objects) =>
  assert.equal(environment(container(receiver(objects)))['P2L_WORKERS'], '4'),
);

promise('three replicas, and never two on one node', { P2L_REPLICAS: '3' }, (objects) => {
  assert.equal(at(receiver(objects), 'spec.replicas'), 3);
  const path = `${podPath}.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution`;
  const [term, ...others] = list(receiver(objects), path);
  assert.deepEqual(others, []);
  assert.equal(term?.['topologyKey'], 'kubernetes.io/hostname');
  const labels = at(receiver(objects), 'spec.template.metadata.labels') as Record<string, string>;
  const wanted = Object.entries(at(term, 'labelSelector.matchLabels') as Record<string, string>);
  assert.ok(wanted.length > 0);
  for (const [label, value] of wanted) assert.equal(labels[label], value);
});

promise('nodes by their label, wrapped in line feeds', { P2L_NODE_SELECTOR: '\nnoderole: ingest\n' }, (objects) =>
  assert.deepEqual(at(receiver(objects), `${podPath}.nodeSelector`), { noderole: 'ingest' }),
);

promise('another endpoint', { P2L_ENDPOINT: '/postback/test' }, async (objects) => {
  assert.match(configs(objects)['post2log.conf'] ?? '', /endpoints \/postback\/test\n/);
  await check(objects, receiver(objects));
});

promise('endpoints with a comma between them', { P2L_ENDPOINT: '/postback/a,/postback/b' }, (objects) =>
  assert.match(configs(objects)['post2log.conf'] ?? '', /endpoints \/postback\/a,\s*\/postback\/b/),
);

promise(
  'no query parameters, fields that are null',
  { P2L_LOG_QUERYPARAM: 'false', P2L_SKIP_NULLFLDS: 'false' },
  (objects) =>
    assert.match(configs(objects)['post2log.conf'] ?? '', /log_query_parameters false\s+skip_null_fields false/),
);

promise('the level of the log', { P2L_UVICORN_LOGLEVEL: 'warning' }, (objects) =>
  assert.match(environment(container(receiver(objects)))['P2L_LOGLEVEL'] ?? '', /^warn(?:ing)?$/),
);

for (const [name, text] of [
  ['Kafka with two brokers', kafka],
  ['InfluxDB with a password of odd letters', influxdb],
] as const)
  promise(`${name}: byte for byte, and post2log takes it`, { P2L_FLUENTD_EXTRACFG: text }, async (objects) => {
    assert.equal(configs(objects)['extra.conf'], text);
    assert.match(await check(objects, receiver(objects)), /kafka|influxdb/);
  });

/** None of these is a configuration of sense: each has what a template, a shell or `--set` might take for its own. */
const odd: readonly string[] = [
  '# {a,b} \\{c\\,d\\} \\\\ "e" \'f\' `g` $HOME ${i} $(j) %k% #{l} !m ~n *o ?p [q] <r> |s & t; u',
  '\n\n  # indented,\n\t# by a tab\n\n\n',
  '# carriage returns\r\n# ü € 한글 😀\r\n',
  '{"like": "a list", "of": [1, 2]}',
  '# ends with an @',
  '# ends with @@',
  '# ends with a backslash \\',
  '# a=b,c=d,e[0]=f,g.h=i',
  '# - yaml: "x"\n# ---\n# : #\n#  ',
];
for (const [index, text] of odd.entries())
  promise(`bytes that tools like to take for their own, ${index + 1}`, { P2L_FLUENTD_EXTRACFG: text }, (objects) =>
    assert.equal(configs(objects)['extra.conf'], text),
  );

promise(
  'templates of helm in the configuration',
  { P2L_FLUENTD_EXTRACFG: '# {{ .Release.Name }}, {{ "a,b" }}' },
  (objects) => assert.equal(configs(objects)['extra.conf'], '# post2log, a,b'),
);

/** What only skaffold does: profiles, and images that were built. */
function bySkaffoldAlone(name: string, args: readonly string[], assertHeld: (objects: Objects) => void): void {
  test(name, { skip: whyNoSkaffold }, async (context) => {
    assertHeld(await bySkaffold.render(context, {}, ...args));
  });
}

const images = (objects: Objects): unknown[] =>
  list(receiver(objects), `${podPath}.containers`).map(({ image }) => image);

bySkaffoldAlone('profile fluentd: a Fluentd container beside the receiver', ['--profile=fluentd'], (objects) =>
  assert.deepEqual(images(objects), ['post2log:0.1.0', 'post2log-fluentd:0.1.0']),
);

bySkaffoldAlone('profiles together: explorer and collector', ['--profile=explorer,collector,slim'], (objects) => {
  assert.deepEqual(
    all(objects, 'StatefulSet').map((object) => at(object, 'metadata.name')),
    ['post2log-explorer', 'post2log'],
  );
  assert.equal(all(objects, 'DaemonSet').length, 1);
});

test('images are those that skaffold built, by digest or tag', { skip: whyNoSkaffold }, async (context) => {
  const path = join(await temporaryDirectory(context), 'builds.json');
  const digest = `sha256:${'7'.repeat(64)}`;
  const builds = [
    { imageName: 'post2log', tag: `docker.io/haje01/post2log:v1@${digest}` },
    { imageName: 'post2log-fluentd', tag: 'docker.io/haje01/post2log-fluentd:v2' },
  ];
  writeFileSync(path, JSON.stringify({ builds }));
  const args = ['--profile=fluentd', '--digest-source=tag', `--build-artifacts=${path}`];
  assert.deepEqual(images(await bySkaffold.render(context, {}, ...args)), [
    `docker.io/haje01/post2log@${digest}`,
    'docker.io/haje01/post2log-fluentd:v2',
  ]);
});

test('the Dockerfiles that skaffold.yaml names are there', () => {
  const config = readFileSync(join(root, 'skaffold.yaml'), 'utf8');
  const paths = [...config.matchAll(/dockerfile: (\S+)/g)].map(([, path]) => path ?? '');
  assert.ok(paths.length > 0);
  for (const path of paths) assert.ok(existsSync(join(root, path)), path);
});
