/** The `prometheus` filter: counts records into metrics and lets them pass. Source: fluent-plugin-prometheus 2.2 filter_prometheus.rb. */
import { Instruments, checkMetrics, metricSections } from '../codecs/record-metrics/instruments.ts';
import { definePlugin } from '../core/plugin.ts';

export const prometheusFilter = definePlugin({
  kind: 'filter',
  name: 'prometheus',
  summary: 'Counts records into metrics that the prometheus source shows, and lets them pass.',
  // What is read a second time was counted.
  isObserver: true,
  options: {},
  sections: metricSections,
  example: `<filter app.**>
  @type prometheus
  <metric>
    name app_records_total
    type counter
    desc Records of the application
    <labels>
      tag \${tag}
      level $.level
    </labels>
  </metric>
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Sends a record to @ERROR whose value a metric cannot take. Here it passes; the value is counted in prometheus_values_refused_total.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Keeps every set of labels it ever saw in memory. Here a metric has at most 10,000 of them.',
    },
  ],
  check: checkMetrics,
  create(config, context) {
    const instruments = new Instruments(config, context);
    return {
      apply(batch) {
        instruments.take(batch);
        return batch;
      },
    };
  },
});
