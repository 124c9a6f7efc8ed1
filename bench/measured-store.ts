/** The store in a process of its own, as the program runs it, on a directory of its own. */
import { mkdirSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { realClock } from '../src/core/clock.ts';
import { createLog } from '../src/core/log.ts';
import type { RecordStore } from '../src/core/record-store.ts';
import { StoreProcess } from '../src/process/store-process.ts';
import type { StoreQueries } from '../src/store/contract.ts';
import { processTree } from './processes.ts';
import { rootDirectory } from './program.ts';

export interface MeasuredStore extends RecordStore {
  readonly queries: StoreQueries;
  readonly pid: number;
  close(): Promise<void>;
}

/** A start takes half a second; a busy machine may need longer. */
const startMsMax = 30_000;

export async function openMeasuredStore(dataDirectory: string): Promise<MeasuredStore> {
  const before = new Set(processTree(process.pid));
  const variables = { P2L_DATA_DIR: dataDirectory, P2L_STORE_LIMIT: '100Gi', P2L_STORE_KEEP: '36500d' };
  // The program makes it before it starts its processes.
  mkdirSync(join(dataDirectory, 'locks'), { recursive: true });
  Object.assign(process.env, variables);
  const store = new StoreProcess({
    mainPath: join(rootDirectory, 'src', 'main.ts'),
    args: ['run'],
    clock: realClock,
    log: createLog('warn'),
  });
  const held = store.hold();
  const close = async (): Promise<void> => {
    held.release();
    await store.stop(5000);
    for (const name of Object.keys(variables)) delete process.env[name];
  };
  for (const begin = performance.now(); store.state().state !== 'running'; await wait(10))
    if (performance.now() - begin > startMsMax) {
      await close();
      throw new Error(`the store does not start: ${store.state().lastError ?? 'it says nothing'}`);
    }
  const pid = processTree(process.pid).find((one) => !before.has(one)) ?? 0;
  return { queries: store.queries, insert: (batches, signal) => held.insert(batches, signal), pid, close };
}

/** Bytes of all files below a directory. */
export function diskBytes(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true }))
    // It may be gone by now.
    if (entry.isFile()) bytes += statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0;
  return bytes;
}

/** The most memory a living process ever held at once (VmHWM), in MB (10^6 bytes). */
export function peakMemoryMb(pid: number): number {
  const kib = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  return (kib * 1024) / 1e6;
}
