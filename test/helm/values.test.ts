/** Values that are wrong: helm refuses them, and says which key. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { root } from '../files.ts';
import { at, chartPath, refusal, render } from './chart.ts';

test('README.md and values.schema.json are what values.yaml says', () => {
  const script = join(root, 'deploy', 'helm', 'values.ts');
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
});

test('the schema knows every key, and no other at any depth that the chart names itself', () => {
  const schema = JSON.parse(readFileSync(join(chartPath, 'values.schema.json'), 'utf8')) as Record<string, unknown>;
  const values: unknown = parse(readFileSync(join(chartPath, 'values.yaml'), 'utf8'));
  const compare = (value: unknown, part: unknown, path: string): void => {
    if (at(part, 'properties') === undefined) return;
    assert.equal(at(part, 'additionalProperties'), false, path);
    for (const [key, inner] of Object.entries(value as object)) {
      const own = (at(part, 'properties') as Record<string, unknown>)[key];
      assert.ok(own, `${path}.${key}`);
      compare(inner, own, `${path}.${key}`);
    }
  };
  compare(values, schema, '');
});

const typos: readonly [string, object][] = [
  ['replcas', { replcas: 3 }],
  ['fluentd', { fluentd: { extraConfig: '' } }],
  ['extraConfig', { fluentd: { extraConfig: '' } }],
  ['nodeport', { nodeport: 30_080 }],
  ['tolerationz', { collector: { tolerationz: [] } }],
  ['serviceMonitors', { metrics: { serviceMonitors: { enabled: true } } }],
  ['hostname', { hostAliases: [{ ip: '10.0.0.1', hostnames: [], hostname: 'a' }] }],
  ['valueForm', { extraEnv: [{ name: 'A', valueForm: {} }] }],
  ['limit', { aggregator: { resources: { limit: {} } } }],
  ['runAsUsers', { explorer: { podSecurityContext: { runAsUsers: 1 } } }],
  ['periodSecond', { receiver: { readinessProbe: { periodSecond: 1 } } }],
];
test('a key that does not exist is named', async (context) => {
  for (const [key, values] of typos)
    await context.test(key, () => assert.match(refusal(values), new RegExp(`additional propert[^\n]*${key}|${key}`)));
});

const wrong: readonly [string, object][] = [
  ['port', { port: 'http' }],
  ['port', { port: 70_000 }],
  ['nodePort', { nodePort: 'any' }],
  ['replicas', { replicas: -1 }],
  ['workers', { workers: '0' }],
  ['storage', { storage: '4 gigs' }],
  ['forwarder', { forwarder: 'logstash' }],
  ['endpoint', { endpoint: 'postback' }],
  ['endpoint', { endpoint: '/a\n  port 1' }],
  ['logQueryParam', { logQueryParam: 'maybe' }],
  ['grace', { grace: 'soon' }],
  ['logLevel', { uvicorn: { logLevel: 'loud' } }],
  ['sendTo', { collector: { sendTo: 'everywhere' } }],
  ['value', { extraEnv: [{ name: 'A', value: 5 }] }],
  ['mountPath', { receiver: { extraVolumeMounts: [{ name: 'a' }] } }],
  ['pullPolicy', { image: { pullPolicy: 'Sometimes' } }],
];
test('a value of a wrong form is refused with its key', async (context) => {
  for (const [key, values] of wrong)
    await context.test(JSON.stringify(values), () => assert.match(refusal(values), new RegExp(`\\b${key}\\b`)));
});

const impossible: readonly [RegExp, object][] = [
  [/receiver\.enabled: nothing is switched on/, { receiver: { enabled: false } }],
  [/receiver\.containerPort: 80 is below 1024/, { receiver: { containerPort: 80 } }],
  [/receiver\.containerPort: 5601 is the pod's own/, { receiver: { containerPort: 5601 } }],
  [/explorer\.auth: the explorer would be open/, { explorer: { enabled: true }, admin: { generateToken: false } }],
  [
    /metrics\.serviceMonitor\.enabled: without a token/,
    { metrics: { serviceMonitor: { enabled: true } }, admin: { generateToken: false } },
  ],
  [/receiver\.sendTo: aggregator is not part of this release/, { receiver: { sendTo: 'aggregator' } }],
  [
    /collector\.sendTo: the explorer searches explorer\.elasticsearch\.url/,
    {
      collector: { enabled: true, sendTo: 'explorer' },
      explorer: { enabled: true, elasticsearch: { url: 'http://es:9200' } },
    },
  ],
  [/explorer\.slim: the slim image/, { explorer: { enabled: true, slim: true } }],
  [
    /explorer\.elasticsearch\.existingSecret/,
    { explorer: { enabled: true, elasticsearch: { url: 'http://es:9200', user: 'me' } } },
  ],
  [
    /ingress\.className/,
    { ingress: { enabled: true, className: 'nginx' }, ingressAnnotations: 'kubernetes.io/ingress.class: traefik' },
  ],
  [/receiver\.signature\.header/, { receiver: { signature: { existingSecret: 's', preset: 'custom' } } }],
  [/receiver\.terminationGracePeriodSeconds: 5 is not above grace/, { receiver: { terminationGracePeriodSeconds: 5 } }],
  [/nodeSelector: "just text" is no YAML map/, { nodeSelector: 'just text' }],
  [/ingressAnnotations: a is no text/, { ingressAnnotations: 'a: { b: c }' }],
  [/receiver\.slim: image\.digest/, { image: { digest: `sha256:${'0'.repeat(64)}` }, receiver: { slim: true } }],
  [/duplicateFields\.a: "b c" cannot be written/, { forwarder: 'fluentd', duplicateFields: { a: 'b c' } }],
  [/storage: 100Mi is too small/, { forwarder: 'fluentd', storage: '100Mi' }],
];
test('values that cannot work together are refused with the key and what to do', async (context) => {
  for (const [expected, values] of impossible)
    await context.test(String(expected), () => assert.match(refusal(values), expected));
});

test('several mistakes are said at once', () => {
  const said = refusal({ receiver: { containerPort: 80, sendTo: 'explorer' }, explorer: { slim: true } });
  assert.match(said, /containerPort/);
  assert.match(said, /sendTo/);
});

test('root may listen below 1024', () => {
  render({ receiver: { containerPort: 80, podSecurityContext: { runAsUser: 0, runAsNonRoot: false } } });
});
