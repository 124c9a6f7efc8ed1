/**
 * Program that opens a partition file, given as its argument, and ends: `<node> opening-probe.ts <file>`. Exit code 0: it
 * could be opened, or the error is one that the store handles. Should DuckDB take the process down with it, it is this one.
 */
import { tmpdir } from 'node:os';
import { Database } from './database.ts';

const [, , path = ''] = process.argv;

/** As little as DuckDB needs to replay a WAL. */
const memoryBytesMax = 128 * 1024 ** 2;

const database = await Database.open({
  memoryBytesMax,
  temporaryDirectory: tmpdir(),
  spillBytesMax: memoryBytesMax,
});
try {
  await database.attach(path, 'probed', true);
} catch {
  // An error is an answer.
}
database.close();
