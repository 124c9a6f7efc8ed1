/** The `csv` formatter: chosen fields, quoted. Source: Fluentd 1.16 formatter_csv.rb with Ruby's csv 3.2. */
import { compileAccessor } from '../core/accessor.ts';
import { boolean, list, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { newlineOptions } from './newline.ts';
import { rowFormatter } from './rows.ts';
import { rubyText } from './ruby.ts';

export const csvFormatter = definePlugin({
  kind: 'formatter',
  name: 'csv',
  summary: 'Writes the values of chosen fields as a line of CSV.',
  options: {
    addNewline: newlineOptions.addNewline,
    fields: list('The fields, in order; record accessors ($.a.b) reach nested ones.', { required: true }),
    delimiter: text('What separates the values; TAB for a tab.', { default: ',' }),
    forceQuotes: boolean('Quotes every value, not only those that need it.', { default: true }),
  },
  example: `<match **>
  @type stdout
  <format>
    @type csv
    fields level,message
  </format>
</match>`,
  check({ options }) {
    if (options.fields.every((field) => field === '')) throw new Error('option fields is empty; name a field');
  },
  create({ options }) {
    const delimiter = options.delimiter === '\\t' || options.delimiter === 'TAB' ? '\t' : options.delimiter;
    const accessors = options.fields.filter((field) => field !== '').map(compileAccessor);
    const end = options.addNewline ? '\n' : '';
    const needsQuotes = (shown: string) => shown === '' || /^[\s]|["\r\n]|\s$/.test(shown) || shown.includes(delimiter);
    return rowFormatter('text/csv', (batch, row, out) => {
      const fields = batch.fields(row);
      const shown = accessors.map((accessor) => {
        const value = accessor.get(fields);
        const isNil = value === undefined || value === null;
        const plain = rubyText(value);
        // A value that is not there is told from an empty one by its missing quotes.
        if (options.forceQuotes ? false : isNil || !needsQuotes(plain)) return plain;
        return `"${plain.replaceAll('"', '""')}"`;
      });
      out.text(shown.join(delimiter) + end);
    });
  },
});
