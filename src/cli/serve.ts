/** What the processes that deliver share: the controller, the admin server, the words at the start. */
import { resolve } from 'node:path';
import { Monitor } from '../admin/monitor.ts';
import type { MonitorOptions } from '../admin/monitor.ts';
import { startAdminServer } from '../admin/server.ts';
import type { AdminServer } from '../admin/server.ts';
import type { Settings } from '../config/env.ts';
import type { PipelineModel } from '../config/model.ts';
import { realClock, sleep } from '../core/clock.ts';
import { realDisk } from '../core/disk.ts';
import { ConfigError, errorText } from '../core/errors.ts';
import type { ProgramView } from '../core/program-view.ts';
import type { Registry } from '../core/registry.ts';
import { version } from '../core/version.ts';
import type { OpenIndex } from '../elasticsearch/open.ts';
import { openDelivering } from '../pipeline.ts';
import type { Delivering, DeliveringOptions, Process } from '../pipeline.ts';
import { storeOutputId } from '../config/store.ts';
import { Controller } from '../process/controller.ts';
import type { ControllerOptions, Receivers } from '../process/controller.ts';
import { Endpoints } from '../process/endpoints.ts';
import { Generations } from '../process/generations.ts';
import type { Generation } from '../process/generations.ts';
import type { Deliverer } from '../process/deliverer.ts';
import { outputOfTag, pluginReports } from '../process/plugin-reports.ts';
import { addStoreMetrics } from '../process/store-metrics.ts';
import { StoreProcess } from '../process/store-process.ts';
import { postbackPaths } from '../sources/postback/openapi.ts';
import { socketPath } from './remote.ts';
import { chosenLevel, loadFor, warnOfSmallDisk } from './loading.ts';
import type { Loaded } from './loading.ts';
import type { RunContext } from './run-context.ts';

export interface Serving {
  readonly controller: Controller;
  readonly delivering: Delivering;
  readonly admin: AdminServer;
  readonly monitor: Monitor;
  readonly endpoints: Endpoints;
  readonly store: StoreProcess;
  readonly index: OpenIndex | undefined;
}

/** Opens the delivering side and the admin server; sources do not run yet. @throws ConfigError, OperatingError */
export async function openServing(
  context: RunContext,
  loaded: Loaded,
  process: Process,
  receivers: Receivers,
  options: Pick<DeliveringOptions, 'live' | 'onSpace'> & {
    /** The generation that receiving processes run already, where this one was restarted alone. */
    readonly running?: Generation | undefined;
  },
): Promise<Serving> {
  const { dataDir, settings, log } = context;
  const { limits } = process;
  log.level = chosenLevel(settings, loaded);
  await warnOfSmallDisk(dataDir, limits, loaded.model, log);
  process.registry.useFrom(loaded.registry);
  const generations = await Generations.open(realDisk, realClock, log, dataDir);
  const store = newStoreProcess(process);
  const index = await openExplored(settings);
  const delivering = await openDelivering(process, {
    ...options,
    generations,
    keysKeepMs: keysKeepMs(loaded.model),
    store,
  });
  const { deliverer, directory, deadReader } = delivering;
  const controller = new Controller({
    load: async () => {
      const next = await loadFor(context.configPath);
      process.registry.useFrom(next.registry);
      return next.model;
    },
    generations,
    deliverer,
    directory,
    receivers,
    deadLetters: deadReader,
    receivingPaths,
    journalBytesMax: limits.journalBytes,
    metricsText: async (others) => {
      if (others.length === 0) return process.metrics.registry.metrics();
      const { AggregatorRegistry } = await import('prom-client');
      const own = await process.metrics.registry.getMetricsAsJSON();
      return AggregatorRegistry.aggregate([own, ...others]).metrics();
    },
    store: storeView(store, deliverer),
    index,
    log,
  });
  const monitor = new Monitor({ backend: controller, clock: realClock, log, plugins: fluentbitNames(loaded.registry) });
  const endpoints = newEndpoints(process, controller);
  controller.watch(async (model) => {
    await monitor.use(model.monitor);
    await endpoints.use(model);
  });
  const admin = await startAdminServer(
    {
      host: settings.adminHost,
      port: settings.adminPort === 'off' ? undefined : settings.adminPort,
      token: settings.adminToken,
      usersPath: settings.adminUsers,
      socketPath: socketPath(dataDir),
    },
    controller,
    log,
  );
  await controller.startDelivering(options.running ?? loaded.model);
  return { controller, delivering, admin, monitor, endpoints, store, index };
}

/** Loaded only where there is one to search. */
async function openExplored(settings: Settings): Promise<OpenIndex | undefined> {
  if (settings.explorerUrl === undefined) return undefined;
  const { openIndex } = await import('../elasticsearch/open.ts');
  return openIndex(settings);
}

