/**
 * The `elasticsearch_genid` filter: gives each record an id, for `id_key` of the output. Source: fluent-plugin-elasticsearch
 * 5.4 filter_elasticsearch_genid.rb, fluent-plugin-opensearch 1.1 filter_opensearch_genid.rb.
 */
import { createHash } from 'node:crypto';
import { rubyText } from '../codecs/ruby.ts';
import type { Batch } from '../core/batch.ts';
import { boolean, choice, list, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import {
  copyFields,
  fieldKeys,
  fieldsFromEntries,
  fieldEntries,
  getField,
  needsExactKey,
  setField,
} from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const options = {
  hashIdKey: text('The field that gets the id.', { default: '_hash' }),
  includeTagInSeed: boolean('Whether the tag is part of what the id is made of.', { default: false }),
  includeTimeInSeed: boolean('Whether the time is, in seconds.', { default: false }),
  useRecordAsSeed: boolean('Makes the id of what the record holds, so that equal records have the same.', {
    default: false,
  }),
  useEntireRecord: boolean('Whether all fields count, not those of record_keys.', { default: false }),
  recordKeys: list('Fields that count.', { default: [] }),
  separator: text('What stands between the parts.', { default: '_' }),
  hashType: choice(['md5', 'sha1', 'sha256', 'sha512'])('How the parts become an id.', { default: 'sha1' }),
};

export const elasticsearchGenidFilter = definePlugin({
  kind: 'filter',
  name: 'elasticsearch_genid',
  aliases: ['opensearch_genid'],
  summary: 'Gives each record an id, which the output takes with id_key, so that what is sent twice is stored once.',
  options,
  example: `<filter app.**>
  @type elasticsearch_genid
  hash_id_key _hash
  use_record_as_seed true
  record_keys request_id, message
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Without `use_record_as_seed` the id is a random one, another one each time a record is filtered. Here it is made from the id that the record has in the journal.',
      options: ['useRecordAsSeed'],
    },
  ],
  check({ options: { useEntireRecord, useRecordAsSeed, recordKeys } }) {
    if (!useEntireRecord && useRecordAsSeed && recordKeys.length === 0)
      throw new Error('use_record_as_seed needs record_keys, or use_entire_record true');
  },
  create: ({ options: values }) => ({
    apply: (batch) =>
      batch.map((fields, row) =>
        withField(fields, values.hashIdKey, Buffer.from(idOf(values, batch, row)).toString('base64')),
      ),
  }),
});

function withField(fields: Fields, key: string, value: Value): Fields {
  if (!(fields instanceof Map) && needsExactKey(key)) return fieldsFromEntries([...fieldEntries(fields), [key, value]]);
  const copy = copyFields(fields);
  setField(copy, key, value);
  return copy;
}

function idOf(values: OptionValues<typeof options>, batch: Batch, row: number): Uint8Array | string {
  if (!values.useRecordAsSeed) return uuidOf(`${batch.block.parts.shard}-${batch.offset(row)} ${values.hashIdKey}`);
  const { separator } = values;
  const fields = batch.fields(row);
  let seed = '';
  if (values.includeTagInSeed) seed += batch.tag + separator;
  if (values.includeTimeInSeed) seed += `${batch.seconds(row)}${separator}`;
  if (values.useEntireRecord)
    for (const key of fieldKeys(fields).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))))
      seed += `|${key}|${rubyText(getField(fields, key))}`;
  else
    seed += joined(
      values.recordKeys.map((key) => getField(fields, key)),
      separator,
    );
  return createHash(values.hashType).update(seed).digest();
}

/** Ruby's Array#join: arrays in it are joined too. */
function joined(values: readonly (Value | undefined)[], separator: string): string {
  return values.map((value) => (Array.isArray(value) ? joined(value, separator) : rubyText(value))).join(separator);
}

/** A UUID in the form of a random one. */
function uuidOf(name: string): string {
  const bytes = createHash('sha256').update(name).digest();
  bytes.writeUInt8((bytes.readUInt8(6) & 15) | 64, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 63) | 128, 8);
  return bytes.toString('hex', 0, 16).replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
