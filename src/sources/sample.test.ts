import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OperatingError } from '../core/errors.ts';
import { configOf, contextOf, sourceContextOf } from '../../test/fixture.ts';
import { sampleSource } from './sample.ts';

function begin(options: Record<string, unknown>) {
  if (sampleSource.kind !== 'source') throw new TypeError('not a source');
  const context = contextOf([]);
  const source = sourceContextOf(context);
  const config = configOf(sampleSource, { tag: 'demo', ...options });
  sampleSource.check?.(config);
  const made = sampleSource.create(config, source);
  const records = () => source.appended.flatMap(({ records: { payloads } }) => payloads.map(String));
  /** Moves the clock in ticks, letting appends be answered between them. */
  const run = async (ms: number) => {
    for (let passed = 0; passed <= ms; passed += 100) {
      context.clock.advance(passed === 0 ? 0 : 100);
      await new Promise(setImmediate);
    }
  };
  return { source, made, records, run };
}

test('records in turn, at the rate, with a counter', async () => {
  const { made, records, run } = begin({ rate: 5, sample: '[{"a":1},{"b":2.0}]', autoIncrementKey: 'n' });
  await made.start();
  await run(1000);
  assert.equal(records().length, 6);
  assert.deepEqual(records().slice(0, 3), ['{"a":1,"n":0}', '{"b":2.0,"n":1}', '{"a":1,"n":2}']);
  await made.stop();
  await run(1000);
  assert.equal(records().length, 6);
});

test('size and samples', async () => {
  const { made, records, run } = begin({ rate: 10, size: 4, samples: 10 });
  await made.start();
  await run(1000);
  assert.deepEqual(
    records(),
    Array.from({ length: 10 }, () => '{"message":"sample"}'),
  );
  await made.stop();
});

test('a record that was not taken is tried again', async () => {
  const { made, source, records, run } = begin({ rate: 1, samples: 2, autoIncrementKey: 'n' });
  let failures = 2;
  source.gate = () => (failures-- > 0 ? Promise.reject(new OperatingError('JOURNAL_FULL', 'full')) : Promise.resolve());
  await made.start();
  await run(3000);
  assert.deepEqual(records(), ['{"message":"sample","n":0}', '{"message":"sample","n":1}']);
  await made.stop();
});

test('what is no sample is named', () => {
  assert.throws(() => begin({ sample: '{"a"' }), /sample is not JSON/);
  assert.throws(() => begin({ sample: '[{"a":1}, 2]' }), /element 1 is no JSON object/);
  assert.throws(() => begin({ sample: '[]' }), /empty/);
});
