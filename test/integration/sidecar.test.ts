/**
 * The sidecars of deploy/examples as their manifests have them: command, variables, mounts, user and file systems are read from the
 * files. The application writes; the pod is told to stop; every line arrives within its grace time. Cloud Logging and the
 * metadata service are recording fakes, AWS a proxy that checks signatures before a real OpenSearch; their names and
 * certificates are right, so that not a word of manifest or configuration is changed.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { createServer as createTlsServer } from 'node:tls';
import { verifyingProxy } from '../aws/verifying-proxy.ts';
import { root } from '../files.ts';
import { Tokens, fakeCloudLogging, fakeMetadataService, gkeNode } from '../google/cloud-logging-fake.ts';
import { Pod, readManifests } from '../pod/pod.ts';
import type { Container } from '../pod/container.ts';
import { atEnd, temporaryDirectory, until } from '../program.ts';
import { startService } from '../services/fixture.ts';
import { opensearch } from '../services/opensearch.ts';

const google = join(root, 'deploy/examples/cloud-logging-sidecar');
const amazon = join(root, 'deploy/examples/eks-fargate-sidecar');
/** `npm run image` sets it: the tree that the Dockerfile makes. */
const image = process.env['P2L_IMAGE_ROOT'];

/** What the application writes after it was told to stop, as a server does whose requests have to end. */
const lateLines = 400;

/** Writes a line each 5 ms; told to stop it writes `lateLines` more, then exits. */
function application(path: string): string[] {
  const script = `
    const { appendFileSync } = require('node:fs');
    let n = 0, left = Infinity;
    process.on('SIGTERM', () => { left = ${lateLines}; });
    const timer = setInterval(() => {
      if (left-- <= 0) return clearInterval(timer);
      appendFileSync(${JSON.stringify(path)}, 'INFO: line ' + n++ + (left < Infinity ? ' after SIGTERM' : '') + '\\n');
    }, 5);`;
  return [process.execPath, '-e', script];
}

