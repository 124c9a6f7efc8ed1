/** The store of a data directory that no program runs on, opened by this command itself. */
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { realClock } from '../core/clock.ts';
import { OperatingError } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import { lockDataDirectory } from '../process/lock.ts';
import type { DataLock } from '../process/lock.ts';
import type { StoreQueries } from '../store/contract.ts';
import { openEngine } from '../store/engine.ts';
import { Questions } from '../store/questions.ts';
import { socketPath } from './remote.ts';
import type { Asked } from './query-remote.ts';

/** As much as the store's own process may use by itself. */
const memoryBytesMax = 256 * 1024 * 1024;
const threads = 2;

/** An open store. */
export interface LocalStore {
  readonly queries: Asked & Pick<StoreQueries, 'export'>;
  close(): Promise<void>;
}

/**
 * Opens it for reading. Meanwhile no program can start on the directory: it would write to the files that are read.
 * @throws OperatingError DATA_DIR_UNUSABLE where there is none, DATA_DIR_LOCKED where a program runs whose socket is gone.
 */
export async function openLocalStore(dataDirectory: string): Promise<LocalStore> {
  const directory = join(dataDirectory, 'store');
  const found = await stat(directory).catch(() => undefined);
  if (!found)
    throw new OperatingError(
      'DATA_DIR_UNUSABLE',
      `searching data directory ${dataDirectory}: no program runs on it and it has no store; --data-dir or P2L_DATA_DIR names another, and P2L_STORE=on lets a program with a configuration file keep one`,
    );
  const lock = await locked(dataDirectory);
  // Records that DuckDB spills to the system's directory for temporary files are nobody else's.
  process.umask(0o077);
  try {
    const engine = await openEngine({
      directory,
      memoryBytesMax,
      threads,
      bytesMax: Number.MAX_SAFE_INTEGER,
      keepMs: undefined,
      reserveBytes: 0,
      isReadOnly: true,
      clock: realClock,
      log: createLog('warn'),
    });
    return {
      queries: new Questions(engine, realClock),
      async close() {
        await engine.close();
        await lock?.release();
      },
    };
  } catch (error) {
    await lock?.release();
    throw error;
  }
}

/** Undefined: this user cannot write there, so the files' own locks have to do. */
async function locked(dataDirectory: string): Promise<DataLock | undefined> {
  try {
    return await lockDataDirectory(dataDirectory);
  } catch (error) {
    if (!(error instanceof OperatingError)) throw error;
    if (error.code === 'DATA_DIR_UNUSABLE') return undefined;
    if (error.code !== 'DATA_DIR_LOCKED') throw error;
    throw new OperatingError(
      'DATA_DIR_LOCKED',
      `${error.message.replace(/; stop that one.*$/, '')}, but does not answer on ${socketPath(dataDirectory)}: it is starting or stopping, or the socket was removed; try again, or restart it`,
      { cause: error },
    );
  }
}
