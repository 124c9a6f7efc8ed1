/** The parser filter with the short way of its parser against itself without: records, times, and how records are kept. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { batchOf, contextOf, texts } from '../../test/fixture.ts';
import { makeFilter } from '../../test/fluentbit-fixture.ts';
import { fuzzRuns } from '../../test/fuzzing.ts';
import type { Batch } from '../core/batch.ts';
import { stringifyJson } from '../core/json.ts';
import type { Parser, PluginContext } from '../core/plugin.ts';
import { membersOf, withMembers, withSameMembers } from '../kubernetes/members.ts';
import { builtinPlugins } from '../plugins.ts';
import { fluentbitParserFilter } from './fluentbit_parser.ts';

const sections = `[PARSER]
    Name json
    Format json
    Time_Key at
    Time_Format %Y-%m-%dT%H:%M:%S.%L
[PARSER]
    Name words
    Format regex
    Regex ^(?<a>[^ ]*) (?<b>.*)$
`;

const inner = fc.oneof(
  fc.constantFrom(
    '{"a":1,"b":"x"}',
    '{"m":"y"}',
    '{"k":2,"q":[{}]}',
    '{}',
    'plain',
    '{"a":1.0}',
    '{"a":1} x',
    'two words',
    '',
  ),
  fc.constantFrom('{"at":"2026-01-01T12:00:00.25","a":"\\u003c"}', '{"at":"never"}', ' {"z":"\\"é\\\\"} ', '{"2":1}'),
  fc.json({ maxDepth: 2 }),
);
const record = fc.oneof(
  fc
    .tuple(inner, fc.constantFrom('', ',"k":"kept"', ',"a":[1]', ',"x":1e3'))
    .map(([text, more]) => `{"s":"out","m":${JSON.stringify(text)}${more}}`),
  fc.constantFrom(
    '{"m":5}',
    '{}',
    '{ "m" : "{\\"a\\":1}" , "k":null }',
    '{"m":"\\u007b\\u0022é\\u0022:1}"}',
    '{"n":"{}"}',
  ),
);

/** The same parsers without their short way. */
function withoutDirect(context: PluginContext): PluginContext {
  return {
    ...context,
    parser(model): Parser {
      const parser = context.parser(model);
      return { ...parser, direct: undefined, parse: (text) => parser.parse(text) };
    },
  };
}

function shown(batch: Batch): unknown[] {
  return texts(batch).map((text, row) => [text, batch.time(row), stringifyJson(batch.fields(row))]);
}

const lineSets: readonly string[][] = [
  ['Parser json', 'Reserve_Data On'],
  ['Parser json', 'Reserve_Data On', 'Preserve_Key On'],
  ['Parser json', 'Preserve_Key On'],
  ['Parser json'],
  ['Parser json', 'Parser words', 'Reserve_Data On'],
  ['Parser words', 'Reserve_Data On'],
];
describe('the short way gives what the long one does', () => {
  for (const lines of lineSets)
    test(lines.join(', '), async () => {
      const context = contextOf(builtinPlugins);
      const written = ['Key_Name m', ...lines];
      const short = await makeFilter(fluentbitParserFilter, written, { sections, context });
      const long = await makeFilter(fluentbitParserFilter, written, { sections, context: withoutDirect(context) });
      const reject = () => assert.fail('nothing is rejected');
      const rows = fc.option(fc.array(fc.nat(5), { maxLength: 4 }), { nil: undefined });
      fc.assert(
        fc.property(fc.array(record, { minLength: 1, maxLength: 6 }), rows, (records, chosen) => {
          const times = records.map((_, seconds) => ({ seconds, nanos: 5 }));
          const whole = batchOf('t', records, times);
          const batch = chosen ? whole.select(chosen.filter((row) => row < records.length)) : whole;
          assert.deepEqual(shown(short.apply(batch, reject)), shown(long.apply(batch, reject)));
        }),
        fuzzRuns(400, lineSets.length),
      );
    });
});

test('the same members behind all records are those behind each', () => {
  const members = membersOf([['kubernetes', { pod_name: 'a', labels: { b: 'é' } }]]);
  const given = fc.oneof(record, fc.constantFrom('{"kubernetes":1}', '{"a":"\\"kubernetes\\""}', '{"x":1 } ', '{ }'));
  fc.assert(
    fc.property(fc.array(given, { minLength: 1, maxLength: 5 }), (records) => {
      const batch = batchOf('t', records);
      const each = records.map(() => ({ fields: undefined, members }));
      assert.deepEqual(shown(withSameMembers(batch, members)), shown(withMembers(batch, each)));
    }),
    fuzzRuns(400, 7),
  );
});
