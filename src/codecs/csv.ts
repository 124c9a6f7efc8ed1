/** The `csv` formatter and parser. Source: Fluentd 1.16 formatter_csv.rb, parser_csv.rb, with Ruby's csv 3.2. */
import { compileAccessor } from '../core/accessor.ts';
import { boolean, choice, list, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parser } from '../core/plugin.ts';
import { splitFastRow, splitRow } from './csv-row.ts';
import { newlineOptions } from './newline.ts';
import { subjectOf } from './onigmo.ts';
import { keyedFields } from './keyed-fields.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions } from './record-reading.ts';
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

export const csvParser = definePlugin({
  kind: 'parser',
  name: 'csv',
  summary: 'Takes a row of CSV as the fields named.',
  options: {
    keys: list('The names of the columns, in order.', { required: true }),
    delimiter: text('What separates the columns.', { default: ',' }),
    parserEngine: choice(['normal', 'fast'])(
      'normal follows RFC 4180 and gives null for a column that is not there; fast takes quotes where it finds them and leaves such a field out.',
      { default: 'normal', fluentd: ['parser_engine', 'parser_type'] },
    ),
    ...recordOptions,
    timeKey: text("The column that holds the record's time; none unless set."),
  },
  example: `<source>
  @type stdin
  tag rows
  <parse>
    @type csv
    keys time,host,size
    time_key time
    types size:integer
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops a row that is no CSV, and its fast engine cuts a quoted column that does not end. Here such rows are refused and kept.',
    },
  ],
  check: ({ options }) => checkReading(options),
  create({ options }, { clock }) {
    const finish = compileFinish(options, clock);
    const { keys, delimiter } = options;
    const isFast = options.parserEngine === 'fast';
    const parser: Parser = {
      parse(input) {
        const { text: row, isBinary } = subjectOf(input);
        const columns = isFast ? splitFastRow(row, delimiter) : splitRow(row, delimiter);
        if ('problem' in columns) return columns;
        if (!isFast) return finish.fields(keyedFields(keys, columns, null, isBinary));
        // The fast engine puts what is beyond the names under none, each over the one before.
        const beyond =
          columns.length > keys.length ? [...columns.slice(0, keys.length), columns.at(-1) ?? null] : columns;
        return finish.fields(keyedFields([...keys, ''], beyond, undefined, isBinary));
      },
    };
    return options.nullValuePattern === undefined ? parser : limited(parser, options.timeout);
  },
});
