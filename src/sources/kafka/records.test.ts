import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configOf, contextOf } from '../../../test/fixture.ts';
import type { BatchHead, ReadRecord } from '../../kafka/read-batches.ts';
import { committedRecords } from '../../kafka/fetch.ts';
import type { Plugin } from '../../core/plugin.ts';
import { builtinPlugins } from '../../plugins.ts';
import { kafkaGroupSource } from '../kafka_group.ts';
import { rdkafkaGroupSource } from '../rdkafka_group.ts';
import { kafkaSource } from './index.ts';
import { positionIn, startOf } from './positions.ts';
import { RecordConverter } from './records.ts';
import type { RecordSettings } from './settings.ts';

const settings: RecordSettings = {
  format: 'json',
  textKey: 'message',
  tagPrefix: undefined,
  tagSuffix: undefined,
  tagField: undefined,
  fixedTag: undefined,
  time: 'now',
  timeField: 'time',
  timeFormat: undefined,
  keyField: undefined,
  addsHeaders: false,
  addsOffset: false,
};
function record(offset: number, value: string | Buffer | null, more: Partial<ReadRecord> = {}): ReadRecord {
  return {
    offset,
    timeMs: 1_700_000_000_250,
    key: null,
    value: typeof value === 'string' ? Buffer.from(value) : value,
    headers: [],
    ...more,
  };
}
const headers = (pairs: Record<string, string>): ReadRecord['headers'] =>
  Object.entries(pairs).map(([name, value]) => [Buffer.from(name), Buffer.from(value)] as const);

function convert(changes: Partial<RecordSettings>, read: readonly ReadRecord[], skip = 0) {
  const context = contextOf(builtinPlugins);
  const whole = { ...settings, ...changes };
  const parser = context.parser(typeof whole.format === 'object' ? whole.format.parser : 'json');
  const { runs, refused } = new RecordConverter(whole, parser, context.clock).convert('app', 2, read, skip);
  return {
    runs: runs.map(({ tag, records, ...end }) => ({
      tag,
      texts: records.payloads.map((one) => (typeof one === 'string' ? one : Buffer.from(one).toString())),
      ...end,
      ...(records.origins && { origins: records.origins }),
      seconds: records.seconds,
    })),
    refused: refused.map(({ reason, offset }) => [offset, reason]),
  };
}

describe('values', () => {
  test('JSON goes on from brace to brace with each key once, and what is none is refused alone', () => {
    const { runs, refused } = convert({ tagPrefix: 'p', tagSuffix: 's' }, [
      record(4, '{"a":1.0, "b" : 1, "b":2}'),
      record(5, 'no'),
      record(6, null),
      record(7, ' {"c": []}\r'),
      record(8, '12'),
    ]);
    assert.deepEqual(runs, [
      {
        tag: 'p.app.s',
        texts: ['{"a":1.0,"b":2}', '{"c": []}'],
        next: 8,
        skip: 0,
        seconds: [1_700_000_000, 1_700_000_000],
      },
    ]);
    assert.deepEqual(refused, [
      [5, 'parse_failed'],
      [6, 'no_value'],
      [8, 'parse_failed'],
    ]);
  });

  test('an array gives several records, some of which may be there already', () => {
    const read = [record(4, '[{"a":1},{"a":2}]'), record(5, '{"a":3}')];
    assert.deepEqual(
      convert({}, read).runs.map(({ texts, next }) => [texts, next]),
      [[['{"a":1}', '{"a":2}', '{"a":3}'], 6]],
    );
    assert.deepEqual(
      convert({}, read, 1).runs.map(({ texts, next }) => [texts, next]),
      [[['{"a":2}', '{"a":3}'], 6]],
    );
  });

  test('text, MessagePack, and any parser', () => {
    const texts = (changes: Partial<RecordSettings>, value: string | Buffer) =>
      convert(changes, [record(1, value)]).runs.flatMap((run) => run.texts);
    assert.deepEqual(texts({ format: 'text', textKey: 'line' }, 'a "b"'), ['{"line":"a \\"b\\""}']);
    assert.deepEqual(texts({ format: 'msgpack' }, Buffer.from('81a161a162', 'hex')), ['{"a":"b"}']);
    const ltsv = { parser: 'ltsv' };
    assert.deepEqual(texts({ format: ltsv }, 'a:1\tb:2'), ['{"a":"1","b":"2"}']);
    assert.deepEqual(convert({ format: 'msgpack' }, [record(1, 'x')]).refused, [[1, 'parse_failed']]);
  });

  test('Fluent Bit’s record around the value', () => {
    const { runs } = convert({ format: 'whole-json', fixedTag: 'kafka.0' }, [
      record(9, '{"a":1.0}', { key: Buffer.from('k') }),
      record(10, 'text'),
    ]);
    assert.deepEqual(
      runs.map(({ tag, texts }) => [tag, texts]),
      [
        [
          'kafka.0',
          [
            '{"topic":"app","partition":2,"offset":9,"error":null,"key":"k","payload":{"a":1.0}}',
            '{"topic":"app","partition":2,"offset":10,"error":null,"key":null,"payload":"text"}',
          ],
        ],
      ],
    );
  });
});

