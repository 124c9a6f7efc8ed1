/** The `rdkafka` output of Fluentd v0.12. Source: fluent-plugin-kafka 0.19 out_rdkafka.rb. */
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { kafkaDifferences } from './kafka/differences.ts';
import { targetOf, topicProblem } from './kafka/fluentd.ts';
import { oldOptions, oldProblem, oldSettings } from './kafka/old.ts';
import { KafkaOutput } from './kafka/output.ts';
import { rdkafkaLowered, rdkafkaOptions, rdkafkaOptionsProblem, withProperties } from './kafka/rdkafka-options.ts';

export const rdkafkaOutput = definePlugin({
  kind: 'output',
  name: 'rdkafka',
  summary: 'Sends records to Kafka, with the options of Fluentd v0.12 and partitions as librdkafka has them.',
  options: {
    ...rdkafkaOptions,
    ...oldOptions,
    clientId: text('The name that brokers log.', { default: 'kafka' }),
  },
  buffer: { flushMode: 'interval', flushIntervalMs: 1000, chunkKeys: ['tag'] },
  target: ({ brokers, defaultTopic }) => targetOf(brokers, defaultTopic),
  example: `<match app.**>
  @type rdkafka
  brokers kafka.example.com:9092
  default_topic app
  output_data_type json
</match>`,
  differences: kafkaDifferences,
  check({ options }) {
    const problem =
      rdkafkaOptionsProblem(options) ?? topicProblem('default_topic', options.defaultTopic) ?? oldProblem(options);
    if (problem !== undefined) throw new Error(problem);
  },
  create({ options, at }, context) {
    const { cluster, ...own } = rdkafkaLowered(options);
    const named = { ...cluster, clientId: options.rdkafkaOptions?.['client.id'] ?? options.clientId };
    return new KafkaOutput(withProperties(oldSettings(options, { ...own, cluster: named }, at), options), context);
  },
});
