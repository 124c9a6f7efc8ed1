import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, chunkOf } from '../../test/fixture.ts';
import type { WriteResult } from '../core/plugin.ts';
import { OperatingError } from '../core/errors.ts';
import { defaultBuffer } from '../config/model.ts';
import { entryOf, makeOutput, searchServer } from './elasticsearch/search-fixture.ts';
import type { Answering, Received } from './elasticsearch/search-fixture.ts';
import { esOutput } from './es.ts';

const signal = new AbortController().signal;

async function written(
  t: TestContext,
  options: Record<string, unknown>,
  records: readonly string[],
  answering?: Answering,
): Promise<{ bulks: Received[]; lines: readonly unknown[]; result: WriteResult | void }> {
  const server = await searchServer(t, answering);
  const output = await makeOutput(t, esOutput, { options: { port: server.port, ...options } });
  const result = await output.write(chunkOf([batchOf('app.web', records)], { tag: 'app.web' }), signal);
  assert.ok(server.received.every(({ request }) => request.includes('_bulk') || request === 'POST /_mget'));
  return { bulks: server.bulks(), lines: server.bulks().flatMap(({ lines }) => lines), result };
}

test('by default documents are created in one index, the time first', async (t) => {
  const { bulks, result } = await written(t, {}, ['{"n":1.0}', ' { }', '{"@timestamp":"mine"}']);
  const line = '{"create":{"_index":"fluent-bit","_type":"_doc"}}';
  assert.equal(
    bulks[0]?.text,
    `${line}\n{"@timestamp":"2024-03-05T06:07:00.000Z","n":1.0}\n${line}\n{"@timestamp":"2024-03-05T06:07:01.000Z"}\n${line}\n{"@timestamp":"mine"}\n`,
  );
  assert.deepEqual(result, { refused: [], retry: [] });
});

test('login, API key, path, pipeline, gzip', async (t) => {
  const { bulks } = await written(
    t,
    { httpUser: 'elastic', httpPasswd: 'é', path: '/es', pipeline: 'p 1', compress: 'gzip' },
    ['{}'],
  );
  assert.equal(bulks[0]?.request, 'POST /es/_bulk?pipeline=p%201');
  assert.equal(bulks[0]?.headers.authorization, `Basic ${Buffer.from('elastic:é').toString('base64')}`);
  assert.equal(bulks[0]?.headers['content-encoding'], 'gzip');
  const key = await written(t, { httpApiKey: 'a2V5' }, ['{}']);
  assert.equal(key.bulks[0]?.headers.authorization, 'ApiKey a2V5');
});

test('an index a day, with a prefix from the record; nanoseconds, the tag', async (t) => {
  const options = {
    logstashFormat: true,
    logstashPrefix: 'shop',
    logstashPrefixSeparator: '_',
    logstashDateformat: '%Y-%m',
    logstashPrefixKey: "$k['ns']",
    timeKeyNanos: true,
    includeTagKey: true,
    suppressTypeName: true,
  };
  const { lines } = await written(t, options, ['{"k":{"ns":"Own"}}', '{"k":1}', '{"k":{"ns":"a\\"b"}}']);
  assert.deepEqual(lines, [
    { create: { _index: 'Own_2024-03' } },
    { '@timestamp': '2024-03-05T06:07:00.000000000Z', 'flb-key': 'app.web', k: { ns: 'Own' } },
    { create: { _index: 'shop_2024-03' } },
    { '@timestamp': '2024-03-05T06:07:01.000000000Z', 'flb-key': 'app.web', k: 1 },
    { create: { _index: 'shop_2024-03' } },
    { '@timestamp': '2024-03-05T06:07:02.000000000Z', 'flb-key': 'app.web', k: { ns: 'a"b' } },
  ]);
});