describe('what is added', () => {
  test('key, headers and place', () => {
    const changes = { keyField: 'key', addsHeaders: true, addsOffset: true };
    const { runs } = convert(changes, [record(3, '{"a":1}', { key: Buffer.from('k'), headers: headers({ h: 'v' }) })]);
    assert.deepEqual(runs[0]?.texts, [
      '{"a":1,"kafka_topic":"app","kafka_partition":2,"kafka_offset":3,"key":"k","h":"v"}',
    ]);
  });

  test('the tag of a field: each run says how far it goes', () => {
    const { runs, refused } = convert({ tagField: 'tag', tagPrefix: 'x' }, [
      record(1, '{"tag":"a"}'),
      record(2, '{"tag":"a","n":1}'),
      record(3, '{"tag":"b"}'),
      record(4, '{"n":1}'),
      record(5, '{"tag":"a"}'),
    ]);
    assert.deepEqual(
      runs.map(({ tag, next, texts }) => [tag, next, texts.length]),
      [
        ['x.a', 3, 2],
        ['x.b', 4, 1],
        ['x.a', 6, 1],
      ],
    );
    assert.deepEqual(refused, [[4, 'no_tag']]);
  });

  test('the time of Kafka, or of a field', () => {
    const secondsOf = (changes: Partial<RecordSettings>, value: string) =>
      convert(changes, [record(1, value)]).runs[0]?.seconds;
    assert.deepEqual(secondsOf({ time: 'kafka' }, '{}'), [1_700_000_000]);
    assert.deepEqual(secondsOf({ time: 'record' }, '{"time":1600000000.5}'), [1_600_000_000]);
    assert.deepEqual(
      secondsOf({ time: 'record', timeField: 't', timeFormat: '%Y-%m-%d %z' }, '{"t":"2020-01-02 +0000"}'),
      [1_577_923_200],
    );
    assert.deepEqual(convert({ time: 'record' }, [record(1, '{}'), record(2, '{"time":"x"}')]).refused, [
      [1, 'invalid_time'],
      [2, 'invalid_time'],
    ]);
  });

  test('an origin is kept, one record of a value at most', () => {
    const origin = headers({ 'post2log-origin': 'shard.0123 7 -1' });
    const { runs } = convert({}, [
      record(1, '{"a":1}', { headers: origin }),
      record(2, '{"a":2}', { headers: headers({ 'post2log-origin': 'shard.0123 8 -1' }) }),
      record(3, '[{"a":3},{"a":4}]', { headers: origin }),
      record(4, '{"a":5}', { headers: headers({ 'post2log-origin': 'nonsense' }) }),
    ]);
    assert.deepEqual(
      runs[0]?.origins?.map(({ stream, rows, offset }) => [stream, rows, offset]),
      [
        ['shard.0123', 2, 7],
        ['', 3, 0],
      ],
    );
  });
});

test('where reading begins', () => {
  const own = { topic: 't', next: 100, skip: 2, committed: 80 };
  assert.deepEqual(startOf(undefined, undefined), undefined);
  assert.deepEqual(startOf(undefined, 5), { next: 5, skip: 0 });
  assert.equal(startOf(own, undefined), own);
  // The journal is ahead of what the group heard.
  assert.equal(startOf(own, 90), own);
  // Another member read on, or somebody set the group back.
  assert.deepEqual(startOf(own, 120), { next: 120, skip: 0 });
  assert.deepEqual(startOf(own, 10), { next: 10, skip: 0 });
  assert.equal(positionIn(new Map([['k', 'nonsense']]), 'k'), undefined);
  assert.deepEqual(positionIn(new Map([['k', own]]), 'k'), own);
});

