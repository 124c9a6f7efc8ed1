/** The explorer over a real OpenSearch and Elasticsearch: what the store would find, in pages that lose and double nothing, while records arrive. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { toDsl } from '../../src/elasticsearch/dsl.ts';
import { mappedRecord, mappedTree, properties } from '../../src/elasticsearch/dsl-fixture.ts';
import { readMapping } from '../../src/elasticsearch/mapping.ts';
import { isMatch, jsonOf } from '../../src/store/query/query-fixture.ts';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';
import type { Running } from '../services/contract.ts';
import { elasticsearch } from '../services/elasticsearch.ts';
import { startService } from '../services/fixture.ts';
import { opensearch } from '../services/opensearch.ts';

/** One server for all tests of a title: it takes half a minute to start on a loaded machine. */
let server: Running;
const servers = { OpenSearch: opensearch, Elasticsearch: elasticsearch };
for (const [name, service] of Object.entries(servers))
  test(`the explorer over ${name}`, async (t) => {
    server = await startService(t, service);
    await t.test('any query finds what it finds in the store', anyQuery);
    await t.test('pages, counts, values, exports and the command agree', pages);
    await t.test('records are shown as they arrive', liveTail);
    await t.test('a server that is away, a field that is missing: said, with what to do', troubles);
  });

async function ask(path: string, body?: string, method = body === undefined ? 'GET' : 'POST'): Promise<unknown> {
  const type = path.includes('_bulk') || path.includes('_msearch') ? 'application/x-ndjson' : 'application/json';
  const answer = await fetch(`${server.addresses['http']}${path}`, {
    method,
    ...(body !== undefined && { body, headers: { 'content-type': type } }),
  });
  const text = await answer.text();
  assert.ok(answer.ok, text.slice(0, 1000));
  return JSON.parse(text);
}

async function index(name: string, settings: object, documents: readonly string[]): Promise<void> {
  await ask(`/${name}`, JSON.stringify(settings), 'PUT');
  await add(name, documents);
}
async function add(name: string, documents: readonly string[]): Promise<void> {
  const lines = documents.flatMap((json, i) => [JSON.stringify({ create: { _id: `${documents.length}-${i}` } }), json]);
  const { errors } = (await ask(`/${name}/_bulk?refresh=true`, `${lines.join('\n')}\n`)) as { errors: boolean };
  assert.equal(errors, false);
}

async function anyQuery(): Promise<void> {
  const records = fc.sample(mappedRecord, { numRuns: 400, seed: 7 });
  const trees = fc.sample(mappedTree, { numRuns: 600, seed: 7 });
  const documents = records.map(({ fields }, i) =>
    `{"@timestamp":${1_795_273_200_000 + i},${jsonOf(fields, '').slice(1)}`.replace(/,\}$/, '}'),
  );
  await index('any-1', { mappings: { properties } }, documents);
  const mapping = readMapping(await ask('/any-*/_field_caps?fields=*'));
  const target = { mapping, timeField: '@timestamp', tagField: 'tag', ignoresCase: true, notes: new Set<string>() };
  for (let start = 0; start < trees.length; start += 50) {
    const some = trees.slice(start, start + 50);
    const lines = some.flatMap((tree) => [
      '{"index":"any-1"}',
      JSON.stringify({ size: 1000, _source: false, query: toDsl(tree, target) }),
    ]);
    const { responses } = (await ask('/_msearch', `${lines.join('\n')}\n`)) as {
      responses: { error?: unknown; hits?: { hits: { _id: string }[] } }[];
    };
    for (const [i, tree] of some.entries()) {
      const { error, hits } = responses[i] ?? {};
      assert.equal(error, undefined, JSON.stringify([error, lines[2 * i + 1]]));
      const found = (hits?.hits ?? []).map(({ _id }) => Number(_id.split('-')[1])).sort((a, b) => a - b);
      const wanted = records.flatMap((record, at) => (isMatch(tree, record) ? [at] : []));
      const explain = (): string =>
        JSON.stringify({
          tree,
          clause: lines[2 * i + 1],
          odd: records.filter((_, at) => found.includes(at) !== wanted.includes(at)),
        });
      if (found.join() !== wanted.join()) assert.fail(explain());
    }
  }
}

