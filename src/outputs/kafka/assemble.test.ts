import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reader, readRecordsBatches } from '@platformatic/kafka';
import { batchOf, chunkOf, configOf, contextOf, modelOf, packedBatchOf } from '../../../test/fixture.ts';
import { defaultBuffer } from '../../config/model.ts';
import type { BufferModel } from '../../config/model.ts';
import type { Chunk } from '../../core/plugin.ts';
import { csvFormatter } from '../../codecs/csv.ts';
import { ltsvFormatter } from '../../codecs/ltsv.ts';
import { compileChunkText } from '../../codecs/chunk-placeholders.ts';
import type { TopicState } from '../../kafka/cluster.ts';
import { loadKafka } from '../../kafka/library.ts';
import { builtinPlugins } from '../../plugins.ts';
import { kafka2Output } from '../kafka2.ts';
import { Assembler } from './assemble.ts';
import { modernSettings } from './fluentd.ts';
import { RowWriter } from './rows.ts';
import type { KafkaSettings } from './settings.ts';

const library = await loadKafka();
const nowMs = 1_700_000_000_123;

/** Settings as kafka2 makes them of options. */
function settingsOf(
  options: Record<string, unknown>,
  buffer: Partial<BufferModel> = {},
  formatter?: Parameters<typeof modernSettings>[3],
): KafkaSettings {
  assert.ok(kafka2Output.kind === 'output');
  const config = configOf(kafka2Output, options);
  const values = config.options as unknown as Parameters<typeof modernSettings>[0];
  const own = {
    cluster: { brokers: [], clientId: 'x', connectTimeoutMs: 1, requestTimeoutMs: 1 },
    partitioner: 'ruby-crc32',
    partitionKeyField: 'partition_key',
    defaultPartitionKey: undefined,
    excludesPartitionKey: options['excludePartitionKey'] === true,
  } as const;
  return modernSettings(values, own, { ...defaultBuffer, ...buffer }, formatter, undefined);
}

interface Sent {
  readonly topic: string;
  readonly partition: number;
  readonly key: string | undefined;
  readonly value: string;
  readonly timeMs: number;
  readonly headers: Record<string, string>;
}

/** What a chunk becomes; topics have three partitions, but for `gone`. */
async function assembled(settings: KafkaSettings, chunk: Chunk, bytesMax = 1_000_000) {
  const context = contextOf(builtinPlugins);
  const rows = new RowWriter(
    settings,
    settings.formatter === undefined ? undefined : context.formatter(settings.formatter),
  );
  const { template } = settings.topic;
  const expand =
    template === undefined ? undefined : compileChunkText(template, { ...defaultBuffer, chunkKeys: ['tag'] });
  const assembler = new Assembler(
    settings,
    rows,
    (one) => expand?.(one).text,
    'out',
    () => nowMs,
  );
  const read = assembler.read(chunk);
  const stateOf = (name: string): TopicState | { reason: string; isLater: boolean } =>
    name === 'gone' ? { reason: 'no such topic', isLater: false } : { name, id: name, leaders: [1, 1, 1], seenMs: 0 };
  const { batches, leftOut } = assembler.assemble(
    read,
    () => true,
    stateOf,
    () => bytesMax,
  );
  const sent: Sent[] = [];
  for (const { topic, partition, writer, rows: numbers } of batches) {
    const [batch] = readRecordsBatches(Reader.from(await writer.seal(library, 'none')));
    assert.equal(batch?.records.length, numbers.length);
    for (const { key, value, headers, timestampDelta } of batch?.records ?? [])
      sent.push({
        topic: topic.name,
        partition,
        key: key?.toString(),
        value: value?.toString() ?? '',
        timeMs: Number(batch?.firstTimestamp) + Number(timestampDelta),
        headers: Object.fromEntries(headers.map(([name, one]) => [String(name), String(one)])),
      });
  }
  const refused = [...read.refused, ...leftOut].map(({ row, reason }) => [row, reason] as const);
  return { sent, refused, topics: read.topics, batches };
}
const values = (sent: readonly Sent[]): string[] => sent.map(({ value }) => value).toSorted();

