/** `post2log query` over a running program's socket, and on the files of one that does not run. */
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { describe, test } from 'node:test';
import { FakeStore, backendWith, fakeBackend, foundRecord } from '../admin/backend-fake.ts';
import { withAdminServer } from '../admin/server-fixture.ts';
import { OperatingError } from '../core/errors.ts';
import { lockDataDirectory } from '../process/lock.ts';
import { makeBatch, makeStoreDirectory, neverAborted, openStore } from '../store/engine-fixture.ts';
import { openLocalStore } from './query-local.ts';
import { isRunning, remoteQueries } from './query-remote.ts';
import { runQuery } from './query.ts';
import type { OpenAsked, QueryOptions } from './query.ts';

const odd = '{"b":1.0,"a":12345678901234567890,"a":"\\u00e9é","_id":"own","2":{"fields":[]},"1":2}';

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs it with what answers; `columns`: it is a terminal. */
async function run(
  open: () => Promise<OpenAsked>,
  text: string,
  options: Partial<QueryOptions> = {},
  more: { columns?: number; signal?: AbortSignal; out?: (text: string) => Promise<void> } = {},
): Promise<Ran> {
  let [out, err] = ['', ''];
  const code = await runQuery(
    open,
    text,
    { limit: 100, output: 'json', ...options },
    {
      columns: more.columns,
      out: more.out ?? ((piece) => Promise.resolve(void (out += piece))),
      err: (piece) => void (err += piece),
    },
    more.signal ?? neverAborted,
  );
  return { code, out, err };
}

/** A running program with these records, and what asks it. */
async function withRunning(
  store: FakeStore,
  use: (open: () => Promise<OpenAsked>, directory: string) => Promise<void>,
): Promise<void> {
  await withAdminServer(backendWith(store), { port: undefined, token: 'no matter' }, (_url, directory) =>
    use(() => Promise.resolve({ queries: remoteQueries(directory), close: () => Promise.resolve() }), directory),
  );
}

function storeOf(...jsons: string[]): FakeStore {
  const store = new FakeStore();
  store.records.push(...jsons.map((json, index) => foundRecord(index, json)));
  return store;
}

test('over the socket: JSON lines as they were received, whatever is in them', async () => {
  const store = storeOf('{"p1":"v1"}', odd);
  store.records.push(foundRecord(9_000_000_000_000, '{"t":"} ] \\" \u2028 \\\\"}', { id: 'x-1.2', tag: 'a\n"' }));
  await withRunning(store, async (open) => {
    assert.deepEqual(await run(open, ''), {
      code: 0,
      out: [
        '{"t":"} ] \\" \u2028 \\\\","_time":"+287168-08-24T16:00:00.000000123Z","_tag":"a\\n\\"","_id":"x-1.2"}',
        `${odd.slice(0, -1).replace('"_id"', '"__id"')},"_time":"1970-01-01T00:00:01.000000123Z","_tag":"t","_id":"s-1"}`,
        '{"p1":"v1","_time":"1970-01-01T00:00:00.000000123Z","_tag":"t","_id":"s-0"}',
        '',
      ].join('\n'),
      err: 'note: a note\n',
    });
  });
});

test('more than a page is fetched in pages; the limit is kept', async () => {
  const store = storeOf(...Array.from({ length: 2500 }, (_, index) => `{"n":${index}}`));
  await withRunning(store, async (open) => {
    const lines = (await run(open, '', { limit: 2300, order: 'oldest' })).out.trimEnd().split('\n');
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { n: number }).n),
      Array.from({ length: 2300 }, (_, index) => index),
    );
    assert.deepEqual(
      store.asked.map(({ request }) => (request as { limit: number }).limit),
      [1000, 1000, 300],
    );
  });
});

test('records are printed as they are found; what stays unsearched is said', async () => {
  const store = storeOf(...Array.from({ length: 12 }, (_, index) => (index % 3 === 0 ? '{"is":"rare"}' : '{"x":1}')));
  store.lookedAtMax = 4;
  await withRunning(store, async (open) => {
    const pieces: string[] = [];
    const out = (text: string): Promise<void> => Promise.resolve(void pieces.push(text));
    const ids = (): (string[] | undefined)[] => pieces.map((text) => text.match(/s-\d+/g) ?? undefined);
    assert.deepEqual((await run(open, 'rare', {}, { out })).code, 0);
    assert.deepEqual(ids(), [['s-9'], ['s-6'], ['s-3', 's-0']]);
    assert.deepEqual(
      store.asked.map(({ request }) => (request as { timeoutMs: number }).timeoutMs),
      [400, 2000, 2000],
    );
    pieces.length = 0;
    await run(open, '', { output: 'csv', columns: 'x', limit: 5 }, { out });
    assert.deepEqual(
      pieces.map((text) => text.split('\r\n').length - 1),
      [5, 1],
    );
    // Without names the first page of records says which columns there are.
    pieces.length = 0;
    await run(open, '', { output: 'csv' }, { out });
    assert.match(pieces.join('|'), /^_time,_tag,x,is\r\n[^|]+$/);
    pieces.length = 0;
    assert.match((await run(open, 'nothing', {}, { out })).err, /No record matches/);

    store.stuckBelowMs = 70_000;
    const stuck = await run(open, 'rare');
    assert.equal(stuck.code, 1);
    assert.match(stuck.err, /does not get any further within 60 s; not all records were looked at; narrow/);
    assert.equal(stuck.out.trimEnd().split('\n').length, 1);
  });
});