async function explorer(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  const url = server.addresses['http'] ?? '';
  return (await startProgram(t, { args: ['explorer'], env: { P2L_EXPLORER_URL: url, ...env } })).ready();
}

interface Page {
  readonly records: {
    readonly _id: string;
    readonly _time: string;
    readonly _tag: string;
    readonly fields: Record<string, unknown>;
  }[];
  readonly next: string | null;
}
async function api<T>({ adminUrl }: Program, path: string): Promise<T> {
  const answer = await fetch(`${adminUrl}${path}`);
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  return JSON.parse(text) as T;
}

const dayMs = 86_400_000;
const firstMs = 1_795_219_200_000;

async function pages(t: TestContext): Promise<void> {
  // Many of the same time, over shards and indices, which number what they get by themselves.
  const documents = Array.from({ length: 300 }, (_, i) =>
    JSON.stringify({
      '@timestamp': new Date(firstMs + Math.floor(i / 50) * 1000).toISOString().replace('Z', '456789Z'),
      tag: 'app.web',
      n: i,
      log: `line ${i}`,
      status: i % 3 === 0 ? '503' : '200',
    }),
  );
  const mappings = { mappings: { properties: { '@timestamp': { type: 'date' }, tag: { type: 'keyword' } } } };
  await index(
    'logstash-2026.11.21',
    { settings: { number_of_shards: 3, number_of_replicas: 0 }, ...mappings },
    documents.slice(0, 200),
  );
  await index(
    'logstash-2026.11.22',
    { settings: { number_of_shards: 2, number_of_replicas: 0 }, ...mappings },
    documents.slice(200),
  );
  const program = await explorer(t);
  for (const order of ['newest', 'oldest'] as const) {
    const seen: Page['records'] = [];
    for (let after = ''; ;) {
      const page = await api<Page>(program, `/api/search?limit=7&order=${order}&after=${after}`);
      seen.push(...page.records);
      if (page.next === null) break;
      after = page.next;
    }
    const numbers = seen.map(({ fields }) => Number(fields['n']));
    assert.deepEqual(
      [...numbers].sort((a, b) => a - b),
      documents.map((_, i) => i),
    );
    const times = seen.map(({ _time }) => _time);
    assert.deepEqual(
      times,
      [...times].sort((a, b) => (order === 'oldest' ? 1 : -1) * (a < b ? -1 : a > b ? 1 : 0)),
    );
    assert.match(times[0] ?? '', /\.000456789Z$/);
    assert.equal(seen[0]?._tag, 'app.web');
  }
  await counts(t, program);
}

async function counts(t: TestContext, program: Program): Promise<void> {
  const range = `from=${firstMs}&to=${firstMs + dayMs}`;
  const failing = encodeURIComponent('status >= 500 AND log:line');
  const histogram = await api<{ total: number; counts: number[] }>(
    program,
    `/api/histogram?query=${failing}&${range}&buckets=24`,
  );
  assert.equal(histogram.total, 100);
  assert.equal(histogram.counts[0], 100);
  const values = await api<{ values: unknown; total: number; present: number }>(
    program,
    '/api/fields/values?field=status&limit=5',
  );
  assert.deepEqual(
    [values.values, values.total, values.present],
    [
      [
        { value: '200', count: 200 },
        { value: '503', count: 100 },
      ],
      300,
      300,
    ],
  );
  const { fields } = await api<{ fields: { name: string; count: number }[] }>(program, '/api/fields');
  assert.deepEqual(
    fields.map(({ name, count }) => [name, count]),
    ['_source', '_tag', '@timestamp', 'log', 'n', 'status', 'tag']
      .map((name) => [name, 300])
      .sort((a, b) => Number(b[0] === '_tag') - Number(a[0] === '_tag')),
  );
  const lines = (await (await fetch(`${program.adminUrl}/api/export?query=${failing}&order=oldest`)).text())
    .trimEnd()
    .split('\n');
  assert.equal(lines.length, 100);
  const one = await api<Page>(program, `/api/search?query=${encodeURIComponent('_id:="logstash-2026.11.22/100-5"')}`);
  assert.deepEqual(
    one.records.map(({ fields }) => fields['n']),
    [205],
  );
  const { status } = await api<{ status: { records: number; newestMs: number } }>(program, '/api/store?in=index');
  assert.deepEqual([status.records, status.newestMs], [300, firstMs + 5000]);
  const { code, out, err } = await query(t, 'n:[10 TO 12]', '-o', 'json', '--order', 'oldest');
  assert.equal(code, 0, err);
  assert.deepEqual(
    out
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { n: number }).n)
      .toSorted((a, b) => a - b),
    [10, 11, 12],
  );
}

