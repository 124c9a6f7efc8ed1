/** The InfluxDB outputs against the real server, which is killed, made slow, and asked what it holds. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import fc from 'fast-check';
import { LineEncoder } from '../../src/outputs/influxdb/lines.ts';
import { lineSettings } from '../../src/outputs/influxdb/settings-fixture.ts';
import { root } from '../files.ts';
import { batchOf, chunkOf } from '../fixture.ts';
import { startProgram, until } from '../program.ts';
import type { Program } from '../program.ts';
import type { Running } from '../services/contract.ts';
import { startService } from '../services/fixture.ts';
import { influxdb } from '../services/influxdb.ts';

const example = readFileSync(join(root, 'deploy/examples/influxdb/fluent.conf'), 'utf8');

class Database {
  readonly server: Running;
  readonly url: string;
  constructor(server: Running) {
    this.server = server;
    this.url = server.addresses['http'] ?? '';
  }
  get port(): string {
    return new URL(this.url).port;
  }
  /** The values of each series that a query finds, by its columns. */
  async ask(query: string): Promise<Record<string, unknown>[]> {
    const answer = await fetch(`${this.url}/query?db=post2log&epoch=ns`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ q: query }),
    });
    const { results } = (await answer.json()) as {
      results: { error?: string; series?: { columns: string[]; values: unknown[][] }[] }[];
    };
    assert.equal(results[0]?.error, undefined);
    return (results[0]?.series ?? []).flatMap(({ columns, values }) =>
      values.map((row) => Object.fromEntries(columns.map((column, i) => [column, row[i]]))),
    );
  }
  async count(measurement: string, field: string): Promise<unknown> {
    return (await this.ask(`SELECT count("${field}") FROM "${measurement}"`))[0]?.['count'] ?? 0;
  }
}

async function startDatabase(context: TestContext): Promise<Database> {
  const database = new Database(await startService(context, influxdb));
  await database.ask('CREATE DATABASE post2log');
  return database;
}

/** The program with one output, whose further options are given; postbacks to /postback/test go to it. */
function start(context: TestContext, database: Database, options = ''): Promise<Program> {
  const config = `<match test>
  @type influxdb
  host 127.0.0.1
  port ${database.port}
  dbname post2log
  ${options}
  <buffer tag>
    flush_mode interval
    flush_interval 0.1
    retry_wait 0.1
    retry_max_interval 0.5
  </buffer>
</match>`;
  return startWith(context, config);
}
async function startWith(context: TestContext, config: string): Promise<Program> {
  const env = { P2L_ENDPOINT: '/postback/test', P2L_FLUENTD_EXTRACFG: config };
  return (await startProgram(context, { env })).ready();
}
async function post(program: Program, records: readonly unknown[]): Promise<void> {
  const body = records.map((record) => JSON.stringify(record)).join('\n');
  const answer = await program.post('/postback/test', body, { 'content-type': 'application/x-ndjson' });
  assert.equal(answer.status, 200, await answer.text());
}
async function output(program: Program) {
  const found = (await program.status()).outputs.find(({ id }) => id.startsWith('influxdb'));
  assert.ok(found);
  return found;
}
/** Until nothing waits for the output. */
function drained(program: Program, count: number): Promise<unknown> {
  return until('all records to be delivered or refused', async () => {
    const { delivered, waiting, refused } = await output(program);
    return waiting === 0 && delivered + Object.values(refused).reduce((sum, one) => sum + one, 0) >= count;
  });
}

test('the example runs as it is: a postback is a point of its measurement', async (context) => {
  const database = await startDatabase(context);
  const program = await startWith(context, example.replace('port 8086', `port ${database.port}`));
  await post(program, [{ p1: 'v 1', n: 5, f: 1.5, ok: true, empty: '' }]);
  // It flushes every 10 s, and when it is stopped.
  assert.equal(await program.stop(), 0, program.stderr);
  const [point] = await database.ask('SELECT * FROM test');
  assert.deepEqual(
    { p1: point?.['p1'], n: point?.['n'], f: point?.['f'], ok: point?.['ok'], empty: point?.['empty'] },
    { p1: 'v 1', n: 5, f: 1.5, ok: true, empty: '' },
  );
  assert.equal(point?.['_path'], '/postback/test');
});

test('nothing is lost while the server is down, stopped or slow', async (context) => {
  const database = await startDatabase(context);
  const program = await start(context, database, 'time_key n');
  const numbers = (from: number): { n: number; v: number }[] =>
    Array.from({ length: 100 }, (_, i) => ({ n: from + i, v: i }));
  await post(program, numbers(0));
  await drained(program, 100);
  await database.server.kill();
  await post(program, numbers(100));
  await until('a failed write', async () => (await output(program)).waiting > 0);
  await database.server.restart();
  await drained(program, 200);
  // It takes connections and answers nothing for a while.
  for (const pid of database.server.pids) process.kill(pid, 'SIGSTOP');
  await post(program, numbers(200));
  await until('a write under way', async () => (await output(program)).waiting > 0);
  for (const pid of database.server.pids) process.kill(pid, 'SIGCONT');
  await drained(program, 300);
  assert.equal(await database.count('test', 'v'), 300);
});

