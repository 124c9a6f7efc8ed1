import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { until } from '../../test/program.ts';
import { FakeClock } from '../core/clock.ts';
import { FakeDisk } from '../core/disk-fake.ts';
import { NotReady } from '../core/not-ready.ts';
import { silentLog } from '../core/log.ts';
import { FakeApi, podObject, status, whenReady } from './api-fake.ts';
import { LiveCluster } from './cluster.ts';
import type { ClusterSettings, Pod, PodAsk } from './contract.ts';
import { clusterSettings, loggedTexts } from './cluster-fixture.ts';

const limits = { waitMs: 10_000, podTtlMs: 0, namespaceTtlMs: 900_000 };
const ask = (name: string, containerId?: string): PodAsk => ({ namespace: 'shop', name, containerId });

async function start(
  context: TestContext,
  more: Partial<ClusterSettings> = {},
  { clock = new FakeClock(), disk = new FakeDisk(clock), log = silentLog() } = {},
) {
  const api = await FakeApi.start(context);
  const open = (): LiveCluster => {
    const settings = clusterSettings(api.url, more);
    const cluster = new LiveCluster({ settings, directory: '/data/shared', disk, clock, log });
    context.after(() => cluster.end());
    return cluster;
  };
  return { api, cluster: open(), reopen: open, clock, disk };
}
const uidOf = (pod: Pod | string): string => (typeof pod === 'string' ? pod : pod.uid);
/** The wait of a call, which must have one. */
function waitOf(call: () => unknown): Promise<unknown> {
  try {
    call();
  } catch (error) {
    if (error instanceof NotReady) return error.ready;
    throw error;
  }
  return assert.fail('it had to wait');
}

test('a pod is asked for once, however often a filter asks; the same object comes back', async (context) => {
  const { api, cluster } = await start(context);
  api.put(podObject('shop', 'web-1', 'u1', { containers: { web: 'aa' } }));
  const first = await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits));
  assert.equal(uidOf(first), 'u1');
  assert.equal(cluster.pod(ask('web-1', 'aa'), limits), first);
  assert.deepEqual(api.paths, ['/api/v1/namespaces/shop/pods/web-1']);
});

test('the container’s id decides between pods of one name', async (context) => {
  const { api, cluster } = await start(context);
  api.put(podObject('shop', 'db-0', 'u1', { containers: { db: 'aa' } }));
  const first = await whenReady(() => cluster.pod(ask('db-0', 'aa'), limits));
  api.put(podObject('shop', 'db-0', 'u2', { containers: { db: 'bb' } }));
  assert.equal(uidOf(await whenReady(() => cluster.pod(ask('db-0', 'bb'), limits))), 'u2');
  assert.equal(cluster.pod(ask('db-0', 'aa'), limits), first, 'the last lines of the old one are still its');
});

test('what there is none of is absent, and so is what can be no name, for which nobody is asked', async (context) => {
  const { api, cluster } = await start(context);
  assert.equal(await whenReady(() => cluster.pod(ask('gone-1', 'aa'), limits)), 'absent');
  assert.equal(await whenReady(() => cluster.namespace('none', limits)), 'absent');
  for (const name of ['../../secrets', 'a/b', 'A', 'a?b', '', 'x'.repeat(300)])
    assert.equal(cluster.pod(ask(name), limits), 'absent');
  assert.equal(api.requests.length, 2);
});

test('a pod that is gone stays known, also by another container’s id, and over a restart', async (context) => {
  const { api, cluster, reopen, clock, disk } = await start(context);
  api.put(podObject('shop', 'job-1', 'u1', { containers: { job: 'aa' }, labels: { app: 'job' } }));
  await whenReady(() => cluster.pod(ask('job-1', 'aa'), limits));
  api.pods.clear();
  assert.equal(uidOf(await whenReady(() => cluster.pod(ask('job-1', 'bb'), limits))), 'u1');
  clock.advance(5000);
  await untilFile(disk);
  const next = reopen();
  const kept = await whenReady(() => next.pod(ask('job-1', 'aa'), limits));
  assert.ok(typeof kept === 'object');
  assert.deepEqual([kept.uid, kept.labels, kept.podIp], ['u1', { app: 'job' }, '10.0.0.7']);
});

