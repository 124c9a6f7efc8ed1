/** Asking the program that runs, and the files it left: the command, odd records, questions beyond the limits, a full disk. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { foundRecords } from '../found.ts';
import type { FoundRecord } from '../found.ts';
import { startProgram, until } from '../program.ts';
import type { Program } from '../program.ts';
import { storedRecords } from '../stored.ts';
import { smallDisk, takeAllSpace } from './small-disk.ts';

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `post2log query ARGS` on the program's data directory. */
function query({ dataDir }: Program, ...args: string[]): Promise<Ended> {
  const child = spawn('bin/post2log', ['query', '--data-dir', dataDir, ...args]);
  let out = '';
  let err = '';
  child.stdout.on('data', (part: Buffer) => (out += part.toString()));
  child.stderr.on('data', (part: Buffer) => (err += part.toString()));
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

function records(out: string): Record<string, unknown>[] {
  return out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The store's answer, once the store has so many records that the query finds. */
function found(program: Program, text: string, count = 1): Promise<readonly FoundRecord[]> {
  return until(`${count} records for ${text}`, async () => {
    const records = await foundRecords(program, text);
    return records.length >= count && records;
  });
}

test('the command finds it as json, over the socket and, when the program has ended, in the files; with the admin server off', async (t) => {
  const program = await (await startProgram(t, { env: { P2L_ADMIN_PORT: 'off' } })).ready();
  assert.equal((await program.post('/postback?p1=v1&p2=v2')).status, 200);
  assert.equal(statSync(join(program.dataDir, 'post2log.sock')).mode & 0o777, 0o600);
  const [record] = await until('the record', async () => {
    const { code, out, err } = await query(program, 'p1:v1', '--last', '1h', '-o', 'json');
    // It waits for the start of the store, but not for as long as that takes where all cores are busy.
    if (code === 1 && err.includes('it is being started')) return false;
    assert.equal(code, 0, err);
    return out !== '' && records(out);
  });
  assert.deepEqual([record?.['p1'], record?.['p2'], record?.['_tag']], ['v1', 'v2', 'post2log']);
  assert.match(String(record?.['_time']), /^\d{4}-\d\d-\d\dT[\d:]+\.\d{9}Z$/);
  assert.match(String(record?.['_id']), /^[a-z0-9]+-0$/);
  const modes = readdirSync(join(program.dataDir, 'store')).map(
    // What the store writes beside its files comes and goes.
    (file) => [file, statSync(join(program.dataDir, 'store', file), { throwIfNoEntry: false })?.mode] as const,
  );
  assert.ok(modes.some(([, mode]) => mode !== undefined));
  for (const [file, mode = 0] of modes) assert.equal(mode & 0o077, 0, file);
  assert.equal((await query(program, 'p1:v2', '-o', 'json')).out, '');
  const wrong = await query(program, 'p1:(v1');
  assert.equal(wrong.code, 2);
  assert.match(wrong.err, /\^/);

  assert.equal(await program.stop(), 0, program.stderr);
  const after = await query(program, 'p1:v1', '--last', '1h', '-o', 'json');
  assert.equal(after.code, 0, after.err);
  assert.deepEqual(records(after.out), [record]);
});

test('10,000 fields, a value of a megabyte, and a field whose type changes are kept and found', async (t) => {
  const program = await (await startProgram(t)).ready();
  const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, n) => [`field_${n}`, n]));
  const large = `${'x'.repeat(1024 * 1024)} end`;
  const changing = [1, '1', 1.5, true, { a: 1 }, [1, 'two'], '2', null].map((value, n) => ({ changing: value, n }));
  for (const fields of [{ ...wide, kind: 'wide' }, { large, kind: 'large' }, ...changing])
    assert.equal((await program.post('/postback', JSON.stringify(fields))).status, 200);
  const [widest] = await found(program, 'field_9999:9999');
  assert.equal(widest?.fields['field_1234'], 1234);
  assert.equal((await found(program, 'large:end'))[0]?.fields['large'], large);
  assert.equal((await found(program, 'n:*', 8)).length, 8);
  const numbers = await found(program, 'changing:*', 7);
  assert.deepEqual(new Set(numbers.map(({ fields }) => fields['n'])), new Set([0, 1, 2, 3, 4, 5, 6]));
  const high = await found(program, 'changing >= 1.5', 2);
  assert.deepEqual(new Set(high.map(({ fields }) => fields['changing'])), new Set([1.5, '2']));
  const fields = await fetch(`${program.adminUrl}/api/fields`);
  assert.equal(fields.status, 200);
  assert.equal(((await fields.json()) as { hasMore: boolean }).hasMore, true);
});

