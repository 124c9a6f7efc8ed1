/** The API over HTTP, with a store that is an array. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FakeStore, backendWith, fakeBackend, foundRecord } from '../backend-fake.ts';
import { withAdminServer } from '../server-fixture.ts';

/** A record that no parser keeps as it is. */
const odd = '{"b":1.0,"a":12345678901234567890,"a":"\\u00e9é","2":1,"1":2,"__proto__":{}}';

function storeOf(...jsons: string[]): FakeStore {
  const store = new FakeStore();
  store.records.push(...jsons.map((json, index) => foundRecord(index + 1, json)));
  return store;
}

/** Answers of one server by path. */
async function asking(
  store: FakeStore,
  use: (get: (path: string, init?: RequestInit) => Promise<Response>) => Promise<void>,
): Promise<void> {
  await withAdminServer(backendWith(store), { pingMs: 5 }, (url) => use((path, init) => fetch(`${url}${path}`, init)));
}

async function failing(answer: Response): Promise<{ status: number; detail: string; body: Record<string, unknown> }> {
  const text = await answer.text();
  assert.doesNotMatch(text, /\n|node:internal|\bat .*\.ts/);
  const body = JSON.parse(text) as Record<string, unknown>;
  return { status: answer.status, detail: String(body['detail']), body };
}

test('search: fields byte for byte, times with nanoseconds, pages', async () => {
  const store = storeOf('{"p1":"v1"}', odd);
  store.records.push(foundRecord(300_000_000_000, '{}', { tag: 'a"\u2028', nanos: 999_999_999 }));
  await asking(store, async (get) => {
    const answer = await get('/api/search?limit=2&from=0');
    assert.equal(answer.headers.get('content-type'), 'application/json; charset=utf-8');
    assert.equal(answer.headers.get('cache-control'), 'no-store');
    const text = await answer.text();
    assert.ok(text.includes(`"_time":"1970-01-01T00:00:02.000000123Z"`), text);
    assert.ok(text.includes(`"fields":${odd}}`), text);
    assert.ok(text.includes('"_time":"+011476-08-15T05:20:00.999999999Z","_timeMs":300000000000999,'), text);
    const page = JSON.parse(text) as Record<string, unknown> & { records: Record<string, unknown>[] };
    assert.deepEqual(
      page.records.map(({ _id }) => _id),
      ['s-300000000000', 's-2'],
    );
    assert.equal(page.records[0]?.['_tag'], 'a"\u2028');
    const { records: _, ...rest } = page;
    assert.deepEqual(rest, {
      next: '2',
      searchedToMs: 2000,
      isComplete: true,
      tookMs: 1,
      fromMs: 0,
      toMs: null,
      notes: ['a note'],
    });
    const last = (await (await get('/api/search?limit=2&after=2')).json()) as { records: unknown[]; next: unknown };
    assert.equal(last.records.length, 1);
    assert.equal(last.next, null);
    const oldest = (await (await get('/api/search?order=oldest&limit=1')).json()) as { records: { _id: string }[] };
    assert.equal(oldest.records[0]?._id, 's-1');
  });
});

test('search: an answer that its time limit ended has what was found, how far it looked, and leads on', async () => {
  const store = storeOf(...Array.from({ length: 10 }, (_, index) => (index % 4 === 0 ? '{"is":"rare"}' : '{}')));
  store.lookedAtMax = 3;
  await asking(store, async (get) => {
    const found: string[][] = [];
    const searched: unknown[] = [];
    let after = '';
    for (;;) {
      const answer = await get(`/api/search?query=rare&timeout=400&after=${after}`);
      const page = (await answer.json()) as Record<string, unknown> & { records: { _id: string }[] };
      found.push(page.records.map(({ _id }) => _id));
      searched.push([page['isComplete'], page['searchedToMs']]);
      if (typeof page['next'] !== 'string') break;
      after = page['next'];
    }
    assert.deepEqual(found, [['s-9'], ['s-5'], [], ['s-1']]);
    assert.deepEqual(searched, [
      [false, 8000],
      [false, 5000],
      [false, 2000],
      [true, null],
    ]);
    assert.ok(store.asked.every(({ request }) => (request as { timeoutMs: number }).timeoutMs === 400));
  });
});

test('search: an answer of many pieces is one JSON text', async () => {
  const store = storeOf(...Array.from({ length: 200 }, (_, index) => `{"n":${index},"t":"${'é'.repeat(5000)}"}`));
  await asking(store, async (get) => {
    const { records } = (await (await get('/api/search?limit=10000')).json()) as {
      records: { fields: { n: number } }[];
    };
    assert.deepEqual(
      records.map(({ fields }) => fields.n),
      Array.from({ length: 200 }, (_, index) => 199 - index),
    );
  });
});

