/** Record batches of Kafka: straight from JSON bytes, with a key from the record, compressed, and with exactly_once. */
import { configOf, batchOf, chunkOf } from '../../test/fixture.ts';
import { defaultBuffer } from '../../src/config/model.ts';
import { loadKafka } from '../../src/kafka/library.ts';
import { kafka2Output } from '../../src/outputs/kafka2.ts';
import { Assembler } from '../../src/outputs/kafka/assemble.ts';
import { modernSettings } from '../../src/outputs/kafka/fluentd.ts';
import { RowWriter } from '../../src/outputs/kafka/rows.ts';
import type { OutputCase } from './case.ts';
import { postbackJson } from './record.ts';

/** Batches as the journal's frames hold them, and chunks of some megabytes. */
const batchRecords = 500;
const partitions = 6;

function way(
  name: string,
  options: Record<string, unknown>,
  more: (n: number) => object,
  mustReach?: number,
): OutputCase {
  return {
    name,
    mustReach,
    prepare(count) {
      const values = configOf(kafka2Output, options).options as unknown as Parameters<typeof modernSettings>[0];
      const cluster = { brokers: [], clientId: 'bench', connectTimeoutMs: 1, requestTimeoutMs: 1 };
      const own = {
        cluster,
        partitioner: 'ruby-crc32',
        partitionKeyField: 'partition_key',
        defaultPartitionKey: undefined,
        excludesPartitionKey: false,
      } as const;
      const settings = modernSettings(values, own, defaultBuffer, undefined, undefined);
      const rows = new RowWriter(settings, undefined);
      const assembler = new Assembler(
        settings,
        rows,
        () => undefined,
        'bench',
        () => 1_709_618_820_000,
      );
      const batches = Array.from({ length: count / batchRecords }, (_, b) =>
        batchOf(
          'test',
          Array.from({ length: batchRecords }, (_unused, i) =>
            postbackJson(b * batchRecords + i, more(b * batchRecords + i)),
          ),
        ),
      );
      const chunk = chunkOf(batches);
      const topic = { name: 'bench', id: 'bench', leaders: Array<number>(partitions).fill(1), seenMs: 0 };
      return async () => {
        const library = await loadKafka();
        const made = assembler.assemble(
          assembler.read(chunk),
          () => true,
          () => topic,
          () => settings.batchBytesMax,
        );
        const sealed: Buffer[] = [];
        for (const { writer } of made.batches) sealed.push(await writer.seal(library, settings.compression));
        return Buffer.concat(sealed);
      };
    },
  };
}

const nothing = (): object => ({});

export const kafkaCases: readonly OutputCase[] = [
  way('kafka, from JSON bytes', { defaultTopic: 'bench' }, nothing, 200_000),
  way('kafka, lz4', { defaultTopic: 'bench', compressionCodec: 'lz4' }, nothing),
  way('kafka, zstd', { defaultTopic: 'bench', compressionCodec: 'zstd' }, nothing),
  way('kafka, a key in each record', { defaultTopic: 'bench' }, (n) => ({ message_key: `k${n}` })),
  way('kafka, exactly once', { defaultTopic: 'bench', exactlyOnce: true }, nothing),
];