test('what is news at a stop is written then', async (context) => {
  const { api, cluster, reopen, disk } = await start(context);
  api.put(podObject('shop', 'job-1', 'u1', { containers: { job: 'aa' } }));
  await whenReady(() => cluster.pod(ask('job-1', 'aa'), limits));
  assert.equal(await disk.readFile('/data/shared/pods.json'), undefined);
  await cluster.end();
  api.answer = () => ({ status: 503, body: status(503, 'gone') });
  const next = reopen();
  assert.equal(uidOf(await whenReady(() => next.pod(ask('job-1', 'aa'), limits))), 'u1');
});

test('an API that is down: records wait once for all pods, then go on without, and later with it again', async (context) => {
  const { api, cluster, clock } = await start(context);
  api.answer = () => ({ status: 503, body: status(503, 'starting') });
  await waitOf(() => cluster.pod(ask('web-1', 'aa'), limits));
  const wait = waitOf(() => cluster.pod(ask('web-1', 'aa'), limits));
  await wait;
  const still = waitOf(() => cluster.pod(ask('web-1', 'aa'), limits));
  clock.advance(10_000);
  await still;
  assert.equal(cluster.pod(ask('web-1', 'aa'), limits), 'unavailable');
  assert.equal(cluster.pod(ask('web-2', 'bb'), limits), 'unavailable', 'the wait is over for all');
  await api.until(() => api.paths.some((path) => path.endsWith('web-1')));
  api.answer = undefined;
  api.put(podObject('shop', 'web-1', 'u1', { containers: { web: 'aa' } }));
  await until('the pod', async () => {
    clock.advance(60_000);
    return typeof (await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits))) === 'object';
  });
});

test('no wait at all where none is wanted', async (context) => {
  const { api, cluster } = await start(context);
  api.answer = () => 'hang';
  await whenReady(() => cluster.pod(ask('web-1'), { ...limits, waitMs: 0 }));
  assert.equal(cluster.pod(ask('web-1'), { ...limits, waitMs: 0 }), 'unavailable');
});

test('403 says which rule is missing, and nobody waits; garbage is said and tried again', async (context) => {
  const { log, texts } = loggedTexts();
  const { api, cluster, clock } = await start(context, {}, { log });
  api.answer = () => ({ status: 403, body: status(403, 'User "logs" cannot get resource "pods"') });
  assert.equal(await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits)), 'unavailable');
  assert.match(
    texts.join('\n'),
    /403 forbidden \(User "logs".*apiGroups \[""\], resources \["pods"\], verbs \["get"\]/,
  );
  api.answer = () => '<html>Welcome</html>';
  clock.advance(1000);
  await waitOf(() => cluster.pod(ask('web-1', 'aa'), limits));
  assert.match(texts.join('\n'), /the answer is no JSON: <html>Welcome<\/html>; is this the API\?/);
});

test('what is refused is asked for again soon, then less and less often; a namespace that may be read is not held up by another', async (context) => {
  const { api, cluster, clock } = await start(context);
  const refusing = (path: string) =>
    path.includes('/namespaces/shop/') ? { status: 403, body: status(403, 'no') } : undefined;
  api.answer = refusing;
  const pod = podObject('bank', 'db-0', 'u1', { containers: { db: 'bb' } });
  api.put(pod);
  const asked = () => api.paths.filter((path) => path.includes('/namespaces/shop/')).length;
  const pass = async (ms: number) => {
    clock.advance(ms);
    assert.equal(await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits)), 'unavailable');
    return asked();
  };
  assert.equal(await pass(0), 1);
  assert.equal(uidOf(await whenReady(() => cluster.pod({ ...ask('db-0', 'bb'), namespace: 'bank' }, limits))), 'u1');
  assert.equal(await pass(999), 1);
  assert.equal(await pass(1), 2);
  assert.equal(await pass(1999), 2);
  assert.equal(await pass(1), 3);
  for (let n = 0; n < 10; n++) await pass(60_000);
  assert.equal(asked(), 13, 'and at the latest after a minute');
  await pass(59_999);
  assert.equal(asked(), 13);
  api.answer = undefined;
  api.put(podObject('shop', 'web-1', 'u2', { containers: { web: 'aa' } }));
  clock.advance(1);
  assert.equal(uidOf(await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits))), 'u2');
});

