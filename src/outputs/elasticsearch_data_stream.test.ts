import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import { makeOutput, searchServer } from './elasticsearch/search-fixture.ts';
import { elasticsearchDataStreamOutput } from './elasticsearch_data_stream.ts';

const signal = new AbortController().signal;

test('documents are created in the stream of the address, each with @timestamp', async (t) => {
  const server = await searchServer(t);
  const output = await makeOutput(t, elasticsearchDataStreamOutput, {
    options: { host: '127.0.0.1', port: server.port, dataStreamName: 'logs-${tag}', idKey: 'id', removeKeys: 'id' },
  });
  const records = batchOf('a', ['{"id":"x","n":1}', '{"@timestamp":"2024-01-01T00:00:00Z"}']);
  await output.write(chunkOf([records], { tag: 'a' }), signal);
  const [bulk] = server.bulks();
  assert.equal(bulk?.request, 'POST /logs-a/_bulk');
  assert.deepEqual(bulk?.lines, [
    { create: { _id: 'x' } },
    { n: 1, '@timestamp': '2024-03-05T06:07:00.000000000+00:00' },
    { create: {} },
    { '@timestamp': '2024-01-01T00:00:00Z' },
  ]);
});
