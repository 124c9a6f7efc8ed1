/** The short way of parsers against the long one: where it takes a text, both give the same record. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { configOf, contextOf } from '../../test/fixture.ts';
import { objectTexts } from '../../test/record-texts.ts';
import { ByteWriter } from '../core/bytes.ts';
import type { Parser, Plugin } from '../core/plugin.ts';
import { RecordGatherer } from './encode.ts';
import { fluentbitParser } from './fluentbit/index.ts';
import { jsonLineParser } from './json.ts';
import { noneParser } from './none.ts';
import { regexpParser } from './regexp.ts';

const cri = '^(?<time>[^ ]+) (?<stream>stdout|stderr) (?<logtag>[^ ]*) (?<message>.*)$';
const criTime = { timeKey: 'time', timeFormat: '%Y-%m-%dT%H:%M:%S.%L%z' };
const dockerTime = { timeKey: 'time', timeFormat: '%Y-%m-%dT%H:%M:%S.%L' };
const optionSets: readonly Record<string, unknown>[] = [
  { format: 'regex', regex: cri, ...criTime },
  { format: 'regex', regex: cri, ...criTime, timeKeep: true, skipEmptyValues: false },
  { format: 'regex', regex: cri },
  { format: 'regex', regex: '^(?<a>[^ ]*) "(?<m>A|AB)\\.(?<b>[^"]*)" (?<c>x|y)$' },
  { format: 'json' },
  { format: 'json', ...dockerTime },
  { format: 'json', ...dockerTime, timeKeep: true },
  { format: 'json', timeKey: 'time', timeFormat: '%s.%L', timeOffset: '+0530' },
  { format: 'json', timeKey: 'time', timeFormat: '%Y-%m-%d %H:%M:%S%L %Z', timeZone: 'Asia/Seoul' },
];
const rubyTime = { timeKey: 'time', timeFormat: '%Y-%m-%dT%H:%M:%S.%N%z' };
const ofFluentd: readonly (readonly [Plugin, Record<string, unknown>])[] = [
  [regexpParser, { expression: `/${cri}/`, ...rubyTime }],
  [regexpParser, { expression: cri, ...rubyTime, keepTimeKey: true }],
  [regexpParser, { expression: cri, timeFormat: '%Y-%m-%dT%H:%M:%S.%L' }],
  [regexpParser, { expression: cri, timeFormat: '%Y-%m-%dT%H:%M:%S.%3N%z', utc: true }],
  [regexpParser, { expression: cri, timeFormat: '%iso8601' }],
  [regexpParser, { expression: '/^(?<a>[^ ]*) "(?<m>A|AB)\\.(?<b>[^"]*)" (?<c>x|y)$/', timeType: 'float' }],
  [jsonLineParser, {}],
  [jsonLineParser, rubyTime],
  [jsonLineParser, { timeType: 'float', keepTimeKey: true }],
  [jsonLineParser, { timeType: 'unixtime', timeKey: 'z' }],
  [jsonLineParser, { timeFormat: '%s.%L' }],
  [jsonLineParser, { timeFormat: '%Y-%m-%d %H:%M:%S%N %Z', timezone: 'Asia/Seoul' }],
  [noneParser, {}],
  [noneParser, { messageKey: 'log"' }],
];
const parsers = [...optionSets.map((options) => [fluentbitParser, options] as const), ...ofFluentd].map(
  ([plugin, options]): readonly [string, Parser] => {
    if (plugin.kind !== 'parser') throw new TypeError('no parser');
    return [`${plugin.name} ${JSON.stringify(options)}`, plugin.create(configOf(plugin, options), contextOf([]))];
  },
);

const time = fc.oneof(
  fc.constantFrom('2026-01-01T12:00:00.123456789Z', '2026-01-01T12:00:00.5Z', '2026-01-01T12:00:00.1234567891Z'),
  fc.constantFrom('2026-01-01T12:00:00.25+09:00', '2026-02-30T12:00:60.1Z', '2026-01-01 12:00:00', '1767268800', ''),
  fc.constantFrom('2026-01-01T12:00:00.Z', '1767268800.25', '1767268800.5', '2026-01-01 12:00:005 UTC', '17672688001'),
);
const message = fc.oneof(
  fc.constantFrom('{"n":1,"a":"b"}', 'plain text', '', 'é "x" \\ \t\u001b[0m', 'a\nb', '\u2028'),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
const line = fc.oneof(
  fc
    .tuple(time, fc.constantFrom('stdout', 'stderr', 'stdou', 'stdoutx'), fc.constantFrom('F', 'P', '', 'F:x'), message)
    .map((parts) => Buffer.from(parts.join(' '))),
  fc
    .tuple(
      time,
      message,
      fc.constantFrom('{', ' {  ', '{"z":1,', '{"time":2,'),
      fc.constantFrom('}', ' } ', '} x', ',"q":[{}]}'),
    )
    .map(([at, text, open, close]) => Buffer.from(`${open}"log":${JSON.stringify(text)},"time":"${at}"${close}`)),
  objectTexts.map((text) => Buffer.from(text)),
  fc.constantFrom('a "A.b" x', 'a "AB.b" y', ' "A." x', 'a "AB.b" xy', 'é "A.ü" x').map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
);

const now = { seconds: 7, nanos: 8 };

/** The record's text and time as the long way gives them; undefined: it gives none, or one that is no plain JSON. */
function byParsing(parser: Parser, text: Buffer): readonly unknown[] | undefined {
  const parsed = parser.parse(text);
  if ('problem' in parsed) return undefined;
  const gatherer = new RecordGatherer();
  gatherer.add(parsed.fields, parsed.time ?? now);
  const [run] = gatherer.take();
  if (run?.codec !== 1 || run.exact[0] !== false) return undefined;
  return [String(run.payloads[0]), run.seconds[0], run.nanos[0]];
}

describe('the short way gives what the long one does', () => {
  for (const [name, parser] of parsers)
    test(name, () => {
      const { direct } = parser;
      assert.ok(direct);
      let taken = 0;
      fc.assert(
        fc.property(fc.array(line, { minLength: 1, maxLength: 6 }), (lines) => {
          for (const text of lines) {
            const out = new ByteWriter();
            const padded = Buffer.concat([Buffer.from('"x'), text, Buffer.from('"}\n')]);
            if (!direct.write(padded, 2, 2 + text.length, out)) continue;
            taken++;
            const found = direct.time.isKnown ? direct.time : now;
            const given: readonly unknown[] = [out.view().toString(), found.seconds, found.nanos];
            assert.deepEqual(given, byParsing(parser, text), text.toString());
          }
        }),
        fuzzRuns(300, 3),
      );
      assert.ok(taken > 0, 'nothing took the short way');
    });
});
