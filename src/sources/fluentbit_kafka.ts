/** Fluent Bit's `kafka` input, which goes by `fluentbit_kafka` elsewhere. Source: Fluent Bit 5.1 in_kafka/in_kafka.c, with librdkafka 2. */
import { fluentbitForm } from '../core/fluentbit.ts';
import { bytes, choice, list, map, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { brokersProblem, rdkafkaProblem, rdkafkaSettings } from '../kafka/rdkafka.ts';
import { KafkaSource } from './kafka/source.ts';

export const fluentbitKafkaSource = definePlugin({
  kind: 'source',
  name: 'fluentbit_kafka',
  summary: 'Reads Kafka topics as a member of a consumer group, each record with its topic, partition, offset and key.',
  options: {
    tag: text('The tag of all records.', { required: true }),
    brokers: list('Addresses of brokers to begin with, host:port each.', { required: true }),
    topics: list('Topics to read; one that begins with ^ is an expression for their names.', { required: true }),
    groupId: text('The consumer group.', { default: 'fluent-bit' }),
    clientId: text('The name that brokers log.', { default: 'fluent-bit' }),
    format: choice(['none', 'json'])('Whether values are JSON, and become part of the record.', { default: 'none' }),
    bufferMaxSize: bytes('Bytes of a partition that are read at a time.', { default: 4 * 1024 * 1024 }),
    rdkafkaOptions: map('Properties of librdkafka.'),
  },
  example: '',
  fluentbit: fluentbitForm({
    options: { brokers: {}, topics: {}, groupId: {}, clientId: {}, format: {}, bufferMaxSize: {} },
    names: ['kafka'],
    repeated: { 'rdkafka.*': 'A property of librdkafka.' },
    ignored: {
      poll_ms: 'records are read as they come',
      poll_timeout_ms: 'records are read as they come',
      enable_auto_commit: 'the group hears once a second, and the journal knows at once',
    },
    lower({ pairs, tag }) {
      const named = pairs.map(({ key, value }) => [key.slice('rdkafka.'.length), value] as const);
      return { options: { tag, rdkafkaOptions: Object.fromEntries(named) } };
    },
    example: `[INPUT]
    Name     kafka
    Brokers  kafka.example.com:9092
    Topics   app
    Group_Id aggregator
    Format   json`,
  }),
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Notes how far it read apart from its buffer, and before records are delivered: after a crash records are missing or there twice. Here: both in one write to the journal, so that each is there once.',
    },
    {
      peer: 'fluentbit',
      verdict: 'unsupported',
      text: 'Logs in with AWS IAM, OAuth or Kerberos. Here with SASL/PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and client certificates.',
    },
  ],
  check({ options }) {
    const found = rdkafkaSettings(options.rdkafkaOptions ?? {}, options.brokers);
    const problem =
      rdkafkaProblem(options.rdkafkaOptions ?? {}) ??
      brokersProblem(found.cluster.brokers) ??
      (options.topics.length === 0 ? 'topics: there is none' : undefined);
    if (problem !== undefined) throw new Error(problem);
  },
  create({ options }, context) {
    const found = rdkafkaSettings(options.rdkafkaOptions ?? {}, options.brokers);
    const settings = {
      cluster: { ...found.cluster, clientId: options.rdkafkaOptions?.['client.id'] ?? options.clientId },
      reads: {
        kind: 'group',
        groupId: found.groupId ?? options.groupId,
        topics: options.topics
          .map((topic) => topic.trim())
          .map((topic) => (topic.startsWith('^') ? `/${topic}/` : topic)),
        sessionTimeoutMs: found.sessionTimeoutMs,
      },
      begins: found.begins,
      fetch: {
        waitMs: found.fetchWaitMs,
        bytesMin: found.fetchBytesMin,
        partitionBytesMax: Math.max(1, options.bufferMaxSize),
      },
      records: {
        format: options.format === 'json' ? 'whole-json' : 'whole',
        textKey: 'payload',
        tagPrefix: undefined,
        tagSuffix: undefined,
        tagField: undefined,
        fixedTag: options.tag,
        time: 'now',
        timeField: 'time',
        timeFormat: undefined,
        keyField: undefined,
        addsHeaders: false,
        addsOffset: false,
      },
    } as const;
    return new KafkaSource(settings, context);
  },
});