/** Stops a pod as the kubelet does: all containers at the same time, those that restart always after the others. Seconds it took. */
async function stopPod(pod: Pod, app: Container, sidecar: Container, isNative: boolean): Promise<number> {
  const graceMs = (pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
  const startedMs = performance.now();
  const killer = setTimeout(() => {
    app.kill('SIGKILL');
    sidecar.kill('SIGKILL');
  }, graceMs);
  app.kill('SIGTERM');
  if (isNative) await app.exited;
  sidecar.kill('SIGTERM');
  assert.equal(await app.exited, 0, app.stderr);
  assert.equal(await sidecar.exited, 0, sidecar.stderr);
  clearTimeout(killer);
  return (performance.now() - startedMs) / 1000;
}

interface Front {
  readonly socket: string;
  /** File with the certificate to trust. */
  readonly authority: string;
}

function linesOf(path: string): string[] {
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}

/** A socket, which leads from one network namespace into another, to a server of this machine. With `names` it speaks TLS as them. */
async function front(t: TestContext, url: string, names: readonly string[] = []): Promise<Front> {
  const directory = await temporaryDirectory(t);
  const [key, authority, socket] = ['key.pem', 'ca.pem', 'front.sock'].map((file) => join(directory, file)) as [
    string,
    string,
    string,
  ];
  const pass = (client: Socket): void => {
    const behind = connect(Number(new URL(url).port), '127.0.0.1');
    client.on('error', () => behind.destroy()).on('close', () => behind.destroy());
    behind.on('error', () => client.destroy()).on('close', () => client.destroy());
    client.pipe(behind).pipe(client);
  };
  let server = createServer(pass);
  if (names.length > 0) {
    const subject = `subjectAltName=${names.map((name) => `DNS:${name}`).join(',')}`;
    const words = `req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=fake -addext ${subject} -keyout ${key} -out ${authority}`;
    const made = spawnSync('openssl', words.split(' '), { encoding: 'utf8' });
    assert.equal(made.status, 0, made.stderr);
    server = createTlsServer({ key: readFileSync(key), cert: readFileSync(authority) }, pass);
  }
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  atEnd(t, async () => void server.close());
  return { socket, authority };
}

describe('Cloud Logging, seed 3', () => {
  test('every line arrives within the grace time, those written after SIGTERM too', (t) =>
    check(t, 'deployment.yaml', false));
  test('as a native sidecar, every line arrives', (t) => check(t, 'deployment-native.yaml', true));

  async function check(t: TestContext, file: string, isNative: boolean): Promise<void> {
    const tokens = new Tokens();
    const logging = await fakeCloudLogging(t, tokens);
    const metadata = await fakeMetadataService(t, gkeNode, tokens);
    const api = await front(t, logging.url, ['logging.googleapis.com']);
    const { socket } = await front(t, metadata.url);
    const pod = await Pod.create(t, {
      manifests: readManifests(join(google, 'k8s/configmap.yaml'), join(google, 'k8s', file)),
      servers: {
        'logging.googleapis.com:443': api.socket,
        'metadata.google.internal:80': socket,
        '169.254.169.254:80': socket,
      },
      image,
    });
    writeFileSync(join(pod.volume('apilog-volume'), 'ca.pem'), readFileSync(api.authority));
    const sidecar = pod.start('fluentd-container', { env: { NODE_EXTRA_CA_CERTS: '/api/log/ca.pem' } });
    // What is in the file before is not read: read_from_head is false in this configuration. A native sidecar’s startupProbe sees to it.
    await sidecar.ready();
    const app = pod.start('fast-api-container', { args: application('/api/log/app.log') });
    await until('lines to arrive', () => logging.entries.length > 50);
    const seconds = await stopPod(pod, app, sidecar, isNative);
    const written = linesOf(join(pod.volume('apilog-volume'), 'app.log'));
    const late = written.filter((line) => line.endsWith('after SIGTERM'));
    t.diagnostic(
      `${written.length} lines, ${late.length} of them after SIGTERM, ended ${seconds.toFixed(1)} s after it`,
    );
    assert.equal(late.length, lateLines);
    assert.deepEqual(new Set(logging.entries.map(({ textPayload }) => textPayload)), new Set(written));
    assert.equal(logging.entries.length, written.length);
    assert.match(sidecar.stderr, /config +\/etc\/fluentd\/fluentd\.conf/);
    // For people, where the configuration says.
    assert.ok(statSync(join(pod.volume('apilog-volume'), 'app.log.pos')).size > 0);
  }
});

describe('Amazon Elasticsearch, seed 5', () => {
  const domain = 'search-testpublic-6ka5nqs7jgpmuiyd5kbbefyd6y.ap-northeast-2.es.amazonaws.com';
  test('every line is found, every request signed, with the Secret’s keys', (t) => check(t, 'deployment.yaml', false));
  test('as a native sidecar, every line is found', (t) => check(t, 'deployment-native.yaml', true));

  async function check(t: TestContext, file: string, isNative: boolean): Promise<void> {
    const server = await startService(t, opensearch);
    const http = server.addresses['http'] ?? '';
    // Its first document takes a server longer than this configuration waits for an answer, where the machine has much to do;
    // records would be sent again.
    await fetch(`${http}/first/_doc?refresh=true`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{}',
    });
    await fetch(`${http}/first`, { method: 'DELETE' });
    const manifests = readManifests(
      ...['configmap.yaml', 'secret.yaml', file].map((name) => join(amazon, 'k8s', name)),
    );
    const secret = manifests.find(({ kind }) => kind === 'Secret')?.stringData ?? {};
    const keys = new Map([[secret['AWS_ACCESS_KEY'] ?? '', { secret: secret['AWS_ACCESS_SECRET'] ?? '' }]]);
    const rules = { keys, region: 'ap-northeast-2', service: 'es', nowMs: () => Date.now() };
    const proxy = await verifyingProxy(t, http, rules);
    const api = await front(t, proxy.url, [domain]);
    const pod = await Pod.create(t, { manifests, servers: { [`${domain}:443`]: api.socket }, image });
    writeFileSync(join(pod.volume('log-volume'), 'ca.pem'), readFileSync(api.authority));
    const sidecar = pod.start('fluentd-sidecar', { env: { NODE_EXTRA_CA_CERTS: '/app/log/ca.pem' } });
    await sidecar.ready();
    const app = pod.start('test-repo', { args: application('/app/log/docswave-app.log') });
    await until('requests to be made', () => proxy.seen.some(({ request }) => request.url === '/_bulk'));
    const seconds = await stopPod(pod, app, sidecar, isNative);
    const written = linesOf(join(pod.volume('log-volume'), 'docswave-app.log'));
    const late = written.filter((line) => line.endsWith('after SIGTERM'));
    t.diagnostic(
      `${written.length} lines, ${late.length} of them after SIGTERM, ended ${seconds.toFixed(1)} s after it`,
    );
    assert.equal(late.length, lateLines);
    await fetch(`${http}/_refresh`, { method: 'POST' });
    const answer = await fetch(`${http}/logstash-*/_search?size=10000`);
    const found = ((await answer.json()) as Found).hits.hits.map(({ _source }) => _source['message']);
    assert.deepEqual(new Set(found), new Set(written));
    assert.equal(found.length, written.length);
    assert.deepEqual(new Set(proxy.seen.map(({ problem }) => problem)), new Set([undefined]));
  }
});

