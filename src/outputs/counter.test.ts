import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf, recorder } from '../../test/fixture.ts';
import { counterOutputOver } from './counter.ts';

test('a chunk is counted', async () => {
  const { state, stream } = recorder();
  const plugin = counterOutputOver(stream);
  if (plugin.kind !== 'output') throw new TypeError('not an output');
  const output = plugin.create(configOf(plugin), outputContextOf(contextOf([])));
  await output.write(chunkOf([batchOf('a', ['{}', '{}']), batchOf('a', ['{}'])]), new AbortController().signal);
  assert.match(state.text, /^\{"ts":\d+\.\d{6},"serialized_events":3,"log_records":3,"total":3\}\n$/);
});
