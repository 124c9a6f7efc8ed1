import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordMetrics } from '../codecs/record-metrics/instruments.ts';
import { builtinPlugins } from '../plugins.ts';
import { contextOf, pairs } from '../../test/fixture.ts';
import { endpointOf } from './endpoints/endpoint-fixture.ts';
import { prometheusMonitorSource } from './prometheus_monitor.ts';

test('outputs stand under Fluentd’s names while it runs', async () => {
  const context = contextOf(builtinPlugins);
  const monitor = endpointOf(prometheusMonitorSource, {}, { labels: [pairs({ where: 'here' })] }, context);
  const text = () => recordMetrics(context).text();
  assert.equal(await text(), '');
  await monitor.start();
  const labels = '{where="here",plugin_id="out",plugin_category="output",type="http"}';
  assert.equal(
    await text(),
    [
      '# TYPE fluentd_status_buffer_queue_length gauge',
      '# HELP fluentd_status_buffer_queue_length Current buffer queue length.',
      `fluentd_status_buffer_queue_length${labels} 2`,
      '# TYPE fluentd_status_buffer_total_bytes gauge',
      '# HELP fluentd_status_buffer_total_bytes Current total size of queued buffers.',
      `fluentd_status_buffer_total_bytes${labels} 300`,
      '# TYPE fluentd_status_retry_count gauge',
      '# HELP fluentd_status_retry_count Current retry counts.',
      `fluentd_status_retry_count${labels} 4`,
      '',
    ].join('\n'),
  );
  await monitor.stop();
  assert.equal(await text(), '');
});

test('labels cannot look into records', () => {
  const labels = [pairs({ level: '$.level' })];
  assert.throws(() => endpointOf(prometheusMonitorSource, {}, { labels }), /there is no record here/);
});
