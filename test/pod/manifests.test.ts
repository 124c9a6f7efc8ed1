/** The sidecars' manifests: their configurations are those beside them, and what they name is there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { root } from '../files.ts';
import { readManifests } from './pod.ts';

const examples: readonly (readonly [string, string, string])[] = [
  ['cloud-logging-sidecar', 'fluentd-configmap', 'fluentd.conf'],
  ['eks-fargate-sidecar', 'fluentd-config', 'td-agent.conf'],
];

test('ConfigMaps hold the configuration that lies beside them', () => {
  for (const [folder, name, file] of examples) {
    const directory = join(root, 'deploy/examples', folder);
    const [map] = readManifests(join(directory, 'k8s/configmap.yaml'));
    assert.equal(map?.metadata.name, name);
    assert.deepEqual(map.data, { [file]: readFileSync(join(directory, file), 'utf8') });
  }
});

test('each Deployment: data on a volume, no service links, no rights, and time enough to stop', () => {
  for (const [folder] of examples)
    for (const file of ['deployment.yaml', 'deployment-native.yaml']) {
      const [deployment] = readManifests(join(root, 'deploy/examples', folder, 'k8s', file));
      const spec = deployment?.spec?.template?.spec;
      assert.ok(spec, file);
      const volumes = new Set(spec.volumes?.map(({ name }) => name));
      const all = [...(spec.initContainers ?? []), ...spec.containers];
      for (const { volumeMounts = [] } of all) for (const { name } of volumeMounts) assert.ok(volumes.has(name), name);
      const sidecar = all.find(({ image }) => image.includes('/post2log:'));
      assert.ok(sidecar, file);
      assert.ok(sidecar.volumeMounts?.some(({ mountPath }) => mountPath === '/var/lib/post2log'));
      assert.equal(sidecar.securityContext?.readOnlyRootFilesystem, true);
      assert.equal((spec as { enableServiceLinks?: boolean }).enableServiceLinks, false);
      const isNative = sidecar.restartPolicy === 'Always';
      assert.equal(isNative, file === 'deployment-native.yaml');
      const delay = sidecar.env?.find(({ name }) => name === 'P2L_STOP_DELAY')?.value;
      assert.equal(delay, isNative ? undefined : '15s');
      // With P2L_GRACE, 10 s.
      assert.ok((spec.terminationGracePeriodSeconds ?? 0) > (isNative ? 10 : 25));
    }
});
