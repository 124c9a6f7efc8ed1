/** The API over a server that answers as told: what it is asked, what is made of its answers, and of its refusals. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FakeStore, backendWith, fakeBackend } from '../admin/backend-fake.ts';
import { withAdminServer } from '../admin/server-fixture.ts';
import { readEnv } from '../config/env.ts';
import { ConfigError } from '../core/errors.ts';
import { searchServer } from '../outputs/elasticsearch/search-fixture.ts';
import type { Answering, SearchServer } from '../outputs/elasticsearch/search-fixture.ts';
import { capabilities } from './dsl-fixture.ts';
import { openIndex } from './open.ts';

type Get = (path: string) => Promise<{ status: number; text: string; body: Record<string, unknown> }>;

const settingsOf = (env: Readonly<Record<string, string>>) => readEnv(env).settings;

/** The explorer over a server that answers searches as told. */
async function over(
  t: TestContext,
  answering: (body: Record<string, unknown>) => ReturnType<Answering>,
  use: (get: Get, server: SearchServer) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const server = await searchServer(
    t,
    ({ request, lines }) => {
      if (request.includes('/_field_caps')) return { body: capabilities };
      return request.includes('/_search') ? answering(lines[0] as Record<string, unknown>) : undefined;
    },
    { number: '8.15.0' },
  );
  const index = await openIndex(settingsOf({ P2L_EXPLORER_URL: server.url, ...env }));
  assert.ok(index);
  t.after(() => index.close());
  await withAdminServer(fakeBackend({ index: () => index }), {}, async (url) => {
    await use(async (path) => {
      const answer = await fetch(`${url}${path}`);
      const text = await answer.text();
      return { status: answer.status, text, body: JSON.parse(text) as Record<string, unknown> };
    }, server);
  });
}

const hit = (id: string, sort: string, source: string): string =>
  `{"_index":"logs-1","_id":"${id}","_source":${source},"sort":${sort}}`;
const found = (...hits: string[]): { body: string } => ({
  body: `{"took":1,"timed_out":false,"_shards":{"total":1,"failed":0},"hits":{"hits":[${hits.join(',')}]}}`,
});

test('records are shown as they were indexed, with the time as exactly as it is written; pages go on behind the last', async (t) => {
  const bodies: Record<string, unknown>[] = [];
  const written =
    '{\n  "n":1.0,\n  "big":12345678901234567890,"tag":"a.b","@timestamp":"2026-11-21T15:00:00.123456789Z"}';
  await over(
    t,
    (body) => {
      bodies.push(body);
      if (body['search_after']) return found();
      return found(
        hit('x', '[1795273200123,7]', written),
        hit('y', '[1795273200000,9]', '{}'),
        hit('z', '[1,1]', '{}'),
      );
    },
    async (get) => {
      const { status, text, body } = await get('/api/search?limit=2&query=word:="a"');
      assert.equal(status, 200, text);
      assert.ok(text.includes('"fields":{"n":1.0,"big":12345678901234567890,"tag":"a.b",'), text);
      const [first, second] = body['records'] as Record<string, unknown>[];
      assert.deepEqual(
        [first?.['_id'], first?.['_time'], first?.['_tag'], first?.['_source'], second?.['_time']],
        ['logs-1/x', '2026-11-21T15:00:00.123456789Z', 'a.b', 'logs-1', '2026-11-21T15:00:00.000000000Z'],
      );
      assert.equal(bodies[0]?.['size'], 3);
      assert.equal(bodies[0]?.['track_total_hits'], false);
      const last = await get(`/api/search?limit=2&query=word:="a"&after=${String(body['next'])}`);
      assert.deepEqual([last.body['records'], last.body['next']], [[], null]);
      assert.deepEqual(bodies[1]?.['search_after'], [1_795_273_200_000, 10]);
      assert.match(
        JSON.stringify(bodies[1]),
        /"must_not":\[\{"bool":\{"filter":\[\{"term":\{"_index":\{"value":"logs-1"\}\}\},\{"ids":\{"values":\["y"\]\}\}\]\}\}\]/,
      );
      assert.equal((await get('/api/search?after=nothing')).status, 400);
    },
  );
});

test('what is missing is said: shards that failed, a time limit that came first', async (t) => {
  const shards = { total: 5, failed: 2, failures: [{ reason: { reason: 'node left' } }] };
  await over(
    t,
    () => ({ body: { timed_out: true, _shards: shards, hits: { hits: [] } } }),
    async (get) => {
      const { body } = await get('/api/search');
      assert.equal(body['isComplete'], false);
      assert.deepEqual(body['notes'], [
        '2 of 5 shards of logstash-* did not answer (node left); what they hold is missing here',
      ]);
    },
  );
});