test('a database that does not exist is waited for', async (context) => {
  const database = await startDatabase(context);
  await database.ask('DROP DATABASE post2log');
  const program = await start(context, database);
  await post(program, [{ v: 1 }]);
  await until('the log to say it', () => /there is no database post2log/.test(program.stderr));
  await database.ask('CREATE DATABASE post2log');
  await drained(program, 1);
  assert.equal(await database.count('test', 'v'), 1);
});

test('a type in conflict costs only the record that has it; diverted, not even that', async (context) => {
  const database = await startDatabase(context);
  await database.ask('CREATE DATABASE post2log');
  const records = [{ v: 1.5 }, { v: 2 }, { v: 'text' }, { v: 3.5, w: 'x' }];
  const strict = await start(context, database, 'time_precision ns\n  exactly_once true');
  await post(strict, [records[0]]);
  await drained(strict, 1);
  await post(strict, records.slice(1));
  await drained(strict, 4);
  assert.equal(await database.count('test', 'v'), 3);
  const { refused } = await output(strict);
  assert.deepEqual(Object.values(refused), [1]);
  assert.match(Object.keys(refused)[0] ?? '', /field type conflict: "v" is string, and the server holds float/);
  await strict.stop();
  const lenient = await start(context, database, 'time_precision ns\n  on_type_conflict divert');
  await post(lenient, records);
  await drained(lenient, 4);
  assert.deepEqual((await output(lenient)).refused, {});
  assert.equal(await database.count('test', 'v__str'), 1);
});

test('points that the retention policy does not take are refused, their neighbours written', async (context) => {
  const database = await startDatabase(context);
  await database.ask('CREATE RETENTION POLICY short ON post2log DURATION 1h REPLICATION 1');
  const program = await start(context, database, 'default_retention_policy short\n  time_key t');
  const now = Math.floor(Date.now() / 1000);
  await post(program, [
    { t: now, v: 1 },
    { t: 1000, v: 2 },
    { t: now - 1, v: 3 },
  ]);
  await drained(program, 3);
  assert.equal((await database.ask('SELECT count(v) FROM short.test'))[0]?.['count'], 2);
  assert.match(Object.keys((await output(program)).refused)[0] ?? '', /points beyond retention policy/);
});

test('1,000 records of equal nanosecond and tags are 1,000 points, also when they are sent again', async (context) => {
  const database = await startDatabase(context);
  for (const precision of ['s', 'ns']) {
    const program = await start(
      context,
      database,
      `measurement ${precision}\n  time_precision ${precision}\n  time_key t\n  exactly_once true`,
    );
    const stamp = precision === 's' ? 1_700_000_000 : '1700000000123456789';
    await post(
      program,
      Array.from({ length: 1000 }, (_, n) => ({ t: stamp, n })),
    );
    await drained(program, 1000);
    await program.stop();
    assert.equal(await database.count(precision, 'n'), 1000, precision);
    const points = await database.ask(`SELECT n FROM ${precision}`);
    assert.equal(new Set(points.map((point) => point['n'])).size, 1000);
  }
});

test('the server takes every line, whatever stands in names and values, and holds as many points', async (context) => {
  const database = await startDatabase(context);
  const awkward = fc.string({
    unit: fc.constantFrom(' ', ',', '=', '"', '\\', '\n', '\t', '#', 'a', 'ü'),
    maxLength: 6,
  });
  const record = fc.dictionary(awkward, fc.oneof(awkward, fc.double({ noNaN: true, noDefaultInfinity: true })), {
    minKeys: 1,
    maxKeys: 5,
  });
  // A field of its own for each kind of value: types in conflict are another test's.
  const records = fc
    .sample(record, { numRuns: 2000, seed: 5 })
    .map((one) =>
      Object.fromEntries(
        Object.entries(one).map(([key, value]) => [`${typeof value === 'number' ? 'f' : 's'}${key}`, value]),
      ),
    )
    .map((one, n) => JSON.stringify({ ...one, n: String(n) }));
  const settings = lineSettings(
    { tagKeys: new Set(['s ', 's,', 's=', 's\\', 'sa']), integers: 'float' },
    { isExactlyOnce: true },
  );
  const { bytes, lines } = new LineEncoder(settings).encode(
    chunkOf([batchOf('odd', records)]),
    (tag) => `${tag}, \\ #\\`,
    () => undefined,
  );
  assert.equal(lines.length, 2000);
  const answer = await fetch(`${database.url}/write?db=post2log&precision=ns`, { method: 'POST', body: bytes });
  assert.equal(answer.status, 204, await answer.text());
  const points = await database.ask('SELECT n FROM /^odd/');
  assert.equal(points.length, 2000);
  const held = await database.ask('SELECT * FROM /^odd/');
  for (const point of held) {
    const sent = JSON.parse(records[Number(point['n'])] ?? '') as Record<string, unknown>;
    for (const [key, value] of Object.entries(sent))
      if (/^[a-zü#", =]+$/.test(key) && value !== '' && !settings.form.tagKeys.has(key))
        assert.equal(point[key], value, `${JSON.stringify(key)} of ${JSON.stringify(sent)}`);
  }
});
