/** The `kafka2` output. Source: fluent-plugin-kafka 0.19 out_kafka2.rb, with ruby-kafka 1.5. */
import { boolean, integer, list, secret, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { kafkaDifferences } from './kafka/differences.ts';
import {
  addressFields,
  modernOptions,
  modernProblem,
  modernSettings,
  partitionKeyField,
  rubyCluster,
  rubyOptions,
  targetOf,
} from './kafka/fluentd.ts';
import { KafkaOutput } from './kafka/output.ts';

export const kafka2Output = definePlugin({
  kind: 'output',
  name: 'kafka2',
  summary: 'Sends records to Kafka, to a topic of the configuration, of a field or of the tag.',
  options: {
    ...rubyOptions,
    ...addressFields,
    ...partitionKeyField,
    ...modernOptions,
    clientId: text('The name that brokers log.', { default: 'fluentd' }),
    connectTimeout: integer(1)('Seconds for a connection to open; 10 unless written.'),
    socketTimeout: integer(1)('Seconds for an answer; 30 unless written.'),
    resolveSeedBrokers: boolean('Looks up all addresses of a broker.', {
      ignored: 'the system tries all addresses of a name in any case',
    }),
    getKafkaClientLog: boolean('Logs what the client library logs.', { ignored: 'failures are logged in any case' }),
    ignoreExceptions: list('Names of Ruby exceptions after which a chunk is not tried again.', {
      ignored: 'there are none here; what can never be delivered is refused alone, all else waits',
    }),
    exceptionBackup: boolean('Keeps chunks that ignore_exceptions gave up.', {
      ignored: 'what is refused goes to the secondary or the dead letters in any case',
    }),
    saslAwsMskIamAccessKeyId: text('AWS access key of an MSK login: comes with a later version.'),
    saslAwsMskIamSecretKeyId: secret('AWS secret key id of an MSK login: comes with a later version.'),
    saslAwsMskIamAwsRegion: text('AWS region of an MSK login: comes with a later version.'),
  },
  defaultFormatter: 'json',
  usesInject: true,
  // Fluentd waits for a minute; a second makes batches large enough, and records arrive while somebody still looks.
  buffer: { flushMode: 'interval', flushIntervalMs: 1000 },
  target: ({ brokers, topic, defaultTopic }) => targetOf(brokers, topic ?? defaultTopic),
  example: `<match app.**>
  @type kafka2
  brokers kafka-1.example.com:9092,kafka-2.example.com:9092
  default_topic app
  use_event_time true
  compression_codec zstd
  <format>
    @type json
  </format>
  <buffer topic>
    flush_interval 5s
  </buffer>
</match>`,
  differences: kafkaDifferences,
  check({ options }, buffer) {
    const aws = [options.saslAwsMskIamAccessKeyId, options.saslAwsMskIamSecretKeyId, options.saslAwsMskIamAwsRegion];
    if (aws.some((one) => one !== undefined))
      throw new Error('sasl_aws_msk_iam_…: login with AWS IAM comes with a later version; use SCRAM or TLS');
    const problem = modernProblem(options, options, options.brokers, options.saslOverSsl, buffer);
    if (problem !== undefined) throw new Error(problem);
  },
  create({ options, formatter, inject }, context) {
    const own = {
      cluster: rubyCluster(options, options.clientId, {
        connect: options.connectTimeout,
        socket: options.socketTimeout,
      }),
      partitioner: `ruby-${options.partitionerHashFunction}` as const,
      partitionKeyField: options.partitionKeyKey,
      defaultPartitionKey: options.defaultPartitionKey,
      excludesPartitionKey: options.excludePartitionKey,
    };
    return new KafkaOutput(modernSettings(options, own, context.buffer, formatter, inject), context);
  },
});
