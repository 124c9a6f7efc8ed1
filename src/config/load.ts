/** Loads a configuration: the file's or the built-in one, with the environment, into a pipeline model. */
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { ConfigError, isError, systemCode, errorText } from '../core/errors.ts';
import type { ConfigProblem } from '../core/errors.ts';
import type { Registry } from '../core/registry.ts';
import { builtinSource, extraFile, withBuiltinMatch } from './builtin.ts';
import { dialectOf, manifestProblem } from './dialect.ts';
import type { Dialect } from './dialect.ts';
import { readEnv } from './env.ts';
import type { Environment, Settings } from './env.ts';
import type { EmbeddedScope } from './fluentd/embedded.ts';
import { Lowering } from './fluentd/lowering.ts';
import type { ConfigNote } from './fluentd/lowering.ts';
import { lowerFluentd } from './fluentd/lower.ts';
import type { LoweredPipeline } from './fluentd/lower.ts';
import { parseFluentd } from './fluentd/parser.ts';
import type { ParsedText } from './fluentd/parser.ts';
import { readSourceText } from './fluentd/source-text.ts';
import type { PipelineModel } from './model.ts';
import { withStore } from './store.ts';
import { loadPackages } from './third-party.ts';

export interface LoadRequest {
  /** Configuration file as the user wrote it; undefined: the built-in configuration. */
  readonly path?: string | undefined;
  readonly env: Environment;
  /** Plugins; third-party ones that the configuration names are added to it. */
  readonly registry: Registry;
  /** False: this installation comes without the store's packages. */
  readonly hasStore?: boolean;
}

/** A configuration that can run. */
export interface LoadedConfig {
  readonly model: PipelineModel;
  /** The `P2L_*` variables. */
  readonly settings: Settings;
  /** `workers` of `<system>`; P2L_WORKERS goes first where it is set. */
  readonly workers: number;
  readonly warnings: readonly ConfigProblem[];
  /** What `check` tells: how things were mapped, what was accepted without effect. */
  readonly notes: readonly ConfigNote[];
  /** What the file is written in; the built-in configuration is Fluentd's. */
  readonly dialect: Dialect;
}

/** What reading a configuration gave. */
export interface ReadConfig {
  /** Undefined where something is wrong. Where plugins of later versions stand in it, it can be shown and not run. */
  readonly loaded: LoadedConfig | undefined;
  /** All that is wrong in the file and the environment, warnings among it, in reading order. */
  readonly problems: readonly ConfigProblem[];
}

/**
 * Loads a configuration. Reads files, loads packages, starts nothing.
 * @throws ConfigError with all that is wrong in the file and the environment.
 */
export async function loadConfig(request: LoadRequest): Promise<LoadedConfig> {
  const { loaded, problems } = await readConfig(request);
  if (!loaded || problems.some((problem) => problem.severity !== 'warning')) throw new ConfigError(problems);
  return loaded;
}

/** Reads a configuration as loadConfig does, and gives what is wrong with it instead of throwing it. */
export async function readConfig(request: LoadRequest): Promise<ReadConfig> {
  const { settings, problems } = readEnv(request.env);
  const lowering = new Lowering(request.registry, settings);
  lowering.problems.push(...problems);
  const scope: EmbeddedScope = { env: request.env, hostname: hostname(), workerId: '0' };
  const lowered =
    request.path === undefined
      ? await loadBuiltin(lowering, settings, request.env, scope)
      : await loadFile(lowering, request.path, scope);
  const model =
    lowered &&
    withStore(lowering, lowered.model, {
      isWanted: settings.store === undefined ? undefined : settings.store === 'on',
      isFile: request.path !== undefined,
      isInstalled: request.hasStore ?? true,
    });
  const isSet = request.env['P2L_WORKERS'] !== undefined && request.env['P2L_WORKERS'] !== '';
  if (isSet && model) checkWorkers(lowering, model, settings.workers);
  const found = inReadingOrder(lowering.problems, request.path);
  if (!lowered || !model || found.some(isError)) return { loaded: undefined, problems: found };
  const loaded = {
    model,
    settings,
    workers: isSet ? settings.workers : (lowered.workers ?? settings.workers),
    warnings: found,
    notes: lowering.notes,
    dialect: lowering.dialect,
  };
  return { loaded, problems: found };
}