test('Generate_ID makes ids of what documents hold; one that is there already is the same', async (t) => {
  const conflict = entryOf(409, { type: 'version_conflict_engine_exception', reason: 'x' });
  const { lines, result } = await written(t, { generateId: true }, ['{"a":1}', '{"a":1}'], () => ({
    body: { errors: true, items: [conflict, entryOf(201)] },
  }));
  const ids = lines.filter((_line, at) => at % 2 === 0).map((line) => (line as { create: { _id: string } }).create._id);
  assert.match(ids[0] ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  assert.notEqual(ids[0], ids[1]);
  assert.deepEqual(result, { refused: [], retry: [] });
  const large = await written(t, { generateId: true }, ['{"n":18446744073709551616}', '{"n":18446744073709551617}']);
  const [first, , second] = large.lines as { create?: { _id?: string } }[];
  assert.ok(first?.create?._id !== undefined && first.create._id !== second?.create?._id);
});

test('Id_Key: a text is the id; what is none gets an id from the server, or is refused where one is needed', async (t) => {
  const records = ['{"id":"a"}', '{"id":7}', '{}'];
  const { lines } = await written(t, { idKey: 'id', writeOperation: 'index' }, records);
  const i = { _index: 'fluent-bit', _type: '_doc' };
  assert.deepEqual(
    lines.filter((_line, at) => at % 2 === 0),
    [{ index: { ...i, _id: 'a' } }, { index: i }, { index: i }],
  );
  const upsert = await written(t, { idKey: 'id', writeOperation: 'upsert' }, records);
  assert.deepEqual(upsert.lines, [
    { update: { ...i, _id: 'a' } },
    { doc_as_upsert: true, doc: { '@timestamp': '2024-03-05T06:07:00.000Z', id: 'a' } },
  ]);
  assert.deepEqual(
    upsert.result?.refused?.map(({ row }) => row),
    [1, 2],
  );
});

test('Replace_Dots, at any depth', async (t) => {
  const { lines } = await written(t, { replaceDots: true }, ['{"a.b":{"c.d":[{"e.f":1}]}}']);
  assert.deepEqual(lines[1], { '@timestamp': '2024-03-05T06:07:00.000Z', a_b: { c_d: [{ e_f: 1 }] } });
});

test('a request that is refused as a whole is halved, or tried as often as Retry_Limit says', async (t) => {
  const answering: Answering = () => ({ status: 400, body: { error: 'bad' } });
  const { result } = await written(t, {}, ['{}'], answering);
  assert.match(result?.refused?.[0]?.reason ?? '', /400 .*bad/);
  const server = await searchServer(t, answering);
  const buffer = { retry: { ...defaultBuffer.retry, triesMax: 2 } };
  const output = await makeOutput(t, esOutput, { options: { port: server.port }, buffer });
  await assert.rejects(output.write(chunkOf([batchOf('t', ['{}'])]), signal), OperatingError);
});

test('Kubernetes_Template and Index_Retention, for the names that are written', async (t) => {
  const server = await searchServer(t, ({ request }) =>
    request.startsWith('GET /_template')
      ? { status: 404, body: {} }
      : request.startsWith('GET /_cat')
        ? { body: [{ index: 'k-2001.01.01' }] }
        : undefined,
  );
  const options = {
    port: server.port,
    logstashFormat: true,
    logstashPrefix: 'k',
    kubernetesTemplate: true,
    indexRetention: 86_400_000,
  };
  await makeOutput(t, esOutput, { options });
  const requests = server.received.map(({ request }) => request);
  assert.ok(requests.includes('PUT /_template/post2log-kubernetes-k'));
  assert.ok(requests.includes('DELETE /k-2001.01.01'));
});

test('mistakes in options are told', async (t) => {
  const check = (options: Record<string, unknown>) => makeOutput(t, esOutput, { options });
  await assert.rejects(check({ writeOperation: 'put' }), /Write_Operation "put" is none/);
  await assert.rejects(check({ writeOperation: 'upsert' }), /Id_Key must be set/);
  await assert.rejects(check({ indexRetention: 1000 }), /Index_Retention needs names with a date/);
  await assert.rejects(check({ exactlyOnce: true, currentTimeIndex: true }), /Exactly_Once holds only while/);
});
