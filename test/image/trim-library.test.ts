/** The image's DuckDB: a library without the names that nobody looks up does what it did. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { trimLibrary } from '../../deploy/images/trim-library.ts';
import { root } from '../files.ts';
import { temporaryDirectory } from '../program.ts';

const packages = ['node-api', 'node-bindings', `node-bindings-linux-${process.arch}`];
/** Columns, an extension, ICU, and errors: C++ exceptions that are thrown through the library. */
const script = `
import { DuckDBInstance } from '@duckdb/node-api';
const connection = await (await DuckDBInstance.create(':memory:')).connect();
await connection.run("create table t as select range a, 'x' || range b from range(5000)");
await connection.run("copy t to 't.parquet' (format parquet, compression zstd)");
const { getRows } = { getRows: async (sql) => (await connection.runAndReadAll(sql)).getRowsJson() };
console.log(JSON.stringify(await getRows("select sum(a), max(b), json_extract('[1, 2]', '$[1]') from 't.parquet'")));
console.log(JSON.stringify(await getRows("select 'ä' collate de < 'b', strftime(timestamp '2024-01-01', '%A')")));
for (const sql of ['select nope', "select cast('x' as int)", "from 'nothing.parquet'"])
  console.log(await connection.run(sql).then(() => 'no error', (error) => error.message.split(':')[0]));
`;

test('it answers and fails as before, names found one by one and all at once', async (context) => {
  const directory = await temporaryDirectory(context);
  for (const name of packages)
    cpSync(join(root, 'node_modules/@duckdb', name), join(directory, 'node_modules/@duckdb', name), {
      recursive: true,
    });
  cpSync(join(root, 'node_modules/detect-libc'), join(directory, 'node_modules/detect-libc'), { recursive: true });
  const path = join(directory, 'node_modules/@duckdb', packages[2] ?? '', 'libduckdb.so');
  const original = readFileSync(path);
  const trimmed = trimLibrary(original, ['duckdb', 'icu_']);
  assert.ok(original.length - trimmed.length > 3_000_000, `${original.length - trimmed.length} bytes`);
  writeFileSync(path, trimmed);
  writeFileSync(join(directory, 'script.mjs'), script);
  for (const env of [{}, { LD_BIND_NOW: '1' }]) {
    const said = execFileSync(process.execPath, ['script.mjs'], { cwd: directory, env, encoding: 'utf8' });
    assert.deepEqual(said.trim().split('\n'), [
      '[["12497500","x999","2"]]',
      '[[true,"Monday"]]',
      'Binder Error',
      'Conversion Error',
      'IO Error',
    ]);
  }
});

test('what is no such library is refused with a reason', () => {
  assert.throws(() => trimLibrary(Buffer.from('#!/bin/sh\n'), ['duckdb']), /no ELF file/);
  assert.throws(() => trimLibrary(readFileSync(process.execPath).subarray(0, 4096), ['duckdb']), Error);
});