test('a question that would take all memory ends with what to do; the store and the outputs go on', async (t) => {
  const program = await (await startProgram(t, { env: { P2L_STORE_MEMORY: '128Mi' } })).ready();
  // Every value is another one, and long: counting them takes far more than the limit, spilled or not.
  const lines = Array.from({ length: 50_000 }, (_, n) => JSON.stringify({ id: `${n}`.padStart(4000, `${n}-`) }));
  for (let at = 0; at < lines.length; at += 200) {
    const answer = await program.post('/postback', lines.slice(at, at + 200).join('\n'), {
      'content-type': 'application/x-ndjson',
    });
    assert.equal(answer.status, 200, await answer.text());
  }
  await until('the store to have all', async () => {
    const { outputs } = await program.status();
    return outputs.find(({ id }) => id === 'store')?.waiting === 0;
  });
  const before = await program.status();
  const answer = await fetch(`${program.adminUrl}/api/fields/values?field=id&limit=5&timeout=20000`);
  const text = await answer.text();
  // Refused with what to do, or answered within the limit and then said to be cut: never the end of the process.
  if (answer.status !== 200) {
    assert.equal(answer.status, 422, text);
    assert.match(text, /narrow the time range or the query/);
  }
  assert.equal((await found(program, 'id:49999')).length, 1);
  const after = await program.status();
  const pid = ({ processes }: typeof after): unknown => processes.find(({ role }) => role === 'store')?.pid;
  assert.equal(pid(after), pid(before), 'the store process died of the question');
});

test('on a full disk records wait for the store, and are in it once when space is back', async (t) => {
  const disk = await smallDisk(t, 48);
  if (disk === undefined) return t.skip('mounting a small file system is not allowed here');
  const program = await startProgram(t, { dataDir: join(disk, 'data'), env: { P2L_DATA_LIMIT: '128Mi' } });
  await program.ready();
  const acknowledged: number[] = [];
  let next = 0;
  const post = async (): Promise<boolean> => {
    const n = next++;
    const answer = await program.post('/postback', JSON.stringify({ n, text: `${n} `.repeat(500) }));
    if (answer.status === 200) acknowledged.push(n);
    else assert.equal(answer.status, 503);
    return answer.status === 200;
  };
  for (let n = 0; n < 50; n++) await post();
  const other = await takeAllSpace(disk, 64, 512);
  for (let n = 0; n < 3000 && (await post()); n++);
  assert.equal((await fetch(`${program.adminUrl}/healthz`)).status, 200);
  await rm(other);
  await until('postbacks to be taken again', post);
  await until('the store to have all', async () => {
    const { outputs } = await program.status();
    return outputs.find(({ id }) => id === 'store')?.waiting === 0;
  });
  assert.equal(await program.stop(), 0, program.stderr);
  const stored = (await storedRecords(program.dataDir)).map(({ json }) => (JSON.parse(json) as { n: number }).n);
  assert.equal(new Set(stored).size, stored.length, 'a record is twice in the store');
  const have = new Set(stored);
  assert.deepEqual(
    acknowledged.filter((n) => !have.has(n)),
    [],
  );
});