test('refusals say what to do', async (t) => {
  const error = (type: string, reason: string) => ({ error: { root_cause: [{ type, reason }], type, reason } });
  const codes: Readonly<Record<number, string>> = {
    422: 'INDEX_QUERY_LIMIT',
    424: 'INDEX_REFUSED',
    503: 'INDEX_UNAVAILABLE',
  };
  const cases: readonly (readonly [status: number, body: unknown, expected: number, says: RegExp])[] = [
    [
      401,
      error('security_exception', 'missing credentials'),
      424,
      /security_exception: missing credentials.*P2L_EXPLORER_USER/,
    ],
    [403, error('security_exception', 'no permissions'), 424, /privileges read and view_index_metadata on logstash-\*/],
    [404, error('index_not_found_exception', 'no such index'), 424, /P2L_EXPLORER_INDEX/],
    [429, error('circuit_breaking_exception', 'data too large'), 422, /narrow the time range/],
    [400, error('too_many_clauses', 'maxClauseCount is set to 1024'), 422, /name fields/],
    [
      400,
      error(
        'illegal_argument_exception',
        '[regexp] queries cannot be executed when search.allow_expensive_queries is set to false',
      ),
      424,
      /write field:="whole value"/,
    ],
    [400, error('query_shard_exception', 'failed'), 424, /failed/],
    [503, error('search_phase_execution_exception', 'all shards failed'), 503, /busy or starting/],
    [200, '<html>', 424, /./],
  ];
  for (const [status, body, expected, says] of cases)
    await over(
      t,
      () => ({ status, body }),
      async (get) => {
        const answer = await get('/api/histogram?from=0&to=10');
        assert.equal(answer.status, expected, answer.text);
        assert.equal(answer.body['code'], codes[expected], answer.text);
        assert.match(String(answer.body['detail']), says);
      },
    );
  await over(
    t,
    () => 'drop',
    async (get, server) => {
      server.close();
      const answer = await get('/api/search');
      assert.deepEqual([answer.status, answer.body['code']], [503, 'INDEX_UNAVAILABLE']);
      assert.deepEqual((await get('/api/store')).body['state'], 'starting');
    },
  );
});

test('who asks is said as configured, and never shown', async (t) => {
  await over(
    t,
    () => ({ status: 401, body: {} }),
    async (get, server) => {
      const { text } = await get('/api/search');
      assert.ok(!text.includes('secret'), text);
      assert.ok(server.received.every(({ headers }) => headers.authorization === 'ApiKey secret=='));
    },
    { P2L_EXPLORER_API_KEY: 'secret==' },
  );
  await over(
    t,
    () => found(),
    async (get, server) => {
      await get('/api/search');
      assert.ok(server.received.every(({ headers }) => headers.authorization === `Basic ${btoa('me:secret')}`));
      const { text } = await get('/api/store');
      assert.ok(text.includes('"pattern":"a-*,b"') && !text.includes('secret'), text);
      assert.ok(server.received.some(({ request }) => request.startsWith('POST /a-*,b/_search?')));
    },
    { P2L_EXPLORER_USER: 'me', P2L_EXPLORER_PASSWORD: 'secret', P2L_EXPLORER_INDEX: 'a-*,b' },
  );
  for (const env of [
    { P2L_EXPLORER_URL: 'ftp://x' },
    { P2L_EXPLORER_PASSWORD: 'p' },
    { P2L_EXPLORER_USER: 'u', P2L_EXPLORER_API_KEY: 'k' },
    { P2L_EXPLORER_TLS_CERT: '/c' },
  ] as Record<string, string>[])
    await assert.rejects(() => openIndex(settingsOf({ P2L_EXPLORER_URL: 'http://x', ...env })), ConfigError);
  assert.equal(await openIndex(settingsOf({})), undefined);
});

test('both places: the store unless in=index says otherwise', async (t) => {
  const server = await searchServer(t, ({ request }) =>
    request.includes('/_field_caps') ? { body: capabilities } : request.includes('/_search') ? found() : undefined,
  );
  const index = await openIndex(settingsOf({ P2L_EXPLORER_URL: server.url }));
  assert.ok(index);
  t.after(() => index.close());
  const store = new FakeStore();
  await withAdminServer({ ...backendWith(store), index: () => index }, {}, async (url) => {
    const places = ((await (await fetch(`${url}/api/store`)).json()) as { places: { in: string }[] }).places;
    assert.deepEqual(
      places.map((place) => place.in),
      ['store', 'index'],
    );
    await fetch(`${url}/api/search`);
    assert.equal(store.asked.length, 1);
    for (const path of ['/api/search?in=index', '/api/export?in=index', '/api/fields?in=index'])
      assert.equal((await fetch(`${url}${path}`)).status, 200, path);
    assert.equal(store.asked.length, 1);
    assert.equal((await fetch(`${url}/api/search?in=x`)).status, 400);
  });
  await withAdminServer(backendWith(store), {}, async (url) => {
    const none = await fetch(`${url}/api/search?in=index`);
    assert.equal(none.status, 400);
    assert.match(await none.text(), /P2L_EXPLORER_URL/);
  });
});
