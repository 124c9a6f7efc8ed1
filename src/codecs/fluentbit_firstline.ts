/**
 * The `fluentbit_firstline` parser: a record of several lines by Multiline, Parser_Firstline and Parser_N of Fluent Bit's
 * tail. Source: Fluent Bit 5.1 in_tail/tail_multiline.c.
 */
import { text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parsed, ParsedRecord, Parser } from '../core/plugin.ts';
import { fieldEntries, fieldsFromEntries } from '../core/record.ts';
import type { Value } from '../core/record.ts';

export const fluentbitFirstlineParser = definePlugin({
  kind: 'parser',
  name: 'fluentbit_firstline',
  summary:
    'Joins lines up to the next one that its first parser takes; further parsers make fields of the lines behind that, and what none takes joins the last field.',
  options: { messageKey: text('The field of lines before any first one.', { default: 'log' }) },
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Lines that Parser_N takes before any first one are lost. Here they are records.',
    },
  ],
  example: `<source>
  @type stdin
  tag app
  <parse>
    @type fluentbit_firstline
  </parse>
</source>`,
  create({ options: { messageKey }, parsers = [] }, context) {
    const [first, ...further] = parsers.map((parser) => context.parser(parser));
    return first ? joining(first, further, messageKey) : { parse: (input) => alone(input, messageKey) };
  },
});

function alone(line: Buffer | string, messageKey: string): ParsedRecord {
  return { fields: { [messageKey]: line.toString() }, time: undefined };
}

function joining(first: Parser, further: readonly Parser[], messageKey: string): Parser {
  const parseAll = (input: Buffer | string): readonly Parsed[] => {
    const [line = '', ...others] = input.toString().split('\n');
    const begun = first.parse(line);
    if ('problem' in begun) return [begun];
    const entries: [string, Value][] = fieldEntries(begun.fields);
    // Without a text at its end nothing can join it.
    const joins = typeof entries.at(-1)?.[1] === 'string';
    const strays: Parsed[] = [];
    for (const other of others) {
      const parsed = parsedByOne(further, other);
      const last = entries.at(-1);
      if (parsed) entries.push(...fieldEntries(parsed.fields));
      else if (!joins) strays.push(alone(other, messageKey));
      else if (typeof last?.[1] === 'string') last[1] += `\n${other}`;
      else entries.push([messageKey, other]);
    }
    return [...strays, { fields: fieldsFromEntries(entries), time: begun.time }];
  };
  return {
    isMultiline: true,
    timeLimitMs: [first, ...further].find(({ timeLimitMs }) => timeLimitMs !== undefined)?.timeLimitMs,
    isFirstLine: (line) => !('problem' in first.parse(line)),
    parse: (input) => parseAll(input).at(-1) as Parsed,
    parseAll,
  };
}

function parsedByOne(parsers: readonly Parser[], line: string): ParsedRecord | undefined {
  for (const parser of parsers) {
    const parsed = parser.parse(line);
    if (!('problem' in parsed)) return parsed;
  }
  return undefined;
}
