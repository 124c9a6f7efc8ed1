import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordMetrics } from '../codecs/record-metrics/instruments.ts';
import { builtinPlugins } from '../plugins.ts';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf, pairs, section } from '../../test/fixture.ts';
import { prometheusOutput } from './prometheus.ts';

test('records are counted and taken', async () => {
  assert.ok(prometheusOutput.kind === 'output');
  const metric = {
    ...section({ name: 'bytes', type: 'summary', desc: 'Bytes', key: 'n', initialized: false }),
    sections: { labels: [pairs({ tag: '${tag}' })] },
  };
  const context = contextOf(builtinPlugins);
  const config = configOf(prometheusOutput, {}, { sections: { metric: [metric] } });
  prometheusOutput.check?.(config);
  const output = prometheusOutput.create(config, outputContextOf(context));
  const result = await output.write(chunkOf([batchOf('a', ['{"n":1}', '{"n":2}'])]), new AbortController().signal);
  assert.equal(result, undefined);
  await output.close();
  assert.match(await recordMetrics(context).text(), /^bytes_sum\{tag="a"\} 3\nbytes_count\{tag="a"\} 2$/m);
});
