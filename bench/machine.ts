/** What the figures were measured on. */
import { open, readFile, rm } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { median } from './scenario.ts';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly kernel: string;
  /** File system and device behind the directory that the measured programs write to. */
  readonly fileSystem: string;
  /** Median and worst of 64 times 4 KiB written and synced there, in ms. */
  readonly fsyncMs: number;
  readonly fsyncWorstMs: number;
  /** Runnable processes over the last minute, at the start of the run: above 1 somebody else works here too. */
  readonly loadAverage: number;
  readonly node: string;
}

/** Describes the machine; writes and removes a small file in `directory`. */
export async function describeMachine(directory: string): Promise<Machine> {
  const syncs = await timeSyncs(join(directory, `fsync-${process.pid}`));
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e8) / 10,
    kernel: release(),
    fileSystem: await fileSystemOf(directory),
    fsyncMs: round3(median(syncs)),
    fsyncWorstMs: round3(Math.max(...syncs)),
    loadAverage: round3(loadavg()[0] ?? 0),
    node: process.version,
  };
}

function round3(value: number): number {
  return Math.round(value * 1000) / 1000;
}

async function timeSyncs(path: string): Promise<number[]> {
  const file = await open(path, 'w');
  const block = Buffer.alloc(4096, 0x61);
  const times: number[] = [];
  try {
    for (let i = 0; i < 64; i++) {
      const begin = performance.now();
      await file.write(block, 0, block.length, i * block.length);
      await file.datasync();
      times.push(performance.now() - begin);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  return times;
}

/** The mount with the longest path above `directory`, from /proc/mounts. */
async function fileSystemOf(directory: string): Promise<string> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '');
  let best = '';
  let found = 'unknown';
  for (const line of mounts.split('\n')) {
    const [device = '', path = '', kind = ''] = line.split(' ');
    const prefix = path.endsWith('/') ? path : `${path}/`;
    if (path === '' || path.length < best.length || !`${directory}/`.startsWith(prefix)) continue;
    best = path;
    found = `${kind} on ${device}`;
  }
  return found;
}

/** One line of it for the head of a report. */
export function machineLine(machine: Machine): string {
  return (
    `${machine.cores} cores (${machine.cpu}), ${machine.memoryGb} GB, Linux ${machine.kernel}, ${machine.fileSystem}, ` +
    `fsync of 4 KiB ${machine.fsyncMs} ms (worst of 64: ${machine.fsyncWorstMs} ms), load average ${machine.loadAverage} at the start, Node ${machine.node}`
  );
}
