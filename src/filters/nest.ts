/** The `nest` filter of Fluent Bit: puts fields into an object, or takes them out of one. Source: Fluent Bit 5.1 filter_nest/nest.c. */
import { fluentbitForm } from '../core/fluentbit.ts';
import { choice, list, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries, getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const options = {
  operation: choice(['nest', 'lift'])('nest puts fields into an object, lift takes them out of one.', {
    required: true,
  }),
  wildcard: list('The fields that nest puts there; a * at the end stands for any text.', { default: [] }),
  nestUnder: text('The field that gets the object.'),
  nestedUnder: text('The field whose fields lift takes out.'),
  addPrefix: text('Stands before the names of the fields that are moved.', {
    fluentbit: ['Add_prefix', 'Prefix_with'],
  }),
  removePrefix: text('Is taken from the beginning of their names.'),
};

export const nestFilter = definePlugin({
  kind: 'filter',
  name: 'nest',
  summary: 'Puts fields into an object, or takes the fields of an object out of it.',
  options,
  fluentbit: fluentbitForm({
    options: { operation: {}, nestUnder: {}, nestedUnder: {}, addPrefix: {}, removePrefix: {} },
    repeated: { wildcard: 'A field that is put into the object; a * at the end stands for any text.' },
    lower: ({ pairs }) => ({ options: { wildcard: pairs.map(({ value }) => value) } }),
    example: `[FILTER]
    Name       nest
    Match      *
    Operation  nest
    Wildcard   http_*
    Nest_under http
    Remove_prefix http_`,
  }),
  example: `<filter app.**>
  @type nest
  operation lift
  nested_under kubernetes
  add_prefix k8s_
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Starts without an Operation, and leaves records as they are. Here that is an error.',
      options: ['operation'],
    },
    {
      peer: 'fluentbit',
      text: 'Leaves a key twice in a record where a field that is moved has the name of another one. Here the one that is moved goes before the other.',
    },
  ],
  check({ options: values }) {
    if (values.addPrefix !== undefined && values.removePrefix !== undefined)
      throw new Error('Add_prefix and Remove_prefix exclude each other; leave one out');
    if (keyOf(values) === undefined)
      throw new Error(
        values.operation === 'nest'
          ? 'Operation nest needs Nest_under, the field that gets the object'
          : 'Operation lift needs Nested_under, the field whose fields are taken out',
      );
  },
  create({ options: values }, context) {
    const key = keyOf(values) ?? '';
    const rename = renamer(values);
    if (values.operation === 'nest') {
      const isNested = matcher(values.wildcard);
      return { apply: (batch) => batch.map((fields) => nested(fields, key, isNested, rename)) };
    }
    let isSaid = false;
    const noObject = () => {
      if (!isSaid) context.log.warn(`nest: field ${key} holds no object in some records; they are left as they are.`);
      isSaid = true;
    };
    return { apply: (batch) => batch.map((fields) => lifted(fields, key, rename, noObject)) };
  },
});

/** Fluent Bit takes either name for either operation. */
function keyOf({ operation, nestUnder, nestedUnder }: OptionValues<typeof options>): string | undefined {
  return operation === 'nest' ? (nestUnder ?? nestedUnder) : (nestedUnder ?? nestUnder);
}

function renamer({ addPrefix, removePrefix }: OptionValues<typeof options>): (key: string) => string {
  if (addPrefix !== undefined) return (key) => addPrefix + key;
  if (removePrefix === undefined) return (key) => key;
  return (key) => (key.startsWith(removePrefix) ? key.slice(removePrefix.length) : key);
}

function matcher(wildcards: readonly string[]): (key: string) => boolean {
  const exact = new Set(wildcards.filter((one) => !one.endsWith('*')));
  const beginnings = wildcards.filter((one) => one.endsWith('*')).map((one) => one.slice(0, -1));
  return (key) => exact.has(key) || beginnings.some((beginning) => key.startsWith(beginning));
}

function nested(
  fields: Fields,
  key: string,
  isNested: (key: string) => boolean,
  rename: (key: string) => string,
): Fields {
  const inside: [string, Value][] = [];
  const outside: [string, Value][] = [];
  for (const [name, value] of fieldEntries(fields)) {
    if (isNested(name)) inside.push([rename(name), value]);
    else outside.push([name, value]);
  }
  if (inside.length === 0) return fields;
  return fieldsFromEntries([...outside, [key, fieldsFromEntries(inside)]]);
}

function lifted(fields: Fields, key: string, rename: (key: string) => string, noObject: () => void): Fields {
  const object = getField(fields, key);
  if (object === undefined) return fields;
  if (!isFields(object)) {
    noObject();
    return fields;
  }
  const inner = fieldEntries(object).map(([name, value]): [string, Value] => [rename(name), value]);
  return fieldsFromEntries([...fieldEntries(fields).filter(([name]) => name !== key), ...inner]);
}
