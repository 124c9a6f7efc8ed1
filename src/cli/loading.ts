/** Reads configurations for `run` and `check`, and the limits that follow from the variables. */
import { statfs } from 'node:fs/promises';
import type { Settings } from '../config/env.ts';
import { loadConfig } from '../config/load.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { PipelineModel } from '../config/model.ts';
import { usesStore } from '../config/store.ts';
import { formatProblem } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Registry } from '../core/registry.ts';
import { pluginTable } from '../plugin-table.ts';
import type { DataLimits } from '../process/limits.ts';
import { isStoreInstalled } from '../store/installed.ts';

/** A configuration and the plugins it was read with. */
export interface Loaded extends LoadedConfig {
  readonly registry: Registry;
}

/** Reads the configuration with a registry of its own, so that a failed reload leaves no half-loaded plugins behind. @throws ConfigError */
export async function loadFor(configPath: string | undefined): Promise<Loaded> {
  const registry = new Registry(pluginTable);
  const hasStore = isStoreInstalled();
  return { ...(await loadConfig({ path: configPath, env: process.env, registry, hasStore })), registry };
}

/** Warnings of a configuration, on standard error. */
export function sayWarnings({ warnings }: LoadedConfig): void {
  for (const warning of warnings) process.stderr.write(`${formatProblem(warning)}\n`);
}

/** `post2log check` with this process's environment and output. */
export async function runCheck(configPath: string | undefined, isProbing: boolean): Promise<number> {
  const [{ check }, { probeOutputs }] = await Promise.all([import('./check.ts'), import('./probe.ts')]);
  const registry = new Registry(pluginTable);
  const out = (text: string): void => void process.stdout.write(text);
  return check({
    path: configPath,
    env: process.env,
    registry,
    hasStore: isStoreInstalled(),
    out,
    err: (text) => process.stderr.write(text),
    probe: isProbing ? ({ model }) => probeOutputs(model, registry, out) : undefined,
  });
}

/** The limits are promises to the operator that the disk must be able to keep. */
export async function warnOfSmallDisk(
  dataDir: string,
  { journalBytes, stagedBytes, deadBytes, storeBytes }: DataLimits,
  model: PipelineModel,
  log: Log,
): Promise<void> {
  const { blocks, bsize } = await statfs(dataDir);
  const wantedBytes = journalBytes + stagedBytes + deadBytes + (usesStore(model) ? storeBytes : 0);
  if (wantedBytes <= blocks * bsize) return;
  log.warn(
    { dataDir, wantedBytes, diskBytes: blocks * bsize },
    'The disk is smaller than what the limits allow; the free-space reserve decides then. Set P2L_DATA_LIMIT.',
  );
}

/** The level of the own log: the variable's, else the configuration's `<system> log_level`. */
export function chosenLevel(settings: Settings, { model }: LoadedConfig): string {
  return settings.logLevel ?? model.logLevel ?? 'info';
}
