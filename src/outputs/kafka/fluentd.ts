/** What Fluentd's Kafka outputs have in common: options, their checks, and what they are lowered to. */
import type { BufferModel, PluginModel, InjectModel } from '../../config/model.ts';
import { compileAccessor } from '../../core/accessor.ts';
import { errorText } from '../../core/errors.ts';
import { boolean, bytes, bytesFrom, choice, duration, integer, list, map, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { checkPlaceholderKeys } from '../../codecs/chunk-placeholders.ts';
import { compileInject } from '../../codecs/inject.ts';
import { compressions } from '../../kafka/compression.ts';
import type { Compression } from '../../kafka/compression.ts';
import type { ClusterSettings } from '../../kafka/connect.ts';
import { connectionOptionTable, connectionProblem, saslOf, tlsOf } from '../../kafka/options.ts';
import type { ConnectionOptionValues } from '../../kafka/options.ts';
import type { PartitionerName } from '../../kafka/partitioners.ts';
import { topicNameProblem } from './addressing.ts';
import { batchBytesDefault, knowsField } from './settings.ts';
import type { KafkaSettings } from './settings.ts';

/** ruby-kafka's defaults: how long a broker may take to answer a connection, and any call. */
const connectTimeoutSeconds = 10;
const socketTimeoutSeconds = 30;
/** ruby-kafka's: how long a broker waits for its followers. */
const ackTimeoutMs = 5000;

/** What goes beyond the programs that they are named after. */
export const cursorOptions = {
  exactlyOnce: boolean(
    'Sends each record once, across crashes on both ends: in transactions, with what is done noted in cursor_topic. Implies idempotent, required_acks -1 and origin_header.',
    { default: false },
  ),
  cursorTopic: text('exactly_once: the compacted topic that notes what is done. It is made where it is missing.', {
    default: 'post2log-cursors',
  }),
  originHeader: boolean(
    'Sends a header with each record that says which one it is, so that a post2log that reads it twice stores it once.',
    { default: false },
  ),
};

/** Options of every one of them. */
export const commonOptions = {
  ...connectionOptionTable,
  defaultTopic: text('Topic of records that name none; without it their tag.'),
  defaultMessageKey: text('Key of records that have none.'),
  defaultPartition: integer(0)('Partition of records that name none; without it a key chooses, or chance.'),
  excludePartition: boolean('Leaves the field with the partition out of what is sent.', { default: false }),
  excludeMessageKey: boolean('Leaves the field with the key out of what is sent.', { default: false }),
  excludeTopicKey: boolean('Leaves the field with the topic out of what is sent.', { default: false }),
  maxSendRetries: integer(0, 1000)('How often a send is tried again at once, before its records wait for their turn.', {
    default: 2,
  }),
  requiredAcks: integer(-1)(
    'Replicas that must have a record before it counts as sent: all in sync (-1), or so many.',
    {
      default: -1,
    },
  ),
  ackTimeout: duration('How long a broker waits for its replicas; 5 s unless written.'),
  compressionCodec: choice(compressions)('How batches are compressed.'),
  useEventTime: boolean('Gives Kafka the record’s time, in place of the time it is sent.', { default: false }),
  maxSendLimitBytes: bytes('Records with a larger value are refused.'),
  ...cursorOptions,
  batchBytes: bytesFrom(1024)(
    'Largest batch of a partition, before compression; max.message.bytes of the topics must not be smaller.',
    { default: batchBytesDefault },
  ),
};

/** Options of those on ruby-kafka. */
export const rubyOptions = {
  ...commonOptions,
  brokers: list('Addresses of brokers to begin with, host:port each.', { default: ['localhost:9092'] }),
  defaultPartitionKey: text('What chooses the partition of records that have no partition key.'),
  partitionerHashFunction: choice(['crc32', 'murmur2'])(
    'How a key chooses its partition; murmur2 chooses as Kafka’s clients in Java do.',
    { default: 'crc32' },
  ),
  saslOverSsl: boolean('Refuses to log in without TLS.', { default: true }),
  excludePartitionKey: boolean('Leaves the field with the partition key out of what is sent.', { default: false }),
  activeSupportNotificationRegex: text('Statistics of the Ruby client as records.', {
    ignored: 'there is no such client here; /metrics tells what is sent',
  }),
};
export type RubyOptions = OptionValues<typeof rubyOptions>;

/** Fields that say where a record goes. */
export const addressFields = {
  topicKey: text('Field with the topic.', { default: 'topic' }),
  messageKeyKey: text('Field with the key.', { default: 'message_key' }),
  partitionKey: text('Field with the partition.', { default: 'partition' }),
};
export const partitionKeyField = {
  partitionKeyKey: text('Field with what chooses the partition.', { default: 'partition_key' }),
};

/** Those of the newer plugins. */
export const modernOptions = {
  topic: text('Topic; may hold ${tag}, ${tag[1]}, ${field} and time formats of the chunk keys.'),
  useDefaultForUnknownTopic: boolean('Sends to default_topic what is for a topic that the brokers do not know.', {
    default: false,
  }),
  recordKey: text('Sends only the value at this place of the record, such as $.payload.'),
  excludeFields: list('More fields to leave out of what is sent, as record accessors.'),
  headers: map('Headers of each record.'),
  headersFromRecord: map('Headers with a value from the record: name and record accessor.'),
  discardKafkaDeliveryFailed: boolean('Refuses what could not be sent, in place of waiting until it can.', {
    default: false,
  }),
  idempotent: boolean('Has brokers take each batch once, however often it is sent.', { default: false }),
  shareProducer: boolean('One producer for all flush threads.', { ignored: 'there is one in any case' }),
};
type Modern = OptionValues<typeof modernOptions & typeof addressFields & typeof commonOptions>;

/** What the plugins have besides the options they share. */
export interface Lowered {
  readonly cluster: ClusterSettings;
  readonly partitioner: PartitionerName;
  readonly partitionKeyField: string | undefined;
  readonly defaultPartitionKey: string | undefined;
  readonly excludesPartitionKey: boolean;
}

/** The cluster of a plugin on ruby-kafka. */
export function rubyCluster(
  options: RubyOptions,
  clientId: string,
  timeouts: { readonly connect?: number | undefined; readonly socket?: number | undefined } = {},
): ClusterSettings {
  return {
    brokers: options.brokers,
    clientId,
    connectTimeoutMs: (timeouts.connect ?? connectTimeoutSeconds) * 1000,
    requestTimeoutMs: (timeouts.socket ?? socketTimeoutSeconds) * 1000,
    tls: tlsOf(options),
    sasl: saslOf(options),
  };
}

/** Settings of a newer plugin. */
export function modernSettings(
  options: Modern,
  own: Lowered,
  buffer: BufferModel,
  formatter: PluginModel | undefined,
  inject: InjectModel | undefined,
): KafkaSettings {
  const { topicKey, messageKeyKey, partitionKey, exactlyOnce } = options;
  const excluded = [
    [options.excludeTopicKey, topicKey],
    [own.excludesPartitionKey, own.partitionKeyField],
    [options.excludePartition, partitionKey],
    [options.excludeMessageKey, messageKeyKey],
  ] as const;
  return {
    ...own,
    ...deliverySettings(options),
    topic: {
      template: options.topic,
      // A field has a say only where the chunks know it, as in Fluentd: `topic` where no chunk key is written.
      field:
        knowsField(buffer, topicKey) && (buffer.chunkKeys.length > 0 || topicKey === 'topic') ? topicKey : undefined,
      fallback: options.defaultTopic,
      replacesUnknown: options.useDefaultForUnknownTopic,
      allowed: undefined,
    },
    keyField: messageKeyKey,
    partitionField: partitionKey,
    excludedKeys: excluded.flatMap(([isExcluded, name]) => (isExcluded && name !== undefined ? [name] : [])),
    excludedFields: (options.excludeFields ?? []).map(compileAccessor),
    headers: options.headers ?? {},
    headersFromRecord: options.headersFromRecord ?? {},
    recordKey: options.recordKey === undefined ? undefined : compileAccessor(options.recordKey),
    rawField: undefined,
    formatter: valueFormat(formatter),
    inject: compileInject(inject),
    refusesUndelivered: options.discardKafkaDeliveryFailed,
    isIdempotent: options.idempotent || exactlyOnce,
  };
}

/** How batches are sent. */
export function deliverySettings(options: OptionValues<typeof commonOptions>) {
  const { exactlyOnce, requiredAcks } = options;
  return {
    defaultKey: options.defaultMessageKey,
    defaultPartition: options.defaultPartition,
    usesRecordTime: options.useEventTime,
    recordBytesMax: options.maxSendLimitBytes,
    batchBytesMax: options.batchBytes,
    // Brokers since 0.9 know none, one and all.
    acks: exactlyOnce || requiredAcks < 0 || requiredAcks > 1 ? -1 : requiredAcks === 0 ? 0 : 1,
    ackTimeoutMs: options.ackTimeout ?? ackTimeoutMs,
    compression: options.compressionCodec ?? ('none' satisfies Compression),
    sendRetries: options.maxSendRetries,
    isExactlyOnce: exactlyOnce,
    cursorTopic: options.cursorTopic,
    sendsOrigin: options.originHeader || exactlyOnce,
  } as const;
}

/** Undefined for JSON, which these plugins write without a line end; LTSV is, too. */
function valueFormat(formatter: PluginModel | undefined): PluginModel | undefined {
  if (!formatter || formatter.type === 'json') return undefined;
  if (formatter.type !== 'ltsv') return formatter;
  return { ...formatter, options: { ...formatter.options, addNewline: false } };
}

/** What is wrong with options of a newer plugin; undefined: nothing. */
export function modernProblem(
  options: Modern,
  connection: ConnectionOptionValues,
  brokers: readonly string[],
  saslNeedsTls: boolean,
  buffer: BufferModel | undefined,
): string | undefined {
  const { topic, defaultTopic, exactlyOnce } = options;
  if (options.useDefaultForUnknownTopic && defaultTopic === undefined)
    return 'use_default_for_unknown_topic needs default_topic';
  if (exactlyOnce && options.discardKafkaDeliveryFailed)
    return 'exactly_once and discard_kafka_delivery_failed exclude each other: what is in doubt can be neither sent nor refused';
  for (const one of [...(options.excludeFields ?? []), ...Object.values(options.headersFromRecord ?? {})])
    try {
      compileAccessor(one);
    } catch (error) {
      return errorText(error);
    }
  if (topic !== undefined && buffer) checkPlaceholderKeys('topic', topic, buffer);
  return (
    connectionProblem(connection, brokers, saslNeedsTls) ??
    topicProblem('topic', topic) ??
    topicProblem('default_topic', defaultTopic) ??
    topicProblem('cursor_topic', options.cursorTopic)
  );
}

/** A topic that is fixed must be one. */
export function topicProblem(option: string, topic: string | undefined): string | undefined {
  if (topic === undefined || /[$%]/.test(topic)) return undefined;
  const problem = topicNameProblem(topic);
  return problem === undefined ? undefined : `${option}: ${problem}`;
}

/** For the cursor's identity: where records go. */
export function targetOf(brokers: readonly string[], topic: string | undefined): string {
  return `${brokers.join(',')}${topic === undefined ? '' : `/${topic}`}`;
}
