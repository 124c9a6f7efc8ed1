import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endpointOf, listening } from './endpoints/endpoint-fixture.ts';
import { monitorAgentSource } from './monitor_agent.ts';

interface Told {
  readonly plugins: readonly Readonly<Record<string, unknown>>[];
}

test('the plugins that run, with Fluentd’s names of their counts', async (t) => {
  const ask = await listening(t, monitorAgentSource);
  const { plugins } = (await (await ask('/api/plugins.json')).json()) as Told;
  assert.deepEqual(
    plugins.map(({ plugin_id, plugin_category, type, output_plugin }) => [
      plugin_id,
      plugin_category,
      type,
      output_plugin,
    ]),
    [
      ['in', 'input', 'tail', false],
      ['out', 'output', 'http', true],
      ['filter.0', 'filter', 'grep', false],
    ],
  );
  assert.deepEqual(
    [plugins[1]?.['retry_count'], plugins[1]?.['buffer_total_queued_size'], plugins[0]?.['retry_count']],
    [4, 300, null],
  );
  assert.ok(plugins.every((plugin) => !('config' in plugin) && !('retry' in plugin)));
});

test('one of them by id, type or tag', async (t) => {
  const ask = await listening(t, monitorAgentSource);
  const ids = async (query: string) =>
    ((await (await ask(`/api/plugins.json?${query}`)).json()) as Told).plugins.map(({ plugin_id }) => plugin_id);
  assert.deepEqual(await ids('@id=in'), ['in']);
  assert.deepEqual(await ids('id=none'), []);
  assert.deepEqual(await ids('@type=grep'), ['filter.0']);
  assert.deepEqual(await ids('tag=app'), ['out']);
  assert.deepEqual(await ids('tag=other'), []);
});

test('configuration with its secrets masked, retries, and JSON over several lines where it is asked for', async (t) => {
  const ask = await listening(t, monitorAgentSource, {
    includeConfig: true,
    includeRetry: true,
    includeDebugInfo: true,
  });
  const text = await (await ask('/api/plugins.json?debug=1')).text();
  assert.ok(text.includes('\n  '));
  const { plugins } = JSON.parse(text) as Told;
  assert.deepEqual(plugins[1]?.['config'], { '@type': 'http', password: '******' });
  assert.deepEqual(plugins[1]?.['retry'], {
    start: '2023-11-14T22:13:20.000Z',
    next_time: '2023-11-14T22:13:28.000Z',
  });
});

test('the other paths', async (t) => {
  const ask = await listening(t, monitorAgentSource, { includeConfig: true });
  const rows = (await (await ask('/api/plugins')).text()).split('\n');
  assert.equal(
    rows[0],
    'plugin_id:in\tplugin_category:input\ttype:tail\toutput_plugin:false\tretry_count:\temit_records:7\temit_size:70',
  );
  assert.equal(rows.length, 4);
  const own = (await (await ask('/api/config.json')).json()) as Record<string, unknown>;
  assert.deepEqual([own['pid'], own['ppid']], [process.pid, process.ppid]);
  assert.match(await (await ask('/api/config')).text(), /^pid:\d+\tppid:\d+\tversion:post2log /);
  const none = await ask('/');
  assert.deepEqual([none.status, await none.json()], [404, { message: 'Not found' }]);
});

test('records of counts are refused', () => {
  assert.throws(() => endpointOf(monitorAgentSource, { tag: 'debug' }), /records of counts are not made/);
});
