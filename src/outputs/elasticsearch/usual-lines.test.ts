import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf, configOf } from '../../../test/fixture.ts';
import { FakeClock } from '../../core/clock.ts';
import { esOutput } from '../es.ts';
import { bulkRequests } from './bulk.ts';
import { FluentbitLines } from './fluentbit-lines.ts';
import type { Divert } from './lines.ts';

type Settings = ConstructorParameters<typeof FluentbitLines>[0];

const records = [
  '{"log":"a","n":1}',
  '{ "b" : 2 }',
  '{}',
  '{"log":"é"}',
  '{"@timestamp":"mine"}',
  '{"a":"@timestamp"}',
];
const times = records.map((_, i) => ({ seconds: 1_767_268_800 + (i >> 1), nanos: i * 98_765_432 }));
/** Has all records written field by field. */
const byFields: Divert = { knows: () => true, apply: (_, fields) => fields };
const byBytes: Divert = { knows: () => false, apply: () => assert.fail('it knows of none') };

function bodyOf(options: Record<string, unknown>, divert: Divert): string {
  const settings = configOf(esOutput, options).options as unknown as Settings;
  const lines = new FluentbitLines(settings, 'es', new FakeClock(), divert);
  const chunk = chunkOf([batchOf('t', records, times), batchOf('t', records.slice(0, 3), times)]);
  const requests = bulkRequests(lines, chunk, undefined, 200, () => assert.fail('none is refused'));
  return Array.from(requests, ({ body }) => body.toString()).join('');
}

/** Spaces between are what is left of how a record came. */
const withoutSpaces = (text: string): string => text.replaceAll(/(?<=[{,:]) | (?=[},:])/g, '');

for (const options of [
  {},
  { timeKeyNanos: true },
  { timeKey: 'n' },
  { timeKeyFormat: '%H "%M"' },
  { logstashFormat: true, timeKeyFormat: '%s' },
  { index: 'é' },
  { currentTimeIndex: true },
])
  test(`lines made of bytes are those made of fields: ${JSON.stringify(options)}`, () => {
    assert.equal(withoutSpaces(bodyOf(options, byBytes)), withoutSpaces(bodyOf(options, byFields)));
  });
