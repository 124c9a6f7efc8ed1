/** `_bulk` lines made of records' bytes against those made of their fields, in both dialects; however requests are cut. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { batchOf, chunkOf, configOf } from '../../../test/fixture.ts';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { recordTexts, said } from '../../../test/record-texts.ts';
import { defaultBuffer } from '../../config/model.ts';
import { FakeClock } from '../../core/clock.ts';
import type { Chunk } from '../../core/plugin.ts';
import { copyFields } from '../../core/record.ts';
import { membersOf, withSameMembers } from '../../kubernetes/members.ts';
import { esOutput } from '../es.ts';
import { bulkRequests } from './bulk.ts';
import { FluentbitLines } from './fluentbit-lines.ts';
import { FluentdLines } from './fluentd-lines.ts';
import { elasticsearchOutput } from './index.ts';
import type { Lines } from './lines.ts';
import { documentSettings } from './settings.ts';
import type { WrittenDocuments } from './settings.ts';

const ofFluentbit: readonly Record<string, unknown>[] = [
  {},
  { includeTagKey: true, timeKey: 'time', timeKeyNanos: true },
  { logstashFormat: true, logstashPrefixKey: 'stream' },
  { timeKey: 'a/b', timeKeyFormat: '%s', replaceDots: true },
  { generateId: true },
  { idKey: 'a', writeOperation: 'upsert' },
  { exactlyOnce: true, includeTagKey: true, tagKey: 'tag' },
];
const ofFluentd: readonly Record<string, unknown>[] = [
  {},
  { logstashFormat: true, includeTagKey: true },
  { includeTagKey: true, tagKey: '@timestamp', logstashFormat: true },
  { includeTimestamp: true, timeKey: 'time', timeKeyExcludeTimestamp: true },
  { idKey: 'a', routingKey: 'b', removeKeys: 'log' },
  { targetIndexKey: 'stream', flattenHashes: true },
];
const made: readonly (readonly [string, () => Lines])[] = [
  ...ofFluentbit.map((options) => [`es ${JSON.stringify(options)}`, () => fluentbitLines(options)] as const),
  ['opensearch', () => fluentbitLines({ index: 'x-$stream-$TAG[0]', generateId: true }, 'opensearch')],
  ...ofFluentd.map((options) => [`elasticsearch ${JSON.stringify(options)}`, () => fluentdLines(options)] as const),
];

function fluentbitLines(options: Record<string, unknown>, kind: 'es' | 'opensearch' = 'es'): Lines {
  const settings = configOf(esOutput, options).options as unknown as ConstructorParameters<typeof FluentbitLines>[0];
  return new FluentbitLines(settings, kind, new FakeClock(), undefined);
}
function fluentdLines(options: Record<string, unknown>): Lines {
  const written = configOf(elasticsearchOutput, options).options as unknown as WrittenDocuments;
  const settings = documentSettings(written, { typeRule: 'elasticsearch', chunkIdKey: undefined });
  const context = { clock: new FakeClock(), buffer: defaultBuffer, divert: undefined, badTime: () => undefined };
  return new FluentdLines(settings, context);
}
/** What is asked of the server, and which records are refused. */
function asked(lines: Lines, chunk: Chunk, bytesMax: number): unknown[] {
  const refused: unknown[] = [];
  let text = '';
  for (const { body } of bulkRequests(lines, chunk, undefined, bytesMax, (...one) => refused.push(one)))
    text += body.toString();
  return [text.trimEnd().split('\n').filter(Boolean).map(said), refused];
}

const members = membersOf([['kubernetes', { pod_name: 'web-1', labels: { time: 'é', '@timestamp': null } }]]);

describe('bytes and fields make the same lines', () => {
  for (const [name, make] of made)
    test(name, () => {
      fc.assert(
        fc.property(
          fc.array(recordTexts, { minLength: 1, maxLength: 5 }),
          fc.boolean(),
          fc.constantFrom(1, 200, 1e9),
          (records, hasPod, bytesMax) => {
            const plain = batchOf('t', records);
            const batch = hasPod ? withSameMembers(plain, members) : plain;
            const short = asked(make(), chunkOf([batch]), bytesMax);
            assert.deepEqual(short, asked(make(), chunkOf([batch.map(copyFields)]), 1e9));
          },
        ),
        fuzzRuns(60, made.length),
      );
    });
});
