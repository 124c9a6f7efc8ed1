/** Servers and indices that records choose, signed requests of the opensearch output, and refusals in the log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchOf, chunkOf, configOf } from '../../../test/fixture.ts';
import { defaultBuffer } from '../../config/model.ts';
import type { Log } from '../../core/log.ts';
import { silentLog } from '../../core/log.ts';
import type { Chunk } from '../../core/plugin.ts';
import { opensearchOutput } from '../opensearch.ts';
import { elasticsearchOutput } from './index.ts';
import { makeOutput, searchServer } from './search-fixture.ts';

const signal = new AbortController().signal;
const records = (texts: readonly string[], fields: Record<string, string> = {}): Chunk =>
  chunkOf([batchOf('a.b', texts)], { tag: 'a.b', fields: new Map(Object.entries(fields)) });

test('placeholders choose the servers of a chunk', async (t) => {
  const [one, two] = [await searchServer(t), await searchServer(t)];
  const output = await makeOutput(t, elasticsearchOutput, {
    options: { hosts: '127.0.0.1:${port}' },
    buffer: { chunkKeys: ['tag', 'port'] },
  });
  assert.match(String(await output.probe?.()), /records choose them/);
  assert.equal(one.received.length, 0);
  for (const { port } of [one, two, one]) await output.write(records(['{"n":1}'], { port: String(port) }), signal);
  assert.deepEqual([one.bulks().length, two.bulks().length], [2, 1]);
  // Each was asked once what it is.
  assert.deepEqual([one.received.length, two.received.length], [3, 2]);
  const wrong = await output.write(records(['{"n":1}'], { port: '1/x@y' }), signal);
  assert.match(
    wrong?.refused?.[0]?.reason ?? '',
    /OUTPUT_REFUSED: "1\/x@y" in 127\.0\.0\.1:\$\{port\} is no name of a server/,
  );
  two.close();
  await assert.rejects(output.write(records(['{"n":1}'], { port: String(two.port) }), signal), /ECONNREFUSED/);
});

test('placeholders in host need their chunk keys', () => {
  const check = (options: Record<string, unknown>, chunkKeys: readonly string[]) => () =>
    elasticsearchOutput.check?.(configOf(elasticsearchOutput, options), { ...defaultBuffer, chunkKeys });
  assert.throws(check({ host: 'es-${zone}.example.com' }, ['tag']), /chunk key zone is not configured/);
  check({ host: 'es-${zone}.example.com' }, ['tag', 'zone'])();
  assert.throws(
    check({ host: 'es-${tag}', templateName: 't', templateFile: '/t.json' }, ['tag']),
    /need verify_es_version_at_startup false/,
  );
});

test('target_index_affinity: a document is updated in the index that holds it', async (t) => {
  const server = await searchServer(t, ({ request }) =>
    request.includes('/_search')
      ? { body: { hits: { hits: [{ _id: '7', _index: 'logstash-2023.01.01' }, { _id: 'other' }] } } }
      : undefined,
  );
  const output = await makeOutput(t, elasticsearchOutput, {
    options: {
      host: '127.0.0.1',
      port: server.port,
      logstashFormat: true,
      targetIndexAffinity: true,
      idKey: 'id',
      writeOperation: 'upsert',
    },
  });
  await output.write(records(['{"id":7,"v":1}', '{"id":"new","v":2}', '{"v":3}']), signal);
  const asked = server.received.find(({ request }) => request.includes('/_search'));
  assert.match(asked?.request ?? '', /^POST \/logstash-\*\/_search\?/);
  assert.deepEqual((asked?.lines[0] as { query?: unknown } | undefined)?.query, { ids: { values: ['7', 'new'] } });
  const heads = server.bulks()[0]?.lines.filter((line) => 'update' in (line as object)) as {
    update: { _index: string };
  }[];
  assert.deepEqual(
    heads.map(({ update }) => update._index),
    ['logstash-2023.01.01', 'logstash-2024.03.05'],
  );
});

test('log_es_400_reason and log_os_400_reason: refusals are said in the log, by reason', async (t) => {
  for (const [plugin, option] of [
    [elasticsearchOutput, 'logEs400Reason'],
    [opensearchOutput, 'logOs400Reason'],
  ] as const) {
    const error = { type: 'mapper_parsing_exception', reason: 'failed to parse field [n]' };
    const item = { index: { _index: 'i', _id: 'x', status: 400, error } };
    const server = await searchServer(t, ({ request }) =>
      request.includes('_bulk') ? { body: { took: 1, errors: true, items: [item, item] } } : undefined,
    );
    for (const isSaid of [true, false]) {
      const said: string[] = [];
      const log = Object.assign(silentLog(), { warn: (_: unknown, text: string) => void said.push(text) }) as Log;
      const options = { host: '127.0.0.1', port: server.port, [option]: isSaid };
      const output = await makeOutput(t, plugin, { options, log });
      const result = await output.write(records(['{"n":1}', '{"n":2}']), signal);
      assert.equal(result?.refused?.length, 2);
      const words = /2 of 2 records were refused: .*400 mapper_parsing_exception failed to parse field/;
      if (isSaid) assert.match(said.join('\n'), words);
      else assert.deepEqual(said, []);
    }
  }
});

test('opensearch with <endpoint> signs its requests, and takes no host beside it', async (t) => {
  const server = await searchServer(t, undefined, { number: '2.19.1', distribution: 'opensearch' });
  const endpoint = {
    url: `${server.url}/`,
    region: 'eu-west-1',
    accessKeyId: 'AKIDEXAMPLE',
    secretAccessKey: 'secret',
    assumeRoleSessionName: 'fluentd',
    awsServiceName: 'aoss',
  };
  const output = await makeOutput(t, opensearchOutput, { options: { host: 'not.used' }, endpoint });
  await output.write(records(['{"n":1}']), signal);
  assert.match(
    server.bulks()[0]?.headers.authorization ?? '',
    /^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/eu-west-1\/aoss\/aws4_request/,
  );
});