interface Found {
  readonly hits: { readonly hits: readonly { readonly _source: Record<string, unknown> }[] };
}

describe('what is wrong in a pod is said, and ends it', () => {
  const manifests = () =>
    readManifests(...['configmap.yaml', 'secret.yaml', 'deployment.yaml'].map((name) => join(amazon, 'k8s', name)));

  test('a volume that the user cannot write', async (t) => {
    const pod = await Pod.create(t, { manifests: manifests(), image });
    chownSync(pod.volume('post2log-data'), 0, 0);
    chmodSync(pod.volume('post2log-data'), 0o755);
    const sidecar = pod.start('fluentd-sidecar');
    assert.equal(await sidecar.exited, 1);
    assert.match(
      sidecar.stderr,
      /preparing data directory \/var\/lib\/post2log: EACCES.*this is user 65532, group 65532.*fsGroup: 65532/,
    );
  });

  test('a configuration that is not where the variable says', async (t) => {
    const pod = await Pod.create(t, { manifests: manifests(), image });
    const sidecar = pod.start('fluentd-sidecar', { env: { FLUENT_ARGS: '-c /etc/td-agent/fluent.conf' } });
    assert.equal(await sidecar.exited, 2);
    assert.match(sidecar.stderr, /reading configuration \/etc\/td-agent\/fluent\.conf: no such file/);
  });

  test('a key that the Secret lacks', async (t) => {
    const without = manifests().map((one) =>
      one.kind === 'Secret' ? { ...one, stringData: { AWS_ACCESS_KEY: 'a', AWS_ACCESS_SECRET: 'b' } } : one,
    );
    const pod = await Pod.create(t, { manifests: without, image });
    assert.throws(() => pod.start('fluentd-sidecar'), /couldn't find key AWS_ACCOUNT in Secret aws-account-secret/);
  });

  test('a port below 1024, and one that is not', async (t) => {
    const pod = await Pod.create(t, { manifests: manifests(), image });
    const env = { FLUENT_ARGS: '', P2L_STORE: 'off' };
    const low = pod.start('fluentd-sidecar', { env: { ...env, P2L_PORT: '80' } });
    assert.equal(await low.exited, 1);
    assert.match(low.stderr, /listening for postbacks on 0\.0\.0\.0:80: this user may not use the port \(EACCES\)/);
    // The image's own, with the fields of the downward API empty.
    const empty = { P2L_NODE_NAME: '', P2L_POD_NAME: '', K8S_NODE_NAME: '', P2L_STOP_DELAY: '' };
    const right = await pod.start('fluentd-sidecar', { env: { ...env, ...empty } }).ready();
    assert.match(right.stderr, /postbacks +http:\/\/localhost:8000\/postback/);
    right.kill('SIGTERM');
    assert.equal(await right.exited, 0, right.stderr);
  });
});
