import assert from 'node:assert/strict';
import { copyFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/program.ts';
import { contextOf } from '../../../test/fixture.ts';
import { readDatabase } from './database.ts';
import { Tailing } from './tail-fixture.ts';

function makeDatabase(path: string): DatabaseSync {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA journal_mode = WAL;
    CREATE TABLE in_tail_files (id INTEGER PRIMARY KEY, name TEXT NOT NULL, offset INTEGER, inode INTEGER,
      created INTEGER, rotated INTEGER DEFAULT 0)`);
  return database;
}
function insert(database: DatabaseSync, name: string, offset: number, inode: bigint): void {
  database
    .prepare('INSERT INTO in_tail_files (name, offset, inode, created) VALUES (?, ?, ?, 0)')
    .run(name, offset, inode);
}

test('what lies in the write-ahead log is read, and nothing is written', async (t) => {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'tail.db');
  const database = makeDatabase(path);
  t.after(() => database.close());
  insert(database, '/x/a.log', 7, 18_446_744_073_709_551_615n - (1n << 63n));
  insert(database, '/x/a.log', 12, 99n);
  const before = await stat(`${path}-wal`, { bigint: true });
  const entries = await readDatabase(path, contextOf([]).log);
  assert.deepEqual(entries, [
    { path: '/x/a.log', position: 7, inode: (1n << 63n) - 1n },
    { path: '/x/a.log', position: 12, inode: 99n },
  ]);
  assert.equal((await stat(`${path}-wal`, { bigint: true })).mtimeNs, before.mtimeNs);
});

test('one that is damaged, or none, is said; one that is not there is not', async (t) => {
  const directory = await temporaryDirectory(t);
  const said: string[] = [];
  const log = { ...contextOf([]).log, warn: (text: unknown) => void said.push(String(text)) } as never;
  assert.deepEqual(await readDatabase(join(directory, 'none.db'), log), []);
  assert.deepEqual(said, []);
  for (const [name, bytes] of [
    ['text.db', 'not a database, but long enough for its header to be looked at'.repeat(40)],
    ['empty.db', ''],
  ] as const) {
    await writeFile(join(directory, name), bytes);
    assert.deepEqual(await readDatabase(join(directory, name), log), []);
    assert.match(said.pop() ?? '', new RegExp(`^DB .*${name}: .*no positions are taken over`));
  }
});

test('files go on where Fluent Bit left them, renamed ones too, and once only', async (t) => {
  const tail = await Tailing.make(t, { db: 'tail.db', readFromHead: false });
  await tail.write('in.log', 'new\n');
  await tail.write('in.log.1', 'read\nleft\n');
  const database = makeDatabase(tail.file('tail.db'));
  insert(database, tail.file('in.log'), 5, (await stat(tail.file('in.log.1'), { bigint: true })).ino);
  database.close();
  await tail.start();
  await tail.count(2);
  await tail.stop();
  assert.deepEqual(tail.messages, ['left', 'new']);
  await copyFile(tail.file('tail.db'), tail.file('again.db'));
  await tail.start();
  await tail.append('in.log', 'more\n');
  await tail.count(3);
  await tail.stop();
  assert.deepEqual(tail.messages, ['left', 'new', 'more']);
});
