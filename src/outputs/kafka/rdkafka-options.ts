/** What Fluentd's outputs on librdkafka have in common. Source: fluent-plugin-kafka 0.19 out_rdkafka.rb, out_rdkafka2.rb. */
import { bytes, integer, list, map, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { connectionProblem, saslOf, tlsOf } from '../../kafka/options.ts';
import { rdkafkaProblem, rdkafkaSettings } from '../../kafka/rdkafka.ts';
import type { RdkafkaSettings } from '../../kafka/rdkafka.ts';
import { commonOptions } from './fluentd.ts';
import type { Lowered } from './fluentd.ts';
import type { KafkaSettings } from './settings.ts';

const queue = 'there is no queue here besides the journal';

export const rdkafkaOptions = {
  ...commonOptions,
  brokers: list('Addresses of brokers to begin with, host:port each.', { default: ['localhost:9092'] }),
  rdkafkaOptions: map('Properties of librdkafka; what they say goes before other options.'),
  serviceName: text('Kerberos service name: this kind of login comes with a later version.'),
  rdkafkaBufferingMaxMs: integer(0)('Longest time in the queue.', { ignored: queue }),
  rdkafkaBufferingMaxMessages: integer(0)('Records in the queue.', { ignored: queue }),
  rdkafkaMessageMaxBytes: integer(0)('Largest batch; a record above it stands alone.'),
  rdkafkaMessageMaxNum: integer(0)('Records of a batch.', { ignored: 'batch_bytes bounds batches' }),
  rdkafkaDeliveryHandlePollTimeout: integer(0)('Seconds to wait for a delivery.', {
    ignored: 'a chunk counts as delivered when the brokers have said so',
  }),
  maxEnqueueRetries: integer(0)('Tries to put a record into a full queue.', { ignored: queue }),
  enqueueRetryBackoff: integer(0)('Seconds between them.', { ignored: queue }),
  maxEnqueueBytesPerSecond: bytes('Bytes that go into the queue a second.', { ignored: queue }),
};
export type RdkafkaOptions = OptionValues<typeof rdkafkaOptions>;

export function rdkafkaOptionsProblem(options: RdkafkaOptions): string | undefined {
  const problem = rdkafkaProblem(options.rdkafkaOptions ?? {});
  if (problem !== undefined) return `rdkafka_options: ${problem}`;
  return connectionProblem(options, settingsIn(options).cluster.brokers, false);
}

function settingsIn(options: RdkafkaOptions): RdkafkaSettings {
  return rdkafkaSettings(options.rdkafkaOptions ?? {}, options.brokers);
}

/** Cluster and partitioner. Properties go before options of the plugin. */
export function rdkafkaLowered(options: RdkafkaOptions): Lowered {
  const { cluster, partitioner } = settingsIn(options);
  const isWritten = options.rdkafkaOptions?.['security.protocol'] !== undefined;
  return {
    cluster: isWritten ? cluster : { ...cluster, tls: tlsOf(options), sasl: saslOf(options) },
    partitioner,
    partitionKeyField: undefined,
    defaultPartitionKey: undefined,
    excludesPartitionKey: false,
  };
}

/** What the properties say of the way batches are sent, over what the options said. */
export function withProperties(settings: KafkaSettings, options: RdkafkaOptions): KafkaSettings {
  const properties = options.rdkafkaOptions ?? {};
  const found = settingsIn(options);
  const has = (...names: string[]): boolean => names.some((name) => properties[name] !== undefined);
  const isExactlyOnce = settings.isExactlyOnce || found.isTransactional;
  const acks = has('acks', 'request.required.acks') ? found.acks : settings.acks;
  return {
    ...settings,
    ...(has('compression.codec', 'compression.type') && { compression: found.compression }),
    ...(has('request.timeout.ms') && { ackTimeoutMs: found.ackTimeoutMs }),
    ...(found.sendRetries !== undefined && { sendRetries: found.sendRetries }),
    batchBytesMax: found.batchBytesMax ?? options.rdkafkaMessageMaxBytes ?? settings.batchBytesMax,
    acks: isExactlyOnce || found.isIdempotent ? -1 : acks,
    isIdempotent: settings.isIdempotent || found.isIdempotent || isExactlyOnce,
    isExactlyOnce,
    sendsOrigin: settings.sendsOrigin || isExactlyOnce,
  };
}
