import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, chunkOf, packedBatchOf } from '../../../test/fixture.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, WriteResult } from '../../core/plugin.ts';
import { elasticsearchOutput } from './index.ts';
import { itemOf, makeOutput, searchServer } from './search-fixture.ts';
import type { Answering, Made, Received } from './search-fixture.ts';

const signal = new AbortController().signal;
const records = (...texts: string[]): Chunk => chunkOf([batchOf('a.b', texts)], { tag: 'a.b' });

/** What one chunk becomes on the wire, and what the output says of it. */
async function written(
  t: TestContext,
  options: Record<string, unknown>,
  chunk: Chunk,
  { answering, version, ...made }: Partial<Made> & { answering?: Answering; version?: Record<string, string> } = {},
): Promise<{ bulks: Received[]; lines: readonly unknown[]; result: WriteResult | void }> {
  const server = await searchServer(t, answering, version);
  const output = await makeOutput(t, elasticsearchOutput, {
    ...made,
    options: { host: '127.0.0.1', port: server.port, ...options },
  });
  const result = await output.write(chunk, signal);
  const bulks = server.bulks();
  return { bulks, lines: bulks.flatMap(({ lines }) => lines), result };
}

test('by default records go to one index as they are', async (t) => {
  const { bulks, result } = await written(t, {}, records('{"n":1.0}', '{"n": 2, "n": 3}'));
  assert.deepEqual(result, { refused: [], retry: [] });
  assert.equal(bulks[0]?.request, 'POST /_bulk');
  assert.equal(bulks[0]?.headers['content-type'], 'application/x-ndjson');
  const line = '{"index":{"_index":"fluentd","_type":"_doc"}}\n';
  assert.equal(bulks[0]?.text, `${line}{"n":1.0}\n${line}{"n": 2, "n": 3}\n`);
});

test('ids, routing and fields to leave out', async (t) => {
  const { lines, result } = await written(
    t,
    { idKey: 'id', routingKey: 'r', removeKeys: 'id, secret', writeOperation: 'create', indexName: 'My-Idx' },
    records('{"id":"x1","r":"ra","msg":"a","secret":1}', '{"id":7,"msg":"ü"}', '{"msg":"no id"}'),
  );
  assert.deepEqual(lines, [
    { create: { _index: 'my-idx', _type: '_doc', _id: 'x1', routing: 'ra' } },
    { r: 'ra', msg: 'a' },
    { create: { _index: 'my-idx', _type: '_doc', _id: 7 } },
    { msg: 'ü' },
  ]);
  assert.equal(result?.refused?.[0]?.row, 2);
});
