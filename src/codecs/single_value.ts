/** The `single_value` formatter: one field's text. Source: Fluentd 1.16 formatter_single_value.rb. */
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { rowFormatter } from './rows.ts';
import { rubyText } from './ruby.ts';

export const singleValueFormatter = definePlugin({
  kind: 'formatter',
  name: 'single_value',
  summary: 'Writes the value of one field and nothing else.',
  options: {
    ...newlineOptions,
    messageKey: text('The field to write; an empty line for a record without it.', { default: 'message' }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type single_value
    message_key log
  </format>
</match>`,
  create({ options }) {
    const end = Buffer.from(lineEnd(options));
    return rowFormatter('text/plain', (batch, row, out) => {
      const value = getField(batch.fields(row), options.messageKey);
      if (value instanceof Uint8Array) out.bytes(value);
      else out.text(rubyText(value));
      out.bytes(end);
    });
  },
});
