import assert from 'node:assert/strict';
import { test } from 'node:test';
import pino from 'pino';
import { batchOf, configOf, contextOf, recorder } from '../../test/fixture.ts';
import { textStream } from '../core/standard-output.ts';
import { builtinPlugins } from '../plugins.ts';
import { stdoutFilterOver } from './stdout.ts';

process.env['TZ'] = 'UTC';

const batch = batchOf('app', ['{"a":1}', '{"b":{"c":"d"}}']);

test('the filter prints and lets pass', async () => {
  const { state, stream } = recorder();
  const filter = stdoutFilterOver(stream);
  if (filter.kind !== 'filter') throw new TypeError('not a filter');
  const made = filter.create(configOf(filter), contextOf(builtinPlugins));
  assert.equal(
    made.apply(batch, () => assert.fail('nothing is rejected')),
    batch,
  );
  await stream.write(Buffer.alloc(0));
  assert.match(state.text, /^2024-03-05 06:07:00\.000000000 \+0000 app: \{"a":1\}\n2024.*\n$/);
});

test('the filter leaves out what nobody reads, and counts it', async () => {
  let release = (): void => {};
  const stream = textStream(
    (bytes) =>
      new Promise((resolve) => {
        release = () => resolve(bytes.length);
      }),
  );
  const filter = stdoutFilterOver(stream);
  if (filter.kind !== 'filter') throw new TypeError('not a filter');
  const lines: string[] = [];
  const context = contextOf(builtinPlugins, pino({ base: null }, { write: (line: string) => lines.push(line) }));
  const made = filter.create(configOf(filter), context);
  const big = batchOf('app', [`{"a":"${'x'.repeat(17 * 1024 * 1024)}"}`]);
  for (let i = 0; i < 3; i++) assert.equal(made.apply(big, () => assert.fail('nothing is rejected')).count, 1);
  const value = await context.metrics.registry.getSingleMetric('stdout_filter_left_out_total')?.get();
  assert.equal(value?.values[0]?.value, 2);
  assert.equal(lines.length, 1);
  await new Promise(setImmediate);
  release();
});