function newEndpoints({ instances, registry, log }: Process, controller: Controller): Endpoints {
  const program: ProgramView = {
    metricsText: () => controller.metricsText(),
    async plugins() {
      const { model } = controller;
      if (!model) return [];
      const [status, metricsText] = await Promise.all([controller.status(), controller.metricsText()]);
      return pluginReports({ model, registry, status, metricsText });
    },
    outputOf: (tag) => controller.model && outputOfTag(controller.model, tag),
  };
  return new Endpoints({ make: ({ id, plugin }) => instances.endpoint(plugin, { id, program }), log });
}

function fluentbitNames(registry: Registry): MonitorOptions['plugins'] {
  const names = (kind: 'source' | 'filter' | 'output') => registry.fluentbitNames(kind);
  return { inputs: names('source'), filters: names('filter'), outputs: names('output') };
}

function newStoreProcess({ clock, log, metrics }: Process): StoreProcess {
  // What it is started with is what this process was: the same file and arguments, in another role.
  const store = new StoreProcess({ mainPath: process.argv[1] ?? '', args: process.argv.slice(2), clock, log });
  addStoreMetrics(metrics, store);
  return store;
}

function storeView(store: StoreProcess, deliverer: Deliverer): ControllerOptions['store'] {
  return {
    queries: () => (store.state().state === 'off' ? undefined : store.queries),
    processes: () => store.processes(),
    state: () => ({ ...store.state(), waiting: waitingFor(deliverer) }),
  };
}

function waitingFor(deliverer: Deliverer): number {
  return deliverer.outputs().find(({ id }) => id === storeOutputId)?.waiting ?? 0;
}

/** Delivers what outputs take, closes everything. */
export async function closeServing(
  { controller, delivering, admin, monitor, endpoints, store, index }: Serving,
  process: Process,
  graceMs: number,
): Promise<void> {
  const startedMs = performance.now();
  controller.noteStopping();
  // A reload that is under way could start outputs behind our back; one that hangs must not hold up the stop.
  await Promise.race([controller.settledGeneration(), sleep(realClock, graceMs)]);
  const leftMs = (): number => Math.max(0, graceMs - (performance.now() - startedMs));
  await delivering.deliverer.stop(leftMs());
  await store.stop(leftMs());
  await process.deadLetters.close();
  await delivering.deadReader.close();
  await monitor.close();
  await endpoints.close();
  await process.instances.end();
  await admin.close();
  index?.close();
}

/** SIGHUP: what is wrong with a new configuration is said; the running one stays. */
export async function reloadAndSay(controller: Controller, context: RunContext): Promise<void> {
  try {
    const { isChanged } = await controller.reload();
    if (!isChanged) context.log.info('The configuration was read again; it is the one that runs.');
  } catch (error) {
    const problems = error instanceof ConfigError ? error.problems.length : 1;
    context.log.error(
      { problems, error: errorText(error) },
      'The new configuration cannot run; the running one goes on.',
    );
  }
}

/** The first words of a program that runs, for a person; one line has the word that scripts wait for. */
export function sayReady({ dataDir, configPath }: RunContext, model: PipelineModel, admin: AdminServer): void {
  const lines: string[] = [];
  for (const { plugin } of model.sources) {
    if (plugin.type !== 'postback') continue;
    const { host, port, endpoints, tlsCert } = plugin.options as {
      host: string;
      port: number;
      endpoints: string[];
      tlsCert?: string;
    };
    const isAny = host === '0.0.0.0' || host === '::';
    const base = `${tlsCert === undefined ? 'http' : 'https'}://${isAny ? 'localhost' : host.includes(':') ? `[${host}]` : host}:${port}`;
    for (const endpoint of endpoints) lines.push(`  postbacks  ${base}${endpoint}`);
    lines.push(`  try        curl -X POST "${base}${endpoints[0]?.replace('/*', '/test') ?? '/'}?p1=v1&p2=v2"`);
  }
  if (configPath !== undefined) lines.unshift(`  config     ${resolve(configPath)}`);
  if (admin.url !== undefined) lines.push(`  explorer   ${admin.url}`);
  lines.push(admin.url === undefined ? '  admin      off' : `  admin      ${admin.url}/docs  (metrics, health, API)`);
  lines.push(`  data       ${dataDir}`);
  process.stderr.write(`post2log ${version} is ready\n${lines.join('\n')}\n`);
}

/** The longest time any source remembers idempotency keys. */
function keysKeepMs(model: PipelineModel): number {
  return Math.max(0, ...model.sources.map(({ plugin }) => Number(plugin.options['idempotencyWindow'] ?? 0)));
}

function receivingPaths(model: PipelineModel): Readonly<Record<string, unknown>> {
  const postbacks = model.sources.filter(({ plugin }) => plugin.type === 'postback');
  return Object.assign(
    {},
    ...postbacks.map(({ plugin }) => postbackPaths(plugin.options as Parameters<typeof postbackPaths>[0])),
  ) as Record<string, unknown>;
}
