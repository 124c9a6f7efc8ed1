/** The store as its process opens it: the engine, and what can be asked of it. */
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { realClock } from '../core/clock.ts';
import { crashPoint } from '../core/crash-point.ts';
import type { Log } from '../core/log.ts';
import type { OpenStore } from './child.ts';
import { openEngine } from './engine.ts';
import { Questions } from './questions.ts';

export interface OpenStoreOptions {
  readonly dataDir: string;
  readonly log: Log;
  /** What DuckDB may hold. */
  readonly memoryBytesMax: number;
  /** What the store may take of the disk. */
  readonly bytesMax: number;
  readonly keepMs: number;
}

/** The store leaves more of the disk free than the journal does: where it gets narrow, the journal still takes records. */
const reserveBytesMax = 128 * 1024 * 1024;
const reserveShare = 8;

/** @throws OperatingError DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_UNUSABLE */
export async function openStore({ dataDir, keepMs, ...options }: OpenStoreOptions): Promise<OpenStore> {
  const { blocks, bsize } = await statfs(dataDir);
  const engine = await openEngine({
    ...options,
    directory: join(dataDir, 'store'),
    keepMs,
    reserveBytes: Math.min(reserveBytesMax, (blocks * bsize) / reserveShare),
    isReadOnly: false,
    clock: realClock,
  });
  const questions = new Questions(engine, realClock);
  return {
    broken: engine.broken,
    async insert(batches, signal) {
      crashPoint('store.before-insert');
      await engine.insert(batches, signal);
      // Durable, and nobody has been told.
      crashPoint('store.after-insert');
    },
    search: (request, signal) => questions.search(request, signal),
    histogram: (request, signal) => questions.histogram(request, signal),
    fields: (request, signal) => questions.fields(request, signal),
    values: (request, signal) => questions.values(request, signal),
    export: (request, signal) => questions.export(request, signal),
    tail: (request, signal) => questions.tail(request, signal),
    status: () => engine.status(),
    close: () => engine.close(),
  };
}
