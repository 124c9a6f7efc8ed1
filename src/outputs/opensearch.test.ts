import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import { makeOutput, searchServer } from './elasticsearch/search-fixture.ts';
import { opensearchOutput } from './opensearch.ts';

const signal = new AbortController().signal;

test('_type is _doc until version 2; the version is asked for or taken for granted', async (t) => {
  const lineFor = async (number: string, options: Record<string, unknown> = {}): Promise<unknown> => {
    const server = await searchServer(t, () => undefined, { number, distribution: 'opensearch' });
    const output = await makeOutput(t, opensearchOutput, {
      options: { host: '127.0.0.1', port: server.port, ...options },
    });
    await output.write(chunkOf([batchOf('a', ['{}'])], { tag: 'a' }), signal);
    return server.bulks()[0]?.lines[0];
  };
  assert.deepEqual(await lineFor('1.3.2'), { index: { _index: 'fluentd', _type: '_doc' } });
  assert.deepEqual(await lineFor('1.3.2', { suppressTypeName: true }), { index: { _index: 'fluentd' } });
  assert.deepEqual(await lineFor('2.19.1'), { index: { _index: 'fluentd' } });
  assert.deepEqual(await lineFor('3.0.0'), { index: { _index: 'fluentd' } });
  assert.deepEqual(await lineFor('2.0.0', { verifyOsVersionAtStartup: false }), {
    index: { _index: 'fluentd', _type: '_doc' },
  });
});
