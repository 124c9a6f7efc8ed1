/**
 * The database of Fluent Bit's tail (`DB`), for the first start after it: how far it read each file. A copy is read, with
 * the write-ahead log beside it, so that the original stays as it is and may be in use.
 *
 * Table in_tail_files (Fluent Bit 5.1, in_tail/tail_sql.h): id, name, offset, inode, created, rotated; later columns are
 * not looked at.
 */
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorText, systemCode } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { PositionEntry } from './position-file.ts';

/** What it holds; nothing, with a word to the log, where it cannot be read. */
export async function readDatabase(path: string, log: Log): Promise<PositionEntry[]> {
  let directory: string | undefined;
  try {
    directory = await mkdtemp(join(tmpdir(), 'post2log-db-'));
    const copy = join(directory, 'tail.db');
    await copyFile(path, copy);
    await copyFile(`${path}-wal`, `${copy}-wal`).catch((error: unknown) => {
      if (systemCode(error) !== 'ENOENT') throw error;
    });
    return await entriesOf(copy);
  } catch (error) {
    // Without a database Fluent Bit has not read anything yet.
    if (systemCode(error) !== 'ENOENT')
      log.warn(
        `DB ${path}: ${errorText(error)}; no positions are taken over from it, files are begun as at a first start. Repair it (sqlite3 ${path} .recover) and start on an empty data directory to take them over.`,
      );
    return [];
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true });
  }
}

async function entriesOf(path: string): Promise<PositionEntry[]> {
  // Loaded only where it is asked for.
  const { DatabaseSync } = await import('node:sqlite');
  const database = new DatabaseSync(path);
  try {
    const query = database.prepare('SELECT name, offset, inode FROM in_tail_files ORDER BY id');
    query.setReadBigInts(true);
    return query.all().flatMap(({ name, offset, inode }) => {
      if (typeof name !== 'string' || typeof offset !== 'bigint' || typeof inode !== 'bigint') return [];
      return offset < 0n ? [] : [{ path: name, position: Number(offset), inode: BigInt.asUintN(64, inode) }];
    });
  } finally {
    database.close();
  }
}
