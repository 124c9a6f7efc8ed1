/** Lines of the line protocol: straight from JSON bytes, with tags, by way of decoded fields, and with exactly_once. */
import { LineEncoder } from '../../src/outputs/influxdb/lines.ts';
import type { LineSettings } from '../../src/outputs/influxdb/lines.ts';
import { lineSettings } from '../../src/outputs/influxdb/settings-fixture.ts';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import type { OutputCase } from './case.ts';
import { postbackJson } from './record.ts';

/** Batches as the journal's frames hold them. */
const batchRecords = 500;

function way(name: string, settings: LineSettings, more: object, mustReach: number | undefined): OutputCase {
  return {
    name,
    mustReach,
    prepare(count) {
      const batches = Array.from({ length: count / batchRecords }, (_, b) =>
        batchOf(
          'test',
          Array.from({ length: batchRecords }, (_unused, i) => postbackJson(b * batchRecords + i, more)),
          Array.from({ length: batchRecords }, (_unused, i) => ({ seconds: 1_709_618_820 + b, nanos: i * 1000 })),
        ),
      );
      const chunk = chunkOf(batches);
      const encoder = new LineEncoder(settings);
      return () =>
        encoder.encode(
          chunk,
          (tag) => tag,
          () => undefined,
        ).bytes;
    },
  };
}

export const influxdbCases: readonly OutputCase[] = [
  way('influxdb, from JSON bytes', lineSettings({}, { precision: 'ns' }), {}, 200_000),
  way('influxdb, with two tags', lineSettings({ tagKeys: new Set(['campaign', '_nodeName']) }), {}, undefined),
  way('influxdb, exactly once', lineSettings({}, { isExactlyOnce: true }), {}, undefined),
  // An object inside makes every record take the long way; its first decoding is remembered, and is in the first round.
  way('influxdb, decoded', lineSettings(), { nested: { a: 1 } }, undefined),
];
