/** Whatever a record holds, InfluxDB reads one point of it, with the values that were there; and both ways of writing it agree. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { batchOf, chunkOf } from '../../../test/fixture.ts';
import { fuzzRuns } from '../../../test/fuzzing.ts';
import { scanJson } from '../../core/json.ts';
import { readLines } from './line-fixture.ts';
import type { ReadPoint } from './line-fixture.ts';
import { LineEncoder } from './lines.ts';
import type { LineSettings } from './lines.ts';
import { fluentbitSettings, lineSettings } from './settings-fixture.ts';

const awkward = fc.string({
  unit: fc.constantFrom(' ', ',', '=', '"', '\\', '\n', '\t', '\r', '#', 'a', 'b', 'ü', '🙂', '.', '-', '1', '\0', "'"),
  maxLength: 8,
});
const names = fc.oneof(awkward, fc.constantFrom('time', '_seq', 'host', 'v', 'ts'), fc.string({ maxLength: 6 }));
const numbers = fc.oneof(
  fc.integer(),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -0, 1e-5, 1e16, 123_456.5, 2 ** 53, -(2 ** 53), 0.1),
);
const values = fc.oneof(
  awkward,
  fc.string(),
  numbers,
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.string(), { maxLength: 2 }),
);
const records = fc.dictionary(names, values, { minKeys: 1, maxKeys: 6 });

const forms: Readonly<Record<string, LineSettings>> = {
  plain: lineSettings(),
  'with tags': lineSettings({ tagKeys: new Set(['host', 'a']), timeKey: 'ts' }),
  'auto tags': lineSettings({ hasAutoTags: true, integers: 'float' }, { sequence: { tag: '_seq', counts: 'time' } }),
  'of 2.x': lineSettings({ isSorted: true, nested: 'flatten' }),
  'exactly once': lineSettings({ hasAutoTags: true }, { isExactlyOnce: true, precision: 'ns' }),
};

function write(settings: LineSettings, measurement: string, texts: readonly string[], isRaw = true): string[] {
  const encoder = new LineEncoder(settings);
  const { bytes, lines } = encoder.encode(
    chunkOf([batchOf('t', texts)]),
    () => measurement,
    // What is known of the fields of no name: the record goes the long way.
    () => (isRaw ? undefined : new Map()),
  );
  return lines.map(({ from, until }) => bytes.toString('utf8', from, until));
}

const isPlainName = (name: string): boolean => name !== '' && !/[\\\n\r\t\0]|^#|^time|_$/.test(name);

/** The point has the record's values, under their names where InfluxDB can hold these. */
function assertHolds(point: ReadPoint, record: Readonly<Record<string, unknown>>, settings: LineSettings): void {
  const { form } = settings;
  for (const [key, value] of Object.entries(record)) {
    if (!isPlainName(key) || key === '_seq' || key === form.timeKey || value === null) continue;
    const isTag = form.tagKeys.has(key) || (form.hasAutoTags && typeof value === 'string');
    if (isTag) {
      const text = typeof value === 'string' ? value : JSON.stringify(value);
      if (text.trim() === '' || Array.isArray(value) || !isPlainName(text)) continue;
      const held = point.tags[key] ?? '';
      if (typeof value === 'number') assert.equal(Number(held), value + 0);
      else assert.equal(held, text, key);
      continue;
    }
    const held = point.fields[key];
    if (Array.isArray(value)) assert.deepEqual(JSON.parse(String(held)), value);
    else if (typeof value === 'number') assert.equal(Number(held), value + 0);
    else assert.equal(held, value);
  }
}

test('what is written is read back', () => {
  for (const settings of Object.values(forms)) {
    fc.assert(
      fc.property(fc.array(fc.tuple(names, records), { minLength: 1, maxLength: 4 }), (list) => {
        for (const [measurement, record] of list) {
          if (measurement === '') continue;
          const text = JSON.stringify(record);
          const lines = write(settings, measurement, [text, '{"canary":1}']);
          const points = readLines(lines.join('\n'));
          assert.equal(points.length, lines.length, text);
          const canary = points.at(-1);
          assert.deepEqual({ ...canary?.fields }, { canary: settings.form.integers === 'float' ? 1 : 1n });
          if (isPlainName(measurement)) assert.equal(canary?.measurement, measurement);
          if (points.length === 2 && points[0]) assertHolds(points[0], JSON.parse(text) as typeof record, settings);
        }
      }),
      fuzzRuns(400, Object.keys(forms).length * 2 + 1),
    );
  }
});

const bothWays: Readonly<Record<string, LineSettings>> = {
  ...forms,
  'Fluent Bit': fluentbitSettings({ tagKeys: new Set(['host']) }),
  'Fluent Bit, auto tags': fluentbitSettings({ hasAutoTags: true, integers: 'suffixed' }),
};
test('the short way writes what the long one does', () => {
  for (const settings of Object.values(bothWays)) {
    fc.assert(
      fc.property(records, fc.boolean(), (record, isSpaced) => {
        const text = isSpaced ? JSON.stringify(record, undefined, 1).replaceAll('\n', ' ') : JSON.stringify(record);
        if (scanJson(Buffer.from(text)).exact) return;
        assert.deepEqual(write(settings, 'm', [text]), write(settings, 'm', [text], false));
      }),
      fuzzRuns(400, Object.keys(bothWays).length * 2 - 1),
    );
  }
});
