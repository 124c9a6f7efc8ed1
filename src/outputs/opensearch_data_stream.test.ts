import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import { makeOutput, searchServer } from './elasticsearch/search-fixture.ts';
import { opensearchDataStreamOutput } from './opensearch_data_stream.ts';

const signal = new AbortController().signal;

test('@timestamp is written anew, from its own value or that of time_key', async (t) => {
  const server = await searchServer(t);
  const output = await makeOutput(t, opensearchDataStreamOutput, {
    options: { host: '127.0.0.1', port: server.port, dataStreamName: 'logs', timeKey: 'ts', timePrecision: 0 },
  });
  const records = batchOf('a', ['{"@timestamp":"2024-01-01 00:00:00"}', '{"ts":"2024-01-02T00:00:00Z"}', '{}']);
  await output.write(chunkOf([records], { tag: 'a' }), signal);
  const [bulk] = server.bulks();
  assert.equal(bulk?.request, 'POST /logs/_bulk');
  assert.deepEqual(
    bulk?.lines.filter((_line, at) => at % 2 === 1),
    [
      { '@timestamp': '2024-01-01T00:00:00+00:00' },
      { ts: '2024-01-02T00:00:00Z', '@timestamp': '2024-01-02T00:00:00+00:00' },
      { '@timestamp': '2024-03-05T06:07:02+00:00' },
    ],
  );
});
