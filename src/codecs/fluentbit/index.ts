/** The `fluentbit` parser: what a `[PARSER]` of Fluent Bit defines. Source: Fluent Bit 5.1 flb_parser.c, flb_parser_{regex,json,logfmt,ltsv}.c. */
import type { Clock, Instant } from '../../core/clock.ts';
import { fluentbitForm, fluentbitWords } from '../../core/fluentbit.ts';
import type { FluentbitWritten } from '../../core/fluentbit.ts';
import { boolean, choice, list, pattern, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { ParseProblem, Parsed, Parser } from '../../core/plugin.ts';
import { copyFields, deleteField, fieldsFromEntries, getField, setField } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { parseOffset } from '../civil.ts';
import { compileDecoders, decoderNames } from '../fluentbit-decoders.ts';
import type { DecoderRule } from '../fluentbit-decoders.ts';
import { readFluentbitJson } from '../fluentbit-json.ts';
import { compileFluentbitTime, unknownDirective } from '../fluentbit-strptime.ts';
import type { FluentbitTime } from '../fluentbit-strptime.ts';
import { compileTypes, typeNames } from '../fluentbit-types.ts';
import { compileCapture, pieceOf, subjectOf } from '../onigmo.ts';
import { limited } from '../parse-texts.ts';
import { DirectJson } from '../direct-json.ts';
import { compileDirectPattern } from '../direct-pattern.ts';
import { readLogfmt, readLtsv } from './pairs.ts';

const options = {
  format: choice(['regex', 'json', 'ltsv', 'logfmt'])('What the text is.', { required: true }),
  regex: pattern('The expression, in Onigmo (Ruby) syntax; each named group becomes a field.'),
  timeKey: text('The field that holds the time.', { default: 'time' }),
  timeFormat: text('The form of the time (strptime, %L for a fraction); without it no time is looked for.'),
  timeKeep: boolean('Keeps the field of the time in the record.', { default: false }),
  timeOffset: text('Zone of times without one, such as +0530.'),
  timeZone: text('Zone of times without one, such as Asia/Seoul.'),
  timeStrict: boolean(
    'Takes no time that lacks what stands behind its seconds, such as a fraction; otherwise the rest of it counts.',
    { default: true },
  ),
  timeSystemTimezone: boolean('Takes times without a zone as this machine’s.', { default: false }),
  types: list('Fields that become something else than text: field:integer, float, bool, hex or string. Not for json.', {
    default: [],
  }),
  skipEmptyValues: boolean('Leaves out fields without text. Of regex.', { default: true }),
  arrayKey: text('The field that an array becomes; without it an array is no record. Of json.'),
  logfmtNoBareKeys: boolean('Refuses keys without a value. Of logfmt.', { default: false }),
};
type ParserOptions = OptionValues<typeof options>;

const sections = {
  decoder: {
    summary: 'Decodes the text of a field.',
    isMany: true,
    options: {
      field: text('The field whose text is decoded.', { required: true }),
      decoder: choice(decoderNames)('What the text is.', { required: true }),
      replaces: boolean('Puts what was decoded in place of the text; otherwise its keys join the record.', {
        default: false,
      }),
      next: choice(['try_next', 'do_next'])(
        'Whether the next rule of the field follows: if this one fails, or always.',
      ),
    },
  },
};

export const fluentbitParser = definePlugin({
  kind: 'parser',
  name: 'fluentbit',
  summary: 'Reads texts as a [PARSER] of Fluent Bit does: regex, json, ltsv or logfmt, with times, types and decoders.',
  options,
  sections,
  fluentbit: fluentbitForm({
    passesOver: true,
    options: {
      format: {},
      regex: {},
      timeKey: {},
      timeFormat: {},
      timeKeep: {},
      timeOffset: {},
      timeZone: {},
      timeSystemTimezone: {},
      timeStrict: {},
      skipEmptyValues: {},
      logfmtNoBareKeys: {},
    },
    properties: {
      types: text('Fields that become something else than text: `field:integer other:float`.', { default: '' }),
    },
    repeated: {
      decode_field: 'Decodes the text of a field, and puts the keys it holds into the record: `json log`.',
      decode_field_as: 'Puts what the text of a field decodes to in its place: `escaped_utf8 log`.',
    },
    lower(written) {
      const types = (fluentbitWords(written.properties.types, { isQuoted: false }) ?? []).filter((word) => word !== '');
      for (const word of types) checkType(written, word);
      const regex = nameless(written);
      warnOfDirective(written);
      return {
        options: { types, ...(regex !== undefined && { regex }) },
        sections: { decoder: written.pairs.flatMap((pair) => decoderOf(written, pair)) },
      };
    },
    example: `[PARSER]
    Name        app
    Format      regex
    Regex       ^(?<time>[^ ]+) (?<level>\\w+) (?<message>.*)$
    Time_Key    time
    Time_Format %Y-%m-%dT%H:%M:%S.%L%z`,
  }),
  example: `<source>
  @type stdin
  tag app
  <parse>
    @type fluentbit
    format json
    time_key time
    time_format %Y-%m-%dT%H:%M:%S.%L%z
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'With regex a time of another form than Time_Format is dropped from the record. Here the field stays, as Fluent Bit itself has it with json.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'With `Time_Strict Off` a time without a whole date and time of day makes the record one of 1899, or loses it. Here it gets the time of receipt and keeps the field.',
      options: ['timeStrict'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'A Time_Format without a day (`%Y-%m`) gives the last day of the month before. Here the first of the month.',
    },
    {
      peer: 'fluentbit',
      text: 'Decode_Field can put a key twice into a record. Here what was decoded goes before what was there.',
    },
  ],
  check({ options: values }) {
    if (values.format === 'regex' && values.regex === undefined)
      throw new Error('Format regex needs Regex, the expression');
    if (values.format === 'regex') compileCapture(values.regex ?? '');
    if (values.timeOffset !== undefined && parseOffset(values.timeOffset) === undefined)
      throw new Error(`Time_Offset ${values.timeOffset}: expected an offset such as +0530`);
    if (values.timeZone !== undefined && values.timeFormat === undefined)
      throw new Error('Time_Zone needs Time_Format');
    if (values.timeZone !== undefined && (values.timeSystemTimezone || values.timeOffset !== undefined))
      throw new Error('Time_Zone cannot stand beside Time_Offset or Time_System_Timezone');
  },
  create({ options: values, sections: { decoder } }, { clock }) {
    const rules = (decoder ?? []).map((section) => section.options as unknown as DecoderRule);
    return createParser(values, rules, clock);
  },
});

function checkType(written: FluentbitWritten, word: string): void {
  const at = written.written('types') ?? written.at;
  const type = word.slice(word.indexOf(':') + 1).toLowerCase();
  if (!word.includes(':')) written.warn(at, `Types: ${word} names no type; field:type was expected, it has no effect`);
  else if (!typeNames.includes(type))
    written.warn(at, `Types: ${type} is none of ${typeNames.join(', ')}; ${word.split(':')[0] ?? ''} stays text`);
}

/** An expression without named groups matches no line there, so that lines stay as they are: what matches none, after a warning. */
function nameless({ options: { format, regex }, written, at, warn }: FluentbitWritten): string | undefined {
  if (format !== 'regex' || typeof regex !== 'string' || /\(\?<[^=!]/.test(regex)) return undefined;
  warn(
    written('regex') ?? at,
    `Regex ${regex}: no group has a name, so that no line is parsed; write (?<name>…) around what becomes a field`,
  );
  return '(?!)(?<none>)';
}

function warnOfDirective({ options: { timeFormat }, written, at, warn }: FluentbitWritten): void {
  const unknown = typeof timeFormat === 'string' ? unknownDirective(timeFormat) : undefined;
  if (unknown !== undefined)
    warn(
      written('timeFormat') ?? at,
      `Time_Format ${String(timeFormat)}: ${unknown} is not known, so that no text is such a time, as in Fluent Bit`,
    );
}

function decoderOf(written: FluentbitWritten, pair: FluentbitWritten['pairs'][number]) {
  const [name = '', field, next] = fluentbitWords(pair.value, { max: 3, isQuoted: false }) ?? [];
  const decoder = decoderNames.find((one) => one === name.toLowerCase());
  const at = pair.valueAt ?? pair.at;
  if (field === undefined) {
    written.warn(
      at,
      `${pair.key}: a decoder and a field were expected, such as json log; it has no effect, as in Fluent Bit`,
    );
    return [];
  }
  if (decoder === undefined) {
    written.warn(at, `${pair.key}: ${name} is none of ${decoderNames.join(', ')}; it has no effect, as in Fluent Bit`);
    return [];
  }
  const action = next?.toLowerCase();
  const isAction = action === 'try_next' || action === 'do_next';
  const replaces = pair.key === 'decode_field_as';
  return [
    { argument: '', options: { field, decoder, replaces, ...(isAction && { next: action }) }, pairs: [], at: pair.at },
  ];
}

const mismatch: ParseProblem = { kind: 'mismatch', problem: 'the expression does not match' };

/** Finishes a record: its time, its decoded fields. */
type Finish = (fields: Fields, doesTimeFail?: boolean) => Parsed;

function createParser(values: ParserOptions, rules: readonly DecoderRule[], clock: Clock): Parser {
  const time = compileTime(values, clock);
  const types = compileTypes(values.types);
  const finish = compileFinish(values, rules, time, values.format === 'regex' ? types : undefined);
  const direct =
    rules.length === 0 && (!time || time.readPlaced) ? { ...values, readTime: time?.readPlaced } : undefined;
  switch (values.format) {
    case 'regex':
      return {
        ...regexParser(values, types, finish),
        direct: direct && values.types.length === 0 ? compileDirectPattern(values.regex ?? '', direct) : undefined,
      };
    case 'json':
      return {
        direct: direct && new DirectJson(direct),
        parse(input) {
          const written = input.toString();
          const isArray = values.arrayKey !== undefined && /^\s*\[/.test(written);
          const fields = readFluentbitJson(isArray ? `{${JSON.stringify(values.arrayKey)}:${written}}` : written);
          return fields ? finish(fields) : { kind: 'mismatch', problem: 'expected one JSON object' };
        },
      };
    case 'logfmt':
      return {
        parse(input) {
          const fields = readLogfmt(input.toString(), types, values.logfmtNoBareKeys);
          return fields ? finish(fields, true) : { kind: 'mismatch', problem: 'expected key=value pairs' };
        },
      };
    default:
      return {
        parse(input) {
          const fields = readLtsv(input.toString(), types);
          return fields
            ? finish(fields, true)
            : { kind: 'mismatch', problem: 'expected label:value pairs with tabs between them' };
        },
      };
  }
}

function regexParser(
  { regex = '', skipEmptyValues, timeFormat, timeKey }: ParserOptions,
  types: ReadonlyMap<string, (text: string) => Value>,
  finish: Finish,
): Parser {
  const { expression, names } = compileCapture(regex);
  return limited({
    parse(input) {
      const { text: subject, isBinary } = subjectOf(input);
      const match = expression.exec(subject);
      if (!match) return mismatch;
      const entries: [string, Value][] = [];
      for (const [index, name] of names.entries()) {
        const piece = match[index + 1];
        if (piece === undefined || (piece === '' && skipEmptyValues)) continue;
        const value = isBinary ? pieceOf(piece) : piece;
        const isTime = timeFormat !== undefined && name === timeKey;
        const cast = typeof value === 'string' && !isTime ? types.get(name)?.(value) : undefined;
        entries.push([name, cast ?? value]);
      }
      return finish(fieldsFromEntries(entries));
    },
  });
}

function compileTime(
  { timeFormat, timeOffset, timeZone, timeSystemTimezone, timeStrict: isStrict }: ParserOptions,
  clock: Clock,
): FluentbitTime | undefined {
  if (timeFormat === undefined) return undefined;
  const offset = timeOffset === undefined ? 0 : (parseOffset(timeOffset) ?? 0);
  return compileFluentbitTime(timeFormat, { offset, zone: timeZone, isSystem: timeSystemTimezone, isStrict }, clock);
}

/** `types`: of the field of the time too, where it is kept. `doesTimeFail`: a time of another form makes the whole text one that does not parse, as with logfmt and ltsv. */
function compileFinish(
  { timeFormat, timeKey, timeKeep }: ParserOptions,
  rules: readonly DecoderRule[],
  readTime: FluentbitTime | undefined,
  types: ReadonlyMap<string, (text: string) => Value> | undefined,
): Finish {
  const castTime = timeKeep ? types?.get(timeKey) : undefined;
  const decode = rules.length === 0 ? undefined : compileDecoders(rules);
  return (fields, doesTimeFail = false) => {
    // json decodes before it looks for the time, the others behind it: a decoded key may be the time there.
    const decoded = decode && !doesTimeFail ? decode(fields) : fields;
    const written = readTime ? getField(decoded, timeKey) : undefined;
    let time: Instant | undefined;
    let result = decoded;
    if (readTime && typeof written === 'string' && written !== '') {
      time = readTime.read(written);
      if (!time && doesTimeFail)
        return { kind: 'mismatch', problem: `${timeKey} "${written}" is no time of the form ${timeFormat ?? ''}` };
      if (time && !timeKeep) {
        result = copyFields(decoded);
        deleteField(result, timeKey);
      }
      const cast = time && castTime?.(written);
      if (cast !== undefined) {
        result = copyFields(decoded);
        setField(result, timeKey, cast);
      }
    }
    return { fields: decode && doesTimeFail ? decode(result) : result, time };
  };
}