test('histogram, fields and values are asked with what was given', async () => {
  const store = storeOf('{"p1":"v1"}', '{"p1":"v2"}');
  await asking(store, async (get) => {
    const histogram = await (await get('/api/histogram?query=v1&from=500&to=5000&buckets=7')).json();
    assert.deepEqual(histogram, {
      startMs: 500,
      widthMs: 1000,
      counts: [1],
      total: 1,
      isComplete: true,
      tookMs: 1,
      fromMs: 500,
      toMs: 5000,
      notes: ['a note'],
    });
    const fields = (await (await get('/api/fields')).json()) as Record<string, unknown>;
    assert.deepEqual(fields['fields'], [{ name: 'p1', types: ['string'], count: 2 }]);
    assert.deepEqual([fields['sampled'], fields['hasMore']], [2, false]);
    const values = (await (await get('/api/fields/values?field=p1&limit=3&timeout=777')).json()) as Record<
      string,
      unknown
    >;
    assert.deepEqual(values['values'], [{ value: 'v1', count: 2 }]);
    assert.deepEqual([values['field'], values['total'], values['present']], ['p1', 2, 2]);
    const all = { query: '', fromMs: undefined, toMs: undefined };
    assert.deepEqual(
      store.asked.map(({ method, request }) => [method, request]),
      [
        ['histogram', { query: 'v1', fromMs: 500, toMs: 5000, timeoutMs: 10_000, buckets: 7 }],
        ['fields', { ...all, timeoutMs: 10_000 }],
        ['values', { ...all, timeoutMs: 777, field: 'p1', limit: 3 }],
      ],
    );
  });
});

describe('what is asked wrongly is a 400 that says what was expected', () => {
  const cases: readonly [string, RegExp][] = [
    ['/api/search?limit=0', /limit=0: expected a whole number from 1 to 10000/],
    ['/api/search?limit=10001', /from 1 to 10000/],
    ['/api/search?limit=1.5', /limit=1\.5/],
    ['/api/search?limit=1&limit=2', /limit is given twice/],
    ['/api/search?order=up', /order=up: expected newest or oldest/],
    ['/api/search?from=yesterday', /from=yesterday: expected ms since 1970, ISO 8601/],
    ['/api/search?from=now&to=now-1h', /from=now is not before to=now-1h/],
    ['/api/search?from=5&to=5', /not before/],
    ['/api/search?form=now', /no parameter form here; did you mean from\?/],
    ['/api/search?timeout=60001', /timeout=60001: expected a whole number from 1 to 60000/],
    ['/api/search?query=p1:', /expected a value/],
    ['/api/histogram?buckets=1001', /buckets/],
    ['/api/fields/values', /field is missing/],
    ['/api/fields/values?field=a&limit=1001', /limit/],
    ['/api/export?format=xml', /format=xml: expected ndjson or csv/],
    ['/api/export?columns=a', /columns is only for format=csv/],
    ['/api/export?format=csv&columns=%22a', /columns: expected names/],
    ['/api/export?query=p1:', /expected a value/],
    ['/api/tail?query=p1:', /./],
    ['/api/tail?from=now', /no parameter from here/],
    ['/api/store?x=1', /no parameter x here; there are in/],
  ];
  for (const [path, expected] of cases)
    test(path, () =>
      asking(storeOf('{}'), async (get) => {
        const { status, detail } = await failing(await get(path));
        assert.equal(status, 400);
        assert.match(detail, expected);
      }),
    );
});