test('interrupted, it has printed what was found and says how far it came', async () => {
  const store = storeOf(...Array.from({ length: 9 }, (_, index) => `{"n":${index}}`));
  store.lookedAtMax = 3;
  await withRunning(store, async (open) => {
    const interrupt = new AbortController();
    let out = '';
    const ran = await run(
      open,
      '',
      { output: 'table' },
      {
        signal: interrupt.signal,
        out: (text) => {
          out += text;
          interrupt.abort();
          return Promise.resolve();
        },
      },
    );
    assert.equal(ran.code, 1);
    assert.equal(out.trimEnd().split('\n').length, 4);
    assert.match(
      ran.err,
      /^note: a note\nnote: stopped; records before 1970-01-01T00:00:06\.000Z were not looked at\n$/,
    );
  });
});

test('table and CSV; nothing raw on a terminal, everything as it is elsewhere', async () => {
  const store = storeOf('{"p1":"v1","s":"=1+1"}', '{"p1":"\\u001b[2J\u202e","s":"a\\nb"}');
  await withRunning(store, async (open) => {
    const table = await run(open, '', { output: 'table' }, { columns: 200 });
    assert.deepEqual(table.out.split('\n'), [
      'TIME                      TAG  FIELDS',
      '1970-01-01T00:00:01.000Z  t    p1=\\x1b[2J\\u202e s="a\\nb"',
      '1970-01-01T00:00:00.000Z  t    p1=v1 s="=1+1"',
      '',
    ]);
    const csv = await run(open, '', { output: 'csv', columns: 's' });
    assert.equal(
      csv.out,
      '_time,_tag,s\r\n1970-01-01T00:00:01.000000123Z,t,"a\nb"\r\n1970-01-01T00:00:00.000000123Z,t,\'=1+1\r\n',
    );
    const seen = await run(open, '', { output: 'csv', columns: 's,p1' }, { columns: 80 });
    assert.match(seen.out, /,t,"a\\nb",\\x1b\[2J\\u202e\n/);
    const json = await run(open, 's', {}, { columns: 80 });
    assert.match(json.out, /"p1":"\\u001b\[2J\\u202e"/);
    const none = await run(open, 'nothing', { output: 'table' });
    assert.deepEqual([none.code, none.out, none.err], [0, '', 'note: a note\nNo record matches.\n']);
    assert.equal((await run(open, 'nothing', { output: 'csv', columns: 'a' })).out, '_time,_tag,a\r\n');
  });
});

test('a query that cannot be read ends with 2 and a caret; a store that is off or busy with 1', async () => {
  const store = storeOf('{}');
  await withRunning(store, async (open) => {
    const bad = await run(open, 'p1:');
    assert.deepEqual([bad.code, bad.out], [2, '']);
    assert.equal(bad.err, 'post2log: the query cannot be read: expected a value after ":"\n  p1:\n    ^\n');
    const heavy = await run(open, 'heavy');
    assert.equal(heavy.code, 1);
    assert.match(
      heavy.err,
      /^post2log: asking the program on data directory .*: searching: it needs too much memory\n$/,
    );
    store.leave();
    assert.match((await run(open, '')).err, /its process ended; it is started again/);
  });
  await withAdminServer(fakeBackend(), { port: undefined }, async (_url, directory) => {
    const open = (): Promise<OpenAsked> =>
      Promise.resolve({ queries: remoteQueries(directory), close: () => Promise.resolve() });
    const off = await run(open, '');
    assert.equal(off.code, 1);
    assert.match(off.err, /P2L_STORE=on/);
  });
});

describe('options that contradict or cannot be read end with 2', () => {
  const cases: readonly Partial<QueryOptions>[] = [
    { last: '1h', from: 'now-2h' },
    { last: 'soon' },
    { from: 'yesterday' },
    { to: '2026-13-01' },
    { from: 'now', to: 'now-1h' },
    { follow: true, to: 'now' },
    { follow: true, order: 'oldest' },
    { follow: true, output: 'csv' },
    { columns: 'a' },
    { columns: ',', output: 'csv' },
  ];
  for (const options of cases)
    test(JSON.stringify(options), async () => {
      const open = (): Promise<never> => assert.fail('it asked');
      assert.equal((await run(open, '', options)).code, 2);
    });
});

test('times: --last reaches into the future, --from and --to are ends', async () => {
  const store = storeOf('{}');
  await withRunning(store, async (open) => {
    const before = Date.now();
    await run(open, '', { last: '1h' });
    await run(open, '', { from: '1970-01-01', to: '5000' });
    await run(open, '');
    const [last, range, all] = store.asked.map(({ request }) => request as { fromMs?: number; toMs?: number });
    assert.ok((last?.fromMs ?? 0) >= before - 3_600_000 && (last?.fromMs ?? 0) <= Date.now() - 3_600_000);
    assert.equal(last?.toMs, undefined);
    assert.deepEqual([range?.fromMs, range?.toMs], [0, 5000]);
    assert.deepEqual([all?.fromMs, all?.toMs], [undefined, undefined]);
  });
});

test('Ctrl-C ends the question; a reader that goes away ends it quietly', async () => {
  const store = storeOf(...Array.from({ length: 3000 }, () => '{}'));
  await withRunning(store, async (open) => {
    const interrupt = new AbortController();
    const running = run(open, 'hang', {}, { signal: interrupt.signal });
    await store.until(() => store.asked.length === 1);
    interrupt.abort();
    assert.deepEqual(await running, { code: 1, out: '', err: '' });
    await store.until(() => store.asked[0]?.signal.aborted === true);
    const gone = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
    const piped = await run(open, '', { limit: 3000 }, { out: () => Promise.reject(gone) });
    assert.deepEqual(piped, { code: 0, out: '', err: 'note: a note\n' });
    assert.equal(store.asked.length, 2);
  });
});

test('--follow: the newest, oldest first, then what comes, each once', async () => {
  const store = storeOf('{"n":0}', '{"n":1}', '{"n":2}');
  await withRunning(store, async (open) => {
    const interrupt = new AbortController();
    const lines: string[] = [];
    let note: () => void = () => undefined;
    const running = run(
      open,
      '',
      { follow: true, limit: 2 },
      {
        signal: interrupt.signal,
        out: (text) => {
          lines.push(...text.trimEnd().split('\n'));
          note();
          return Promise.resolve();
        },
      },
    );
    const until = async (count: number): Promise<void> => {
      while (lines.length < count) await new Promise<void>((resolve) => (note = resolve));
    };
    await until(2);
    // The second of these was found already.
    store.push({ records: [foundRecord(2, '{"n":2}'), foundRecord(3, '{"n":3}')], skipped: 0 });
    await until(3);
    store.push({ records: [], skipped: 7 }, { records: [foundRecord(4, '{"n":4}')], skipped: 0 });
    await until(4);
    interrupt.abort();
    const { code, err } = await running;
    assert.equal(code, 0);
    assert.match(err, /^note: a note\nnote: 7 records left out/);
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { n: number }).n),
      [1, 2, 3, 4],
    );
    const left = run(open, '', { follow: true });
    await store.until(() => store.asked.filter(({ method }) => method === 'search').length === 2);
    store.leave();
    const ended = await left;
    assert.equal(ended.code, 1);
    assert.match(ended.err, /its process ended/);
  });
});

