/** The `json` formatter and parser: one JSON object a record. Source: Fluentd 1.16 formatter_json.rb, parser_json.rb. */
import type { Clock, Instant } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import { jsonDepthMax, parseExact, scanJson } from '../core/json.ts';
import { boolean, choice, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { ParseProblem } from '../core/plugin.ts';
import { copyFields, deleteField, getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { writeJsonLines } from './rows.ts';
import { rubyFloat } from './ruby.ts';
import { zoneOf } from './strftime.ts';
import { compileIso8601, compileStrptime } from './strptime.ts';

const jsonParser = text('Which Ruby library Fluentd uses.', { ignored: 'there is one JSON parser here' });

export const jsonFormatter = definePlugin({
  kind: 'formatter',
  name: 'json',
  summary: 'Writes each record as one JSON object on a line, as it came in where no filter changed it.',
  options: { ...newlineOptions, jsonParser },
  example: `<match **>
  @type stdout
  <format>
    @type json
  </format>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Prints numbers as Ruby does: `1.0e3` becomes `1000.0`. Here they keep the form they arrived in.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Text that is not UTF-8 stops the output. Here it does not.',
    },
  ],
  create({ options }) {
    const end = lineEnd(options);
    return {
      contentType: 'application/x-ndjson',
      write: (batch, from, to, out) => writeJsonLines(batch, from, to, end, out),
    };
  },
});

const parserOptions = {
  jsonParser,
  timeKey: text("The field that holds the record's time.", { default: 'time' }),
  keepTimeKey: boolean('Leaves that field in the record.', { default: false }),
  timeType: choice(['float', 'unixtime', 'string'])(
    'What it holds: seconds with a fraction, whole seconds, or text; text when time_format is given.',
  ),
  timeFormat: text('How text is read (strptime); ISO 8601 unless set.'),
  localtime: boolean("Takes text without a zone as this machine's time.", { default: true }),
  utc: boolean('Takes text without a zone as UTC.', { default: false }),
  timezone: text('Takes text without a zone as time of this zone: +09:00 or Asia/Tokyo.'),
};
type ParserValues = OptionValues<typeof parserOptions>;

export const jsonLineParser = definePlugin({
  kind: 'parser',
  name: 'json',
  summary: 'Takes each line as a JSON object.',
  options: parserOptions,
  example: `<source>
  @type stdin
  tag lines
  <parse>
    @type json
    time_format %Y-%m-%dT%H:%M:%S.%N%z
  </parse>
</source>`,
  check: ({ options }) => void zoneOf(options),
  create({ options }, { clock }) {
    const time = compileTimeOf(options, clock);
    return {
      parse(line) {
        const fields = parseObject(line.toString());
        if ('problem' in fields) return fields;
        const value = getField(fields.fields, options.timeKey);
        if (value === undefined) return { ...fields, time: undefined };
        const found = time(value);
        if (!found) return { kind: 'invalid', problem: `field ${options.timeKey} is no time in the format wanted` };
        return { fields: options.keepTimeKey ? fields.fields : without(fields.fields, options.timeKey), time: found };
      },
    };
  },
});

function parseObject(line: string): { readonly fields: Fields } | ParseProblem {
  let fields: unknown;
  try {
    fields = JSON.parse(line);
  } catch (error) {
    return { kind: 'mismatch', problem: `not JSON: ${errorText(error)}` };
  }
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields))
    return { kind: 'mismatch', problem: 'expected a JSON object' };
  const { exact, tooDeep } = scanJson(Buffer.from(line));
  if (tooDeep) return { kind: 'invalid', problem: `nested deeper than ${jsonDepthMax} levels` };
  return { fields: exact ? parseExact(line.trim()) : (fields as Fields) };
}

function without(fields: Fields, key: string): Fields {
  const copy = copyFields(fields);
  deleteField(copy, key);
  return copy;
}

function compileTimeOf(options: ParserValues, clock: Clock): (value: Value) => Instant | undefined {
  const type = options.timeType ?? (options.timeFormat === undefined ? 'float' : 'string');
  if (type === 'string') {
    const parse =
      options.timeFormat === undefined ? compileIso8601(options) : compileStrptime(options.timeFormat, options, clock);
    return (value) => (typeof value === 'string' ? parse(value) : undefined);
  }
  return (value) => {
    if (isFields(value) || Array.isArray(value) || typeof value === 'boolean' || value === null) return undefined;
    if (typeof value === 'string' && !/^-?\d+(?:\.\d+)?$/.test(value)) return undefined;
    return instantOf(value, type === 'unixtime');
  };
}

/** Digits are taken from the text where there is one: a double has too few for nanoseconds. */
function instantOf(value: Value, isWhole: boolean): Instant | undefined {
  const number = rubyFloat(value);
  if (number === undefined || !Number.isSafeInteger(Math.trunc(number))) return undefined;
  const [, fraction = ''] = (typeof value === 'string' ? value : String(number)).split('.');
  const seconds = Math.trunc(number);
  const nanos = isWhole || !/^\d+$/.test(fraction) ? 0 : Number(fraction.slice(0, 9).padEnd(9, '0'));
  if (number < 0 && nanos > 0) return { seconds: seconds - 1, nanos: 1_000_000_000 - nanos };
  return { seconds, nanos };
}
