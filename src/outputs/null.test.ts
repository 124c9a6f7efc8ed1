import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf, configOf, contextOf, outputContextOf } from '../../test/fixture.ts';
import { nullOutput } from './null.ts';

test('records are taken without being decoded', async () => {
  if (nullOutput.kind !== 'output') throw new TypeError('not an output');
  const output = nullOutput.create(configOf(nullOutput), outputContextOf(contextOf([])));
  const broken = batchOf('app', ['not JSON']);
  assert.equal(await output.write(chunkOf([broken]), new AbortController().signal), undefined);
  await output.close();
});