test('without a running program the files are read; with one whose socket is gone it says so', async (context) => {
  const directory = await makeStoreDirectory(context);
  assert.equal(await isRunning(directory), false);
  const open = (): Promise<OpenAsked> => openLocalStore(directory);
  assert.match((await run(open, '')).err, /no program runs on it and it has no store/);
  const engine = await openStore(directory);
  await engine.insert(
    [
      makeBatch([
        { offset: 1, json: '{"p1":"v1"}' },
        { offset: 2, json: odd },
      ]),
    ],
    neverAborted,
  );
  await engine.close();
  const found = await run(open, 'p1:v1');
  assert.deepEqual([found.code, found.err], [0, '']);
  assert.match(found.out, /^\{"p1":"v1","_time":"2[-:.\dTZ]+","_tag":"test\.tag","_id":"shard-a-1"\}\n$/);
  const bad = await run(open, 'p1:');
  assert.equal(bad.code, 2);
  assert.match(bad.err, /\n {2}p1:\n {4,5}\^\n$/);

  const lock = await lockDataDirectory(directory);
  try {
    const locked = await run(open, '');
    assert.equal(locked.code, 1);
    assert.match(
      locked.err,
      /another post2log \(pid \d+\) runs on it, but does not answer on .*post2log\.sock: it is starting/,
    );
  } finally {
    await lock.release();
  }
  // Nothing of it is left behind.
  assert.equal((await run(open, '')).code, 0);
  await (await lockDataDirectory(directory)).release();
});

test('a data directory that is none', async (context) => {
  const directory = await makeStoreDirectory(context);
  await mkdir(`${directory}/post2log.sock`);
  await assert.rejects(
    isRunning(directory)
      .then((is) => assert.equal(is, false))
      .then(() => openLocalStore(directory)),
    OperatingError,
  );
});
