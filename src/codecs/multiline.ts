/**
 * The `multiline` parser: an expression over several lines, which the source joins with line feeds. What a record leaves
 * of the text is parsed again. Source: Fluentd 1.16 parser_multiline.rb.
 */
import { text } from '../core/options.ts';
import type { OptionSpec } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parsed, Parser, PluginConfig } from '../core/plugin.ts';
import { compileCapture, compilePattern, pieceOf, subjectOf } from './onigmo.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions, timeKeyOption } from './record-reading.ts';
import { compileFields } from './regexp.ts';

/** Fluentd takes format1 to format20. */
const formatMax = 20;
const names = Array.from({ length: formatMax }, (_, i) => `format${i + 1}`);

const options = {
  formatFirstline: text('The expression, between slashes, that the first line of a record matches.'),
  unmatchedLines: text('When set, what does not match becomes a record with the field unmatched_line.'),
  ...recordOptions,
  timeKey: timeKeyOption,
};
const formats: Record<string, OptionSpec<string | undefined>> = Object.fromEntries(
  names.map((name, i) => [
    name,
    text(`Part ${i + 1} of the expression, between slashes; the parts are joined, and a dot matches line feeds too.`),
  ]),
);

export const multilineParser = definePlugin({
  kind: 'parser',
  name: 'multiline',
  summary: 'Takes several lines as one record, by an expression that may be written in parts.',
  options: { ...options, ...formats },
  example: `<source>
  @type tail
  path /var/log/app.log
  tag java
  <parse>
    @type multiline
    format_firstline /^\\d{4}-\\d{2}-\\d{2}/
    format1 /^(?<time>[^ ]+ [^ ]+) (?<level>[^ ]+) (?<message>.*)/
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops what its expression does not match, also what is left over behind a record. Here that is refused and kept.',
    },
  ],
  check(config) {
    compileParts(config);
    checkReading(config.options);
  },
  create(config, { clock }) {
    const { expression, firstLine } = compileParts(config);
    const capture = compileCapture(expression);
    const build = compileFields(capture, compileFinish(config.options, clock));
    const emitsUnmatched = config.options.unmatchedLines !== undefined;
    const parseAll = (input: Buffer | string): readonly Parsed[] => {
      const { text: whole, isBinary } = subjectOf(input);
      const found: Parsed[] = [];
      let from = 0;
      do {
        const rest = whole.slice(from);
        const match = capture.expression.exec(rest);
        if (!match) {
          found.push(emitsUnmatched ? unmatched(rest, isBinary) : noMatch(from));
          break;
        }
        found.push(build(match, isBinary));
        const end = match.index + match[0].length;
        // An expression that takes nothing would find nothing for ever.
        if (end === 0) break;
        from += end;
        if (whole[from] === '\n') from++;
      } while (from < whole.length);
      return found;
    };
    const parser: Parser = {
      isMultiline: true,
      keepsCarriageReturns: true,
      parse: (input) => parseAll(input)[0] ?? noMatch(0),
      parseAll,
      ...(firstLine && { isFirstLine: (line) => firstLine.test(subjectOf(line).text) }),
    };
    return limited(parser, config.options.timeout);
  },
});

function noMatch(from: number): Parsed {
  return { kind: 'mismatch', problem: `the expression does not match from character ${from + 1} on` };
}

function unmatched(rest: string, isBinary: boolean): Parsed {
  return { fields: { unmatched_line: isBinary ? pieceOf(rest) : rest }, time: undefined };
}

/** @throws Error where a part is missing or none between slashes */
function compileParts(config: PluginConfig): { readonly expression: string; readonly firstLine: RegExp | undefined } {
  const written = names
    .map((name) => config.options[name])
    .map((part) => (typeof part === 'string' ? part : undefined));
  const count = written.findLastIndex((part) => part !== undefined) + 1;
  const gap = written.slice(0, count).indexOf(undefined);
  if (gap >= 0) throw new Error(`format${gap + 1} is missing; the parts are numbered from 1 without gaps`);
  if (count === 0) throw new Error('format1 is missing; write the expression as format1, format2 and so on');
  const sources = written.slice(0, count).map((part, i) => between(part ?? '', `format${i + 1}`));
  const expression = `/${sources.join('')}/m`;
  compileCapture(expression);
  const first = config.options['formatFirstline'];
  const firstLine = typeof first === 'string' ? compilePattern(`/${between(first, 'format_firstline')}/`) : undefined;
  return { expression, firstLine };
}

function between(part: string, name: string): string {
  if (part.length < 2 || !part.startsWith('/') || !part.endsWith('/'))
    throw new Error(`${name} must be a regular expression between slashes, found ${part}`);
  return part.slice(1, -1);
}
