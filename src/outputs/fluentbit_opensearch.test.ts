import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import { makeOutput, searchServer } from './elasticsearch/search-fixture.ts';
import { fluentbitOpensearchOutput } from './fluentbit_opensearch.ts';

const signal = new AbortController().signal;

test('an index from the record, the tag and texts between them; ids of its own kind', async (t) => {
  const server = await searchServer(t);
  const output = await makeOutput(t, fluentbitOpensearchOutput, {
    options: { port: server.port, index: "x-$k['ns']-$TAG[1]", suppressTypeName: true, generateId: true },
  });
  const records = batchOf('app.web', ['{"k":{"ns":"a"}}', '{"k":{"ns":[1]}}']);
  await output.write(chunkOf([records], { tag: 'app.web' }), signal);
  const [first, , second] = (server.bulks()[0]?.lines ?? []) as { create: { _index: string; _id: string } }[];
  assert.equal(first?.create._index, 'x-a-web');
  assert.equal(second?.create._index, 'x--web');
  assert.match(first.create._id, /^[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}$/);
});
