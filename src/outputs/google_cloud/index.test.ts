import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, configOf, packedBatchOf } from '../../../test/fixture.ts';
import {
  ServiceAccount,
  fakeTokenEndpoint,
  fakeTokenExchange,
  gkeNode,
  partialErrors,
} from '../../../test/google/cloud-logging-fake.ts';
import { googleWorld } from '../../../test/google/output-world.ts';
import type { GoogleWorld } from '../../../test/google/output-world.ts';
import { OperatingError } from '../../core/errors.ts';
import { googleCloudOver } from './index.ts';

interface World {
  readonly machine?: Readonly<Record<string, string>>;
  readonly env?: Record<string, string>;
}

/** The machine is a node of a GKE cluster unless said otherwise. */
function world(t: TestContext, { machine = gkeNode, env = {} }: World = {}): Promise<GoogleWorld> {
  return googleWorld(t, {
    machine,
    plugin: ({ logging, metadata }) =>
      googleCloudOver({ GCE_METADATA_HOST: metadata, CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING: logging, ...env }),
    options: () => ({ vmName: 'pod-1' }),
  });
}

const nothing = { refused: [], retry: [] };

async function failure(work: Promise<unknown>): Promise<OperatingError> {
  const error: unknown = await work.then(
    () => assert.fail('it worked'),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof OperatingError, String(error));
  return error;
}

