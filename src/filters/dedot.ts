/** The `dedot` filter: other characters for the dots in keys. Source: fluent-plugin-dedot_filter 1.0 filter_dedot.rb. */
import { boolean, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const options = {
  deDot: boolean('Whether keys are changed.', { default: true }),
  deDotSeparator: text('What stands in place of a dot.', { default: '_' }),
  deDotNested: boolean('Whether keys of objects in the record are changed too.', { default: false }),
};

export const dedotFilter = definePlugin({
  kind: 'filter',
  name: 'dedot',
  summary: 'Writes other characters for the dots in keys, which some targets take for nesting.',
  options,
  example: `<filter kubernetes.**>
  @type dedot
  de_dot_separator -
  de_dot_nested true
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: '`de_dot false` drops every record. Here they pass as they are.',
      options: ['deDot'],
    },
    {
      peer: 'fluentd',
      text: 'Of an array in an array the objects keep their keys. Here they are changed too.',
      options: ['deDotNested'],
    },
  ],
  check({ options: { deDot, deDotSeparator } }) {
    if (deDot && deDotSeparator.includes('.'))
      throw new Error('de_dot_separator must not hold a dot; write another character, such as _');
  },
  create({ options: { deDot, deDotSeparator, deDotNested } }) {
    if (!deDot) return { apply: (batch) => batch };
    const changed = (fields: Fields): Fields => {
      const entries = fieldEntries(fields);
      let isSame = true;
      const renamed = entries.map(([key, value]): [string, Value] => {
        const newKey = key.replaceAll('.', () => deDotSeparator);
        const newValue = deDotNested ? nested(value) : value;
        if (newKey !== key || newValue !== value) isSame = false;
        return [newKey, newValue];
      });
      if (isSame) return fields;
      return fields instanceof Map ? new Map(renamed) : fieldsFromEntries(renamed);
    };
    const nested = (value: Value): Value => {
      if (isFields(value)) return changed(value);
      if (!Array.isArray(value)) return value;
      const items = value.map(nested);
      return items.some((item, i) => item !== value[i]) ? items : value;
    };
    return { apply: (batch) => batch.map(changed) };
  },
});
