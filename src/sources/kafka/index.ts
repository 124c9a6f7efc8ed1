/** The `kafka` source: partitions that are named. Source: fluent-plugin-kafka 0.19 in_kafka.rb. */
import { boolean, integer, list, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { PluginConfig, SectionTable } from '../../core/plugin.ts';
import { connectionProblem, saslOf, tlsOf } from '../../kafka/options.ts';
import { sourceDifferences } from './differences.ts';
import { recordSettings, rubySourceOptions } from './fluentd.ts';
import { KafkaSource } from './source.ts';

const options = {
  ...rubySourceOptions,
  host: text('Address of one broker, in place of brokers.'),
  port: integer(1, 65_535)('Port of that broker.'),
  topics: list('Topics to read; or <topic> sections.'),
  partition: integer(0)('The partition of them that is read.', { default: 0 }),
  offset: integer(-2)('Where to begin the first time: an offset, -1 behind the newest record, -2 at the oldest.', {
    default: -1,
  }),
  interval: integer(1)('Seconds that a read waits for records, unless max_wait_time says so.', { default: 1 }),
  addOffsetInRecord: boolean('Adds kafka_topic, kafka_partition and kafka_offset to each record.', { default: false }),
  maxBytes: integer(1)('Bytes of a partition that are read at a time; 1 MiB unless written.'),
  maxWaitTime: integer(0)('Seconds that a read waits for records.'),
  minBytes: integer(0)('Bytes that a read waits for.'),
  offsetZookeeper: text('ZooKeeper that keeps offsets.', { ignored: 'offsets lie in the journal, with the records' }),
  offsetZkRootNode: text('Node of ZooKeeper with them.', { ignored: 'offsets lie in the journal, with the records' }),
};
const sections = {
  topic: {
    summary: 'A topic and partition to read.',
    isMany: true,
    options: {
      topic: text('Name of the topic.', { required: true }),
      partition: integer(0)('The partition that is read.', { default: 0 }),
      offset: integer(-2)('Where to begin the first time; as the option above.', { default: -1 }),
    },
  },
} as const satisfies SectionTable;
type TopicOptions = OptionValues<(typeof sections)['topic']['options']>;
type Config = PluginConfig<typeof options>;

/** What in_kafka asks for where nothing is written: Kafka's own limit for a batch. */
const partitionBytes = 1024 * 1024;

export const kafkaSource = definePlugin({
  kind: 'source',
  name: 'kafka',
  summary: 'Reads partitions of Kafka topics, each record once; how far is kept with the records.',
  options,
  sections,
  usesParser: true,
  example: `<source>
  @type kafka
  brokers kafka.example.com:9092
  topics app
  partition 0
  offset -2
  add_prefix kafka
</source>`,
  differences: [
    ...sourceDifferences,
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Begins at `offset` at each start, unless ZooKeeper keeps how far it read. Here at the first start only.',
      options: ['offset', 'offsetZookeeper'],
    },
  ],
  check(config) {
    const brokers = brokersOf(config);
    const problem = connectionProblem(config.options, brokers, config.options.saslOverSsl);
    if (problem !== undefined) throw new Error(problem);
    if (entriesOf(config).length === 0) throw new Error('there is no topic: write topics, or <topic> sections');
  },
  create(config, context) {
    const { options: given, parser } = config;
    const records = recordSettings(given, {
      parser,
      tagField: given.tagSource === 'record' ? given.recordTagKey : undefined,
      addsOffset: given.addOffsetInRecord,
    });
    const settings = {
      cluster: {
        brokers: brokersOf(config),
        clientId: given.clientId,
        connectTimeoutMs: 10_000,
        requestTimeoutMs: 30_000,
        tls: tlsOf(given),
        sasl: saslOf(given),
      },
      reads: { kind: 'fixed', entries: entriesOf(config) },
      begins: 'latest',
      fetch: {
        waitMs: (given.maxWaitTime ?? given.interval) * 1000,
        bytesMin: given.minBytes ?? 1,
        partitionBytesMax: given.maxBytes ?? partitionBytes,
      },
      records,
    } as const;
    return new KafkaSource(settings, context);
  },
});

function brokersOf({ options: { host, port, brokers } }: Config): readonly string[] {
  return host === undefined && port === undefined ? brokers : [`${host ?? 'localhost'}:${port ?? 9092}`];
}

function entriesOf({ options: { topics, partition, offset }, sections: own }: Config) {
  if (topics) return topics.map((topic) => ({ topic: topic.trim(), partition, offset }));
  return (own['topic'] ?? []).map((section) => section.options as TopicOptions);
}
