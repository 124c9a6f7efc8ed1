/** Lines with path and offset behind their fields: by their bytes, and by way of fields. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { configOf, contextOf } from '../../../test/fixture.ts';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { objectTexts } from '../../../test/record-texts.ts';
import { jsonLineParser } from '../../codecs/json.ts';
import { noneParser } from '../../codecs/none.ts';
import { regexpParser } from '../../codecs/regexp.ts';
import type { Parser, Plugin } from '../../core/plugin.ts';
import { AddedKeys } from './added-keys.ts';
import { LineBatch } from './records.ts';
import type { LineRules } from './records.ts';

const path = '/var/log/a "b"/é.log';
const now = { seconds: 7, nanos: 8 };
const line = fc.oneof(
  objectTexts,
  fc.constantFrom(
    '{}',
    '{"a":1}',
    '{"path":null,"a":1}',
    '{"p\\u0061th":2}',
    '{"a":{"path":1}}',
    '{"offset":"x"} ',
    'x y',
  ),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc
    .dictionary(fc.constantFrom('a', 'path', 'offset', '7'), fc.jsonValue({ maxDepth: 1 }))
    .map((one) => JSON.stringify(one)),
);
const keys = [
  { pathKey: 'path', offsetKey: undefined, replacesKeys: true },
  { pathKey: 'path', offsetKey: 'offset', replacesKeys: false },
  { pathKey: undefined, offsetKey: 'offset', replacesKeys: true },
  { pathKey: 'a"', offsetKey: 'é', replacesKeys: true },
  { pathKey: '7', offsetKey: undefined, replacesKeys: true },
  { pathKey: 'message', offsetKey: 'message', replacesKeys: true },
] as const;

function parserOf(plugin: Plugin, options: Record<string, unknown>): Parser {
  if (plugin.kind !== 'parser') throw new TypeError(`${plugin.name} is no parser`);
  return plugin.create(configOf(plugin, options), contextOf([]));
}
const parsers = [
  parserOf(jsonLineParser, {}),
  parserOf(noneParser, {}),
  parserOf(regexpParser, { expression: '/^(?<path>[^ ]*) (?<message>.*)$/' }),
];

/** The records that lines become, and where they end in the file. */
function recordsOf(rules: LineRules, lines: readonly Buffer[]): unknown[] {
  const batch = new LineBatch(rules, path, now);
  const piece = Buffer.concat(lines.map((one) => Buffer.concat([one, Buffer.from('\n')])));
  let at = 0;
  for (const { length } of lines) {
    batch.addLine({ piece, from: at, until: at + length, start: 1000 + at, end: 1001 + at + length });
    at += length + 1;
  }
  batch.parse();
  const records = batch
    .runs()
    .flatMap(({ records: run, ends }) =>
      run.payloads.map((payload, i) => [
        run.codec,
        Buffer.from(payload as string).toString('latin1'),
        run.seconds[i],
        run.nanos[i],
        ends[i],
      ]),
    );
  return [records, batch.refused, batch.lines];
}

describe('path and offset', () => {
  for (const key of keys)
    test(JSON.stringify(key), () => {
      fc.assert(
        fc.property(fc.constantFrom(...parsers), fc.array(line, { maxLength: 6 }), (parser, texts) => {
          const lines = texts.map((text) => Buffer.from(text.replaceAll('\n', ' ')));
          const others = { decode: undefined, emitsUnmatched: false, unparsedKey: undefined, sayUnparsed: undefined };
          const rules: LineRules = { ...others, ...key, parser, skipsEmpty: false };
          assert.ok(parser.direct);
          const added = AddedKeys.for(rules, parser.direct);
          assert.deepEqual(recordsOf({ ...rules, added }, lines), recordsOf(rules, lines));
        }),
        fuzzRuns(150, keys.length),
      );
    });
});
