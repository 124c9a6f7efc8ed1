/** The `json` formatter and parser: one JSON object a record. Source: Fluentd 1.16 formatter_json.rb, parser_json.rb. */
import { isUtf8 } from 'node:buffer';
import { errorText } from '../core/errors.ts';
import { jsonDepthMax, parseExact, scanJson } from '../core/json.ts';
import { bytes, choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { ParseProblem, Parsed, Parser } from '../core/plugin.ts';
import { getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { DirectJson } from './direct-json.ts';
import { directRules } from './direct-reading.ts';
import { lineEnd, newlineOptions } from './newline.ts';
import { limited } from './parse-texts.ts';
import type { TimeReading } from './parse-time.ts';
import { checkReading, compileFinish, recordOptions, timeKeyOption } from './record-reading.ts';
import { writeJsonLines } from './rows.ts';

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
  ],
  create({ options }) {
    const end = lineEnd(options);
    return {
      contentType: 'application/x-ndjson',
      write: (batch, from, to, out) => writeJsonLines(batch, from, to, end, out),
    };
  },
});

export const jsonLineParser = definePlugin({
  kind: 'parser',
  name: 'json',
  summary: 'Takes each text as a JSON object, or as an array of them: a record each.',
  options: {
    jsonParser,
    ...recordOptions,
    timeKey: timeKeyOption,
    timeType: choice(['string', 'unixtime', 'float', 'mixed'])(
      'What the time is: text, whole seconds since 1970, seconds with a fraction, or what time_format and time_format_fallbacks say in turn; float, or string where time_format is given.',
    ),
    streamBufferSize: bytes('Size of the buffer of a streaming parser.', {
      ignored: 'texts are parsed as a whole here',
    }),
  },
  example: `<source>
  @type stdin
  tag lines
  <parse>
    @type json
    time_format %Y-%m-%dT%H:%M:%S.%N%z
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Makes a record of an array or a single value, which most outputs then fail on. Here an array gives a record for each object in it, and what is no object is refused.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Takes text that is no number as 1970 where time_type is float or unixtime, and loses digits of float times. Here such a text is refused, and all nine digits are kept.',
      options: ['timeType'],
    },
  ],
  check: ({ options }) => checkReading(withTimeType(options)),
  create({ options }, { clock }) {
    const finish = compileFinish(withTimeType(options), clock);
    const parseAll = (input: Buffer | string): readonly Parsed[] => {
      const found = parseJsonText(input);
      if ('problem' in found) return [found];
      return found.objects.map((fields) => (fields ? finish.fields(fields) : noObject));
    };
    const rules = directRules(withTimeType(options), clock);
    const direct = rules && new DirectJson(rules);
    const parser: Parser = { parse: (input) => parseAll(input)[0] ?? noObject, parseAll, direct };
    return options.nullValuePattern === undefined ? parser : limited(parser, options.timeout);
  },
});

function withTimeType<T extends TimeReading>(options: T): T {
  return { ...options, timeType: options.timeType ?? (options.timeFormat === undefined ? 'float' : 'string') };
}

const noObject: ParseProblem = { kind: 'mismatch', problem: 'expected a JSON object' };

/** The object of a text, or the objects of an array; undefined for an element that is none. */
function parseJsonText(input: Buffer | string): { readonly objects: readonly (Fields | undefined)[] } | ParseProblem {
  const bytes = typeof input === 'string' ? Buffer.from(input) : input;
  const text = input.toString();
  if (text.includes('\uFFFD') && !isUtf8(bytes))
    return { kind: 'mismatch', problem: 'not JSON: bytes that are not UTF-8' };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'mismatch', problem: `not JSON: ${errorText(error)}` };
  }
  if (typeof value !== 'object' || value === null) return noObject;
  const { exact, tooDeep } = scanJson(bytes);
  if (tooDeep) return { kind: 'invalid', problem: `nested deeper than ${jsonDepthMax} levels` };
  if (!Array.isArray(value)) return { objects: [exact ? parseExact(text.trim()) : (value as Fields)] };
  const list = exact ? getField(parseExact(`{"list":${text.trim()}}`), 'list') : (value as Value[]);
  const objects = (list as Value[]).map((one) => (isFields(one) ? one : undefined));
  return objects.length === 0 ? { kind: 'mismatch', problem: 'an array without objects' } : { objects };
}
