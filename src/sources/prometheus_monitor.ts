/** The `prometheus_monitor` source: how full buffers are, for the prometheus source to show. Source: fluent-plugin-prometheus 2.2 in_prometheus_monitor.rb. */
import { definePlugin } from '../core/plugin.ts';
import { checkMonitor, counted, intervalOption, monitor, monitorSections } from './endpoints/monitors.ts';
import type { MonitorRow } from './endpoints/monitors.ts';
import { noSource } from './endpoints/server.ts';

const rows: readonly MonitorRow[] = [
  {
    name: 'fluentd_status_buffer_queue_length',
    help: 'Current buffer queue length.',
    value: counted('buffer_queue_length'),
  },
  {
    name: 'fluentd_status_buffer_total_bytes',
    help: 'Current total size of queued buffers.',
    value: counted('buffer_total_queued_size'),
  },
  { name: 'fluentd_status_retry_count', help: 'Current retry counts.', value: counted('retry_count') },
];

export const prometheusMonitorSource = definePlugin({
  kind: 'source',
  name: 'prometheus_monitor',
  summary: 'Adds how much waits for each output, under Fluentd’s names, to what the prometheus source shows.',
  options: { interval: intervalOption },
  sections: monitorSections,
  example: `<source>
  @type prometheus_monitor
  <labels>
    host \${hostname}
  </labels>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Counts chunks of buffers. Here records wait in the journal: the queue’s length is how many chunks the output would make of what it holds, and at least 1 while anything waits. There are no timekeys.',
    },
  ],
  check: checkMonitor,
  endpoint: (config, context) =>
    monitor(
      config,
      context,
      rows,
      ({ category }) => category === 'output',
      ({ id, category, type }) => [
        ['plugin_id', id],
        ['plugin_category', category],
        ['type', type],
      ],
    ),
  create: noSource,
});
