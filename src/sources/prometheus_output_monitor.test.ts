import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordMetrics } from '../codecs/record-metrics/instruments.ts';
import { builtinPlugins } from '../plugins.ts';
import { contextOf } from '../../test/fixture.ts';
import { endpointOf } from './endpoints/endpoint-fixture.ts';
import { prometheusOutputMonitorSource } from './prometheus_output_monitor.ts';

async function shown(options: Record<string, unknown> = {}): Promise<string> {
  const context = contextOf(builtinPlugins);
  await endpointOf(prometheusOutputMonitorSource, options, {}, context).start();
  return recordMetrics(context).text();
}

test('what outputs did, with their ids and types', async () => {
  const text = await shown();
  for (const [name, value] of [
    ['buffer_total_bytes', 300],
    ['buffer_queue_length', 2],
    ['buffer_available_space_ratio', 99.5],
    ['retry_count', 4],
    ['num_errors', 4],
    ['emit_records', 6],
    ['write_count', 3],
    ['flush_time_count', 12],
    ['retry_wait', 8],
  ] as const)
    assert.match(text, new RegExp(`^fluentd_output_status_${name}\\{plugin_id="out",type="http"\\} ${value}$`, 'm'));
  assert.doesNotMatch(text, /slow_flush_count|plugin_id="in"/);
  assert.doesNotMatch(text, /^# TYPE \S+ counter$/m);
});

test('counts are counters without gauge_all', async () => {
  const text = await shown({ gaugeAll: false });
  assert.match(text, /^# TYPE fluentd_output_status_emit_records counter$/m);
  assert.match(text, /^# TYPE fluentd_output_status_buffer_total_bytes gauge$/m);
});
