/** Records whose metadata lies in memory once, against the same records written out: whoever reads them sees no difference. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { batchOf, chunkOf, configOf, contextOf, texts, written } from '../../test/fixture.ts';
import { fuzzRuns } from '../../test/fuzzing.ts';
import { fluentbitJsonFormatter } from '../codecs/fluentbit_json.ts';
import { jsonFormatter } from '../codecs/json.ts';
import { msgpackFormatter } from '../codecs/msgpack.ts';
import type { Batch } from '../core/batch.ts';
import { FakeClock } from '../core/clock.ts';
import type { Chunk, Plugin } from '../core/plugin.ts';
import { defaultBuffer } from '../config/model.ts';
import { bulkRequests } from '../outputs/elasticsearch/bulk.ts';
import { elasticsearchOutput } from '../outputs/elasticsearch/index.ts';
import { FluentbitLines } from '../outputs/elasticsearch/fluentbit-lines.ts';
import { FluentdLines } from '../outputs/elasticsearch/fluentd-lines.ts';
import type { Lines } from '../outputs/elasticsearch/lines.ts';
import { documentSettings } from '../outputs/elasticsearch/settings.ts';
import type { WrittenDocuments } from '../outputs/elasticsearch/settings.ts';
import { esOutput } from '../outputs/es.ts';
import { encodeChunk } from '../outputs/forward/encode.ts';
import { membersOf, withSameMembers } from './members.ts';

const members = [
  membersOf([['kubernetes', { pod_name: 'web-1', labels: { app: 'web' } }]]),
  membersOf([['kubernetes', { '@timestamp': 'é \u0001', date: null }]]),
  membersOf([['kubernetes', { labels: new Map([['7', 'seven']]) }]]),
];
const key = fc.constantFrom('a', 'log', 'date', '@timestamp', 'kubernetes', '7', 'é');
const record = fc.oneof(
  fc.dictionary(key, fc.jsonValue({ maxDepth: 1 }), { maxKeys: 3 }).map((fields) => JSON.stringify(fields)),
  fc.constantFrom('{"a":1}', '{ "n": 1.0 }', '{"a":1 }', '{"a":1} ', '{"d\\u0061te":1}', '{"log":"}"}', '{"a":{}}'),
);

const formatters = [
  formatterOf(jsonFormatter, {}),
  formatterOf(msgpackFormatter, {}),
  formatterOf(fluentbitJsonFormatter, {}),
  formatterOf(fluentbitJsonFormatter, { dateKey: 'kubernetes', dateFormat: 'iso8601' }),
];
const linesOf: readonly (() => Lines)[] = [
  () =>
    new FluentbitLines(
      configOf(esOutput, {}).options as unknown as ConstructorParameters<typeof FluentbitLines>[0],
      'es',
      new FakeClock(),
      undefined,
    ),
  () => {
    const options = configOf(elasticsearchOutput, { logstashFormat: true, includeTagKey: true }).options;
    const settings = documentSettings(options as unknown as WrittenDocuments, {
      typeRule: 'elasticsearch',
      chunkIdKey: undefined,
    });
    const context = { clock: new FakeClock(), buffer: defaultBuffer, divert: undefined, badTime: () => undefined };
    return new FluentdLines(settings, context);
  },
];
const forward = { compress: 'text', isTimeInteger: false, hasAck: false, originOf: undefined } as const;

function formatterOf(plugin: Plugin, options: Record<string, unknown>) {
  if (plugin.kind !== 'formatter') throw new TypeError(`${plugin.name} is no formatter`);
  return plugin.create(configOf(plugin, options), contextOf([]));
}
function bulk(lines: Lines, chunk: Chunk): string {
  return [...bulkRequests(lines, chunk, undefined, 1e9, () => undefined)].map(({ body }) => body.toString()).join();
}
/** All that is made of a batch, each reader on its own. */
async function seenOf(batch: Batch): Promise<unknown[]> {
  const chunk = chunkOf([batch]);
  const { messages } = await encodeChunk(chunk, forward);
  return [
    texts(batch),
    Array.from({ length: batch.count }, (_, row) => [batch.fields(row), batch.sizeBytes(row), batch.offset(row)]),
    batch.totalBytes(),
    formatters.map((one) => written(one, batch)),
    linesOf.map((make) => bulk(make(), chunk)),
    messages.map(({ parts }) => Buffer.concat(parts)),
  ];
}
/** The same records, each with its JSON written out. */
function writtenOut(batch: Batch): Batch {
  const { exact } = batch.block.parts;
  const whole = batch.reencoded(Buffer.from(batch.block.parts.payload), batch.block.parts.bounds, exact);
  assert.equal(whole.block.shared, undefined);
  return whole;
}

describe('records with a shared ending', () => {
  test('no reader tells them from others', async () => {
    let shared = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(record, { minLength: 1, maxLength: 6 }),
        fc.constantFrom(...members),
        fc.boolean(),
        async (records, own, isPart) => {
          const all = batchOf('kube.a', records);
          const batch = isPart ? all.select(records.flatMap((_, row) => (row % 2 === 0 ? [row] : []))) : all;
          const fast = withSameMembers(batch, own);
          if (fast.block.shared) shared++;
          const seen = await seenOf(fast);
          assert.deepEqual(seen, await seenOf(writtenOut(fast)));
          for (const [row, text] of texts(fast).entries())
            assert.deepEqual(JSON.parse(text), {
              ...(JSON.parse(batch.json(row).toString()) as object),
              ...(JSON.parse(`{${own?.text.toString() ?? ''}}`) as object),
            });
        },
      ),
      fuzzRuns(150),
    );
    assert.ok(shared > 0, 'no ending was shared');
  });

  test('nothing of the records is copied, and what is made of them later is made once', () => {
    const batch = batchOf('a', ['{"a":1}', '{"b":2}']);
    const { block } = withSameMembers(batch, members[0]);
    assert.equal(block.shared?.payload, batch.block.parts.payload);
    assert.equal(block.parts.payload, block.parts.payload);
    assert.equal({ ...block.parts }.payload, block.parts.payload);
  });
});
