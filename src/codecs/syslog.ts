/** The `syslog` parser: RFC 3164 and RFC 5424. Source: Fluentd 1.16 parser_syslog.rb. */
import { realClock } from '../core/clock.ts';
import type { Clock } from '../core/clock.ts';
import { boolean, choice, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { ParseProblem, Parsed } from '../core/plugin.ts';
import type { PlainFields } from '../core/record.ts';
import { pieceOf, subjectOf } from './onigmo.ts';
import type { Subject } from './onigmo.ts';
import { compileReadTime, timeOptions } from './parse-time.ts';
import type { ReadTime } from './parse-time.ts';
import { convertingOptions, notConverted, recordOptions, withoutEffect } from './record-reading.ts';
import {
  compileHead,
  read3164ByPattern,
  read3164BySpaces,
  read5424ByPattern,
  read5424BySpaces,
} from './syslog-lines.ts';
import type { ReadBody, ReadHead } from './syslog-lines.ts';

const format3164 = '%b %d %H:%M:%S';
const options = {
  withPriority: boolean('Expects a priority such as <13> before the rest; without it none may be there.', {
    default: false,
  }),
  messageFormat: choice(['rfc3164', 'rfc5424', 'auto'])(
    'The form of the lines; auto takes lines with a priority and a version for RFC 5424.',
    { default: 'rfc3164' },
  ),
  ...timeOptions,
  timeFormat: text('How times are read (strptime); `%b %d %H:%M:%S` unless set, or rfc5424_time_format.'),
  rfc5424TimeFormat: text('How times of RFC 5424 are read; without a fraction they are understood too.', {
    default: '%Y-%m-%dT%H:%M:%S.%L%z',
  }),
  parserEngine: choice(['regexp', 'string'])(
    'regexp looks for a colon anywhere in a message to find the program; string takes the first word for it.',
    { default: 'regexp', fluentd: ['parser_engine', 'parser_type'] },
  ),
  supportColonlessIdent: boolean('With parser_engine string: the first word is the program also without a colon.', {
    default: true,
  }),
  keepTimeKey: boolean('Leaves the time in the record, as field time.', { default: false }),
  estimateCurrentEvent: recordOptions.estimateCurrentEvent,
  timeKey: text('The name of the time field.', { ignored: 'the time is where the format has it' }),
  ...withoutEffect(convertingOptions, notConverted),
  timeout: text('How long one record may take.', {
    ignored: 'the time this parser takes is bounded by the length of a line',
  }),
};

type Values = OptionValues<typeof options>;

export const syslogParser = definePlugin({
  kind: 'parser',
  name: 'syslog',
  summary: 'Takes syslog lines of RFC 3164 or RFC 5424.',
  options,
  example: `<source>
  @type stdin
  tag syslog
  <parse>
    @type syslog
    message_format auto
    with_priority true
  </parse>
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops lines whose time it cannot read, which the time `-` of RFC 5424 is too. Here they are refused and kept.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Ends a message of RFC 3164 at its first line feed. Here it goes on to the end.',
    },
  ],
  check: ({ options: values }) => void compileLines(values, realClock),
  create({ options: values }, { clock }) {
    const { read3164, read5424 } = compileLines(values, clock);
    const { messageFormat } = values;
    return {
      parse(input) {
        const subject = subjectOf(input);
        const is5424 = messageFormat === 'rfc5424' || (messageFormat === 'auto' && detected.test(subject.text));
        return is5424 ? read5424(subject) : read3164(subject);
      },
    };
  },
});

const detected = /^<[0-9]{1,3}>[1-9]/;
const fixedFormats: readonly string[] = [format3164, `${format3164}.%N`];

type ReadLine = (subject: Subject) => Parsed;

/** @throws Error where an option is wrong */
function compileLines(values: Values, clock: Clock): { readonly read3164: ReadLine; readonly read5424: ReadLine } {
  const time = (timeFormat: string) => compileReadTime({ ...values, timeFormat }, clock);
  const isByPattern = values.parserEngine === 'regexp';
  const oldFormat = values.timeFormat ?? format3164;
  // With auto, time_format is that of RFC 3164.
  const newFormat = (values.messageFormat === 'rfc5424' ? values.timeFormat : undefined) ?? values.rfc5424TimeFormat;
  const wholeSeconds = time('%Y-%m-%dT%H:%M:%S%z');
  const newTime = time(newFormat);
  return {
    read3164: compileLine(
      compileHead(
        values.withPriority ? /^<([0-9]{1,3})>/ : undefined,
        oldFormat,
        !isByPattern && fixedFormats.includes(oldFormat),
      ),
      isByPattern ? read3164ByPattern : read3164BySpaces(values.supportColonlessIdent),
      time(oldFormat),
      values.keepTimeKey,
    ),
    read5424: compileLine(
      compileHead(values.withPriority ? /^<([0-9]{1,3})>[0-9]{1,3}\s/ : undefined, newFormat, false),
      isByPattern ? read5424ByPattern : read5424BySpaces,
      (value) => newTime(value) ?? wholeSeconds(value),
      values.keepTimeKey,
    ),
  };
}

const noHead: ParseProblem = {
  kind: 'mismatch',
  problem: 'no syslog line: expected a time, behind a priority where with_priority is true',
};

function compileLine(head: ReadHead, body: ReadBody, readTime: ReadTime, keepsTime: boolean): ReadLine {
  return ({ text, isBinary }) => {
    const start = head(text);
    if (!start) return noHead;
    const time = readTime(start.time);
    if (!time)
      return {
        kind: 'invalid',
        problem: `no time of the form wanted before character ${start.at}: ${start.time.slice(0, 100)}`,
      };
    const parts = body(text, start.at);
    if (!parts)
      return {
        kind: 'mismatch',
        problem: `no syslog line: expected host and program from character ${start.at + 1} on`,
      };
    const fields: PlainFields = {};
    if (start.priority !== undefined) fields['pri'] = start.priority;
    if (keepsTime) fields['time'] = start.time;
    for (const name of partNames) {
      const part = parts[name];
      if (part !== undefined) fields[name] = isBinary ? pieceOf(part) : part;
    }
    return { fields, time };
  };
}

const partNames = ['host', 'ident', 'pid', 'msgid', 'extradata', 'message'] as const;
