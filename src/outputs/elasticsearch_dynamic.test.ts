import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import { makeOutput, searchServer } from './elasticsearch/search-fixture.ts';
import { elasticsearchDynamicOutput } from './elasticsearch_dynamic.ts';

const signal = new AbortController().signal;

test('expressions say for each record where it goes; one that fails refuses it', async (t) => {
  const server = await searchServer(t);
  const output = await makeOutput(t, elasticsearchDynamicOutput, {
    options: {
      host: '127.0.0.1',
      port: server.port,
      delimiter: '-',
      indexName: '${tag_parts[1]}-${record["k"].upcase}-${Time.at(time).utc.strftime("%Y")}',
      idKey: '${record["by"]}',
      typeName: 'x',
    },
  });
  const records = batchOf('a-b.c', ['{"k":"One","by":"n","n":7}', '{"k":1}', '{"k":"two","by":"none"}']);
  const result = await output.write(chunkOf([records], { tag: 'a-b.c' }), signal);
  assert.deepEqual(server.bulks()[0]?.lines, [
    { index: { _index: 'b.c-one-2024', _type: '_doc', _id: 7 } },
    { k: 'One', by: 'n', n: 7 },
    { index: { _index: 'b.c-two-2024', _type: '_doc' } },
    { k: 'two', by: 'none' },
  ]);
  assert.deepEqual(
    result?.refused?.map(({ row }) => row),
    [1],
  );
  assert.match(result?.refused?.[0]?.reason ?? '', /upcase/);
});

test('logstash_format, with a prefix for each record', async (t) => {
  const server = await searchServer(t);
  const options = { host: '127.0.0.1', port: server.port, logstashFormat: true, logstashPrefix: 'p-${record["k"]}' };
  const output = await makeOutput(t, elasticsearchDynamicOutput, { options });
  await output.write(chunkOf([batchOf('a', ['{"k":"x"}'])], { tag: 'a' }), signal);
  assert.deepEqual(server.bulks()[0]?.lines[0], { index: { _index: 'p-x-2024.03.05', _type: '_doc' } });
});

test('expressions that are not taken are told', async (t) => {
  const options = { indexName: '${File.read("x")}' };
  await assert.rejects(makeOutput(t, elasticsearchDynamicOutput, { options }), /indexName|index_name/);
});
