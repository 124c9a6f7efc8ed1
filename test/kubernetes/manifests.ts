/** All that somebody may apply: the chart with each of its examples, and the manifests in deploy/. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { root, testFiles } from '../files.ts';
import { at, chartPath, helm } from '../helm/chart.ts';

interface Example {
  readonly name: string;
  /** YAML documents, for a version of Kubernetes and a namespace. */
  manifests(version: string, namespace: string): string;
}

const modes = ['receiver', 'collector', 'aggregator', 'explorer'] as const;

/** Values that are in no file: each mode alone, and all that can be turned on at once. */
const inline: Readonly<Record<string, object>> = {
  defaults: {},
  ...Object.fromEntries(
    modes.map((mode) => [
      `only the ${mode}`,
      Object.fromEntries(modes.map((other) => [other, { enabled: other === mode }])),
    ]),
  ),
  'everything at once': {
    receiver: { enabled: true, autoscaling: { enabled: true } },
    collector: { enabled: true },
    aggregator: { enabled: true, autoscaling: { enabled: true } },
    explorer: { enabled: true, ingress: { enabled: true, hostname: 'logs.example.com' } },
    ingressAnnotations: 'kubernetes.io/ingress.class: traefik',
    nodePort: 30_080,
    nodeSelector: 'noderole: ingest',
    networkPolicy: { enabled: true },
    metrics: { serviceMonitor: { enabled: true }, dashboard: { enabled: true } },
    hostAliases: [{ ip: '192.0.2.7', hostnames: ['kafka-1.example.com'] }],
  },
  'Fluentd beside the receiver': {
    forwarder: 'fluentd',
    fluentd: { extraCfg: '<match **>\n  @type stdout\n</match>\n' },
  },
};

function template(args: readonly string[], input: string): string {
  const { status, stdout, stderr } = helm(args, input);
  if (status !== 0) throw new Error(`helm ${args.join(' ')}: ${stderr}`);
  return stdout;
}

const chart = (name: string, values: readonly string[], input = ''): Example => ({
  name: `chart: ${name}`,
  manifests: (version, namespace) =>
    template(['template', 'post2log', chartPath, '-n', namespace, '--kube-version', version, ...values], input),
});

/** YAML files whose documents are objects of Kubernetes; other programs have files here, too. */
function plainManifests(): Example[] {
  return testFiles(['deploy/**/*.yaml', 'deploy/**/*.yml'], ['deploy/helm/'])
    .map((path) => ({ path, content: readFileSync(join(root, path), 'utf8') }))
    .filter(({ content }) => {
      const documents = parseAllDocuments(content).map((document): unknown => document.toJS());
      return documents.some(
        (document) => at(document, 'kind') !== undefined && at(document, 'apiVersion') !== undefined,
      );
    })
    .map(({ path, content }) => ({ name: path, manifests: () => content }));
}

/** In the order in which they are to be read by a person. */
export function examples(): readonly Example[] {
  const files = testFiles(['deploy/helm/post2log/examples/*.yaml']);
  return [
    ...Object.entries(inline).map(([name, values]) => chart(name, ['-f', '-'], JSON.stringify(values))),
    ...files.map((path) => chart(path, ['-f', join(root, path)])),
    ...plainManifests(),
  ];
}
