import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, configOf } from '../../../test/fixture.ts';
import { ServiceAccount, gkeNode } from '../../../test/google/cloud-logging-fake.ts';
import { googleWorld } from '../../../test/google/output-world.ts';
import { stackdriverOver } from './index.ts';

const google = (name: string): string => `logging.googleapis.com/${name}`;

async function world(t: TestContext) {
  const found = await googleWorld(t, {
    machine: gkeNode,
    plugin: ({ metadata }) => stackdriverOver({ METADATA_SERVER: metadata }),
    options: ({ logging }) => ({ cloudLoggingBaseUrl: `${logging}/` }),
  });
  return { ...found, resources: (): unknown[] => found.logging.requests.map(({ body }) => body['resource']) };
}

test('the default resource, and fields of the record that become fields of the entry', async (t) => {
  const { logging, make, write } = await world(t);
  const output = await make({
    labels: ['team=pay', 'b=1'],
    compress: 'gzip',
    autoformatStackdriverTrace: true,
    stackdriverAgent: 'agent/1',
  });
  const record = {
    [google('severity')]: 'crit',
    [google('trace')]: 'abc',
    [google('spanId')]: 'span',
    [google('traceSampled')]: false,
    [google('labels')]: { b: '2', c: '3' },
    [google('operation')]: { id: 'o', first: true, own: 1 },
    [google('sourceLocation')]: { line: '7' },
    [google('http_request')]: { status: '200', cacheHit: true, latency: ' 1.5s', requestMethod: 5 },
    [google('logName')]: 'other',
    [google('projectId')]: 'elsewhere',
    [google('insertId')]: 'mine',
    timestampSeconds: '1700000000',
    timestampNanos: 7,
    stream: 'stdout',
    message: 'm',
  };
  const result = await write(output, batchOf('a b', [JSON.stringify(record)]));
  assert.deepEqual(result, { refused: [], retry: [] });
  const [request] = logging.requests;
  assert.equal(request?.headers['content-encoding'], 'gzip');
  assert.equal(request?.headers['user-agent'], 'agent/1');
  assert.deepEqual(request?.body, {
    partialSuccess: true,
    resource: { type: 'global', labels: { project_id: 'my-project2-303004' } },
    entries: [
      {
        severity: 600,
        trace: 'projects/my-project2-303004/traces/abc',
        spanId: 'span',
        traceSampled: false,
        insertId: 'mine',
        operation: { id: 'o', first: true },
        sourceLocation: { line: 7 },
        httpRequest: { status: 200, cacheHit: true, latency: '1.5s' },
        labels: { b: '1', c: '3', team: 'pay' },
        jsonPayload: {
          [google('operation')]: { own: 1 },
          [google('http_request')]: { requestMethod: 5 },
          stream: 'stdout',
          message: 'm',
        },
        logName: 'projects/elsewhere/logs/other',
        timestamp: '2023-11-14T22:13:20.000000007Z',
      },
    ],
  });
});

test('what cannot be read stays in the payload; text alone is text', async (t) => {
  const { logging, make, write } = await world(t);
  const output = await make({ textPayloadKey: 'log', exportToProjectId: 'there' });
  const odd = { [google('severity')]: 'loud', [google('insertId')]: 7, [google('labels')]: 'x', [google('trace')]: 1 };
  await write(output, batchOf('t/1', [JSON.stringify(odd), '{"log":"line"}', '{"log":"line","a":1}']));
  assert.deepEqual(
    logging.entries.map(({ logName, insertId, textPayload, jsonPayload }) => [
      logName,
      insertId,
      textPayload ?? jsonPayload,
    ]),
    [
      ['projects/there/logs/t%2F1', '00-0', odd],
      ['projects/there/logs/t%2F1', '00-1', 'line'],
      ['projects/there/logs/t%2F1', '00-2', { log: 'line', a: 1 }],
    ],
  );
});

