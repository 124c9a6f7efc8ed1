import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { MonitorModel } from '../config/model.ts';
import { FakeClock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import { silentLog } from '../core/log.ts';
import { version } from '../core/version.ts';
import { fakeBackend } from './backend-fake.ts';
import { Monitor } from './monitor.ts';
import { monitorCounts, prometheusText } from './monitor-counts.ts';

const plain: MonitorModel = {
  host: '127.0.0.1',
  port: 0,
  tellsStorage: false,
  canReload: false,
  sources: { 'tail.0': 'tail.0' },
  outputs: { 'http.0': 'http:http://x/' },
};

const text = (exhausted = 0): string => `# HELP records_received_total Records made durable, by source.
records_received_total{source="tail.0"} 7
records_received_total{source="other"} 1
received_bytes_total{source="tail.0"} 70
records_delivered_total{output="http:http://x/"} 5
delivered_bytes_total{output="http:http://x/"} 50
output_records_refused_total{output="http:http://x/",reason="OUTPUT_REFUSED: 400 \\"bad\\""} 2
output_records_refused_total{output="http:http://x/",reason="retries_exhausted: no"} ${exhausted}
output_retries_total{output="http:http://x/"} 3
output_retried_records_total{output="http:http://x/"} 9
`;

/** A server over a fake program. */
async function start(t: TestContext, model: Partial<MonitorModel> = {}) {
  const state = {
    text: text(),
    reload: () => Promise.resolve({ generation: 2, isChanged: true, problems: [] as string[] }),
  };
  const clock = new FakeClock();
  const monitor = new Monitor({
    backend: { ...fakeBackend(), metricsText: () => Promise.resolve(state.text), reload: () => state.reload() },
    clock,
    log: silentLog(),
    plugins: { inputs: ['tail'], filters: ['grep'], outputs: ['http'] },
  });
  t.after(() => monitor.close());
  await monitor.use({ ...plain, ...model });
  const ask = async (path: string, init: RequestInit = {}) => {
    const response = await fetch(`http://127.0.0.1:${monitor.port}${path}`, init);
    const body = await response.text();
    return { status: response.status, type: response.headers.get('content-type'), body };
  };
  return { monitor, clock, state, ask, read: async (path: string) => JSON.parse((await ask(path)).body) as unknown };
}

const output = {
  proc_records: 5,
  proc_bytes: 50,
  errors: 2,
  retries: 3,
  retries_failed: 0,
  dropped_records: 2,
  retried_records: 9,
};

test('what it is, how long it runs, its plugins, its counts in JSON', async (t) => {
  const { clock, read, ask } = await start(t);
  assert.deepEqual(await read('/'), { 'fluent-bit': { version: '5.1.1', edition: `post2log ${version}`, flags: [] } });
  clock.advance((2 * 86_400 + 3600 + 61) * 1000);
  assert.deepEqual(await read('/api/v1/uptime?x=1'), {
    uptime_sec: 176_461,
    uptime_hr: 'Fluent Bit has been running:  2 days, 1 hour, 1 minute and 1 second',
  });
  assert.deepEqual(await read('/api/v1/plugins'), {
    plugins: { inputs: ['tail'], filters: ['grep'], outputs: ['http'] },
  });
  assert.deepEqual(await read('/api/v1/metrics'), {
    input: { 'tail.0': { records: 7, bytes: 70 } },
    filter: {},
    output: { 'http.0': output },
  });
  for (const path of ['/nothing', '/api/v1/health', '/api/v2/health', '/api/v1/storage'])
    assert.equal((await ask(path)).status, 404, path);
});

test('its counts for Prometheus, with times in version 1 and without in version 2; as lines', async (t) => {
  const { ask, clock } = await start(t);
  const first = await ask('/api/v1/metrics/prometheus');
  assert.equal(first.type, 'text/plain; version=0.0.4');
  assert.match(
    first.body,
    new RegExp(
      `# HELP fluentbit_input_records_total Number of input records\\.\\n# TYPE fluentbit_input_records_total counter\\nfluentbit_input_records_total\\{name="tail\\.0"\\} 7 ${clock.nowMs()}\\n`,
    ),
  );
  assert.match(
    first.body,
    /\nfluentbit_uptime 0\n[\s\S]*\nprocess_start_time_seconds \d+\n[\s\S]*build_info\{version="5\.1\.1"/,
  );
  const second = await ask('/api/v2/metrics/prometheus');
  assert.match(second.body, /\nfluentbit_output_retries_failed_total\{name="http\.0"\} 0\n/);
  assert.match(second.body, /\nfluentbit_hot_reloaded_times\{hostname=".+"\} 0\n/);
  assert.match((await ask('/api/v2/metrics')).body, /Z fluentbit_output_errors_total\{name="http\.0"\} = 2\n/);
  const named = monitorCounts(text(), { ...plain, sources: { 'a"\\b': 'tail.0' } });
  assert.match(prometheusText(named, undefined), /fluentbit_input_bytes_total\{name="a\\"\\\\b"\} 70\n/);
});

test('health: failures of the period, beyond the limits', async (t) => {
  const { clock, state, ask, read } = await start(t, {
    health: { errorsMax: 5, retriesFailedMax: 1, periodSeconds: 2 },
  });
  await nextTurn();
  assert.deepEqual(await ask('/api/v1/health'), { status: 200, type: 'text/plain', body: 'ok\n' });
  state.text = text(2);
  assert.deepEqual(await ask('/api/v1/health'), { status: 500, type: 'text/plain', body: 'error\n' });
  assert.deepEqual(await read('/api/v2/health'), {
    status: 'error',
    errors: 0,
    retries_failed: 2,
    error_limit: 5,
    retry_failure_limit: 1,
    period_limit: 2,
  });
  for (let second = 0; second < 5; second++) {
    clock.advance(1000);
    await nextTurn();
  }
  assert.equal((await ask('/api/v1/health')).status, 200);
});

test('storage: the journal’s shards', async (t) => {
  const { read } = await start(t, { tellsStorage: true });
  const { storage_layer: layer, input_chunks: inputs } = (await read('/api/v1/storage')) as Record<string, object>;
  assert.deepEqual(Object.keys(inputs ?? {}), ['tail.0']);
  assert.deepEqual(Object.keys((layer as { chunks: object }).chunks), [
    'total_chunks',
    'mem_chunks',
    'fs_chunks',
    'fs_chunks_up',
    'fs_chunks_down',
  ]);
});

test('reload: only where it is on, one at a time, not for pages of other sites; a bad configuration is said', async (t) => {
  const off = await start(t);
  const post = { method: 'POST' };
  assert.deepEqual(JSON.parse((await off.ask('/api/v2/reload', post)).body), { reload: 'not enabled', status: -1 });
  const { ask, read, state } = await start(t, { canReload: true });
  assert.deepEqual(JSON.parse((await ask('/api/v2/reload', { method: 'PUT' })).body), { reload: 'done', status: 0 });
  assert.deepEqual(await read('/api/v2/reload'), { hot_reload_count: 1 });
  assert.equal((await ask('/api/v2/reload', { method: 'DELETE' })).status, 405);
  assert.equal((await ask('/api/v2/reload', { ...post, headers: { origin: 'http://evil.example' } })).status, 403);
  let finish = (): void => undefined;
  state.reload = () =>
    new Promise((_resolve, reject) => (finish = () => reject(new OperatingError('PLUGIN_LOAD', 'no such plugin'))));
  const pending = ask('/api/v2/reload', post);
  let busy = await ask('/api/v2/reload', post);
  while (busy.status === 200) busy = await ask('/api/v2/reload', post);
  assert.deepEqual([busy.status, JSON.parse(busy.body)], [400, { reload: 'in progress', status: -2 }]);
  finish();
  const failed = await pending;
  assert.equal(failed.status, 400);
  assert.match(failed.body, /"status":-4.*no such plugin/);
});

test('a configuration that asks for another place moves it; a port that is taken is said', async (t) => {
  const { monitor, ask } = await start(t);
  const port = monitor.port ?? 0;
  await monitor.use({ ...plain, tellsStorage: true });
  assert.equal(monitor.port, port);
  assert.equal((await ask('/api/v1/storage')).status, 200);
  const other = await start(t);
  await assert.rejects(
    other.monitor.use({ ...plain, port }),
    /listening for HTTP_Server on 127\.0\.0\.1:\d+: EADDRINUSE/,
  );
  await monitor.use(undefined);
  assert.equal(monitor.port, undefined);
});