describe('the topic', () => {
  test('is that of the option, of the record, the default or the tag', async () => {
    const chunk = chunkOf([batchOf('app.log', ['{"a":1}', '{"a":2,"topic":"other"}', '{"a":3,"topic":null}'])], {
      tag: 'app.log',
    });
    const topicsOf = async (options: Record<string, unknown>, buffer: Partial<BufferModel> = {}) =>
      (await assembled(settingsOf(options, buffer), chunk)).sent
        .map(({ topic, value }) => `${topic} ${value}`)
        .toSorted();
    assert.deepEqual(await topicsOf({ topic: 'x-${tag[1]}', defaultTopic: 'y' }), [
      'x-log {"a":1}',
      'x-log {"a":2,"topic":"other"}',
      'x-log {"a":3,"topic":null}',
    ]);
    assert.deepEqual(await topicsOf({ defaultTopic: 'y' }), [
      'other {"a":2,"topic":"other"}',
      'y {"a":1}',
      'y {"a":3,"topic":null}',
    ]);
    // A field has a say only where the chunks know it.
    assert.deepEqual(await topicsOf({}, { chunkKeys: ['tag'] }), [
      'app.log {"a":1}',
      'app.log {"a":2,"topic":"other"}',
      'app.log {"a":3,"topic":null}',
    ]);
    const { topics } = await assembled(settingsOf({ defaultTopic: 'y' }), chunk);
    assert.deepEqual(
      [...topics],
      [
        ['y', false],
        ['other', true],
      ],
    );
  });

  test('that cannot be one is refused with its record alone', async () => {
    const records = [
      '{"topic":"a b"}',
      '{"topic":""}',
      '{"topic":"gone"}',
      '{"topic":"fine"}',
      `{"topic":"${'x'.repeat(250)}"}`,
    ];
    const { sent, refused } = await assembled(settingsOf({ defaultTopic: 'y' }), chunkOf([batchOf('t', records)]));
    assert.deepEqual(values(sent), ['{"topic":"fine"}']);
    assert.deepEqual(
      refused.map(([row]) => row),
      [0, 1, 4, 2],
    );
    assert.match(refused[0]?.[1] ?? '', /OUTPUT_REFUSED: "a b" is no name of a topic/);
  });
});

describe('key and partition', () => {
  test('come from the record, and a key is hashed as ruby-kafka does', async () => {
    const records = [
      '{"message_key":"key"}',
      '{"message_key":"key","partition_key":"other"}',
      '{"message_key":"key","partition":0}',
      String.raw`{"message\u005fkey":"escaped"}`,
      '{"message_key":12}',
      '{"message_key":{"a":1}}',
      '{"message_key":null}',
    ];
    const { sent } = await assembled(
      settingsOf({ defaultTopic: 't', defaultMessageKey: 'd' }),
      chunkOf([batchOf('t', records)]),
    );
    const seen = new Map(sent.map(({ value, key, partition }) => [value, [key, partition]]));
    // crc32("key") = 2324736937, crc32("other") = 2571226412
    assert.deepEqual(seen.get(records[0] as string), ['key', 2_324_736_937 % 3]);
    assert.equal(seen.get(records[1] as string)?.[0], 'key');
    assert.deepEqual(seen.get(records[2] as string), ['key', 0]);
    assert.deepEqual(
      [3, 4, 5, 6].map((i) => seen.get(records[i] as string)?.[0]),
      ['escaped', '12', '{"a":1}', 'd'],
    );
  });

  test('a partition that is none is refused with its record', async () => {
    const records = [
      '{"partition":"x"}',
      '{"partition":7}',
      '{"partition":-1}',
      '{"partition":"2"}',
      '{"partition":1.5}',
    ];
    const { sent, refused } = await assembled(settingsOf({ defaultTopic: 't' }), chunkOf([batchOf('t', records)]));
    assert.deepEqual(
      sent.map(({ partition }) => partition),
      [2],
    );
    assert.deepEqual(
      refused.map(([row]) => row).toSorted((a, b) => a - b),
      [0, 1, 2, 4],
    );
    assert.match(refused.find(([row]) => row === 1)?.[1] ?? '', /topic t has no partition 7: it has 3/);
  });

  test('records without a key go round the partitions', async () => {
    const records = Array.from({ length: 9 }, (_, i) => `{"n":${i}}`);
    const { sent } = await assembled(settingsOf({ defaultTopic: 't' }), chunkOf([batchOf('t', records)]));
    for (const partition of [0, 1, 2]) assert.equal(sent.filter((one) => one.partition === partition).length, 3);
  });
});

