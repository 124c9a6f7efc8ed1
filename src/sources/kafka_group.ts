/** The `kafka_group` source: topics, shared with the other members of a consumer group. Source: fluent-plugin-kafka 0.19 in_kafka_group.rb. */
import { boolean, integer, list, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { connectionProblem, saslOf, tlsOf } from '../kafka/options.ts';
import { sourceDifferences } from './kafka/differences.ts';
import { recordSettings, rubySourceOptions } from './kafka/fluentd.ts';
import { KafkaSource } from './kafka/source.ts';

const waits = 'it waits as long as it takes';

export const kafkaGroupSource = definePlugin({
  kind: 'source',
  name: 'kafka_group',
  summary: 'Reads Kafka topics as a member of a consumer group, each record once; how far is kept with the records.',
  options: {
    ...rubySourceOptions,
    consumerGroup: text('The consumer group.', { required: true }),
    topics: list('Topics to read; /…/ is an expression for their names.', { required: true }),
    addHeaders: boolean('Adds the headers of the Kafka record as fields.', { default: false }),
    startFromBeginning: boolean('Begins at the oldest record where the group has not read a topic before.', {
      default: true,
    }),
    connectTimeout: integer(1)('Seconds for a connection to open; 10 unless written.'),
    socketTimeout: integer(1)('Seconds for an answer; 30 unless written.'),
    maxBytes: integer(1)('Bytes of a partition that are read at a time.', { default: 1_048_576 }),
    maxWaitTime: integer(0)('Seconds that a read waits for records; 1 unless written.'),
    minBytes: integer(0)('Bytes that a read waits for.'),
    sessionTimeout: integer(1, 1800)('Seconds after which a silent member is out of the group; 30 unless written.'),
    offsetCommitInterval: integer(0)('Seconds between two notes to the group.', {
      ignored: 'the group hears once a second, and the journal knows at once',
    }),
    offsetCommitThreshold: integer(0)('Records between two notes to the group.', {
      ignored: 'the group hears once a second, and the journal knows at once',
    }),
    fetcherMaxQueueSize: integer(1)('Fetched batches that are held.', { ignored: 'one answer is held at a time' }),
    refreshTopicInterval: integer(0)('Seconds between two looks for new topics.', {
      ignored: 'they are looked for once a minute',
    }),
    retryEmitLimit: integer(0)('Seconds to wait while the buffer is full.', { ignored: waits }),
    retryWaitSeconds: integer(0)('Seconds before it connects again.', { ignored: 'it waits half a second at first' }),
    disableRetryLimit: boolean('Tries to connect without end.', { ignored: waits }),
    retryLimit: integer(0)('Tries to connect.', { ignored: waits }),
  },
  usesParser: true,
  example: `<source>
  @type kafka_group
  brokers kafka-1.example.com:9092,kafka-2.example.com:9092
  consumer_group aggregator
  topics app,/^edge-.+/
  add_prefix kafka
</source>`,
  differences: sourceDifferences,
  check({ options }) {
    const problem = connectionProblem(options, options.brokers, options.saslOverSsl);
    if (problem !== undefined) throw new Error(problem);
    for (const topic of options.topics.filter((one) => /^\/.+\/$/.test(one)))
      if (!isExpression(topic.slice(1, -1))) throw new Error(`topics: ${topic} is no expression`);
    if (options.topics.length === 0) throw new Error('topics: there is none');
  },
  create({ options, parser }, context) {
    const tagField = options.tagSource === 'record' ? options.recordTagKey : undefined;
    const settings = {
      cluster: {
        brokers: options.brokers,
        clientId: options.clientId,
        connectTimeoutMs: (options.connectTimeout ?? 10) * 1000,
        requestTimeoutMs: (options.socketTimeout ?? 30) * 1000,
        tls: tlsOf(options),
        sasl: saslOf(options),
      },
      reads: {
        kind: 'group',
        groupId: options.consumerGroup,
        topics: options.topics.map((topic) => topic.trim()),
        sessionTimeoutMs: (options.sessionTimeout ?? 30) * 1000,
      },
      begins: options.startFromBeginning ? 'earliest' : 'latest',
      fetch: {
        waitMs: (options.maxWaitTime ?? 1) * 1000,
        bytesMin: options.minBytes ?? 1,
        partitionBytesMax: options.maxBytes,
      },
      records: recordSettings(options, { parser, tagField, addsHeaders: options.addHeaders }),
    } as const;
    return new KafkaSource(settings, context);
  },
});

function isExpression(source: string): boolean {
  try {
    return new RegExp(source).source !== '';
  } catch {
    return false;
  }
}
