import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readManifests } from './manifests.ts';
import { expanded, layOut, variables, type PodFiles } from './volumes.ts';

const text = `apiVersion: v1
kind: Secret
metadata: { name: login }
data: { token: c2VjcmV0 }
stringData: { user: anna }
---
# nothing in here
---
apiVersion: v1
kind: ConfigMap
metadata: { name: config }
data:
  a.conf: |
    one
`;

const podOf = (directory: string): PodFiles => ({
  identity: {
    name: 'web-0',
    namespace: 'shop',
    uid: 'u',
    node: 'node-1',
    address: '10.244.1.2',
    hostAddress: '10.99.0.11',
    serviceAccount: 'default',
    labels: { app: 'web' },
    annotations: {},
  },
  objects: readManifests(text),
  directory,
  nodeRoot: join(directory, 'node'),
  claims: join(directory, 'claims'),
  fsGroup: undefined,
  account: new Map(),
});

test('variables come from the pod, its limits, config maps and secrets, and stand in each other', () => {
  const container = {
    name: 'main',
    image: 'post2log:1',
    resources: { limits: { memory: '1Gi' } },
    env: [
      { name: 'NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
      { name: 'APP', valueFrom: { fieldRef: { fieldPath: "metadata.labels['app']" } } },
      { name: 'MEMORY', valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1Mi' } } },
      { name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'login', key: 'token' } } },
      { name: 'NONE', valueFrom: { secretKeyRef: { name: 'login', key: 'none', optional: true } } },
      { name: 'BOTH', value: '$(APP) on $(NODE), $(UNKNOWN), $$(APP)' },
    ],
  };
  assert.deepEqual(variables(container, podOf('/none'), {}), {
    NODE: 'node-1',
    APP: 'web',
    MEMORY: '1024',
    TOKEN: 'secret',
    BOTH: 'web on node-1, $(UNKNOWN), $(APP)',
  });
  const missing = { ...container, env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'login', key: 'x' } } }] };
  assert.throws(() => variables(missing, podOf('/none'), {}), /variable X: secret login has no key x/);
  assert.equal(expanded('$(A)$(B)', { A: '1' }), '1$(B)');
});

test('volumes are laid out as a kubelet does it', (context) => {
  const directory = mkdtempSync(join(tmpdir(), 'p2l-nodes-'));
  context.after(() => rmSync(directory, { recursive: true }));
  const places = layOut(
    [
      { name: 'config', configMap: { name: 'config', items: [{ key: 'a.conf', path: 'deep/b.conf' }] } },
      { name: 'all', projected: { sources: [{ secret: { name: 'login' } }, { configMap: { name: 'config' } }] } },
      { name: 'logs', hostPath: { path: '/var/log' } },
      { name: 'data', persistentVolumeClaim: { claimName: 'data-web-0' } },
      { name: 'tmp', emptyDir: {} },
    ],
    podOf(directory),
  );
  const read = (volume: string, file: string): string => readFileSync(join(places.get(volume) ?? '', file), 'utf8');
  assert.equal(read('config', 'deep/b.conf'), 'one\n');
  assert.deepEqual([read('all', 'token'), read('all', 'user'), read('all', 'a.conf')], ['secret', 'anna', 'one\n']);
  assert.equal(places.get('logs'), join(directory, 'node/var/log'));
  assert.equal(places.get('data'), join(directory, 'claims/data-web-0'));
  assert.equal(statSync(places.get('tmp') ?? '').mode & 0o777, 0o777);
  assert.throws(
    () =>
      layOut([{ name: 'x', configMap: { name: 'config', items: [{ key: 'none', path: 'none' }] } }], podOf(directory)),
    /config map config has no key none/,
  );
});
