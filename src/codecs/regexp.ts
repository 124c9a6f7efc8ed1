/** The `regexp` parser: named groups of an expression as fields. Source: Fluentd 1.16 parser_regexp.rb. */
import type { Clock } from '../core/clock.ts';
import { boolean, pattern } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { ParseProblem, Parsed, Parser } from '../core/plugin.ts';
import { needsExactKey } from '../core/record.ts';
import type { Fields, PlainFields, Value } from '../core/record.ts';
import { compileDirectPattern } from './direct-pattern.ts';
import { directRules } from './direct-reading.ts';
import { compileCapture, pieceOf, subjectOf } from './onigmo.ts';
import type { Capture } from './onigmo.ts';
import { limited } from './parse-texts.ts';
import { checkReading, compileFinish, recordOptions, timeKeyOption } from './record-reading.ts';
import type { Finish, RecordReading } from './record-reading.ts';

const options = {
  expression: pattern('The expression, in Ruby syntax; each named group becomes a field.', { required: true }),
  ignorecase: boolean('Old spelling of the letter i behind the expression.', { default: false }),
  multiline: boolean('Old spelling of the letter m behind the expression.', { default: false }),
  ...recordOptions,
  timeKey: timeKeyOption,
};

export const regexpParser = definePlugin({
  kind: 'parser',
  name: 'regexp',
  aliases: ['regex'],
  summary: 'Takes the named groups of a regular expression as fields.',
  options,
  example: `<source>
  @type stdin
  tag app
  <parse>
    @type regexp
    expression /^(?<time>[^ ]+) (?<level>\\w+) (?<message>.*)$/
    time_format %Y-%m-%dT%H:%M:%S%z
    types level:string
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops a line whose time has another form than time_format, or that is not UTF-8 where the expression is. Here such lines are refused and kept, and bytes that are not UTF-8 are matched.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Waits for an expression that backtracks without end, unless timeout is set. Here a record has 500 ms, and one that takes longer is refused as `parse_timeout`.',
      options: ['timeout'],
    },
  ],
  check({ options: values }) {
    compileCapture(spelledOut(values));
    checkReading(values);
  },
  create: ({ options: values }, { clock }) => expressionParser(spelledOut(values), values, clock),
});

/** The expression with the letters that the old options stand for. */
function spelledOut(values: { expression: string; ignorecase: boolean; multiline: boolean }): string {
  if (!values.ignorecase && !values.multiline) return values.expression;
  const end = values.expression.lastIndexOf('/');
  const source = values.expression.startsWith('/') && end > 0 ? values.expression.slice(1, end) : values.expression;
  return `/${source}/${values.ignorecase ? 'i' : ''}${values.multiline ? 'm' : ''}`;
}

const mismatch: ParseProblem = { kind: 'mismatch', problem: 'the expression does not match' };

/** A parser for an expression as configurations write it. @throws Error where the expression or an option is wrong */
export function expressionParser(
  expression: string,
  reading: RecordReading & { readonly timeout?: number | undefined },
  clock: Clock,
): Parser {
  const capture = compileCapture(expression);
  const finish = compileFinish(reading, clock);
  const build = compileFields(capture, finish);
  const hasTime = reading.timeKey !== undefined && capture.names.includes(reading.timeKey);
  const rules = directRules(hasTime ? reading : { ...reading, timeKey: undefined }, clock);
  return limited(
    {
      direct: rules && compileDirectPattern(expression, { ...rules, skipEmptyValues: false }),
      parse(input) {
        const { text, isBinary } = subjectOf(input);
        const match = capture.expression.exec(text);
        return match ? build(match, isBinary) : mismatch;
      },
    },
    reading.timeout,
  );
}

/** Makes records of matches. */
export function compileFields(
  { names }: Capture,
  finish: Finish,
): (match: RegExpExecArray, isBinary: boolean) => Parsed {
  const isExact = names.some(needsExactKey);
  const takenAt =
    finish.takesKey === undefined ? [] : names.flatMap((name, i) => (name === finish.takesKey ? [i] : []));
  return (match, isBinary) => {
    const fields: PlainFields = {};
    const exact = isExact ? new Map<string, Value>() : undefined;
    let time: Value | undefined;
    for (let i = 0; i < names.length; i++) {
      const piece = match[i + 1];
      if (piece === undefined) continue;
      const value = isBinary ? pieceOf(piece) : piece;
      const name = names[i] as string;
      if (takenAt.includes(i)) time = value;
      else if (exact) exact.set(name, value);
      else fields[name] = value;
    }
    const made: Fields = exact ?? fields;
    return finish.takesKey === undefined ? finish.fields(made) : finish.taken(made, time);
  };
}
