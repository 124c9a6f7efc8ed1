/** The `rdkafka_group` source. Source: fluent-plugin-kafka 0.19 in_rdkafka_group.rb, with librdkafka 2. */
import { boolean, integer, list, map } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { connectionOptionTable } from '../kafka/options.ts';
import { brokersProblem, rdkafkaProblem, rdkafkaSettings } from '../kafka/rdkafka.ts';
import { sourceDifferences } from './kafka/differences.ts';
import { recordOptionTable, recordSettings } from './kafka/fluentd.ts';
import { KafkaSource } from './kafka/source.ts';

const waits = 'it waits as long as it takes';

export const rdkafkaGroupSource = definePlugin({
  kind: 'source',
  name: 'rdkafka_group',
  summary: 'Reads Kafka topics as a member of a consumer group, with properties of librdkafka.',
  options: {
    ...connectionOptionTable,
    ...recordOptionTable,
    topics: list('Topics to read; /…/ is an expression for their names.', { required: true }),
    kafkaConfigs: map('Properties of librdkafka: bootstrap.servers, group.id and others.', { required: true }),
    addHeaders: boolean('Adds the headers of the Kafka record as fields.', { default: false }),
    maxWaitTimeMs: integer(0)('Longest wait for records, in milliseconds.', { default: 250 }),
    maxBatchSize: integer(1)('Records of one append.', { ignored: 'an append has what one answer holds' }),
    retryEmitLimit: integer(0)('Seconds to wait while the buffer is full.', { ignored: waits }),
    retryWaitSeconds: integer(0)('Seconds before it connects again.', { ignored: 'it waits half a second at first' }),
    disableRetryLimit: boolean('Tries to connect without end.', { ignored: waits }),
    retryLimit: integer(0)('Tries to connect.', { ignored: waits }),
  },
  usesParser: true,
  defaultParser: 'json',
  example: `<source>
  @type rdkafka_group
  topics app
  kafka_configs {"bootstrap.servers": "kafka.example.com:9092", "group.id": "aggregator", "auto.offset.reset": "earliest"}
  <parse>
    @type json
  </parse>
</source>`,
  differences: sourceDifferences,
  check({ options }) {
    const found = rdkafkaSettings(options.kafkaConfigs, []);
    const problem = rdkafkaProblem(options.kafkaConfigs) ?? brokersProblem(found.cluster.brokers);
    if (problem !== undefined) throw new Error(`kafka_configs: ${problem}`);
    if (found.groupId === undefined) throw new Error('kafka_configs: group.id is missing');
  },
  create({ options, parser }, context) {
    const found = rdkafkaSettings(options.kafkaConfigs, []);
    const settings = {
      cluster: found.cluster,
      reads: {
        kind: 'group',
        groupId: found.groupId ?? '',
        topics: options.topics.map((topic) => topic.trim()),
        sessionTimeoutMs: found.sessionTimeoutMs,
      },
      begins: found.begins,
      fetch: {
        waitMs: options.maxWaitTimeMs,
        bytesMin: found.fetchBytesMin,
        partitionBytesMax: found.partitionBytesMax,
      },
      records: recordSettings(options, {
        parser: parser?.type === 'json' && Object.keys(parser.options).length === 0 ? undefined : parser,
        addsHeaders: options.addHeaders,
      }),
    } as const;
    return new KafkaSource(settings, context);
  },
});
