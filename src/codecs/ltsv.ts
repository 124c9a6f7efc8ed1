/** The `ltsv` formatter and parser: labelled values. Source: Fluentd 1.16 formatter_ltsv.rb, parser_ltsv.rb. */
import { pattern, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parser } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries } from '../core/record.ts';
import type { Value } from '../core/record.ts';
import { rubySplit } from './field-types.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { compilePattern, pieceOf, subjectOf } from './onigmo.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions, timeKeyOption } from './record-reading.ts';
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

export const ltsvParser = definePlugin({
  kind: 'parser',
  name: 'ltsv',
  summary: 'Takes label:value pairs separated by tabs as fields; what has no label is left out.',
  options: {
    delimiter: text('What separates the pairs.', { default: '\t' }),
    delimiterPattern: pattern('An expression in place of the delimiter.'),
    labelDelimiter: text('What separates a label from its value.', { default: ':' }),
    ...recordOptions,
    timeKey: timeKeyOption,
  },
  example: `<source>
  @type stdin
  tag rows
  <parse>
    @type ltsv
    delimiter_pattern /\\s+/
    label_delimiter =
  </parse>
</source>`,
  check({ options }) {
    if (options.delimiterPattern !== undefined) compilePattern(options.delimiterPattern);
    checkReading(options);
  },
  create({ options }, { clock }) {
    const finish = compileFinish(options, clock);
    const { delimiterPattern, labelDelimiter } = options;
    const delimiter = delimiterPattern === undefined ? options.delimiter : compilePattern(delimiterPattern);
    const parser: Parser = {
      parse(input) {
        const { text: row, isBinary } = subjectOf(input);
        const pairs: [string, Value][] = [];
        for (const pair of rubySplit(row, delimiter)) {
          const at = pair.indexOf(labelDelimiter);
          if (at < 0) continue;
          const value = pair.slice(at + labelDelimiter.length);
          pairs.push([pair.slice(0, at), isBinary ? pieceOf(value) : value]);
        }
        return finish.fields(fieldsFromEntries(pairs));
      },
    };
    const isBounded = delimiterPattern === undefined && options.nullValuePattern === undefined;
    return isBounded ? parser : limited(parser, options.timeout);
  },
});
