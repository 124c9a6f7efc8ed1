/** The `kafka` and `kafka_buffered` outputs of Fluentd v0.12. Source: fluent-plugin-kafka 0.19 out_kafka.rb, out_kafka_buffered.rb. */
import { boolean, bytes, integer, list, text } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import { connectionProblem } from '../../kafka/options.ts';
import { kafkaDifferences } from './differences.ts';
import { addressFields, partitionKeyField, rubyCluster, rubyOptions, targetOf, topicProblem } from './fluentd.ts';
import { oldOptions, oldProblem, oldSettings } from './old.ts';
import { KafkaOutput } from './output.ts';

export const kafkaOutput = definePlugin({
  kind: 'output',
  name: 'kafka',
  aliases: ['kafka_buffered'],
  summary: 'Sends records to Kafka, with the options of Fluentd v0.12; `kafka2` has the newer ones.',
  options: {
    ...rubyOptions,
    ...addressFields,
    ...partitionKeyField,
    ...oldOptions,
    clientId: text('The name that brokers log.', { default: 'kafka' }),
    idempotent: boolean('Has brokers take each batch once, however often it is sent.', { default: false }),
    discardKafkaDeliveryFailed: boolean('Refuses what could not be sent, in place of waiting until it can.', {
      default: false,
    }),
    zookeeper: text('ZooKeeper that knows the brokers: Kafka has none since version 4; write brokers.'),
    zookeeperPath: text('Where in ZooKeeper.', { ignored: 'brokers are named by the option brokers' }),
    maxBufferSize: integer(0)('Records that the Ruby client holds.', { ignored: 'the buffer is the journal' }),
    maxBufferBytesize: bytes('Bytes that the Ruby client holds.', { ignored: 'the buffer is the journal' }),
    kafkaAggMaxBytes: bytes('Bytes of one send.', { ignored: 'batch_bytes bounds batches' }),
    kafkaAggMaxMessages: integer(1)('Records of one send.', { ignored: 'batch_bytes bounds batches' }),
    getKafkaClientLog: boolean('Logs what the client library logs.', { ignored: 'failures are logged in any case' }),
    monitoringList: list('Ruby libraries that watch the client.', { ignored: '/metrics tells what is sent' }),
  },
  // Fluentd's v0.12 plugins format in the plugin itself; a `<format>` section has no place there.
  buffer: { flushMode: 'interval', flushIntervalMs: 1000, chunkKeys: ['tag'] },
  target: ({ brokers, defaultTopic }) => targetOf(brokers, defaultTopic),
  example: `<match app.**>
  @type kafka_buffered
  brokers kafka-1.example.com:9092,kafka-2.example.com:9092
  default_topic app
  output_data_type json
  output_include_time true
</match>`,
  differences: kafkaDifferences,
  check({ options }) {
    const problem =
      (options.zookeeper === undefined ? undefined : 'zookeeper: Kafka has none since version 4; write brokers') ??
      connectionProblem(options, options.brokers, options.saslOverSsl) ??
      topicProblem('default_topic', options.defaultTopic) ??
      oldProblem(options);
    if (problem !== undefined) throw new Error(problem);
  },
  create({ options, at }, context) {
    const own = {
      cluster: rubyCluster(options, options.clientId),
      partitioner: `ruby-${options.partitionerHashFunction}` as const,
      partitionKeyField: options.partitionKeyKey,
      defaultPartitionKey: options.defaultPartitionKey,
      excludesPartitionKey: options.excludePartitionKey,
    };
    return new KafkaOutput(oldSettings(options, own, at), context);
  },
});
