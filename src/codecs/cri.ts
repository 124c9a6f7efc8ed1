/**
 * The `cri` parser: lines that containers' runtimes write, `<time> <stream> <tag> <text>`.
 * Source: fluent-plugin-parser-cri 0.1.1 parser_cri.rb.
 */
import { boolean, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Parsed, ParsedRecord, Parser } from '../core/plugin.ts';
import { copyFields, fieldsFromEntries, needsExactKey, setField } from '../core/record.ts';
import type { PlainFields, Value } from '../core/record.ts';
import { pieceOf, subjectOf } from './onigmo.ts';
import { limited } from './parse-texts.ts';
import {
  checkReading,
  compileFinish,
  convertingOptions,
  notConverted,
  recordOptions,
  timeKeyOption,
  withoutEffect,
} from './record-reading.ts';

const options = {
  ...recordOptions,
  ...withoutEffect(convertingOptions, notConverted),
  estimateCurrentEvent: { ...recordOptions.estimateCurrentEvent, ignored: 'every such line carries its time' },
  timeKey: timeKeyOption,
  timeFormat: text('How the time is read (strptime, or %iso8601).', { default: '%Y-%m-%dT%H:%M:%S.%L%z' }),
  keepTimeKey: boolean('Leaves the time in the record.', { default: true }),
  mergeCriFields: boolean('With a section <parse> inside: adds stream and logtag to what that found.', {
    default: true,
  }),
};

export const criParser = definePlugin({
  kind: 'parser',
  name: 'cri',
  summary: 'Parses the lines of container runtimes such as containerd and CRI-O.',
  options,
  usesParser: true,
  example: `<source>
  @type tail
  path /var/log/containers/*.log
  tag kubernetes.*
  <parse>
    @type cri
  </parse>
</source>
<filter kubernetes.**>
  @type concat
  key message
  use_partial_cri_logtag true
  separator ""
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Fails on a line whose time has another form than time_format, and the line is gone. Here such lines are refused and kept.',
    },
  ],
  check: ({ options: values }) => checkReading(reading(values)),
  create({ options: values, parser }, context) {
    if (parser) return inside(context.parser(parser), values.mergeCriFields);
    const finish = compileFinish({ ...reading(values), keepTimeKey: false }, context.clock);
    const { timeKey, keepTimeKey } = values;
    const isExact = keepTimeKey && needsExactKey(timeKey);
    return {
      parse(input) {
        const line = split(input);
        if (!line) return mismatch;
        const { time, stream, logtag, rest } = line;
        const fields: PlainFields = { stream, logtag, message: rest };
        if (!keepTimeKey) return finish.taken(fields, time);
        if (isExact) return finish.taken(fieldsFromEntries([...Object.entries(fields), [timeKey, time]]), time);
        fields[timeKey] = time;
        return finish.taken(fields, time);
      },
    };
  },
});

/** Fields stay as they are: only the time is read. */
function reading<T extends object>(values: T): T & { types: undefined; nullValuePattern: undefined } & Neutral {
  return { ...values, types: undefined, nullValuePattern: undefined, ...neutral };
}
interface Neutral {
  readonly nullEmptyString: false;
  readonly estimateCurrentEvent: true;
}
const neutral: Neutral = { nullEmptyString: false, estimateCurrentEvent: true };

const mismatch: Parsed = {
  kind: 'mismatch',
  problem: 'a time, a stream, a tag and a text, with one blank between them, were expected',
};

/** What stands in the text is parsed again; the time is what is found there. */
function inside(inner: Parser, addsFields: boolean): Parser {
  const parser: Parser = {
    parse(input) {
      const line = split(input);
      if (!line) return mismatch;
      const { rest } = line;
      const text = typeof rest === 'string' ? rest : Buffer.from(rest as Uint8Array);
      const found = inner.parseAll ? inner.parseAll(text).at(-1) : inner.parse(text);
      return found && addsFields && !('problem' in found) ? withCri(found, line) : (found ?? mismatch);
    },
  };
  return inner.timeLimitMs === undefined ? parser : limited(parser, inner.timeLimitMs);
}

function withCri({ fields, time }: ParsedRecord, { stream, logtag }: Line): ParsedRecord {
  const merged = copyFields(fields);
  setField(merged, 'stream', stream);
  setField(merged, 'logtag', logtag);
  return { fields: merged, time };
}

interface Line {
  readonly time: Value;
  readonly stream: Value;
  readonly logtag: Value;
  readonly rest: Value;
}

/** Ruby's `\s`: each of these ends a part, also where it follows another. */
function isBlank(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** The four parts of a line; undefined: there are fewer. */
function split(input: Buffer | string): Line | undefined {
  const { text: line, isBinary } = subjectOf(input);
  const ends: number[] = [];
  for (let at = 0; at < line.length && ends.length < 3; at++) if (isBlank(line.charCodeAt(at))) ends.push(at);
  const [first, second, third] = ends;
  if (first === undefined || second === undefined || third === undefined) return undefined;
  const piece = (from: number, to?: number): Value => {
    const part = line.slice(from, to);
    return isBinary ? pieceOf(part) : part;
  };
  return {
    time: piece(0, first),
    stream: piece(first + 1, second),
    logtag: piece(second + 1, third),
    rest: piece(third + 1),
  };
}
