/**
 * `post2log run`: one process, or with several workers a supervisor and its children. This file chooses; it loads only
 * what the role needs, because a supervisor and a receiver should be small.
 */
import { resolve } from 'node:path';
import { readEnv } from '../config/env.ts';
import { createLog } from '../core/log.ts';
import type { RunContext } from './run-context.ts';
import { trimAfterStart } from '../process/trim.ts';
import { lockDataDirectory, noteRole } from '../process/lock.ts';
import { Supervisor, roleVariable } from '../process/supervisor.ts';

export interface RunOptions {
  readonly configPath: string | undefined;
  readonly dataDirectory: string | undefined;
}

/** Runs until stopped; resolves with the exit code. @throws ConfigError, OperatingError */
export async function run(options: RunOptions): Promise<number> {
  const role = process.env[roleVariable];
  const { settings, problems } = readEnv(process.env);
  const dataDir = resolve(options.dataDirectory ?? settings.dataDir);
  const context: RunContext = { configPath: options.configPath, dataDir, settings, log: createLog(settings.logLevel) };
  if (role !== undefined) return runRole(role, context);
  // Where something is wrong with the variables, reading the configuration says everything at once.
  if (settings.workers > 1 && !problems.some(({ severity }) => severity !== 'warning'))
    return locked(dataDir, () => supervise(settings.workers, context));
  const { loadFor, sayWarnings } = await import('./loading.ts');
  const loaded = await loadFor(options.configPath);
  sayWarnings(loaded);
  return locked(dataDir, async () => {
    if (loaded.workers > 1) return supervise(loaded.workers, context);
    const { runSingle } = await import('./run-single.ts');
    return runSingle(context, loaded);
  });
}

async function locked(dataDir: string, work: () => Promise<number>): Promise<number> {
  const lock = await lockDataDirectory(dataDir);
  try {
    return await work();
  } finally {
    await lock.release();
  }
}

async function runRole(role: string, context: RunContext): Promise<number> {
  if (role === 'store') {
    const { runStore } = await import('./run-store.ts');
    return runStore(context);
  }
  await noteRole(context.dataDir, role);
  if (role !== 'deliver') {
    const { runReceive } = await import('./run-receive.ts');
    return runReceive(context, role);
  }
  const { runDeliver } = await import('./run-deliver.ts');
  return runDeliver(context);
}

async function supervise(workers: number, { settings, log }: RunContext): Promise<number> {
  const supervisor = new Supervisor({
    mainPath: process.argv[1] ?? '',
    args: process.argv.slice(2),
    workers,
    graceMs: settings.graceMs,
    stopDelayMs: settings.stopDelayMs,
    log,
  });
  process.on('SIGTERM', () => void supervisor.stop(true));
  process.on('SIGINT', () => void supervisor.stop());
  process.on('SIGHUP', () => supervisor.reload());
  trimAfterStart();
  return supervisor.run();
}