test('Kubernetes resources: from tags by expression or by parts, from local_resource_id', async (t) => {
  const { logging, make, write, resources } = await world(t);
  const cluster = { k8sClusterName: 'c', k8sClusterLocation: 'l' };
  const known = { project_id: 'my-project2-303004', location: 'l', cluster_name: 'c' };
  const container = await make({ resource: 'k8s_container', ...cluster });
  const file = `k8s_container.var.log.containers.web-1_prod_shop-${'a'.repeat(64)}.log`;
  const record = '{"log":"x","stream":"stderr"}';
  const local = JSON.stringify({ [google('local_resource_id')]: 'k8s_container.prod.web-2.shop', log: 'x' });
  await write(container, batchOf(file, [record]));
  await write(container, batchOf('k8s_container.prod.web-1.shop', [record]), batchOf('any', [local, record]));
  const of = (pod: string) => ({
    type: 'k8s_container',
    labels: { ...known, namespace_name: 'prod', pod_name: pod, container_name: 'shop' },
  });
  assert.deepEqual(resources().map((one) => JSON.stringify(one, Object.keys((one as object) ?? {}).sort())).length, 3);
  const seen = resources() as { labels: Record<string, string> }[];
  assert.deepEqual(seen.slice(1), [of('web-1'), of('web-2')]);
  assert.equal(seen[0]?.labels['container_name'], 'shop');
  assert.equal(seen[0]?.labels['namespace_name'], 'prod');
  assert.equal(logging.entries[0]?.['logName'], 'projects/my-project2-303004/logs/stderr');
  const refused = await write(container, batchOf('any', [local, record]));
  assert.deepEqual(
    refused.refused?.map(({ row }) => row),
    [1],
  );
  assert.match(
    refused.refused?.[0]?.reason ?? '',
    /^FILTER_FAILED: neither the tag nor .* is k8s_container.<namespace_name>.<pod_name>.<container_name>/,
  );
  logging.requests.length = 0;
  await write(await make({ resource: 'k8s_node', ...cluster }), batchOf('k8s_node.node-7', [record]));
  await write(
    await make({
      resource: 'k8s_pod',
      ...cluster,
      customK8sRegex: '^(?<pod_name>.+)@(?<namespace_name>.+)$',
      tagPrefix: 'x.',
    }),
    batchOf('x.p@n', [record]),
  );
  await write(await make({ resource: 'k8s_cluster', ...cluster }), batchOf('any', [record]));
  assert.deepEqual(resources(), [
    { type: 'k8s_node', labels: { ...known, node_name: 'node-7' } },
    { type: 'k8s_pod', labels: { ...known, pod_name: 'p', namespace_name: 'n' } },
    { type: 'k8s_cluster', labels: known },
  ]);
});

test('other resources: the machine, generic ones, labels that are written or come with the record', async (t) => {
  const { make, write, resources } = await world(t);
  const project = { project_id: 'my-project2-303004' };
  const generic = { location: 'l', namespace: 'n' };
  const outputs = [
    await make({ resource: 'gce_instance' }),
    await make({ resource: 'generic_node', ...generic, nodeId: '7' }),
    await make({ resource: 'generic_task', ...generic, job: 'j', taskId: '0' }),
    await make({ resource: 'any', resourceLabels: ["a=$x['y']", 'b = fix', 'c=$z'] }),
  ];
  for (const output of outputs) await write(output, batchOf('t', ['{"x":{"y":"Y"}}']));
  const labels = { [google('monitored_resource')]: { labels: { own: '1', no: 2 } } };
  const odd = await make({ resource: 'any' });
  const { refused } = await write(odd, batchOf('t', [JSON.stringify(labels), '{"a":1}']));
  assert.deepEqual(resources(), [
    { type: 'gce_instance', labels: { ...project, zone: 'us-central1-b', instance_id: '657336926711535358' } },
    { type: 'generic_node', labels: { ...project, ...generic, node_id: '7' } },
    { type: 'generic_task', labels: { ...project, ...generic, job: 'j', task_id: '0' } },
    { type: 'any', labels: { a: 'Y', b: 'fix', ...project } },
    { type: 'any', labels: { own: '1' } },
  ]);
  assert.match(refused?.[0]?.reason ?? '', /^FILTER_FAILED: resource any has labels that nothing says/);
});

test('a service account without a key has its tokens from the metadata service', async (t) => {
  const { metadata, make, write } = await world(t);
  const output = await make({ serviceAccountEmail: 'w@p.iam.gserviceaccount.com' });
  await write(output, batchOf('t', ['{"a":1}']));
  const path = '/computeMetadata/v1/instance/service-accounts/w%40p.iam.gserviceaccount.com/token';
  assert.ok(metadata.asked.includes(path));
});

test('check names what does not fit', () => {
  const plugin = stackdriverOver({});
  const problem = (options: Record<string, unknown>): string => {
    try {
      plugin.check?.(configOf(plugin, options));
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(problem({}), '');
  assert.equal(problem({ resource: 'k8s_node', resourceLabels: ['cluster_name=c', 'location=l'] }), '');
  assert.match(problem({ resource: 'k8s_pod' }), /needs k8s_cluster_name and k8s_cluster_location/);
  assert.match(problem({ resource: 'generic_task', location: 'l' }), /needs namespace and job and task_id/);
  assert.match(problem({ labels: ['team'] }), /labels: "team" is no name=value/);
  assert.match(problem({ serviceAccountSecret: new ServiceAccount().privateKey }), /needs service_account_email/);
  assert.match(problem({ customK8sRegex: '(?<pod_name>' }), /regular expression/);
  assert.match(problem({ cloudLoggingBaseUrl: 'x' }), /cloud_logging_base_url "x" is no URL/);
});