test('the node’s pods come by one list and one watch; a deleted pod stays known', async (context) => {
  const { api, cluster } = await start(context, { nodeName: 'node-1' });
  api.put(podObject('shop', 'web-1', 'u1', { containers: { web: 'aa' }, labels: { app: 'web' } }));
  assert.equal(uidOf(await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits))), 'u1');
  await api.until(() => api.watchCount === 1);
  assert.match(
    api.paths[0] ?? '',
    /^\/api\/v1\/pods\?fieldSelector=spec\.nodeName%3Dnode-1&limit=\d+&resourceVersion=0$/,
  );
  assert.match(api.paths[1] ?? '', /watch=true&allowWatchBookmarks=true&timeoutSeconds=\d+&resourceVersion=100$/);
  const changed = podObject('shop', 'web-1', 'u1', { containers: { web: 'aa' }, labels: { app: 'other' } });
  api.send('MODIFIED', changed);
  await untilTrue(() => {
    const pod = cluster.pod(ask('web-1', 'aa'), limits);
    return typeof pod === 'object' && JSON.stringify(pod.labels) === '{"app":"other"}';
  });
  api.send('ADDED', podObject('shop', 'web-2', 'u2', { containers: { web: 'bb' } }));
  api.send('DELETED', changed);
  await untilTrue(() => {
    try {
      return typeof cluster.pod(ask('web-2', 'bb'), limits) === 'object';
    } catch {
      return false;
    }
  });
  assert.equal(uidOf(cluster.pod(ask('web-1', 'aa'), limits)), 'u1');
});

test('a watch goes on from the last version, bookmarks too, and lists again where that is too old', async (context) => {
  const { api, cluster, clock } = await start(context, { nodeName: 'node-1' });
  await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits));
  await api.until(() => api.watchCount === 1);
  api.send('BOOKMARK', { kind: 'Pod', metadata: { resourceVersion: '150' } });
  clock.advance(60_000);
  api.endWatches();
  await api.until(() => api.paths.some((path) => path.includes('resourceVersion=150')));
  api.version = '200';
  await api.until(() => api.watchCount === 1);
  api.send('ERROR', status(410, 'too old resource version'));
  await api.until(() => api.paths.some((path) => path.includes('watch=true') && path.endsWith('resourceVersion=200')));
  assert.equal(api.paths.filter((path) => path.includes('&limit=')).length, 2);
});

test('without the right to list, each pod is asked for', async (context) => {
  const { api, cluster } = await start(context, { nodeName: 'node-1' });
  api.answer = (path) => (path.startsWith('/api/v1/pods?') ? { status: 403, body: status(403, 'no') } : undefined);
  api.put(podObject('shop', 'web-1', 'u1', { containers: { web: 'aa' } }));
  assert.equal(uidOf(await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits))), 'u1');
});

test('a kubelet gives all pods at once', async (context) => {
  const kubelet = await FakeApi.start(context);
  kubelet.put(podObject('shop', 'web-1', 'u1', { containers: { web: 'aa' } }));
  kubelet.put(podObject('shop', 'web-2', 'u2', { containers: { web: 'bb' } }));
  const { port } = new URL(kubelet.url);
  const place = { host: '127.0.0.1', port: Number(port) };
  const { cluster } = await start(context, { kubelet: place, preloadDirectory: '/nonexistent' });
  assert.equal(uidOf(await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits))), 'u1');
  assert.equal(uidOf(cluster.pod(ask('web-2', 'bb'), limits)), 'u2');
  assert.deepEqual(kubelet.paths, ['/pods']);
});

async function untilTrue(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
async function untilFile(disk: FakeDisk): Promise<void> {
  while ((await disk.readFile('/data/shared/pods.json')) === undefined)
    await new Promise((resolve) => setImmediate(resolve));
}

test('a watch that fails is begun again from where it was; who asks meanwhile is not held up longer than it lasts', async (context) => {
  const { log, texts } = loggedTexts();
  const { api, cluster, clock } = await start(context, { nodeName: 'node-1' }, { log });
  await whenReady(() => cluster.pod(ask('web-1', 'aa'), limits));
  await api.until(() => api.watchCount === 1);
  api.answer = (path) => (path.includes('watch=true') ? { status: 500, body: status(500, 'no leader') } : undefined);
  clock.advance(60_000);
  api.endWatches();
  await untilTrue(() => texts.some((text) => text.includes('500: no leader')));
  api.answer = undefined;
  await untilTrue(() => {
    clock.advance(1000);
    return texts.some((text) => text.includes('answers again'));
  });
  assert.equal(api.paths.filter((path) => path.includes('&limit=')).length, 1, 'it need not list again');
});