describe('records of transactions', () => {
  const batch = (
    first: number,
    producerId: number,
    kind: 'plain' | 'transactional' | 'commit' | 'abort',
  ): BatchHead => ({
    first,
    last: first,
    attributes: kind === 'commit' || kind === 'abort' ? 0x30 : kind === 'plain' ? 0 : 0x10,
    baseMs: 0,
    producerId: BigInt(producerId),
    count: 1,
    // Stands for the key of its one record.
    bytes: Buffer.from([0, 0, 0, kind === 'abort' ? 0 : 1]),
    problem: undefined,
  });
  const read = ({ first, bytes, problem }: BatchHead): ReadRecord[] => {
    if (problem !== undefined) throw new Error(problem);
    return [record(first, 'v', { key: bytes })];
  };

  test('count when they were committed, whatever the same producer aborted before and after', () => {
    const log = [
      batch(0, 1, 'transactional'),
      batch(1, 1, 'abort'),
      batch(2, 1, 'transactional'),
      batch(3, 2, 'transactional'),
      batch(4, 1, 'commit'),
      batch(5, 9, 'plain'),
      batch(6, 2, 'abort'),
      batch(7, 1, 'transactional'),
      batch(8, 1, 'abort'),
    ];
    const aborted = [
      { producerId: 1n, firstOffset: 0n },
      { producerId: 1n, firstOffset: 7n },
      { producerId: 2n, firstOffset: 3n },
    ];
    const { records, next } = committedRecords(0, log, aborted, read);
    assert.deepEqual(
      records.map(({ offset }) => offset),
      [2, 5],
    );
    assert.equal(next, 9);
    // A compressed batch comes as a whole: what lies before is not read again.
    assert.deepEqual(
      committedRecords(5, log, aborted, read).records.map(({ offset }) => offset),
      [5],
    );
  });

  test('a batch that cannot be read is set aside, unless its transaction was taken back', () => {
    const broken = (one: BatchHead): BatchHead => ({ ...one, problem: 'broken' });
    const log = [
      broken({ ...batch(0, 9, 'plain'), last: 4, count: 5 }),
      broken(batch(5, 1, 'transactional')),
      broken(batch(6, 1, 'abort')),
      batch(7, 1, 'transactional'),
      batch(8, 1, 'commit'),
    ];
    const { records, damaged, next } = committedRecords(2, log, [{ producerId: 1n, firstOffset: 5n }], read);
    assert.deepEqual(
      records.map(({ offset }) => offset),
      [7],
    );
    assert.deepEqual(
      damaged.map(({ first, last, count, problem }) => [first, last, count, problem]),
      [
        [2, 4, 5, 'broken'],
        [6, 6, 1, 'broken'],
      ],
    );
    assert.equal(next, 9);
  });
});

test('configurations that cannot work', () => {
  const problem = (plugin: Plugin, options: Record<string, unknown>): string => {
    assert.ok(plugin.kind === 'source');
    try {
      plugin.check?.(configOf(plugin, options));
      return 'fine';
    } catch (error) {
      return (error as Error).message;
    }
  };
  assert.match(problem(kafkaSource, {}), /there is no topic: write topics/);
  assert.equal(problem(kafkaSource, { topics: ['t'], host: 'h' }), 'fine');
  assert.match(problem(kafkaSource, { topics: ['t'], host: 'h h' }), /is no host:port/);
  assert.equal(problem(kafkaGroupSource, { consumerGroup: 'g', topics: ['t', '/^a/'] }), 'fine');
  assert.match(problem(kafkaGroupSource, { consumerGroup: 'g', topics: ['/(/'] }), /is no expression/);
  assert.match(problem(rdkafkaGroupSource, { topics: ['t'], kafkaConfigs: {} }), /there is no broker/);
  const configs = { 'bootstrap.servers': 'k:9092' };
  assert.match(problem(rdkafkaGroupSource, { topics: ['t'], kafkaConfigs: configs }), /group.id is missing/);
  assert.equal(problem(rdkafkaGroupSource, { topics: ['t'], kafkaConfigs: { ...configs, 'group.id': 'g' } }), 'fine');
});
