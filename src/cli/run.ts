/** `post2log run`: one process, or with several workers a supervisor and its children; this file chooses and prepares. */
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import { loadConfig } from '../config/load.ts';
import type { LoadedConfig } from '../config/load.ts';
import { formatProblem } from '../core/errors.ts';
import { createLog } from '../core/log.ts';
import type { Log } from '../core/log.ts';
import { Registry } from '../core/registry.ts';
import { builtinPlugins } from '../plugins.ts';
import type { DataLimits } from '../pipeline.ts';
import { check } from './check.ts';
import { lockDataDirectory, noteRole } from '../process/lock.ts';
import { Supervisor, roleVariable } from '../process/supervisor.ts';

export interface RunOptions {
  readonly configPath: string | undefined;
  readonly dataDirectory: string | undefined;
}

/** What every role is given. */
export interface RunContext {
  readonly configPath: string | undefined;
  readonly dataDir: string;
  readonly loaded: Loaded;
  readonly limits: DataLimits;
  readonly log: Log;
}

/** The journal's share of P2L_DATA_LIMIT; the rest is for dead letters (an eighth), staged chunks and the store. */
const journalShare = 1 / 2;
const deadShare = 1 / 8;

/** A configuration and the plugins it was read with. */
interface Loaded extends LoadedConfig {
  readonly registry: Registry;
}

/** Reads the configuration with a registry of its own, so that a failed reload leaves no half-loaded plugins behind. */
export async function loadFor(configPath: string | undefined): Promise<Loaded> {
  const registry = new Registry(builtinPlugins);
  return { ...(await loadConfig({ path: configPath, env: process.env, registry })), registry };
}

/** `post2log check` with this process's environment and output. */
export function runCheck(configPath: string | undefined): Promise<number> {
  return check({
    path: configPath,
    env: process.env,
    registry: new Registry(builtinPlugins),
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
}

function limitsOf({ settings }: Loaded): DataLimits {
  const { dataLimitBytes, storageBytes, fluentdStorageBytes, keepMs } = settings;
  if (dataLimitBytes === undefined) return { journalBytes: storageBytes, deadBytes: fluentdStorageBytes / 2, keepMs };
  return {
    journalBytes: Math.floor(dataLimitBytes * journalShare),
    deadBytes: Math.floor(dataLimitBytes * deadShare),
    keepMs,
  };
}

/** Runs until stopped; resolves with the exit code. @throws ConfigError, OperatingError */
export async function run(options: RunOptions): Promise<number> {
  const role = process.env[roleVariable];
  const loaded = await loadFor(options.configPath);
  const { settings, workers, model } = loaded;
  const log = createLog(settings.logLevel ?? levelOf(model.logLevel) ?? 'info');
  const dataDir = resolve(options.dataDirectory ?? settings.dataDir);
  const context: RunContext = { configPath: options.configPath, dataDir, loaded, limits: limitsOf(loaded), log };
  if (role !== undefined) return runRole(role, context);

  for (const warning of loaded.warnings) process.stderr.write(`${formatProblem(warning)}\n`);
  const lock = await lockDataDirectory(dataDir);
  try {
    await warnOfSmallDisk(context);
    if (workers > 1) return await supervise(workers, context);
    const { runSingle } = await import('./run-single.ts');
    return await runSingle(context);
  } finally {
    await lock.release();
  }
}

async function runRole(role: string, context: RunContext): Promise<number> {
  await noteRole(context.dataDir, role);
  if (role === 'deliver') {
    const { runDeliver } = await import('./run-deliver.ts');
    return runDeliver(context);
  }
  const { runReceive } = await import('./run-receive.ts');
  return runReceive(context, role);
}

async function supervise(workers: number, { loaded, log }: RunContext): Promise<number> {
  const supervisor = new Supervisor({
    mainPath: process.argv[1] ?? '',
    args: process.argv.slice(2),
    workers,
    graceMs: loaded.settings.graceMs,
    log,
  });
  process.on('SIGTERM', () => void supervisor.stop());
  process.on('SIGINT', () => void supervisor.stop());
  process.on('SIGHUP', () => supervisor.reload());
  return supervisor.run();
}

function levelOf(name: string | undefined): LoadedConfig['settings']['logLevel'] {
  return name as LoadedConfig['settings']['logLevel'];
}

/** The limits are promises to the operator that the disk must be able to keep. */
async function warnOfSmallDisk({ dataDir, limits, log }: RunContext): Promise<void> {
  const { blocks, bsize } = await statfs(dataDir);
  const wantedBytes = limits.journalBytes + limits.deadBytes;
  if (wantedBytes > blocks * bsize)
    log.warn(
      { dataDir, wantedBytes, diskBytes: blocks * bsize },
      'The disk is smaller than what the limits allow; the free-space reserve decides then. Set P2L_DATA_LIMIT.',
    );
}
