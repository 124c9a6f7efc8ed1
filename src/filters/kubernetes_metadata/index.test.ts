import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, configOf, contextOf, texts } from '../../../test/fixture.ts';
import { applied, FakeApi, podObject, status } from '../../kubernetes/api-fake.ts';
import { builtinPlugins } from '../../plugins.ts';
import { kubernetesMetadataFilter } from './index.ts';

const id = 'b'.repeat(64);
const tag = `kubernetes.var.log.containers.web-1_shop_nginx-${id}.log`;
const tagOfPods = 'kubernetes.var.log.pods.shop_web-1_u1.nginx.0.log';

async function start(context: TestContext, options: Record<string, unknown> = {}) {
  const api = await FakeApi.start(context);
  api.put(
    podObject('shop', 'web-1', 'u1', {
      containers: { nginx: id },
      labels: { app: 'web' },
      annotations: { 'a/b': '1', c: '2' },
    }),
  );
  api.namespaces.set('shop', {
    metadata: { name: 'shop', uid: 'n1', labels: { team: 'x' }, creationTimestamp: '2024-03-05T06:07:01Z' },
  });
  assert.ok(kubernetesMetadataFilter.kind === 'filter');
  const config = configOf(kubernetesMetadataFilter, { kubernetesUrl: api.url, secretDir: '/nonexistent', ...options });
  const filter = kubernetesMetadataFilter.create(config, contextOf(builtinPlugins));
  const run = async (records: readonly string[], under = tag) => texts(await applied(filter, batchOf(under, records)));
  return { api, run };
}

test('docker and kubernetes, as the plugin writes them', async (context) => {
  const { api, run } = await start(context, { annotationMatch: ['^a'] });
  assert.deepEqual(await run(['{"log":"x"}']), [
    `{"log":"x","docker":{"container_id":"${id}"},"kubernetes":{"container_name":"nginx","namespace_name":"shop","pod_name":"web-1","container_image":"nginx:1","container_image_id":"docker-pullable://docker.io/nginx@sha256:ab","pod_id":"u1","pod_ip":"10.0.0.7","host":"node-1","labels":{"app":"web"},"annotations":{"a/b":"1"},"master_url":"${api.url}","namespace_id":"n1","namespace_labels":{"team":"x"}}}`,
  ]);
});

test('a tag of /var/log/pods names the pod’s uid; the container’s id is the API’s', async (context) => {
  const { run } = await start(context);
  assert.match((await run(['{}'], tagOfPods))[0] ?? '', new RegExp(`"container_id":"${id}".*"pod_id":"u1"`));
});

test('everything that can be skipped', async (context) => {
  const { api, run } = await start(context, {
    skipLabels: true,
    skipContainerMetadata: true,
    skipMasterUrl: true,
    skipNamespaceMetadata: true,
  });
  assert.deepEqual(await run(['{}']), [
    `{"docker":{"container_id":"${id}"},"kubernetes":{"container_name":"nginx","namespace_name":"shop","pod_name":"web-1","pod_id":"u1","pod_ip":"10.0.0.7","host":"node-1"}}`,
  ]);
  assert.equal(api.requests.length, 1);
});

test('orphans: neither pod nor namespace is there; with the namespace the pod’s id is the container’s', async (context) => {
  const { api, run } = await start(context, { skipMasterUrl: true });
  api.pods.clear();
  const [before, after] = await run(['{}', '{}', '{}'].slice(0, 2));
  assert.doesNotMatch(before ?? '', /pod_id/, 'the record is older than the namespace');
  assert.match(after ?? '', new RegExp(`"pod_id":"${id}","namespace_id":"n1"`));
  const other = `kubernetes.var.log.containers.web-1_gone_nginx-${id}.log`;
  assert.match(
    (await run(['{}'], other))[0] ?? '',
    /"namespace_name":"\.orphaned".*"orphaned_namespace":"gone","namespace_id":"orphaned"/,
  );
});

test('what may not be read makes no orphan', async (context) => {
  const { api, run } = await start(context, { wait: 0 });
  api.answer = () => ({ status: 403, body: status(403, 'no') });
  assert.match(
    (await run(['{}']))[0] ?? '',
    /"kubernetes":\{"container_name":"nginx","namespace_name":"shop","pod_name":"web-1"\}\}$/,
  );
});

test('a record may say itself of which pod it is', async (context) => {
  const { run } = await start(context, { skipMasterUrl: true });
  const own = `{"kubernetes":{"namespace_name":"shop","pod_name":"web-1","container_name":"nginx"},"docker":{"container_id":"${id}"}}`;
  const [found, plain] = await run([own, '{"m":1}'], 'any.tag');
  assert.match(found ?? '', /"pod_id":"u1"/);
  assert.equal(plain, '{"m":1}');
});

test('records of the journal', async (context) => {
  const { run } = await start(context, { useJournal: true });
  const record = `{"CONTAINER_NAME":"k8s_nginx.f_web-1_shop_x_0","CONTAINER_ID_FULL":"${id}"}`;
  const [found, plain] = await run([record, '{"m":1}'], 'journal');
  assert.match(found ?? '', /"pod_id":"u1"/);
  assert.equal(plain, '{"m":1}');
});
