/** The `prometheus` output: counts records into metrics and takes them. Source: fluent-plugin-prometheus 2.2 out_prometheus.rb. */
import { Instruments, checkMetrics, metricSections } from '../codecs/record-metrics/instruments.ts';
import { definePlugin } from '../core/plugin.ts';

export const prometheusOutput = definePlugin({
  kind: 'output',
  name: 'prometheus',
  summary: 'Counts records into metrics that the prometheus source shows, and takes them.',
  options: {},
  sections: metricSections,
  buffer: { flushMode: 'immediate', chunkKeys: ['tag'] },
  example: `<match app.**>
  @type copy
  <store>
    @type prometheus
    <metric>
      name app_bytes
      type histogram
      desc Sizes of answers
      key bytes
      buckets 100, 1000, 10000
    </metric>
  </store>
  <store>
    @type null
  </store>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Sends a record to @ERROR whose value a metric cannot take. Here it is taken; the value is counted in prometheus_values_refused_total.',
    },
  ],
  check: (config) => checkMetrics(config),
  create(config, context) {
    const instruments = new Instruments(config, context);
    return {
      write(chunk) {
        for (const { batch } of chunk.batches) instruments.take(batch);
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    };
  },
});
