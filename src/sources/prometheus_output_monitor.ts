/** The `prometheus_output_monitor` source: how outputs fare, for the prometheus source to show. Source: fluent-plugin-prometheus 2.2 in_prometheus_output_monitor.rb. */
import { boolean } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { checkMonitor, counted, intervalOption, monitor, monitorSections } from './endpoints/monitors.ts';
import type { MonitorRow } from './endpoints/monitors.ts';
import { noSource } from './endpoints/server.ts';

const options = {
  interval: intervalOption,
  gaugeAll: boolean('Shows counts as gauges.', { default: true }),
};

/** Name behind fluentd_output_status_, help, and the count it is. */
type Row = readonly [name: string, help: string, count: string];
const gauges: readonly Row[] = [
  ['buffer_total_bytes', 'Current total size of stage and queue buffers.', 'buffer_total_queued_size'],
  ['buffer_stage_length', 'Current length of stage buffers.', 'buffer_stage_length'],
  ['buffer_stage_byte_size', 'Current total size of stage buffers.', 'buffer_stage_byte_size'],
  ['buffer_queue_length', 'Current length of queue buffers.', 'buffer_queue_length'],
  ['buffer_queue_byte_size', 'Current total size of queue buffers.', 'buffer_queue_byte_size'],
  ['buffer_available_space_ratio', 'Ratio of available space in buffer.', 'buffer_available_buffer_space_ratios'],
  ['rollback_count', 'Current rollback counts.', 'rollback_count'],
];
const counts: readonly Row[] = [
  ['retry_count', 'Current retry counts.', 'retry_count'],
  ['num_errors', 'Current number of errors.', 'retry_count'],
  ['emit_records', 'Current emit records.', 'emit_records'],
  ['write_count', 'Current write counts.', 'write_count'],
  ['flush_time_count', 'Total flush time.', 'flush_time_count'],
];

function rowsOf(isGauge: boolean): MonitorRow[] {
  const row = ([name, help, count]: Row): MonitorRow => ({
    name: `fluentd_output_status_${name}`,
    help,
    value: counted(count),
  });
  return [
    ...gauges.map(row),
    ...counts.map((one) => (isGauge ? row(one) : { ...row(one), type: 'counter' as const })),
    {
      name: 'fluentd_output_status_retry_wait',
      help: 'Current retry wait',
      value: ({ retry }) =>
        retry?.startMs === undefined ? 0 : Math.max(0, Math.round((retry.nextMs - retry.startMs) / 1000)),
    },
  ];
}

export const prometheusOutputMonitorSource = definePlugin({
  kind: 'source',
  name: 'prometheus_output_monitor',
  summary: 'Adds how each output fares, under Fluentd’s names, to what the prometheus source shows.',
  options,
  sections: monitorSections,
  example: `<source>
  @type prometheus_output_monitor
</source>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Has emit_count, slow_flush_count and timekeys. Here there are no such counts; the space that is left is that of the journal, or of the limit that the output’s buffer has.',
    },
  ],
  check: checkMonitor,
  endpoint: (config, context) =>
    monitor(
      config,
      context,
      rowsOf(config.options.gaugeAll),
      ({ category }) => category === 'output',
      ({ id, type }) => [
        ['plugin_id', id],
        ['type', type],
      ],
    ),
  create: noSource,
});
