/** A store on a directory of its own, for measurements. */
import { readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { realClock } from '../src/core/clock.ts';
import { silentLog } from '../src/core/log.ts';
import type { RecordStore } from '../src/core/record-store.ts';
import type { StoreQueries } from '../src/store/contract.ts';
import { openEngine } from '../src/store/engine.ts';
import { Questions } from '../src/store/questions.ts';
import { writeSegment } from '../src/store/seal.ts';

export interface MeasuredStore extends RecordStore, Omit<StoreQueries, 'status'> {
  readonly pid: number;
  /** Resolves when no background work is due. */
  idle(): Promise<void>;
  close(): Promise<void>;
}

export async function openMeasuredStore(directory: string): Promise<MeasuredStore> {
  const engine = await openEngine({
    directory: join(directory, 'store'),
    memoryBytesMax: 256 * 1024 ** 2,
    threads: 2,
    bytesMax: 100e9,
    keepMs: undefined,
    reserveBytes: 0,
    isReadOnly: false,
    clock: realClock,
    log: silentLog(),
    writeSegment,
  });
  const questions = new Questions(engine, realClock);
  return {
    pid: process.pid,
    insert: (batches, signal) => engine.insert(batches, signal),
    search: (request, signal) => questions.search(request, signal),
    histogram: (request, signal) => questions.histogram(request, signal),
    fields: (request, signal) => questions.fields(request, signal),
    values: (request, signal) => questions.values(request, signal),
    export: (request, signal) => questions.export(request, signal),
    tail: (request, signal) => questions.tail(request, signal),
    idle: () => engine.idle(),
    close: () => engine.close(),
  };
}

/** Bytes of all files below a directory. */
export function diskBytes(directory: string): number {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

/** The most memory a living process ever held at once (VmHWM), in MB (10^6 bytes). */
export function peakMemoryMb(pid: number): number {
  const kib = Number(/^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
  return (kib * 1024) / 1e6;
}
