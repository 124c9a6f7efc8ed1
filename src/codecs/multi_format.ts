/**
 * The `multi_format` parser: the first of several parsers that makes a record of a text. Source:
 * fluent-plugin-multi-format-parser 1.1 parser_multi_format.rb.
 */
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { ParseProblem, Parsed, Parser, PluginConfig } from '../core/plugin.ts';
import { copyFields, setField } from '../core/record.ts';
import { recordOptions, timeKeyOption, withoutEffect } from './record-reading.ts';

const options = {
  ...withoutEffect({ ...recordOptions, timeKey: timeKeyOption }, 'each <pattern> has its own'),
  formatKey: text('The field that gets the name of the pattern that fitted.'),
};

export const multiFormatParser = definePlugin({
  kind: 'parser',
  name: 'multi_format',
  summary: 'Tries several parsers in turn; the first that makes a record of the text decides.',
  options,
  parserSections: ['pattern', 'format'],
  sections: {
    pattern: {
      summary: 'A parser that is tried, with its options beside it.',
      isMany: true,
      options: {
        format: text('Name of the parser, or a regular expression between slashes.', { required: true }),
        formatName: text('Its name for format_key; its format and number unless set.'),
      },
    },
    format: {
      summary: 'The same under another name.',
      isMany: true,
      options: {
        format: text('Name of the parser, or a regular expression between slashes.', { required: true }),
        formatName: text('Its name for format_key; its format and number unless set.'),
      },
    },
  },
  example: `<source>
  @type stdin
  tag app
  <parse>
    @type multi_format
    <pattern>
      format json
    </pattern>
    <pattern>
      format none
    </pattern>
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Without a <pattern> refuses every text at run time. Here that is an error of the configuration.',
    },
  ],
  check({ parsers }) {
    if (!parsers || parsers.length === 0) throw new Error('a section <pattern> is required but missing');
  },
  create(config, context) {
    const { formatKey } = config.options;
    const names = namesOf(config);
    const parsers = (config.parsers ?? []).map((model) => context.parser(model));
    const parseAll = (input: Buffer | string): readonly Parsed[] => {
      const problems: ParseProblem[] = [];
      for (const [i, parser] of parsers.entries()) {
        const found = firstOf(parser, input);
        if ('problem' in found) problems.push(found);
        else return [formatKey === undefined ? found : named(found, formatKey, names[i] ?? '')];
      }
      const late = problems.find(({ kind }) => kind === 'timeout');
      const problem = problems.map(({ problem: said }, i) => `${names[i] ?? ''}: ${said}`).join('; ');
      return [{ kind: late ? 'timeout' : 'mismatch', problem: `no pattern fits (${problem})` }];
    };
    return { parse: (input) => parseAll(input)[0] as Parsed };
  },
});

/** The first record of a text, as Fluentd's plugin leaves it at that. */
function firstOf(parser: Parser, input: Buffer | string): Parsed {
  const found = parser.parseAll ? parser.parseAll(input).find((one) => !('problem' in one)) : undefined;
  return found ?? parser.parse(input);
}

function named(found: Parsed, key: string, name: string): Parsed {
  if ('problem' in found) return found;
  const fields = copyFields(found.fields);
  setField(fields, key, name);
  return { ...found, fields };
}

function namesOf({ sections }: Pick<PluginConfig, 'sections'>): string[] {
  return (sections['pattern'] ?? []).map(({ options: { formatName } }) => String(formatName));
}
