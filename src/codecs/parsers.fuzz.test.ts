/** Every parser against lines that are nearly right, and against bytes of no kind. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { configOf, contextOf } from '../../test/fixture.ts';
import { encodeMsgpack } from '../core/msgpack.ts';
import type { Parsed, Parser } from '../core/plugin.ts';
import { builtinPlugins } from '../plugins.ts';
import { RecordGatherer } from './encode.ts';
import { parseTexts } from './parse-texts.ts';

/** Options that a parser needs or that make it do most. */
const optionSets: Readonly<Record<string, readonly Record<string, unknown>[]>> = {
  csv: [
    { keys: ['a', '1', 'time'], timeKey: 'time', types: { a: 'integer', 1: 'array' } },
    { keys: ['a', 'b'], parserEngine: 'fast', nullEmptyString: true },
    { keys: ['a', 'b'], delimiter: '""' },
  ],
  fluentbit: [
    { format: 'json', timeFormat: '%s' },
    { format: 'logfmt', timeFormat: '%Y-%m-%dT%H:%M:%S.%L%z', types: ['n:integer', 'a:hex', 'msg:float', 'at:bool'] },
    { format: 'ltsv', timeFormat: '%c %Z', timeKeep: true },
    { format: 'regex', regex: '^(?<time>[^ ]*) (?<a>.*)$', timeFormat: '%d/%b/%Y:%H:%M:%S %z', timeZone: 'Asia/Seoul' },
  ],
  json: [
    {},
    { timeType: 'string', types: { a: 'time', b: 'float', c: 'integer', d: 'bool', e: 'string', f: 'array' } },
  ],
  ltsv: [{}, { delimiterPattern: '/\\s+|,/', labelDelimiter: '=', nullValuePattern: '/^-?$/' }],
  multiline: [
    { format1: '/(?<a>\\w*)[ :]/', format2: '/(?<time>[^ ]*)/', formatFirstline: '/^\\S/' },
    { format1: '/(?<a>a*)/' },
  ],
  regexp: [
    { expression: '^(?<time>[^ ]*) (?<a>.*)$', timeType: 'mixed', timeFormatFallbacks: ['float', '%iso8601', '%c'] },
    { expression: '(?<a>(?:a|b|ab)+)(?<a>.)?$', timeout: 5 },
  ],
  syslog: [
    { withPriority: true },
    { withPriority: true, parserEngine: 'string', keepTimeKey: true },
    { messageFormat: 'auto', withPriority: true },
    { messageFormat: 'rfc5424', parserEngine: 'string', withPriority: true },
    { messageFormat: 'auto', parserEngine: 'string', timeFormat: '%Y %m' },
  ],
  tsv: [{ keys: ['a', 'b'] }, { keys: ['a'], delimiter: ' ' }],
};

/** Lines that some parser takes. */
const seeds: readonly Buffer[] = [
  '192.0.2.1 - ann [28/Feb/2013:12:00:00 +0900] "GET /a?b HTTP/1.1" 200 777 "http://r/" "agent \\" x"',
  '[Wed Oct 11 14:32:52.25 2000] [error] [pid 7] [client 127.0.0.1] denied',
  '<13>Mar  5 06:07:08 host sshd[12]: failed: x',
  '<165>1 2024-03-05T06:07:08.25Z host app 7 ID [a x="1"][b y="2\\"]"] text',
  '{"time":1709618828.5,"a":"2024-03-05","b":[1,{"c":1.0}],"0":null,"d":12345678901234567890}',
  '[{"a":1},2]',
  '1,"x, ""y""",2024-03-05 06:07:08 +0100',
  'time:2024-03-05T06:07:08Z\ta:1\tb=2',
  'at=info msg="a \\"b\\"" n=5 flag',
  'March 5, 2024 6:07 PM a:b',
  '20240305T060708.25Z 1 2',
].map((line) => Buffer.from(line));

const parsers: readonly (readonly [string, Parser])[] = builtinPlugins.flatMap((plugin) => {
  if (plugin.kind !== 'parser') return [];
  return (optionSets[plugin.name] ?? [{}]).map((options): [string, Parser] => [
    `${plugin.name} ${JSON.stringify(options)}`,
    plugin.create(configOf(plugin, options), contextOf([])),
  ]);
});

/** A seed with a few bytes of it changed, left out, put in or repeated. */
const nearly = fc
  .tuple(
    fc.constantFrom(...seeds, encodeMsgpack({ a: 1, b: [null, 'x'], c: { d: 2.5 } })),
    fc.array(
      fc.record({
        at: fc.nat(200),
        cut: fc.nat(12),
        put: fc.oneof(
          fc.constantFrom(
            '"',
            '\\',
            ' ',
            '[',
            ']',
            '<',
            '>',
            ':',
            '-',
            '=',
            ',',
            '\t',
            '\n',
            '\0',
            '\uFFFD',
            '9999',
            'é',
          ),
          fc.uint8Array({ maxLength: 3 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
        ),
      }),
      { maxLength: 4 },
    ),
  )
  .map(([seed, edits]) =>
    edits.reduce((bytes, { at, cut, put }) => {
      const from = at % (bytes.length + 1);
      return Buffer.concat([bytes.subarray(0, from), Buffer.from(put, 'latin1'), bytes.subarray(from + cut)]);
    }, seed),
  );
const anything = fc.oneof(
  { weight: 4, arbitrary: nearly },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 60 }).map((text) => Buffer.from(text)) },
);

/** Records can be kept in the journal, times are instants, problems say something. */
function assertSound(found: Parsed): void {
  if ('problem' in found) {
    assert.ok(['mismatch', 'invalid', 'timeout'].includes(found.kind));
    assert.ok(found.problem.length > 0 && found.problem.length < 500, found.problem);
    return;
  }
  const time = found.time ?? { seconds: 0, nanos: 0 };
  assert.ok(Number.isSafeInteger(time.seconds) && Number.isInteger(time.nanos), JSON.stringify(time));
  assert.ok(time.nanos >= 0 && time.nanos < 1e9, JSON.stringify(time));
  new RecordGatherer().add(found.fields, time);
}

function takesAnything(name: string, parser: Parser): void {
  fc.assert(
    fc.property(fc.array(anything, { minLength: 1, maxLength: 4 }), (texts) => {
      const seen = new Set<number>();
      parseTexts(parser, texts, (found, index) => {
        seen.add(index);
        assertSound(found);
      });
      // Each text gives a record or says why it gives none.
      if (!name.startsWith('msgpack')) assert.equal(seen.size, texts.length);
      for (const text of texts) {
        assertSound(parser.parse(text));
        assertSound(parser.parse(text.toString('latin1')));
        parser.isFirstLine?.(text);
      }
    }),
    fuzzRuns(150, parsers.length),
  );
}

for (const [name, parser] of parsers) test(`${name} takes anything`, () => takesAnything(name, parser));

test('a parser with a bug is caught', () => {
  const broken: Parser = {
    parse(text) {
      if (text.toString().includes('\n')) throw new TypeError('canary');
      return { fields: {}, time: undefined };
    },
  };
  assert.throws(() => takesAnything('broken', broken), /canary|Property failed/);
});
