/** Everything that deploy/ has is what a real API server takes: asked first, then done, and there as it was asked for. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { at, nameOf, type KubernetesObject } from '../helm/chart.ts';
import { whyNoKubernetes } from '../services/kubernetes.ts';
import { ApiObjects, differences } from './api-objects.ts';
import { serviceMonitorDefinition } from './crds.ts';
import { HelmCluster, objectsOf } from './helm-cluster.ts';
import { examples } from './manifests.ts';

const skip = await whyNoKubernetes();
/** The version of the API server. */
const version = '1.37.2';

const label = (object: KubernetesObject): string => `${String(object['kind'])} ${nameOf(object)}`;

/** What a person makes first. */
function namespacesOf(objects: readonly KubernetesObject[]): Set<string> {
  const named = objects.map((object) => at(object, 'metadata.namespace')).filter((name) => typeof name === 'string');
  const own = objects.filter(({ kind }) => kind === 'Namespace').map(nameOf);
  return new Set([...named, ...own]);
}

/** As the cluster shows it: it keeps a Secret's text as data. */
function asShown({ stringData, ...object }: KubernetesObject): KubernetesObject {
  if (stringData === undefined) return object;
  const texts = Object.entries(stringData as Record<string, string>);
  const data = Object.fromEntries(texts.map(([key, text]) => [key, Buffer.from(text).toString('base64')]));
  return { ...object, data: { ...(object['data'] as object | undefined), ...data } };
}

async function assertTaken(api: ApiObjects, objects: readonly KubernetesObject[]): Promise<void> {
  for (const isDryRun of [true, false])
    for (const object of objects) {
      const { status, body } = await api.apply(object, isDryRun);
      // 200: it is there already, as a namespace is.
      assert.ok(status === 201 || status === 200, `${label(object)}: ${JSON.stringify(body)}`);
      if (!isDryRun) assert.deepEqual(differences(asShown(object), await api.find(object)), [], label(object));
    }
}

test('every example applies to a real API server', { skip }, async (context) => {
  const cluster = await HelmCluster.start(context);
  assert.equal((await cluster.objects.apply(serviceMonitorDefinition as unknown as KubernetesObject)).status, 201);
  await cluster.untilServed('/apis/monitoring.coreos.com/v1');
  for (const [index, example] of examples().entries())
    await context.test(example.name, async () => {
      const namespace = `example-${index}`;
      const objects = objectsOf(example.manifests(version, namespace));
      for (const name of namespacesOf(objects).add(namespace)) await cluster.cluster.createNamespace(name);
      const api = new ApiObjects(cluster.cluster, namespace);
      await assertTaken(api, objects);
      for (const object of objects) if (object['kind'] !== 'Namespace') await api.delete(object);
    });
});
