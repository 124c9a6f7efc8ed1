/** The `fluentbit_text` formatter: time and record for people. Source: Fluent Bit 5.1 out_stdout (format msgpack), filter_stdout. */
import { boolean } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { epochNanos } from './fluentbit-dates.ts';
import { writeFluentbitText } from './fluentbit-text.ts';
import { rowFormatter } from './rows.ts';

export const fluentbitTextFormatter = definePlugin({
  kind: 'formatter',
  name: 'fluentbit_text',
  summary: 'Writes time and record for people: [[1709287200.500000000, {}], {"log"=>"text", "n"=>1}].',
  options: {
    isFlat: boolean('Writes the form of the filter stdout, with time, metadata and record side by side.', {
      default: false,
    }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type fluentbit_text
  </format>
</match>`,
  create({ options: { isFlat } }) {
    const [open, between] = isFlat ? ['[', ', {}, '] : ['[[', ', {}], '];
    return rowFormatter('text/plain', (batch, row, out) => {
      const time = epochNanos(batch.seconds(row), batch.nanos(row));
      out.text(`${open}${time}${between}`);
      writeFluentbitText(batch.fields(row), out);
      out.text(']\n');
    });
  },
});
