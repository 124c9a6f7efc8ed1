/** Options that Fluentd's Kafka sources share. Source: fluent-plugin-kafka 0.19 in_kafka.rb, in_kafka_group.rb. */
import type { PluginModel } from '../../config/model.ts';
import { boolean, choice, list, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { connectionOptionTable } from '../../kafka/options.ts';
import type { RecordSettings } from './settings.ts';

export const recordOptionTable = {
  format: choice(['json', 'text', 'ltsv', 'msgpack'])('What values are; anything else is named in a <parse> section.', {
    default: 'json',
  }),
  messageKey: text('Field for the values of format text.', { default: 'message' }),
  addPrefix: text('Goes before the topic in the tag; a dot comes between.'),
  addSuffix: text('Goes behind the topic in the tag; a dot comes between.'),
  useRecordTime: boolean('An older way to write time_source record.', { default: false }),
  timeSource: choice(['now', 'kafka', 'record'])(
    'The time of a record: when it is read, what Kafka has, or what its own field says.',
    { default: 'now' },
  ),
  recordTimeKey: text('Field with the time, for time_source record.', { default: 'time' }),
  timeFormat: text('How that field is read; seconds since 1970 where it is not written.'),
  kafkaMessageKey: text('Field for the key of the Kafka record.'),
};
type RecordOptionValues = OptionValues<typeof recordOptionTable>;

/** Those on ruby-kafka. */
export const rubySourceOptions = {
  ...connectionOptionTable,
  ...recordOptionTable,
  brokers: list('Addresses of brokers to begin with, host:port each.', { default: ['localhost:9092'] }),
  clientId: text('The name that brokers log.', { default: 'kafka' }),
  saslOverSsl: boolean('Refuses to log in without TLS.', { default: true }),
  tagSource: choice(['topic', 'record'])('Where tags come from.', { default: 'topic' }),
  recordTagKey: text('Field with the tag, for tag_source record.', { default: 'tag' }),
  getKafkaClientLog: boolean('Logs what the client library logs.', { ignored: 'failures are logged in any case' }),
};

/** What of a source's options is about records. */
export function recordSettings(
  options: RecordOptionValues,
  own: {
    readonly parser: PluginModel | undefined;
    readonly tagField?: string | undefined;
    readonly addsHeaders?: boolean;
    readonly addsOffset?: boolean;
  },
): RecordSettings {
  const { format, useRecordTime, timeSource } = options;
  return {
    format: formatOf(format, own.parser),
    textKey: options.messageKey,
    tagPrefix: options.addPrefix,
    tagSuffix: options.addSuffix,
    tagField: own.tagField,
    fixedTag: undefined,
    time: useRecordTime ? 'record' : timeSource,
    timeField: options.recordTimeKey,
    timeFormat: options.timeFormat,
    keyField: options.kafkaMessageKey,
    addsHeaders: own.addsHeaders ?? false,
    addsOffset: own.addsOffset ?? false,
  };
}

function formatOf(format: RecordOptionValues['format'], parser: PluginModel | undefined): RecordSettings['format'] {
  if (parser) return { parser };
  return format === 'ltsv' ? { parser: 'ltsv' } : format;
}
