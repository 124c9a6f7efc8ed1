/** The `ltsv` formatter: labelled values. Source: Fluentd 1.16 formatter_ltsv.rb. */
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { fieldEntries } from '../core/record.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { rowFormatter } from './rows.ts';
import { rubyText } from './ruby.ts';

export const ltsvFormatter = definePlugin({
  kind: 'formatter',
  name: 'ltsv',
  summary: 'Writes each record as label:value pairs separated by tabs.',
  options: {
    ...newlineOptions,
    delimiter: text('What separates the pairs.', { default: '\t' }),
    labelDelimiter: text('What separates a label from its value.', { default: ':' }),
    replacement: text('What a delimiter inside a value becomes.', { default: ' ' }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type ltsv
  </format>
</match>`,
  create({ options }) {
    const end = lineEnd(options);
    const { delimiter, labelDelimiter, replacement } = options;
    return rowFormatter('text/tab-separated-values', (batch, row, out) => {
      const pairs = fieldEntries(batch.fields(row)).map(([label, value]) => {
        const shown = rubyText(value);
        return label + labelDelimiter + (delimiter === '' ? shown : shown.split(delimiter).join(replacement));
      });
      out.text(pairs.join(delimiter) + end);
    });
  },
});
