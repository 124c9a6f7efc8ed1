/**
 * The `fluentbit_multiline` parser: what a `[MULTILINE_PARSER]` of Fluent Bit defines, for the sources and filters that join
 * lines. Source: Fluent Bit 5.1 flb_parser.c, src/multiline/flb_ml_{parser,rule}.c.
 */
import type { SectionModel } from '../config/model.ts';
import { errorText } from '../core/errors.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import { boolean, choice, duration, list, pattern, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { compileFluentbitPattern } from './fluentbit-pattern.ts';

/** Multiline parsers that need no definition. */
export const multilineNames = ['docker', 'cri', 'java', 'python', 'go', 'ruby'] as const;
export type MultilineName = (typeof multilineNames)[number];

/** As in Fluent Bit, which says so in milliseconds. */
const flushTimeoutMsDefault = 4000;

const options = {
  name: text('How sections name it.'),
  builtin: choice([...multilineNames])('One of the parsers that need no rules; the other options have no effect then.'),
  type: choice(['regex', 'endswith', 'equal'])(
    'How lines belong together: by rules, or up to a line that ends with match_string or is it.',
    { default: 'regex' },
  ),
  matchString: text('What the last line of a record ends with or is.', { default: '' }),
  negate: boolean('Lets a record end with lines that do not end with match_string or are not it.', { default: false }),
  keyContent: text('The field whose texts are joined; unset: lines are, as the field log.'),
  keyGroup: text('The field that tells apart what is joined at a time, such as stream.'),
  keyPattern: text('The field that match_string is compared with, where that is not key_content.'),
  flushTimeout: duration('Takes a record as complete when no line came for so long.', {
    default: flushTimeoutMsDefault,
  }),
};

const sections = {
  rule: {
    summary: 'From some states a line that the expression matches belongs to the record and leads to another state.',
    isMany: true,
    options: {
      from: list('The states from which it counts; start_state: such a line begins a record.', { required: true }),
      regex: pattern('The expression, in Onigmo (Ruby) syntax.', { required: true }),
      to: text('The state behind such a line.'),
    },
  },
};

export const fluentbitMultilineParser = definePlugin({
  kind: 'parser',
  name: 'fluentbit_multiline',
  summary:
    'Says which lines belong together, as a [MULTILINE_PARSER] of Fluent Bit does; tail and the filter multiline join them.',
  options,
  sections,
  fluentbit: fluentbitForm({
    passesOver: true,
    options: {
      matchString: {},
      negate: {},
      keyContent: {},
      keyGroup: {},
      keyPattern: {},
      flushTimeout: { unit: 'ms' },
    },
    properties: {
      type: choice(['regex', 'endswith', 'equal', 'eq'])('How lines belong together.', { required: true }),
      parser: text('The [PARSER] that makes fields of a line first; key_content is one of them.'),
    },
    repeated: { rule: '`"states" "/expression/" "next state"`; the first one names start_state.' },
    lower(written) {
      const type = written.properties.type === 'eq' ? 'equal' : written.properties.type;
      const { flushTimeout } = written.options;
      const place = written.written('parser');
      const name = written.properties.parser;
      const parser = name !== undefined && place ? written.parser(name, place) : undefined;
      if (name !== undefined && place && !parser)
        written.error(place, `Parser ${name} is not defined: a [PARSER] of that name was expected`);
      return {
        options: {
          type,
          name: written.instance,
          // As there, where it must be more than nothing.
          ...(typeof flushTimeout === 'number' && flushTimeout <= 0 && { flushTimeout: flushTimeoutMsDefault }),
        },
        sections: { rule: type === 'regex' ? rulesOf(written) : [] },
        parser,
      };
    },
    example: `[MULTILINE_PARSER]
    Name          app
    Type          regex
    Flush_Timeout 1000
    Rule          "start_state" "/^\\d{4}-\\d{2}-\\d{2} /" "cont"
    Rule          "cont"        "/^\\s+at /"            "cont"`,
  }),
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Its timer completes all that waits every Flush_Timeout, also a record that began a moment ago. Here a record waits so long for its next line.',
      options: ['flushTimeout'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Of a record that grows beyond multiline_buffer_limit the rest of the line is lost. Here it is cut between two lines, the part gets the field multiline_truncated and is counted, and the rest is the next record.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'With several parsers, or with rules over parsed lines, the last line of a record can come twice. Here each line is in one record.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'With endswith a line shorter than Match_String is lost. Here it belongs to its record.',
      options: ['matchString'],
    },
  ],
  example: `<source>
  @type stdin
  tag app
  <parse>
    @type fluentbit_multiline
    builtin java
  </parse>
</source>`,
  create({ options: { keyContent } }) {
    // Where nobody joins, each line is a record.
    return { parse: (input) => ({ fields: { [keyContent ?? 'log']: input.toString() }, time: undefined }) };
  },
});

function rulesOf(written: FluentbitWritten): SectionModel[] {
  if (written.pairs.length === 0)
    written.error(written.at, 'Type regex needs Rule, such as Rule "start_state" "/^\\d/" "cont"');
  const rules = written.pairs.flatMap((pair, index) => {
    const at = pair.valueAt ?? pair.at;
    const [states = '', regex, to] = tokens(pair.value);
    const from = states
      .split(',')
      .map((state) => state.trim())
      .filter((state) => state !== '');
    if (from.length === 0 || regex === undefined) {
      written.error(at, `Rule ${pair.value}: states, an expression and the next state were expected, each in quotes`);
      return [];
    }
    if (index === 0 && !from.includes('start_state'))
      written.error(at, `Rule ${pair.value}: the first rule has to name start_state, or no record would begin`);
    try {
      compileFluentbitPattern(regex);
    } catch (error) {
      written.error(at, `Rule ${pair.value}: ${errorText(error)}`);
    }
    return [{ argument: '', options: { from, regex, ...(to !== undefined && { to }) }, pairs: [], at }];
  });
  const states = new Set(rules.flatMap(({ options: { from } }) => from));
  for (const { options: rule, at } of rules)
    if (rule.to !== undefined && !states.has(rule.to))
      written.error(at, `Rule: no rule counts from the state ${rule.to} (there are ${[...states].join(', ')})`);
  return rules;
}

/** Splits at blanks; what stands in `"…"` is one, and `\"` in it a quote. Source: Fluent Bit 5.1 flb_slist_split_tokens. */
function tokens(value: string): string[] {
  const found: string[] = [];
  for (let at = 0; at < value.length;) {
    if (value[at] === ' ') {
      at++;
      continue;
    }
    const isQuoted = value[at] === '"';
    const from = isQuoted ? at + 1 : at;
    let end = value.indexOf(isQuoted ? '"' : ' ', from);
    while (isQuoted && end > 0 && value[end - 1] === '\\') end = value.indexOf('"', end + 1);
    if (end < 0) end = value.length;
    const token = value.slice(from, end);
    found.push(isQuoted ? token.replaceAll('\\"', '"') : token);
    at = end + 1;
  }
  return found;
}

/** A token that `tokens` reads back, for rules that are written in YAML. */
export function quotedToken(text: string): string {
  return `"${text.replaceAll('"', '\\"')}"`;
}