/** `post2log query` where no program runs. */
async function query(t: TestContext, ...args: string[]): Promise<{ code: number | null; out: string; err: string }> {
  const directory = await temporaryDirectory(t);
  const env = {
    PATH: process.env['PATH'],
    HOME: process.env['HOME'],
    P2L_EXPLORER_URL: server.addresses['http'],
    P2L_DATA_DIR: directory,
  };
  const child = spawn('bin/post2log', ['query', ...args], { env });
  let out = '';
  let err = '';
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  child.stderr.on('data', (part: Buffer) => (err += part.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

async function liveTail(t: TestContext): Promise<void> {
  await index('live-1', { mappings: { properties: { '@timestamp': { type: 'date' } } } }, [
    JSON.stringify({ '@timestamp': Date.now(), n: 'before' }),
  ]);
  const program = await explorer(t, { P2L_EXPLORER_INDEX: 'live-*' });
  const controller = new AbortController();
  const answer = await fetch(`${program.adminUrl}/api/tail?query=${encodeURIComponent('n:new OR n:late')}`, {
    signal: controller.signal,
  });
  let seen = '';
  const reading = (async () => {
    for await (const piece of answer.body as unknown as AsyncIterable<Uint8Array>)
      seen += Buffer.from(piece).toString();
  })().catch(() => undefined);
  await until('the tail to listen', async () => {
    await ask(`/live-1/_doc?refresh=true`, JSON.stringify({ '@timestamp': Date.now(), n: 'new' }));
    return seen.includes('"n":"new"');
  });
  // Written late, with a time that others have passed.
  await ask(`/live-1/_doc?refresh=true`, JSON.stringify({ '@timestamp': Date.now() - 30_000, n: 'late' }));
  await until('the late one', () => seen.includes('"n":"late"'));
  assert.ok(!seen.includes('"before"'));
  controller.abort();
  await reading;
}

async function troubles(t: TestContext): Promise<void> {
  await index('timeless-1', { mappings: { properties: { when: { type: 'date' } } } }, [
    '{"when":"2026-11-21T00:00:00Z","a":"b"}',
  ]);
  const timeless = await explorer(t, { P2L_EXPLORER_INDEX: 'timeless-*' });
  const refused = await fetch(`${timeless.adminUrl}/api/search`);
  assert.equal(refused.status, 424);
  assert.match(await refused.text(), /no field @timestamp there is a date; P2L_EXPLORER_TIME_FIELD/);
  const named = await explorer(t, { P2L_EXPLORER_INDEX: 'timeless-*', P2L_EXPLORER_TIME_FIELD: 'when' });
  assert.equal((await api<Page>(named, '/api/search?query=a:b')).records.length, 1);
  const absent = await explorer(t, { P2L_EXPLORER_INDEX: 'absent-*' });
  assert.match(JSON.stringify(await api(absent, '/api/search')), /no index is called absent-\*/);
  await server.kill();
  const away = await fetch(`${named.adminUrl}/api/search`);
  assert.equal(away.status, 503);
  assert.match(await away.text(), /INDEX_UNAVAILABLE/);
}
