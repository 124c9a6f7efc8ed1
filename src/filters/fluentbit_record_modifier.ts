/** The `fluentbit_record_modifier` filter, Fluent Bit's `record_modifier`. Source: Fluent Bit 5.1 filter_record_modifier/filter_modifier.c. */
import { createHash } from 'node:crypto';
import type { Batch } from '../core/batch.ts';
import { fluentbitForm, fluentbitWords, madeSection } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import { list, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const options = {
  removeKey: list('Fields to remove; compared without case, a * at the end stands for any text.', { default: [] }),
  allowlistKey: list('Fields to keep, all others are removed; compared as those of remove_key.', { default: [] }),
  uuidKey: text('The field that gets a UUID.'),
};

export const fluentbitRecordModifierFilter = definePlugin({
  kind: 'filter',
  name: 'fluentbit_record_modifier',
  summary: 'Adds fields to records and removes some, the way Fluent Bit’s record_modifier does.',
  options,
  sections: {
    record: { summary: 'Fields to set: name and text.', options: {}, isFreeform: true, isMany: true },
  },
  fluentbit: fluentbitForm({
    names: ['record_modifier'],
    options: { uuidKey: {} },
    repeated: {
      record: 'A field to set: name and text.',
      remove_key: 'A field to remove; compared without case, a * at the end stands for any text.',
      allowlist_key: 'A field to keep; all others are removed.',
      whitelist_key: 'The same.',
    },
    lower(written) {
      const values = (...keys: string[]) =>
        written.pairs.filter(({ key }) => keys.includes(key)).map(({ value }) => value);
      const records = written.pairs.filter(({ key }) => key === 'record').flatMap((pair) => recordOf(written, pair));
      return {
        options: { removeKey: values('remove_key'), allowlistKey: values('allowlist_key', 'whitelist_key') },
        sections: { record: records.length > 0 ? [madeSection({}, written.at, records)] : [] },
      };
    },
    example: `[FILTER]
    Name       record_modifier
    Match      *
    Record     cluster west
    Remove_key stream`,
  }),
  example: `<filter app.**>
  @type fluentbit_record_modifier
  remove_key stream
  <record>
    cluster west
  </record>
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      text: 'Leaves a key twice in a record where Record names a field that it has. Here the text of Record replaces it.',
    },
    {
      peer: 'fluentbit',
      text: 'The UUID is a random one. Here it is made from the id of the record, so that the record has the same one when it is filtered again.',
      options: ['uuidKey'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Passes over a Record without exactly a name and one word or quoted text. Here that is an error.',
    },
  ],
  check({ options: { removeKey, allowlistKey } }) {
    if (removeKey.length > 0 && allowlistKey.length > 0)
      throw new Error('Remove_key and Allowlist_key exclude each other; leave one out');
  },
  create({ options: values, sections }) {
    const added = (sections['record'] ?? []).flatMap(({ pairs }) =>
      pairs.map(({ key, value }): [string, Value] => [key, value]),
    );
    const stays = compileStays(values);
    return {
      apply(batch) {
        let isTouched = false;
        const made = Array.from({ length: batch.count }, (_, row) => {
          const own = values.uuidKey === undefined ? [] : [[values.uuidKey, uuidOf(batch, row, values.uuidKey)]];
          const fields = batch.fields(row);
          const after = modified(fields, stays, [...added, ...(own as [string, Value][])]);
          isTouched ||= after !== fields && (after !== undefined || fieldEntries(fields).length > 0);
          return after;
        });
        // Records without fields are dropped only beside others that something was taken from, as there.
        return isTouched ? batch.map((_fields, row) => made[row]) : batch;
      },
    };
  },
});

function recordOf({ error }: FluentbitWritten, { value, at, valueAt = at }: FluentbitWritten['pairs'][number]) {
  const [key, set, ...rest] = fluentbitWords(value) ?? [];
  if (key !== undefined && set !== undefined && rest.length === 0) return [{ key, value: set, at, valueAt }];
  error(valueAt, `Record ${value}: expected a name and a text; what holds blanks stands in quotation marks`);
  return [];
}

/** Which fields stay; undefined: all. */
function compileStays({
  removeKey,
  allowlistKey,
}: OptionValues<typeof options>): ((key: string) => boolean) | undefined {
  const listed = removeKey.length > 0 ? removeKey : allowlistKey;
  if (listed.length === 0) return undefined;
  const names = new Set<string>();
  const beginnings: string[] = [];
  for (const one of listed) {
    if (one.endsWith('*')) beginnings.push(one.slice(0, -1).toLowerCase());
    else names.add(one.toLowerCase());
  }
  const isAllowed = removeKey.length === 0;
  return (key) => {
    const lower = key.toLowerCase();
    return (names.has(lower) || beginnings.some((beginning) => lower.startsWith(beginning))) === isAllowed;
  };
}

/** Undefined where nothing is left: such a record is dropped, as there. */
function modified(
  fields: Fields,
  stays: ((key: string) => boolean) | undefined,
  added: readonly [string, Value][],
): Fields | undefined {
  if (!stays && added.length === 0) return fields;
  const before = fieldEntries(fields);
  const kept = stays ? before.filter(([key]) => stays(key)) : before;
  if (added.length === 0) {
    if (kept.length === 0) return undefined;
    return kept.length === before.length ? fields : fieldsFromEntries(kept);
  }
  return fieldsFromEntries([...kept, ...added]);
}

/** A UUID in the form of a random one, from the record's id and the field's name. */
function uuidOf(batch: Batch, row: number, key: string): string {
  const bytes = createHash('sha256')
    .update(`${batch.block.parts.shard}-${batch.offset(row)} ${key}`)
    .digest();
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-');
}