describe('what is sent', () => {
  test('fields may be left out, and headers are read before', async () => {
    const settings = settingsOf({
      defaultTopic: 't',
      excludeTopicKey: true,
      excludePartition: true,
      excludePartitionKey: true,
      excludeMessageKey: true,
      excludeFields: ['$.secret.inner', 'drop'],
      headers: { fixed: 'f' },
      headersFromRecord: { deep: '$.secret.inner', gone: '$.message_key', number: '$.n' },
    });
    const record =
      '{"topic":"u","partition":1,"partition_key":"p","message_key":"m","secret":{"inner":1,"a":2},"drop":3,"n":1.50}';
    const { sent } = await assembled(settings, chunkOf([batchOf('t', [record])]));
    assert.deepEqual(sent, [
      {
        topic: 'u',
        partition: 1,
        key: 'm',
        value: '{"secret":{"a":2},"n":1.50}',
        timeMs: nowMs,
        headers: { fixed: 'f', deep: '1', gone: '', number: '1.5' },
      },
    ]);
  });

  test('one value of the record, JSON of MessagePack, and other formats', async () => {
    const record = '{"payload":{"x":1.0},"b":2}';
    const valueOf = async (options: Record<string, unknown>, formatter?: Parameters<typeof modernSettings>[3]) =>
      values(
        (
          await assembled(
            settingsOf({ defaultTopic: 't', ...options }, {}, formatter),
            chunkOf([batchOf('t', [record])]),
          )
        ).sent,
      );
    assert.deepEqual(await valueOf({ recordKey: '$.payload' }), ['{"x":1.0}']);
    assert.deepEqual(await valueOf({ recordKey: '$.b' }), ['2']);
    assert.deepEqual(await valueOf({}, modelOf(ltsvFormatter)), ['payload:{"x"=>1.0}\tb:2']);
    assert.deepEqual(await valueOf({}, modelOf(csvFormatter, { fields: ['b'] })), ['"2"\n']);
    const packed = await assembled(
      settingsOf({ defaultTopic: 't' }),
      chunkOf([packedBatchOf('t', [{ a: 1, b: 'ü' }])]),
    );
    assert.deepEqual(values(packed.sent), ['{"a":1,"b":"ü"}']);
  });

  test('a record over max_send_limit_bytes, or that its format cannot write, is refused alone', async () => {
    const records = ['{"a":1}', `{"a":"${'x'.repeat(50)}"}`, '{"a":2}'];
    const settings = settingsOf({ defaultTopic: 't', maxSendLimitBytes: 40 });
    const { sent, refused } = await assembled(settings, chunkOf([batchOf('t', records)]));
    assert.deepEqual(values(sent), ['{"a":1}', '{"a":2}']);
    assert.deepEqual(refused, [[1, 'OUTPUT_REFUSED: the record has 58 bytes, and max_send_limit_bytes is 40']]);
    const needy = settingsOf({ defaultTopic: 't', recordKey: '$.a' }, {}, modelOf(ltsvFormatter));
    const other = await assembled(needy, chunkOf([batchOf('t', ['{"a":{"b":1}}', '{"a":1}'])]));
    assert.deepEqual(values(other.sent), ['b:1']);
    assert.match(other.refused[0]?.[1] ?? '', /record_key \$\.a gives no object/);
  });

  test('the record’s time on request, and batches of bounded size', async () => {
    const times = [{ seconds: 1_600_000_000, nanos: 999_999_999 }];
    const settings = settingsOf({ defaultTopic: 't', useEventTime: true, defaultPartition: 1 });
    const { sent } = await assembled(settings, chunkOf([batchOf('t', ['{}'], times)]));
    assert.deepEqual(
      sent.map(({ timeMs }) => timeMs),
      [1_600_000_000_999],
    );
    const many = chunkOf([
      batchOf(
        't',
        Array.from({ length: 50 }, (_, i) => `{"n":"${'x'.repeat(i)}"}`),
      ),
    ]);
    const { batches } = await assembled(settings, many, 400);
    assert.ok(batches.length > 5);
    for (const { writer } of batches) assert.ok(writer.length <= 400);
    assert.deepEqual(
      batches.flatMap(({ rows }) => rows),
      Array.from({ length: 50 }, (_, i) => i),
    );
  });

  test('a header says which record it is', async () => {
    const settings = settingsOf({ defaultTopic: 't', originHeader: true, defaultPartition: 0 });
    const { sent } = await assembled(settings, chunkOf([batchOf('t', ['{"n":0}', '{"n":1}'])]));
    const headers = sent.map((one) => one.headers['post2log-origin'] ?? '');
    assert.match(headers[0] ?? '', /^00\.[0-9a-f]{10} 0 -1$/);
    assert.match(headers[1] ?? '', /^00\.[0-9a-f]{10} 1 -1$/);
  });
});
