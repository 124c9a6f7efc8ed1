/** The `rdkafka2` output. Source: fluent-plugin-kafka 0.19 out_rdkafka2.rb, with librdkafka 2. */
import { boolean, list, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { kafkaDifferences } from './kafka/differences.ts';
import { addressFields, modernOptions, modernProblem, modernSettings, targetOf } from './kafka/fluentd.ts';
import { KafkaOutput } from './kafka/output.ts';
import { rdkafkaLowered, rdkafkaOptions, rdkafkaOptionsProblem, withProperties } from './kafka/rdkafka-options.ts';

export const rdkafka2Output = definePlugin({
  kind: 'output',
  name: 'rdkafka2',
  summary: 'Sends records to Kafka, with options and partitions as librdkafka has them.',
  options: {
    ...rdkafkaOptions,
    ...addressFields,
    ...modernOptions,
    useDefaultForUnknownPartitionError: boolean('Sends to default_topic where a partition is not known.', {
      ignored: 'a record for a partition that is not there is refused',
    }),
    discardKafkaDeliveryFailedRegex: text('Drops what fails with such words.', {
      ignored: 'what can never be delivered is refused alone, all else waits',
    }),
    unrecoverableErrorCodes: list('Errors after which a record is given up.', {
      ignored: 'what can never be delivered is refused alone, all else waits',
    }),
  },
  defaultFormatter: 'json',
  usesInject: true,
  buffer: { flushMode: 'interval', flushIntervalMs: 1000 },
  target: ({ brokers, topic, defaultTopic }) => targetOf(brokers, topic ?? defaultTopic),
  example: `<match app.**>
  @type rdkafka2
  brokers kafka.example.com:9092
  default_topic app
  rdkafka_options {"compression.codec": "zstd", "partitioner": "murmur2_random"}
  <format>
    @type json
  </format>
</match>`,
  differences: kafkaDifferences,
  check({ options }, buffer) {
    const problem = rdkafkaOptionsProblem(options) ?? modernProblem(options, options, ['localhost'], false, buffer);
    if (problem !== undefined) throw new Error(problem);
  },
  create({ options, formatter, inject }, context) {
    const settings = modernSettings(options, rdkafkaLowered(options), context.buffer, formatter, inject);
    return new KafkaOutput(withProperties(settings, options), context);
  },
});
