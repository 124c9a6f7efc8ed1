/** The `tsv` formatter: chosen fields, separated by tabs. Source: Fluentd 1.16 formatter_tsv.rb. */
import { list, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { rowFormatter } from './rows.ts';
import { rubyText } from './ruby.ts';

export const tsvFormatter = definePlugin({
  kind: 'formatter',
  name: 'tsv',
  summary: 'Writes the values of chosen fields separated by tabs; tabs inside values stay.',
  options: {
    ...newlineOptions,
    keys: list('The fields, in order; a missing one is empty.', { required: true }),
    delimiter: text('What separates the values.', { default: '\t' }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type tsv
    keys level,message
  </format>
</match>`,
  create({ options }) {
    const end = lineEnd(options);
    return rowFormatter('text/tab-separated-values', (batch, row, out) => {
      const fields = batch.fields(row);
      out.text(options.keys.map((key) => rubyText(getField(fields, key))).join(options.delimiter) + end);
    });
  },
});