test('on GKE without options: the legacy container resource, the tag as log name, the line as text', async (t) => {
  const { logging, make, write } = await world(t);
  const output = await make();
  assert.deepEqual(await write(output, batchOf('app.log', ['{"message":"INFO: 200 OK"}'])), nothing);
  assert.deepEqual(logging.entries, [
    {
      partialSuccess: true,
      logName: 'projects/my-project2-303004/logs/app.log',
      resource: {
        type: 'container',
        labels: { instance_id: '657336926711535358', zone: 'us-central1-b', cluster_name: 'fastapi-cluster' },
      },
      timestamp: '2024-03-05T06:07:00Z',
      severity: 'DEFAULT',
      labels: { 'compute.googleapis.com/resource_name': 'pod-1' },
      insertId: '00-0',
      textPayload: 'INFO: 200 OK',
    },
  ]);
  const [request] = logging.requests;
  assert.equal(request?.headers['content-type'], 'application/json');
  assert.match(request?.headers['user-agent'] ?? '', /^post2log\//);
});

const machine = { instance_id: '657336926711535358', zone: 'us-central1-b', cluster_name: 'fastapi-cluster' };
const name = { 'compute.googleapis.com/resource_name': 'pod-1' };

/** What an entry says of where it comes from. */
function origin({ logName, severity, resource, labels, textPayload }: Record<string, unknown>) {
  return [String(logName).replace(/.*\//, ''), severity, resource, labels, textPayload];
}

test('on GKE: pod and container from the tag, from kubernetes metadata', async (t) => {
  const { logging, make, write } = await world(t);
  const output = await make();
  const kubernetes = {
    namespace_id: 'ns-uid',
    pod_id: 'pod-uid',
    container_name: 'web',
    namespace_name: 'prod',
    pod_name: 'web-1',
    labels: { app: 'shop', empty: null },
    host: 'x',
  };
  const record = { log: 'line\n', stream: 'stderr' };
  await write(output, batchOf('kubernetes.web-0_prod_web', [JSON.stringify(record)]));
  const annotated = JSON.stringify({ ...record, stream: 'stdout', kubernetes, docker: {} });
  await write(output, batchOf('x', [annotated], [{ seconds: 1, nanos: 0 }]));
  const service = 'container.googleapis.com';
  assert.deepEqual(logging.entries.map(origin), [
    [
      'web',
      'ERROR',
      { type: 'container', labels: { ...machine, container_name: 'web', namespace_id: 'prod', pod_id: 'web-0' } },
      {
        ...name,
        [`${service}/namespace_name`]: 'prod',
        [`${service}/pod_name`]: 'web-0',
        [`${service}/stream`]: 'stderr',
      },
      'line\n',
    ],
    [
      'web',
      'INFO',
      {
        type: 'container',
        labels: { ...machine, namespace_id: 'ns-uid', pod_id: 'pod-uid', container_name: 'web' },
      },
      {
        ...name,
        [`${service}/stream`]: 'stdout',
        [`${service}/namespace_name`]: 'prod',
        [`${service}/pod_name`]: 'web-1',
        'label/app': 'shop',
      },
      'line\n',
    ],
  ]);
});

test('on GKE: Kubernetes resources from local_resource_id', async (t) => {
  const { logging, make, write } = await world(t);
  const ids = ['k8s_container.prod.web-1.web', 'k8s_node.node-7', 'k8s_pod.prod.web-1', 'nothing'];
  const records = ids.map((id) => JSON.stringify({ 'logging.googleapis.com/local_resource_id': id, a: 1, b: 2 }));
  await write(await make(), batchOf('y', records));
  const cluster = { cluster_name: 'fastapi-cluster', location: 'us-central1-b' };
  const pod = { namespace_name: 'prod', pod_name: 'web-1' };
  const severity = 'DEFAULT';
  assert.deepEqual(logging.entries.map(origin), [
    [
      'y',
      severity,
      { type: 'k8s_container', labels: { ...pod, container_name: 'web', ...cluster } },
      undefined,
      undefined,
    ],
    ['y', severity, { type: 'k8s_node', labels: { node_name: 'node-7', ...cluster } }, undefined, undefined],
    ['y', severity, { type: 'k8s_pod', labels: { ...pod, ...cluster } }, undefined, undefined],
    ['y', severity, { type: 'container', labels: machine }, name, undefined],
  ]);
});

test('fields of the record that become fields of the entry', async (t) => {
  const { logging, make, write } = await world(t, {
    machine: { 'project/project-id': 'p', 'instance/attributes/': '' },
  });
  const output = await make({
    zone: 'z',
    vmId: '7',
    labels: { team: 'pay' },
    labelMap: { user: 'sent/user' },
  });
  const special = (name: string): string => `logging.googleapis.com/${name}`;
  const record = {
    timestamp: { seconds: 1_700_000_000, nanos: 5 },
    severity: 'warn',
    httpRequest: { requestMethod: 'GET', status: '404', latency: '0.25 s', cacheHit: 'true', own: 1 },
    [special('operation')]: { id: 'o', first: true },
    [special('sourceLocation')]: { file: 'a.ts', line: 12, function: 'f' },
    [special('trace')]: '0123456789abcdef0123456789abcdef',
    [special('spanId')]: 'span',
    [special('trace_sampled')]: true,
    [special('insertId')]: 'mine',
    [special('labels')]: { more: 'x' },
    user: 42,
    message: 'm',
    big: 1,
  };
  await write(output, batchOf('a b/ü', [JSON.stringify(record)]));
  const [{ partialSuccess: _, ...entry } = {}] = logging.entries;
  assert.deepEqual(entry, {
    logName: 'projects/p/logs/a%20b%2F%C3%BC',
    resource: { type: 'gce_instance', labels: { instance_id: '7', zone: 'z' } },
    timestamp: '2023-11-14T22:13:20.000000005Z',
    severity: 'WARNING',
    labels: {
      team: 'pay',
      'compute.googleapis.com/resource_name': 'pod-1',
      'sent/user': '42',
      more: 'x',
    },
    insertId: 'mine',
    spanId: 'span',
    trace: 'projects/p/traces/0123456789abcdef0123456789abcdef',
    traceSampled: true,
    httpRequest: { requestMethod: 'GET', status: 404, latency: '0.25s', cacheHit: true },
    operation: { id: 'o', first: true },
    sourceLocation: { file: 'a.ts', line: 12, function: 'f' },
    jsonPayload: { httpRequest: { own: 1 }, message: 'm', big: 1 },
  });
});

test('detect_json, severities, times of the future, numbers beyond doubles, bytes', async (t) => {
  const { logging, make, write, clock } = await world(t);
  const output = await make({ detectJson: true });
  const now = clock.nowMs() / 1000;
  const records = [
    '{"log":" {\\"severity\\":\\"F\\",\\"n\\":12345678901234567890,\\"message\\":\\"x\\"}","severity":"INFO"}',
    '{"log":"{broken"}',
    '{"message":"{\\"a\\":1}","other":1}',
    '{"severity":"350","message":"m"}',
    '{"severity":"huh","__proto__":1,"1":2}',
  ];
  const later = [30 * 86_400, 300 * 86_400].map((seconds) => ({ seconds: Math.floor(now) + seconds, nanos: 0 }));
  await write(output, batchOf('t', records), batchOf('u', ['{"a":1}', '{"a":1}'], later));
  await write(output, packedBatchOf('v', [{ log: Buffer.from([0x61, 0xff, 0x62]), raw: Buffer.from('ok') }]));
  assert.deepEqual(
    logging.entries.map(({ severity, jsonPayload, textPayload }) => [severity, jsonPayload ?? textPayload]),
    [
      ['CRITICAL', { n: 12345678901234567000, message: 'x' }],
      ['DEFAULT', '{broken'],
      ['DEFAULT', { message: '{"a":1}', other: 1 }],
      ['NOTICE', 'm'],
      ['DEFAULT', JSON.parse('{"__proto__":1,"1":2}')],
      ['DEFAULT', { a: 1 }],
      ['DEFAULT', { a: 1 }],
      ['DEFAULT', { log: 'a b', raw: 'ok' }],
    ],
  );
  // Beyond this year nothing is sent, and the service takes its own time; a day of this year is taken for last year's.
  assert.deepEqual(
    logging.entries.slice(5, 7).map(({ timestamp }) => timestamp),
    ['2023-04-05T00:00:00Z', '2023-12-31T00:00:00Z'],
  );
  const strict = await make({ coerceToUtf8: false, requireValidTags: true });
  const refused = await write(strict, packedBatchOf('v', [{ log: Buffer.from([0xff]) }]), batchOf('', ['{"a":1}']));
  assert.deepEqual(
    refused.refused?.map(({ reason }) => reason.replace(/,.*/, '')),
    ['FILTER_FAILED: it holds bytes that are not UTF-8', 'FILTER_FAILED: the tag is empty'],
  );
});

test('entries that the service refuses are refused alone; what it could not take now is sent again', async (t) => {
  const { logging, make, write } = await world(t);
  const output = await make();
  const batch = batchOf('a', ['{"a":0}', '{"a":1}', '{"a":2}', '{"a":3}']);
  logging.state.override = () => ({
    status: 400,
    body: partialErrors(
      new Map([
        [1, { code: 3, message: 'bad entry' }],
        [2, { code: 8, message: 'quota' }],
        [3, { code: 7, message: 'denied' }],
      ]),
    ),
  });
  assert.deepEqual(await write(output, batch), {
    refused: [
      { row: 1, reason: 'OUTPUT_REFUSED: 400: bad entry' },
      { row: 3, reason: 'OUTPUT_REFUSED: 400: denied' },
    ],
    retry: [2],
  });
  // An answer that names no entry: the request is halved until the one is found.
  logging.state.override = ({ body }) =>
    body.entries.some(({ jsonPayload }) => (jsonPayload as { a: number }).a === 2)
      ? { status: 400, body: { error: { message: 'something in it' } } }
      : undefined;
  assert.deepEqual(await write(output, batch), {
    refused: [{ row: 2, reason: 'OUTPUT_REFUSED: 400 Bad Request: something in it' }],
    retry: [],
  });
  assert.deepEqual(
    logging.entries.map(({ jsonPayload }) => jsonPayload),
    [{ a: 0 }, { a: 1 }, { a: 3 }],
  );
});

test('later: statuses, Retry-After, and what is left of a chunk of several requests', async (t) => {
  const { logging, make, write } = await world(t);
  const output = await make({ splitLogsByTag: true });
  const batch = batchOf('a', ['{"a":0}']);
  const cases: [number, RegExp][] = [
    [503, /^503 Service Unavailable: later/],
    [429, /^429/],
    [404, /check project_id my-project2-303004/],
    [403, /roles\/logging.logWriter on project my-project2-303004/],
  ];
  for (const [status, expected] of cases) {
    logging.state.override = () => ({ status, body: { error: { message: 'later' } }, headers: { 'retry-after': '7' } });
    const error = await failure(write(output, batch));
    assert.equal(error.code, 'OUTPUT_UNREACHABLE');
    assert.match(error.message, expected);
    assert.equal(error.retryAfterMs, 7000);
  }
  logging.state.override = () => ({
    status: 403,
    body: partialErrors(new Map([[0, { code: 7, message: 'User not authorized.' }]])),
  });
  assert.match((await failure(write(output, batch))).message, /User not authorized.*logWriter/);
  logging.state.override = ({ body }) =>
    String(body.entries[0]?.['logName']).endsWith('/b') ? { status: 503, body: {} } : undefined;
  const rest = [batchOf('b', ['{"a":1}']), batchOf('c', ['{"a":2}'])];
  assert.deepEqual(await write(output, batch, ...rest), { refused: [], retry: [1, 2] });
});

test('a token that is not taken is fetched anew; one that ends soon is not used', async (t) => {
  const { logging, metadata, tokens, make, write, clock } = await world(t);
  const output = await make();
  const batch = batchOf('a', ['{"a":0}']);
  await write(output, batch);
  await write(output, batch);
  const asked = (): number => metadata.asked.filter((path) => path.endsWith('/token')).length;
  assert.equal(asked(), 1);
  // Sent twice under the same insertId: it is there once.
  assert.equal(logging.entries.length, 1);
  tokens.valid.clear();
  assert.match((await failure(write(output, batch))).message, /^401 .*GOOGLE_APPLICATION_CREDENTIALS/);
  await write(output, batch);
  assert.equal(asked(), 2);
  clock.advance(3_580_000);
  await write(output, batch);
  assert.equal(asked(), 3);
});

test('entries beyond 256 KiB are split at their longest text, requests cut at 10 MB', async (t) => {
  const { logging, make, write } = await world(t);
  const output = await make();
  const long = '한"'.repeat(100_000);
  const numbers = Array.from({ length: 100_000 }, (_, i) => i);
  const records = [{ message: long }, { a: 1, log: 'x', text: long }, { numbers }].map((record) =>
    JSON.stringify(record),
  );
  const result = await write(output, batchOf('a', [...records, '{"message":"short"}']));
  assert.deepEqual(
    result.refused?.map(({ row }) => row),
    [2],
  );
  assert.match(result.refused?.[0]?.reason ?? '', /OUTPUT_REFUSED: an entry of \d+ bytes is larger/);
  const texts = logging.entries.slice(0, -1).filter(({ textPayload }) => textPayload !== undefined);
  assert.ok(texts.map(({ textPayload }) => textPayload).join('') === long);
  assert.deepEqual(
    texts.map(({ split }) => split),
    texts.map((_, index) => ({ uid: '00-0', index, totalSplits: texts.length })),
  );
  assert.deepEqual(
    texts.map(({ insertId }) => insertId),
    texts.map((_, index) => `00-0.p${index}`),
  );
  const parts = logging.entries
    .filter(({ jsonPayload }) => jsonPayload !== undefined)
    .map((one) => one['jsonPayload'] as Record<string, unknown>);
  assert.ok(parts.map(({ text }) => text).join('') === long);
  assert.ok(parts.every(({ a }) => a === 1));
  logging.requests.length = 0;
  const many = Array.from({ length: 100 }, (_, n) => JSON.stringify({ n, text: 'y'.repeat(200_000) }));
  assert.deepEqual(await write(output, batchOf('many', many)), nothing);
  assert.equal(logging.requests.length, 3);
  assert.ok(logging.requests.every(({ bytes }) => bytes < 10_000_000));
  assert.equal(
    logging.entries.filter(({ jsonPayload }) => (jsonPayload as { n?: number } | undefined)?.n !== undefined).length,
    100,
  );
});

test('a service account’s key file: its assertion is checked, its project is written to', async (t) => {
  const account = new ServiceAccount();
  const directory = await mkdtemp(join(tmpdir(), 'p2l-google-'));
  t.after(() => rm(directory, { recursive: true }));
  const path = join(directory, 'key.json');
  const { tokens, logging, make, write } = await world(t, {
    machine: {},
    env: { GOOGLE_APPLICATION_CREDENTIALS: path },
  });
  const endpoint = await fakeTokenEndpoint(t, account, tokens);
  await writeFile(path, account.keyFile(endpoint.url));
  const output = await make({ useMetadataService: false });
  await write(output, batchOf('a', ['{"a":0}']));
  await write(output, batchOf('a', ['{"a":1}']));
  assert.deepEqual(endpoint.problems, [undefined]);
  assert.equal(logging.entries[0]?.['logName'], 'projects/file-project/logs/a');
  assert.deepEqual(logging.entries[0]?.['resource'], { type: 'gce_instance' });
  // A key that is not the account's.
  await writeFile(path, new ServiceAccount().keyFile(endpoint.url));
  const other = await make({ useMetadataService: false });
  const error = await failure(write(other, batchOf('a', ['{"a":0}'])));
  assert.match(error.message, /access token for Cloud Logging: invalid_grant: Invalid JWT Signature/);
  await writeFile(path, '{"private_key": "secret');
  const broken = await failure(make({ useMetadataService: false }));
  assert.match(broken.message, /reading the credentials file .*key.json: it holds no JSON$/);
});

test('workload identity federation: a token of another provider is exchanged', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-google-'));
  t.after(() => rm(directory, { recursive: true }));
  const [config, subject] = [join(directory, 'config.json'), join(directory, 'token')];
  const audience = '//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q';
  const all = await world(t, { machine: {}, env: { GOOGLE_APPLICATION_CREDENTIALS: config } });
  const exchange = await fakeTokenExchange(t, 'pod-token', audience, all.tokens);
  await writeFile(subject, 'pod-token');
  const json = {
    type: 'external_account',
    audience,
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
    token_url: `${exchange.url}/v1/token`,
    credential_source: { file: subject },
  };
  await writeFile(config, JSON.stringify(json));
  const output = await all.make({ useMetadataService: false, projectId: 'p' });
  assert.deepEqual(await all.write(output, batchOf('a', ['{"a":0}'])), nothing);
  assert.deepEqual(exchange.problems, [undefined]);
});

test('a machine whose metadata service is not up yet is asked again', async (t) => {
  const { metadata, make, write, logging } = await world(t);
  metadata.state.isDown = true;
  const error = await failure(make());
  assert.match(error.message, /no project is known.*write project_id/);
  metadata.state.isDown = false;
  await write(await make(), batchOf('a', ['{"a":0}']));
  assert.equal(logging.entries.length, 1);
});

test('probe asks without writing', async (t) => {
  const { logging, make, tokens } = await world(t);
  const output = await make();
  await output.probe?.();
  assert.deepEqual(logging.requests[0]?.body, { partialSuccess: true, dryRun: true, entries: [] });
  logging.state.override = () => ({ status: 403, body: { error: { message: 'API not enabled' } } });
  assert.match((await failure(Promise.resolve(output.probe?.()))).message, /API not enabled; give the service account/);
  assert.equal(tokens.valid.size, 1);
});

test('check names what does not fit', () => {
  const plugin = googleCloudOver({});
  const problem = (options: Record<string, unknown>): string => {
    try {
      plugin.check?.(configOf(plugin, options));
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.equal(problem({}), '');
  assert.match(problem({ loggingApiUrl: 'localhost:1' }), /logging_api_url "localhost:1" is no URL/);
  assert.match(problem({ kubernetesTagRegexp: '(' }), /regular expression/);
});
