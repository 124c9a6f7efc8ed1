import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { batchOf, chunkOf, packedBatchOf } from '../../../test/fixture.ts';
import { OperatingError } from '../../core/errors.ts';
import type { Chunk, WriteResult } from '../../core/plugin.ts';
import { elasticsearchOutput } from './index.ts';
import { entryOf, makeOutput, searchServer } from './search-fixture.ts';
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

test('Elasticsearch 9 gets the media type that it takes without another header', async (t) => {
  const version = { number: '9.2.0' };
  const { bulks } = await written(t, {}, records('{"n":1}'), { version });
  assert.equal(bulks[0]?.headers['content-type'], 'application/x-ndjson');
  assert.equal(bulks[0]?.headers.accept, undefined);
  assert.equal(bulks[0]?.text, '{"index":{"_index":"fluentd"}}\n{"n":1}\n');
});

test('what is wrong with headers is no fault of records: they wait', async (t) => {
  const reason = { type: 'media_type_header_exception', reason: 'Invalid media-type value on headers [Accept]' };
  const answering: Answering = ({ request }) =>
    request.includes('_bulk') ? { status: 400, body: { error: { ...reason, root_cause: [reason] } } } : undefined;
  await assert.rejects(
    written(t, { customHeaders: { Accept: 'a/b; compatible-with=9' } }, records('{"n":1}', '{"n":2}'), { answering }),
    (error) => error instanceof OperatingError && /Invalid media-type value/.test(error.message),
  );
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

test('logstash_format: an index a day and @timestamp, with the bytes of a record as they are', async (t) => {
  const { bulks } = await written(
    t,
    { logstashFormat: true, logstashPrefix: 'Shop', includeTagKey: true, timePrecision: 3 },
    records('{"n":1.0}', '{ }', '{"x":"\\u003c"}', '{"\\u0040timestamp":"2024-01-02T03:04:05+09:00","tag":1}'),
  );
  const head = '{"index":{"_index":"shop-2024.03.05","_type":"_doc"}}';
  assert.deepEqual(bulks[0]?.text.split('\n').slice(0, 6), [
    head,
    '{"n":1.0,"@timestamp":"2024-03-05T06:07:00.000+00:00","tag":"a.b"}',
    head,
    '{ "@timestamp":"2024-03-05T06:07:01.000+00:00","tag":"a.b"}',
    head,
    '{"x":"\\u003c","@timestamp":"2024-03-05T06:07:02.000+00:00","tag":"a.b"}',
  ]);
  assert.deepEqual(bulks[0]?.lines.slice(6), [
    { index: { _index: 'shop-2024.01.01', _type: '_doc' } },
    { '@timestamp': '2024-01-02T03:04:05+09:00', tag: 'a.b' },
  ]);
});

test('records from MessagePack, and time_key with the zone it was written in', async (t) => {
  const batch = packedBatchOf('a.b', [{ ts: '2024-01-02T03:04:05+09:00' }, { ts: 1.5 }, { ts: 'never' }, {}]);
  const { lines } = await written(
    t,
    { includeTimestamp: true, timeKey: 'ts', timePrecision: 0 },
    chunkOf([batch], { tag: 'a.b' }),
  );
  assert.deepEqual(
    lines.filter((_line, at) => at % 2 === 1).map((line) => (line as Record<string, unknown>)['@timestamp']),
    [
      '2024-01-02T03:04:05+09:00',
      '1970-01-01T00:00:01+00:00',
      '2024-03-05T06:07:02+00:00',
      '2024-03-05T06:07:03+00:00',
    ],
  );
});

test('an index and type from the record, flattening, the chunk’s id', async (t) => {
  const { lines } = await written(
    t,
    { targetIndexKey: 'a.index', targetTypeKey: 'type', flattenHashes: false },
    records('{"a":{"index":"From-Record","b":1},"type":"t"}', '{"a":1}'),
    { metadata: { includeChunkId: true, chunkIdKey: 'chunk_id' }, version: { number: '5.6.0' } },
  );
  assert.deepEqual(lines, [
    { index: { _index: 'from-record', _type: 't' } },
    { a: { b: 1 }, chunk_id: '5f' },
    { index: { _index: 'fluentd', _type: 'fluentd' } },
    { a: 1, chunk_id: '5f' },
  ]);
  const flat = await written(t, { flattenHashes: true }, records('{"a":{"b":{"c":[1]}},"d":2}'));
  assert.deepEqual(flat.lines[1], { a_b_c: [1], d: 2 });
});

test('_type and routing as the version of the server has them', async (t) => {
  const typeOf = async (version: Record<string, string>, options: Record<string, unknown> = {}): Promise<unknown> => {
    const { lines } = await written(t, { routingKey: 'r', ...options }, records('{"r":1}'), { version });
    return (lines[0] as { index: unknown }).index;
  };
  const i = { _index: 'fluentd' };
  assert.deepEqual(await typeOf({ number: '6.8.1' }), { ...i, _type: 'fluentd', _routing: 1 });
  assert.deepEqual(await typeOf({ number: '7.0.0' }), { ...i, _type: '_doc', routing: 1 });
  assert.deepEqual(await typeOf({ number: '7.0.0' }, { suppressTypeName: true }), { ...i, routing: 1 });
  assert.deepEqual(await typeOf({ number: '8.1.0' }), { ...i, routing: 1 });
  assert.deepEqual(await typeOf({ number: '9.0.0' }), { ...i, routing: 1 });
  const opensearch = (number: string) => ({ number, distribution: 'opensearch' });
  assert.deepEqual(await typeOf(opensearch('1.3.0')), { ...i, _type: '_doc', routing: 1 });
  assert.deepEqual(await typeOf(opensearch('2.19.1')), { ...i, routing: 1 });
  const named = { verifyEsVersionAtStartup: false, defaultElasticsearchVersion: 6, typeName: 'mine' };
  assert.deepEqual(await typeOf({}, named), { ...i, _type: 'mine', _routing: 1 });
});

test('updates and upserts', async (t) => {
  const options = { idKey: 'id', writeOperation: 'upsert', removeKeysOnUpdate: 'created,by' };
  const { lines } = await written(t, options, records('{"id":1,"created":2,"n":3}', '{"id":2,"n":3}'));
  assert.deepEqual(lines, [
    { update: { _index: 'fluentd', _type: '_doc', _id: 1 } },
    { doc: { id: 1, n: 3 }, upsert: { id: 1, created: 2, n: 3 } },
    { update: { _index: 'fluentd', _type: '_doc', _id: 2 } },
    { doc: { id: 2, n: 3 }, doc_as_upsert: true },
  ]);
  const own = await written(
    t,
    { ...options, removeKeysOnUpdateKey: 'without' },
    records('{"id":1,"without":["n"],"n":3}'),
  );
  assert.deepEqual(own.lines[1], { doc: { id: 1 }, upsert: { id: 1, n: 3 } });
  const bare = await written(
    t,
    { ...options, writeOperation: 'update', suppressDocWrap: true },
    records('{"id":1,"script":"x"}'),
  );
  assert.deepEqual(bare.lines[1], { id: 1, script: 'x' });
});

test('each item of an answer counts for itself: 201, 400, 429 and 503 beside each other', async (t) => {
  const items = [
    entryOf(201),
    entryOf(400, { type: 'mapper_parsing_exception', reason: 'failed to parse' }),
    entryOf(429, { type: 'es_rejected_execution_exception', reason: 'queue is full' }),
    entryOf(503, { type: 'unavailable_shards_exception', reason: 'no shard' }),
  ];
  const { result } = await written(t, {}, records('{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}'), {
    answering: ({ request }) => (request.includes('_bulk') ? { body: { took: 1, errors: true, items } } : undefined),
  });
  assert.deepEqual(result, {
    refused: [{ row: 1, reason: 'OUTPUT_REFUSED: 400 mapper_parsing_exception failed to parse' }],
    retry: [2, 3],
    retryReason: '429 es_rejected_execution_exception queue is full',
  });
});

test('a server that takes nothing just now is asked again for all; statuses that speak of the request', async (t) => {
  const failing = async (status: number, body: unknown, headers = {}): Promise<OperatingError> => {
    const error: unknown = await written(t, {}, records('{"n":0}', '{"n":1}'), {
      answering: ({ request }) => (request.includes('_bulk') ? { status, body, headers } : undefined),
    }).catch((reason: unknown) => reason);
    assert.ok(error instanceof OperatingError, String(error));
    return error;
  };
  const busy = await failing(429, { error: { type: 'x', reason: 'too much' } }, { 'retry-after': '7' });
  assert.deepEqual([busy.code, busy.retryAfterMs], ['OUTPUT_UNREACHABLE', 7000]);
  assert.match(busy.message, /^429 Too Many Requests answered to POST http:\/\/127.0.0.1:\d+\/_bulk: x: too much$/);
  assert.match((await failing(401, '')).message, /check user and password/);
  assert.match((await failing(200, 'no json')).message, /is no JSON/);
  assert.match((await failing(200, { errors: true, items: [] })).message, /0 items for 2 documents/);
  const full = entryOf(429, { type: 'cluster_block_exception', reason: 'disk usage exceeded flood-stage watermark' });
  assert.match((await failing(200, { errors: true, items: [full, full] })).message, /flood-stage/);
});

test('a request that is too large is halved, and so are later ones before they are sent', async (t) => {
  const server = await searchServer(t, ({ request, text }) =>
    request.includes('_bulk') && text.length > 150 ? { status: 413, body: '' } : undefined,
  );
  const output = await makeOutput(t, elasticsearchOutput, { options: { host: '127.0.0.1', port: server.port } });
  const chunk = records('{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}', `{"n":"${'x'.repeat(200)}"}`);
  const result = await output.write(chunk, signal);
  assert.deepEqual(result?.retry, []);
  assert.deepEqual(
    result?.refused?.map(({ row }) => row),
    [4],
  );
  assert.match(result?.refused?.[0]?.reason ?? '', /413/);
  // One more is found to be too large by itself, as a request ends beyond the size, not before it.
  await output.write(records('{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}'), signal);
  const before = server.bulks().length;
  await output.write(records('{"n":0}', '{"n":1}', '{"n":2}', '{"n":3}'), signal);
  assert.ok(
    server
      .bulks()
      .slice(before)
      .every(({ text }) => text.length <= 150),
  );
});

test('a request that is refused as a whole is halved until the record is found', async (t) => {
  const { result, bulks } = await written(t, {}, records('{"n":0}', '{"bad":1}', '{"n":2}'), {
    answering: ({ text }) => (text.includes('bad') ? { status: 400, body: { error: 'malformed' } } : undefined),
  });
  assert.deepEqual(
    result?.refused?.map(({ row }) => row),
    [1],
  );
  assert.match(result?.refused?.[0]?.reason ?? '', /^OUTPUT_REFUSED: 400 .*malformed/);
  assert.equal(bulks.at(-1)?.lines.length, 2);
});

test('the next of several servers is asked when one does not answer; gzip, login, headers, path', async (t) => {
  const dead = await searchServer(t);
  const server = await searchServer(t);
  const other = await searchServer(t, ({ request }) => (request.includes('_bulk') ? { status: 503 } : undefined));
  dead.close();
  const output = await makeOutput(t, elasticsearchOutput, {
    options: {
      hosts: `127.0.0.1:${dead.port},http://%{j+hn}:%{pa ss}@127.0.0.1:${server.port}/es,127.0.0.1:${other.port}`,
      customHeaders: { 'x-a': '1' },
      user: 'u',
      password: 'p',
      compressionLevel: 'best_speed',
    },
  });
  for (let i = 0; i < 3; i++) await output.write(records('{"n":0}'), signal);
  const [first] = server.bulks();
  assert.equal(server.bulks().length, 3);
  assert.equal(first?.request, 'POST /es/_bulk');
  assert.equal(first?.headers.authorization, `Basic ${Buffer.from('j+hn:pa ss').toString('base64')}`);
  assert.deepEqual([first?.headers['x-a'], first?.headers['content-encoding']], ['1', 'gzip']);
  assert.deepEqual(first?.lines[1], { n: 0 });
  assert.equal(other.bulks()[0]?.headers.authorization, `Basic ${Buffer.from('u:p').toString('base64')}`);
});

test('exactly_once: created under the emission id; one that is there already was written before', async (t) => {
  const { lines, result } = await written(
    t,
    { exactlyOnce: true, logstashFormat: true },
    records('{"n":0}', '{"n":1}'),
    {
      answering: ({ request }) =>
        request.includes('_bulk')
          ? {
              body: {
                errors: true,
                items: [entryOf(409, { type: 'version_conflict_engine_exception', reason: 'x' }), entryOf(201)],
              },
            }
          : undefined,
    },
  );
  assert.deepEqual(lines[0], { create: { _index: 'logstash-2024.03.05', _type: '_doc', _id: '00-0' } });
  assert.deepEqual(result, { refused: [], retry: [] });
});

test('an id of the record that is there already: the same document was written before, another one refuses the record', async (t) => {
  const conflict = (id: string) => entryOf(409, { type: 'version_conflict_engine_exception', reason: 'exists' }, id);
  const { result, bulks } = await written(
    t,
    { idKey: 'id', writeOperation: 'create' },
    records('{"id":"a","n":1}', '{"id":"b","n":1}'),
    {
      answering: ({ request }) => {
        if (request.includes('_bulk')) return { body: { errors: true, items: [conflict('a'), conflict('b')] } };
        if (request !== 'POST /_mget') return undefined;
        return { body: { docs: [{ _source: { n: 1, id: 'a' } }, { _source: { n: 2, id: 'b' } }] } };
      },
    },
  );
  assert.equal(bulks.length, 1);
  assert.deepEqual(
    result?.refused?.map(({ row }) => row),
    [1],
  );
});

test('an index that builds its documents anew: the same document is known again, where its settings say so', async (t) => {
  const sent =
    '{"id":"a","@timestamp":"2026-11-29T01:02:03.123456789+09:00","k.x":1,"k":{"y":0.1},"n":[3,1,3],"e":{},"z":null}';
  const found = { '@timestamp': '2026-11-28T16:02:03.123Z', id: 'a', k: { x: 1, y: 0.1 }, n: [1, 3] };
  const writing = async (source: object, settings: object): Promise<number[]> => {
    const { result } = await written(t, { idKey: 'id', writeOperation: 'create', routingKey: 'id' }, records(sent), {
      answering: ({ request, lines }) => {
        const conflict = entryOf(409, { type: 'version_conflict_engine_exception', reason: 'exists' }, 'a');
        if (request.includes('_bulk')) return { body: { errors: true, items: [conflict] } };
        if (request === 'GET /i/_settings/index.mode,index.mapping.source.mode?flat_settings=true')
          return { body: { i: { settings } } };
        if (request !== 'POST /_mget') return undefined;
        assert.deepEqual(lines, [{ docs: [{ _index: 'i', _id: 'a', routing: 'a' }] }]);
        return { body: { docs: [{ _source: source }] } };
      },
    });
    return (result?.refused ?? []).map(({ row }) => row);
  };
  assert.deepEqual(await writing(found, { 'index.mode': 'logsdb' }), []);
  assert.deepEqual(await writing(found, { 'index.mapping.source.mode': 'synthetic' }), []);
  assert.deepEqual(await writing(found, { 'index.mode': 'logsdb', 'index.mapping.source.mode': 'stored' }), [0]);
  assert.deepEqual(await writing(found, {}), [0]);
  assert.deepEqual(await writing({ ...found, n: [1, 2] }, { 'index.mode': 'logsdb' }), [0]);
});

test('bulk_message_request_threshold, include_index_in_url, pipeline, placeholders', async (t) => {
  const small = await written(t, { bulkMessageRequestThreshold: 10 }, records('{"n":0}', '{"n":1}'));
  assert.equal(small.bulks.length, 2);
  const options = { includeIndexInUrl: true, targetIndexKey: 'i', indexName: 'x-${tag[1]}-%Y', pipeline: 'p-${tag}' };
  const chunk = { ...records('{"i":"a/b"}', '{"n":1}'), timekeySeconds: 1_709_618_400 };
  const { bulks } = await written(t, options, chunk, {
    buffer: { chunkKeys: ['tag', 'time'], timekeySeconds: 3600, timezone: '+00:00' },
  });
  assert.deepEqual(
    bulks.map(({ request, lines }) => [request, lines[0]]),
    [
      ['POST /a%2Fb/_bulk', { index: { _type: '_doc', pipeline: 'p-a.b' } }],
      ['POST /x-b-2024/_bulk', { index: { _type: '_doc', pipeline: 'p-a.b' } }],
    ],
  );
});

test('an index without a name is refused, a tag_key @timestamp goes over the time: by bytes and by fields', async (t) => {
  const nameless = await written(t, { indexName: '${tag[7]}' }, records('{"n":1}'));
  assert.deepEqual(nameless.result?.refused, [{ row: 0, reason: 'its index has no name' }]);
  const options = { logstashFormat: true, includeTagKey: true, tagKey: '@timestamp' };
  for (const more of [{}, { removeKeys: 'x' }]) {
    const { bulks } = await written(t, { ...options, ...more }, records('{"n":1}'));
    assert.equal(bulks[0]?.text.split('\n')[1], '{"n":1,"@timestamp":"a.b"}');
  }
});

test('ignore_exceptions gives up, unrecoverable_error_types refuses', async (t) => {
  const given = await written(t, { ignoreExceptions: ['Elastic::Transport::Transport::ServerError'] }, records('{}'), {
    answering: ({ request }) => (request.includes('_bulk') ? { status: 500 } : undefined),
  });
  assert.match(given.result?.refused?.[0]?.reason ?? '', /500 .*ignore_exceptions/);
  const item = entryOf(429, { type: 'es_rejected_execution_exception', reason: 'full' });
  const refused = await written(t, { unrecoverableErrorTypes: ['es_rejected_execution_exception'] }, records('{}'), {
    answering: ({ request }) => (request.includes('_bulk') ? { body: { errors: true, items: [item] } } : undefined),
  });
  assert.match(refused.result?.refused?.[0]?.reason ?? '', /429 es_rejected/);
});

test('field_conflicts divert: what the index holds as another type is written as text beside it, and learned', async (t) => {
  const server = await searchServer(t, ({ request, lines }) => {
    if (!request.includes('_bulk')) return undefined;
    const documents = lines.filter((_line, at) => at % 2 === 1) as { a?: { n?: unknown } }[];
    const items = documents.map(({ a }) =>
      typeof a?.n === 'object' || Number.isNaN(Number(a?.n ?? 0))
        ? entryOf(400, {
            type: 'mapper_parsing_exception',
            reason: "failed to parse field [a.n] of type [long] in document with id 'x'",
          })
        : entryOf(201),
    );
    return { body: { took: 1, errors: items.length > 0, items } };
  });
  const output = await makeOutput(t, elasticsearchOutput, {
    options: { host: '127.0.0.1', port: server.port, fieldConflicts: 'divert' },
  });
  const chunk = records('{"a":{"n":1}}', '{"a":{"n":"x","m":2}}', '{"a":{"n":"7"}}');
  assert.deepEqual(await output.write(chunk, signal), { refused: [], retry: [] });
  assert.deepEqual(server.bulks()[1]?.lines[1], { a: { m: 2, n__str: 'x' } });
  await output.write(records('{"a":{"n":"y"}}', '{"a":{"n":"8"}}', '{"a":{"n":{"o":1}}}'), signal);
  const documents = server
    .bulks()
    .slice(2)
    .flatMap(({ lines }) => lines.filter((_line, at) => at % 2 === 1));
  assert.deepEqual(documents, [
    { a: { n__str: 'y' } },
    { a: { n: '8' } },
    { a: { n: { o: 1 } } },
    { a: { n__str: '{"o":1}' } },
  ]);
});

test('a server that does not know _type is asked for its version, and gets none', async (t) => {
  const { result, bulks } = await written(t, { verifyEsVersionAtStartup: false }, records('{"n":0}'), {
    version: { number: '8.1.0' },
    answering: ({ request, text }) =>
      request.includes('_bulk') && text.includes('_type')
        ? {
            status: 400,
            body: {
              error: {
                type: 'illegal_argument_exception',
                reason: 'Action/metadata line [1] contains an unknown parameter [_type]',
              },
            },
          }
        : undefined,
  });
  assert.deepEqual(result, { refused: [], retry: [] });
  assert.deepEqual(bulks[1]?.lines[0], { index: { _index: 'fluentd' } });
});

test('mistakes in options are told', async (t) => {
  const check = (options: Record<string, unknown>, buffer = {}) =>
    makeOutput(t, elasticsearchOutput, { options, buffer });
  await assert.rejects(check({ writeOperation: 'put' }), /write_operation "put" is none/);
  await assert.rejects(check({ hosts: 'http://u:secret@' }), /is no server/);
  await assert.rejects(check({ cloudId: 'x' }), /cloud_id/);
  await assert.rejects(check({}, { chunkKeys: ['k'] }), /<buffer tag>/);
  await assert.rejects(check({ indexName: 'x-${k}' }), /chunk key k is not configured/);
  await assert.rejects(check({ customHeaders: { 'a b': '1' } }), /custom_headers: header "a b"/);
  await assert.rejects(check({ exactlyOnce: true, idKey: 'id' }), /exactly_once has no effect beside id_key/);
  await assert.rejects(check({ sslMinVersion: 'TLSv1_2' }), /together/);
});