test('a query that cannot be read says where; too much memory is 422; a store that is off or gone is 503', async () => {
  const store = storeOf('{}');
  await asking(store, async (get) => {
    assert.deepEqual((await failing(await get('/api/search?query=p1:'))).body['at'], { start: 2, end: 3 });
    const heavy = await failing(await get('/api/search?query=heavy'));
    assert.deepEqual([heavy.status, heavy.body['code']], [422, 'STORE_QUERY_LIMIT']);
    const check = (body: unknown): Promise<Response> =>
      get('/api/query/check', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
    assert.deepEqual(await (await check({ query: 'p1:v1' })).json(), { isValid: true });
    const bad = await failing(await check({ query: 'p1:' }));
    assert.equal(bad.status, 400);
    assert.ok(bad.body['at']);
    assert.equal((await check({})).status, 400);
    assert.equal((await get('/api/query/check', { method: 'POST', body: '{' })).status, 400);
    assert.deepEqual(await (await get('/api/store')).json(), {
      state: 'running',
      status: { records: 1, bytes: 1, bytesMax: 2, oldestMs: 3, newestMs: 4, partitions: [], setAside: [] },
      waiting: 5,
      lastError: null,
      places: [{ in: 'store' }],
    });
    store.leave();
    const gone = await get('/api/search');
    assert.equal(gone.headers.get('retry-after'), '2');
    assert.equal((await failing(gone)).status, 503);
    const state = (await (await get('/api/store')).json()) as Record<string, unknown>;
    assert.deepEqual([state['state'], state['status']], ['starting', null]);
  });
  await withAdminServer(fakeBackend(), {}, async (url) => {
    for (const path of ['search', 'histogram', 'fields', 'fields/values?field=a', 'export', 'tail']) {
      const off = await failing(await fetch(`${url}/api/${path}`));
      assert.equal(off.status, 503, path);
      assert.match(off.detail, /set P2L_STORE=on/);
    }
    assert.deepEqual(await (await fetch(`${url}/api/store`)).json(), {
      state: 'off',
      status: null,
      waiting: 0,
      lastError: null,
      places: [],
    });
  });
});

test('a client that goes away ends its question', async () => {
  const store = storeOf('{}');
  await asking(store, async (get) => {
    for (const path of ['/api/search?query=hang', '/api/fields?query=hang', '/api/export?query=hang']) {
      const before = store.asked.length;
      const leaving = new AbortController();
      const answer = get(path, { signal: leaving.signal });
      await store.until(() => store.asked.length > before);
      assert.equal(store.asked.at(-1)?.signal.aborted, false);
      leaving.abort();
      await assert.rejects(answer);
      await store.until(() => store.asked.at(-1)?.signal.aborted === true);
    }
  });
});

test('export: NDJSON has the fields at top level; CSV the columns of the first page, or those given', async () => {
  const store = storeOf('{"p1":"v1","n":{"a":1.0,"b":[1,2]}}', '{}', '{"_time":"mine","later":true,"p1":"=1+1"}');
  await asking(store, async (get) => {
    const lines = await get('/api/export?order=oldest');
    assert.equal(lines.headers.get('content-type'), 'application/x-ndjson; charset=utf-8');
    assert.match(
      lines.headers.get('content-disposition') ?? '',
      /^attachment; filename="post2log-\d{8}T\d{6}Z\.ndjson"$/,
    );
    assert.deepEqual((await lines.text()).split('\n'), [
      '{"p1":"v1","n":{"a":1.0,"b":[1,2]},"_time":"1970-01-01T00:00:01.000000123Z","_tag":"t","_id":"s-1"}',
      '{"_time":"1970-01-01T00:00:02.000000123Z","_tag":"t","_id":"s-2"}',
      '{"__time":"mine","later":true,"p1":"=1+1","_time":"1970-01-01T00:00:03.000000123Z","_tag":"t","_id":"s-3"}',
      '',
    ]);
    const csv = await get('/api/export?order=oldest&format=csv');
    assert.equal(csv.headers.get('content-type'), 'text/csv; charset=utf-8; header=present');
    assert.deepEqual((await csv.text()).split('\r\n'), [
      '_time,_tag,p1,n.a,n.b',
      '1970-01-01T00:00:01.000000123Z,t,v1,1.0,"[1,2]"',
      '1970-01-01T00:00:02.000000123Z,t,,,',
      "1970-01-01T00:00:03.000000123Z,t,'=1+1,,",
      '',
    ]);
    const some = await (await get('/api/export?format=csv&columns=_id,__time,%22a,b%22,later,n&query=later')).text();
    assert.equal(some, '_time,_tag,_id,__time,"a,b",later,n\r\n1970-01-01T00:00:03.000000123Z,t,s-3,mine,,true,\r\n');
    const none = await (await get('/api/export?format=csv&query=nothing&columns=p1')).text();
    assert.equal(none, '_time,_tag,p1\r\n');
  });
});

test('export: no page is taken that the client has no room for, and leaving ends it', async () => {
  const store = storeOf(...Array.from({ length: 400 }, () => `{"t":"${'x'.repeat(200_000)}"}`));
  await asking(store, async (get) => {
    const answer = await get('/api/export');
    const reader = answer.body?.getReader();
    await reader?.read();
    // 80 MB in 200 pages: sockets hold some MB.
    assert.ok(store.exported.pages < 150, String(store.exported.pages));
    await reader?.cancel();
    await store.until(() => store.exported.isEnded);
    assert.ok(store.exported.pages < 200, String(store.exported.pages));
    const whole = await (await get('/api/export')).text();
    assert.equal(whole.split('\n').length, 401);
  });
});

test('export: more than 8 at once are refused, until one has ended', async () => {
  const store = storeOf('{}');
  await asking(store, async (get) => {
    const leaving = new AbortController();
    const running = Array.from({ length: 8 }, () => get('/api/export?query=hang', { signal: leaving.signal }));
    await store.until(() => store.asked.length === 8);
    const refused = await get('/api/export');
    assert.equal(refused.headers.get('retry-after'), '10');
    assert.equal((await failing(refused)).status, 429);
    leaving.abort();
    for (const one of running) await assert.rejects(one);
    await store.until(() => store.asked.every(({ signal }) => signal.aborted));
    for (let count = 0; count < 10; count++) assert.match(await (await get('/api/export')).text(), /"_id"/);
  });
});

test('export: where the store fails on the way the connection breaks, so that the file is not taken for whole', async () => {
  const store = storeOf(...Array.from({ length: 100 }, () => '{}'));
  store.export = async function* () {
    yield store.records.slice(0, 1);
    await Promise.resolve();
    throw new Error('the disk is gone');
  };
  await asking(store, async (get) => {
    const answer = await get('/api/export');
    assert.equal(answer.status, 200);
    await assert.rejects(answer.text());
  });
});

/** Reads Server-Sent Events until `enough`. */
async function readUntil(answer: Response, enough: (text: string) => boolean): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  const reader = answer.body?.getReader();
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    text += decoder.decode(value, { stream: true });
    if (enough(text)) {
      await reader?.cancel();
      return text;
    }
    if (done) return text;
  }
}

