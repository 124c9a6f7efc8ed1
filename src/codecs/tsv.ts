/** The `tsv` formatter and parser. Source: Fluentd 1.16 formatter_tsv.rb, parser_tsv.rb. */
import { list, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parser } from '../core/plugin.ts';
import { getField } from '../core/record.ts';
import { keyedFields } from './keyed-fields.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { subjectOf } from './onigmo.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions } from './record-reading.ts';
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

export const tsvParser = definePlugin({
  kind: 'parser',
  name: 'tsv',
  summary: 'Takes values separated by tabs as the fields named; the last field gets all that is left.',
  options: {
    keys: list('The names of the fields, in order; one that has no value is null.', { required: true }),
    delimiter: text('What separates the values.', { default: '\t' }),
    ...recordOptions,
    timeKey: text("The field that holds the record's time; none unless set."),
  },
  example: `<source>
  @type stdin
  tag rows
  <parse>
    @type tsv
    keys time,host,message
    time_key time
  </parse>
</source>`,
  check: ({ options }) => checkReading(options),
  create({ options }, { clock }) {
    const finish = compileFinish(options, clock);
    const { keys, delimiter } = options;
    const parser: Parser = {
      parse(input) {
        const { text: row, isBinary } = subjectOf(input);
        return finish.fields(keyedFields(keys, splitUpTo(row, delimiter, keys.length), null, isBinary));
      },
    };
    return options.nullValuePattern === undefined ? parser : limited(parser, options.timeout);
  },
});

/** `String#split` with a limit: the last part is all that is left. A single space splits at runs of white space. */
function splitUpTo(row: string, delimiter: string, count: number): string[] {
  if (row === '') return [];
  const parts: string[] = [];
  let rest = delimiter === ' ' ? row.trimStart() : row;
  while (parts.length < count - 1) {
    const space = delimiter === ' ' ? /\s+/.exec(rest) : undefined;
    const at = space === undefined ? rest.indexOf(delimiter) : (space?.index ?? -1);
    if (at < 0) break;
    parts.push(rest.slice(0, at));
    rest = rest.slice(at + (space?.[0].length ?? delimiter.length));
  }
  parts.push(rest);
  return parts;
}