/** A source of a process that there is not would receive nothing, without a word. */
function checkWorkers(lowering: Lowering, { sources }: PipelineModel, count: number): void {
  for (const { plugin, workers } of sources)
    if (workers && !workers.some((id) => id < count))
      lowering.error(
        plugin.at,
        `source ${plugin.type} runs in worker ${workers.join(', ')}, and P2L_WORKERS is ${count}; raise it, or leave it unset`,
      );
}

/** Variables first, then file by file from top to bottom: how a person goes through them. */
function inReadingOrder(problems: readonly ConfigProblem[], path = extraFile): ConfigProblem[] {
  const files = new Map([[path, 0]]);
  for (const { at } of problems) if (at && !files.has(at.file)) files.set(at.file, files.size);
  const rank = (problem: ConfigProblem) => (problem.at ? (files.get(problem.at.file) ?? 0) : -1);
  const order = (a: ConfigProblem, b: ConfigProblem) =>
    rank(a) - rank(b) || (a.at?.line ?? 0) - (b.at?.line ?? 0) || (a.at?.column ?? 0) - (b.at?.column ?? 0);
  return problems.toSorted(order);
}

async function loadFile(lowering: Lowering, path: string, scope: EmbeddedScope): Promise<LoweredPipeline | undefined> {
  let text: string;
  try {
    const source = readSourceText(path, path);
    text = source.text;
    if (source.problem) lowering.problems.push(source.problem);
  } catch (error) {
    const reason = systemCode(error) === 'ENOENT' ? 'no such file' : errorText(error);
    lowering.problems.push({ at: undefined, text: `reading configuration ${path}: ${reason}` });
    return undefined;
  }
  const manifest = manifestProblem(text);
  if (manifest !== undefined) {
    lowering.problems.push({ at: { file: path, line: 1, column: 1 }, text: manifest });
    return undefined;
  }
  const dialect = dialectOf(text, path);
  lowering.dialect = dialect;
  if (dialect !== 'fluentd') {
    const { loadFluentbit } = await import('./fluentbit/load.ts');
    return loadFluentbit(lowering, { path, text }, dialect, scope.env);
  }
  const parsed = parseFluentd(text, path, scope);
  const lowered = await lowerParsed(lowering, parsed, resolve(path));
  if (lowered && !parsed.root.sections.some((section) => section.name === 'source' || section.name === 'worker'))
    lowering.warn(parsed.root.at, 'there is no <source>: nothing will be received');
  return lowered;
}

async function loadBuiltin(
  lowering: Lowering,
  settings: Settings,
  env: Environment,
  scope: EmbeddedScope,
): Promise<LoweredPipeline | undefined> {
  const source = builtinSource(lowering, env);
  const isFilesOnly = source?.plugin.options['forwarder'] === 'files';
  let extra = settings.fluentdExtracfg;
  if (isFilesOnly && extra.trim() !== '') {
    lowering.warn(
      { file: extraFile, line: 1, column: 1 },
      'has no effect with P2L_FORWARDER=files: records go to the log files, and an external program forwards them',
    );
    extra = '';
  }
  const parsed = parseFluentd(extra, extraFile, { ...scope, directory: '.' });
  const root = withBuiltinMatch(parsed.root, isFilesOnly ? 'null' : 'stdout');
  const lowered = await lowerParsed(lowering, { ...parsed, root }, resolve(extraFile));
  if (!lowered || !source) return undefined;
  return { ...lowered, model: { ...lowered.model, sources: [source, ...lowered.model.sources] } };
}

/** Loads the packages a parsed text asks for and lowers it; `resolveFrom`: absolute path that packages are looked for from. */
async function lowerParsed(
  lowering: Lowering,
  parsed: ParsedText,
  resolveFrom: string,
): Promise<LoweredPipeline | undefined> {
  lowering.problems.push(...parsed.problems);
  // Where sections do not nest as written, lowering would only add misleading problems.
  if (parsed.isTorn) return undefined;
  lowering.packages = await loadPackages(parsed.root, lowering.registry, resolveFrom, lowering.problems);
  return lowerFluentd(lowering, parsed.root);
}
