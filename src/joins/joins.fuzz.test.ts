/** Joins against records of any kind: none is lost, none is given twice, and nothing throws. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fuzzRuns } from '../../test/fuzzing.ts';
import type { Plugin } from '../core/plugin.ts';
import type { Fields, Value } from '../core/record.ts';
import { concatJoin } from './concat/index.ts';
import { detectExceptionsJoin } from './detect_exceptions/index.ts';
import { JoinTrial } from './join-fixture.ts';

const key = 'm';
const concat = (options: Record<string, unknown>): [Plugin, Record<string, unknown>] => [
  concatJoin,
  { key, ...options },
];
const detect = (options: Record<string, unknown>): [Plugin, Record<string, unknown>] => [
  detectExceptionsJoin,
  { removeTagPrefix: 'raw', ...options },
];
const cases: readonly [Plugin, Record<string, unknown>][] = [
  concat({ nLines: 3, streamIdentityKey: 's', flushInterval: 5 }),
  concat({ multilineStartRegexp: '/^S/', continuousLineRegexp: '/^ |E/', timeoutLabel: '@T' }),
  concat({ multilineStartRegexp: '/^S/', multilineEndRegexp: '/E$/', useFirstTimestamp: true, flushInterval: 7 }),
  concat({ multilineEndRegexp: '/(a|aa|E)+$/' }),
  ...['ignore', 'truncate', 'drop', 'new'].map((bufferOverflowMethod) =>
    concat({ partialKey: 'p', partialValue: 'true', bufferLimitSize: 20, bufferOverflowMethod }),
  ),
  concat({ usePartialMetadata: true, keepPartialMetadata: true }),
  concat({ usePartialMetadata: true, partialMetadataFormat: 'docker-journald' }),
  concat({ usePartialCriLogtag: true, keepPartialKey: true, streamIdentityKey: 'stream' }),
  detect({ message: key, maxLines: 3, multilineFlushInterval: 5 }),
  detect({ stream: 's', maxBytes: 30, forceLineBreaks: true, languages: ['java', 'python'] }),
];

const words = [
  'S1',
  ' a',
  'E',
  'SE',
  '',
  'Error:',
  ' at x',
  'Traceback (most recent call last):',
  '  File "x"',
  'code',
  'x.Y: z',
  'panic: x',
  'goroutine 1 [running]:',
  'P',
  'F',
  'true',
  'false',
  '2',
];
const text = fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 8 }));
const value: fc.Arbitrary<Value> = fc.oneof(
  { weight: 6, arbitrary: text },
  fc.constant(null),
  fc.integer(),
  fc.uint8Array({ maxLength: 4 }),
  fc.constantFrom<Value>(['x'], { a: 1 }),
);
const names = [
  key,
  's',
  'p',
  'log',
  'message',
  'stream',
  'logtag',
  'partial_message',
  'partial_id',
  'partial_ordinal',
  'partial_last',
  'CONTAINER_PARTIAL_ID',
  'CONTAINER_PARTIAL_LAST',
  '0',
  '__proto__',
];
const fields: fc.Arbitrary<Fields> = fc.oneof(
  fc
    .array(fc.tuple(fc.constantFrom(...names.slice(0, -2)), value))
    .map((entries): Fields => Object.fromEntries(entries)),
  fc.array(fc.tuple(fc.constantFrom(...names), value)).map((entries): Fields => new Map(entries)),
);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.tuple(fields, fc.constantFrom('app', 'raw.app', 'fluent.info')) },
  fc.integer({ min: 0, max: 10 }),
);

test('each record is given once, whatever comes, when and under which options', () => {
  fc.assert(
    fc.property(fc.constantFrom(...cases), fc.array(step, { maxLength: 40 }), ([plugin, options], steps) => {
      const trial = new JoinTrial(plugin, options);
      for (const one of steps)
        if (typeof one === 'number') trial.pass(one);
        else trial.add(...one);
      trial.finish();
      assert.deepEqual(trial.held, []);
    }),
    fuzzRuns(500),
  );
});
