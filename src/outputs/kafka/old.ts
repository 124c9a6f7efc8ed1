/** What the outputs for Fluentd v0.12 have in common: output_data_type, tag and time as fields. */
import type { PluginModel } from '../../config/model.ts';
import type { Batch } from '../../core/batch.ts';
import type { Location } from '../../core/errors.ts';
import { boolean, integer, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { Value } from '../../core/record.ts';
import { withFields } from '../../codecs/fields.ts';
import { compileStrftime } from '../../codecs/strftime.ts';
import { deliverySettings } from './fluentd.ts';
import type { Lowered, addressFields, commonOptions } from './fluentd.ts';
import type { KafkaSettings } from './settings.ts';

export const oldOptions = {
  outputDataType: text(
    'How records are written: json, ltsv, msgpack, attr:field,field…, hash, out_file, single_value or stdout.',
    {
      default: 'json',
    },
  ),
  outputIncludeTag: boolean('Adds the field tag.', { default: false }),
  outputIncludeTime: boolean('Adds the field time.', { default: false }),
  timeFormat: text('How that time is written (strftime); seconds since 1970 where it is not.'),
  fieldSeparator: text('What separates the fields of attr: TAB, SPACE, COMMA or SOH.', { default: 'TAB' }),
  ackTimeoutMs: integer(0)('An older way to write ack_timeout, in milliseconds.'),
};
type Old = OptionValues<typeof oldOptions & typeof commonOptions> &
  Partial<OptionValues<typeof addressFields>> & {
    readonly idempotent?: boolean;
    readonly discardKafkaDeliveryFailed?: boolean;
  };

/** Formats that need no option. */
const formats: ReadonlySet<string> = new Set(['json', 'ltsv', 'msgpack', 'hash', 'out_file', 'single_value', 'stdout']);

const separators: readonly (readonly [RegExp, string])[] = [
  [/SPACE/i, ' '],
  [/COMMA/i, ','],
  [/SOH/i, '\x01'],
];

export function oldProblem({ outputDataType }: Old): string | undefined {
  if (/^attr:[\s,]*$/.test(outputDataType)) return 'output_data_type attr: names no field';
  if (outputDataType.startsWith('attr:') || formats.has(outputDataType)) return undefined;
  return `output_data_type ${JSON.stringify(outputDataType)}: ${[...formats].join(', ')} or attr:field,… was expected; kafka2 takes any <format>`;
}

export function oldSettings(options: Old, own: Lowered, at: Location): KafkaSettings {
  const topicField = options.topicKey ?? 'topic';
  const keyField = options.messageKeyKey ?? 'message_key';
  const partitionField = options.partitionKey ?? 'partition';
  const excluded = [
    [options.excludeTopicKey, topicField],
    [own.excludesPartitionKey, own.partitionKeyField],
    [options.excludePartition, partitionField],
    [options.excludeMessageKey, keyField],
  ] as const;
  const delivery = deliverySettings(options);
  return {
    ...own,
    ...delivery,
    ackTimeoutMs: options.ackTimeoutMs ?? delivery.ackTimeoutMs,
    topic: {
      template: undefined,
      field: topicField,
      fallback: options.defaultTopic,
      replacesUnknown: false,
      allowed: undefined,
    },
    keyField,
    partitionField,
    excludedKeys: excluded.flatMap(([isExcluded, name]) => (isExcluded && name !== undefined ? [name] : [])),
    excludedFields: [],
    headers: {},
    headersFromRecord: {},
    recordKey: undefined,
    rawField: undefined,
    formatter: formatterOf(options, at),
    inject: compileAdditions(options),
    refusesUndelivered: options.discardKafkaDeliveryFailed ?? false,
    isIdempotent: options.idempotent === true || options.exactlyOnce,
  };
}

function formatterOf(
  { outputDataType, outputIncludeTag, outputIncludeTime, fieldSeparator }: Old,
  at: Location,
): PluginModel | string | undefined {
  if (outputDataType === 'json') return undefined;
  const made = (type: string, values: PluginModel['options']): PluginModel => ({
    kind: 'formatter',
    type,
    options: values,
    sections: {},
    at,
  });
  const line = { newline: 'lf', addNewline: false } as const;
  if (outputDataType === 'ltsv')
    return made('ltsv', { ...line, delimiter: '\t', labelDelimiter: ':', replacement: ' ' });
  if (!outputDataType.startsWith('attr:')) return outputDataType;
  const named = outputDataType.slice('attr:'.length).split(',');
  const fields = [
    ...(outputIncludeTag ? ['tag'] : []),
    ...(outputIncludeTime ? ['time'] : []),
    ...named.map((name) => name.trim()).filter((name) => name !== ''),
  ];
  const delimiter = separators.find(([pattern]) => pattern.test(fieldSeparator))?.[1] ?? '\t';
  return made('tsv', { ...line, keys: fields, delimiter });
}

/** The fields tag and time. */
function compileAdditions({ outputIncludeTag, outputIncludeTime, timeFormat }: Old): (batch: Batch) => Batch {
  if (!outputIncludeTag && !outputIncludeTime) return (batch) => batch;
  const write = timeFormat === undefined ? undefined : compileStrftime(timeFormat, { kind: 'local' });
  return (batch) =>
    batch.map((fields, row) => {
      const added: [string, Value][] = [];
      if (outputIncludeTime) {
        const seconds = batch.seconds(row);
        added.push(['time', write ? write(seconds, batch.nanos(row)) : seconds]);
      }
      if (outputIncludeTag) added.push(['tag', batch.tag]);
      return withFields(fields, added);
    });
}