test('tail: records as they come, what was skipped, pings; leaving ends it', async () => {
  const store = storeOf('{}');
  await asking(store, async (get) => {
    const answer = await get('/api/tail?query=v1');
    assert.equal(answer.headers.get('content-type'), 'text/event-stream; charset=utf-8');
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    store.push({ records: [foundRecord(7, odd)], skipped: 0 }, { records: [], skipped: 12 });
    const text = await readUntil(answer, (text) => text.includes('skipped') && text.includes(': ping\n\n'));
    assert.ok(
      text.includes(
        `event: records\ndata: [{"_id":"s-7","_time":"1970-01-01T00:00:07.000000123Z","_timeMs":7000,"_appendMs":7,"_tag":"t","_source":"postback","fields":${odd}}]\n\n`,
      ),
      text,
    );
    assert.ok(text.includes('event: skipped\ndata: 12\n\n'));
    await store.until(() => store.asked[0]?.signal.aborted === true);
  });
});

test('tail: a store that leaves ends it with a reason; more than 32 are refused', async () => {
  const store = storeOf('{}');
  await asking(store, async (get) => {
    const answers = await Promise.all(Array.from({ length: 32 }, () => get('/api/tail')));
    const refused = await get('/api/tail');
    assert.equal(refused.headers.get('retry-after'), '10');
    assert.equal((await failing(refused)).status, 429);
    await Promise.all(answers.slice(1).map(async (answer) => answer.body?.cancel()));
    await store.until(() => store.asked.filter(({ signal }) => signal.aborted).length === 31);
    const again = await get('/api/tail');
    assert.equal(again.status, 200);
    store.leave();
    const text = await readUntil(answers[0] as Response, () => false);
    assert.match(text, /event: failed\ndata: \{"detail":"asking the store: .*"code":"STORE_UNAVAILABLE"\}\n\n$/);
  });
});

test('tail: a client that takes nothing gets the newest later and learns how many it missed', async () => {
  const store = storeOf('{}');
  await asking(store, async (get) => {
    const answer = await get('/api/tail');
    const large = `{"t":"${'x'.repeat(100_000)}"}`;
    const count = 2000;
    for (let index = 0; index < count; index++) store.push({ records: [foundRecord(index, large)], skipped: 0 });
    const text = await readUntil(answer, (text) => /event: skipped\ndata: \d+\n\n/.test(text));
    const skipped = Number(/event: skipped\ndata: (\d+)/.exec(text)?.[1]);
    const shown = text.split('"_id"').length - 1;
    assert.ok(skipped > 0);
    assert.equal(shown + skipped, count);
  });
});

test('every route is described at /openapi.json, with answers and examples', async () => {
  await asking(storeOf('{}'), async (get) => {
    const { paths } = (await (await get('/openapi.json')).json()) as {
      paths: Record<string, Record<string, { summary: string; responses: Record<string, unknown> }>>;
    };
    const routes = [
      'search',
      'histogram',
      'fields',
      'fields/values',
      'export',
      'tail',
      'store',
      'query/check',
      'session',
    ];
    for (const route of routes) {
      const methods = Object.values(paths[`/api/${route}`] ?? {});
      assert.ok(methods.length > 0, route);
      for (const { summary, responses } of methods)
        assert.ok(summary !== '' && Object.keys(responses).length > 0, route);
    }
    assert.match(JSON.stringify(paths['/api/search']), /now-1h/);
  });
});
