/** The delivering process of a program with several workers. */
import { realClock } from '../core/clock.ts';
import { realDisk } from '../core/disk.ts';
import { ConfigError, errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Registry } from '../core/registry.ts';
import { createProcess } from '../pipeline.ts';
import { pluginTable } from '../plugin-table.ts';
import { PeerGone, childLink, hubName, ignoreSignals, leaveHub } from '../process/link.ts';
import type { Link } from '../process/link.ts';
import type { Controller, Receivers } from '../process/controller.ts';
import { Generations } from '../process/generations.ts';
import type { Generation } from '../process/generations.ts';
import type { ProcessNote } from '../process/supervisor.ts';
import { trimAfterStart } from '../process/trim.ts';
import { limitsOf } from '../process/limits.ts';
import { loadFor, sayWarnings } from './loading.ts';
import type { Loaded } from './loading.ts';
import type { Announcement, DurableNote, RunContext, RunningNote } from './run-context.ts';
import { closeServing, openServing, reloadAndSay, sayReady } from './serve.ts';
import type { Serving } from './serve.ts';

/** Longest wait for another process's metrics: a scrape must not hang on a busy one. */
const metricsTimeoutMs = 2000;
/** Longest wait for a process to run another configuration: stopping a source takes up to 6 s, reading its keys back more. */
const useTimeoutMs = 30_000;
/** Wait before the shards of a process that ended are looked at again, where that failed. */
const sealRetryMs = 1000;

/** What receiving processes are answered from, once there is something to answer. */
interface Opened {
  readonly sealing: Sealing;
  readonly controller: Controller;
  readonly leftBytes: () => number;
}

/** Runs until the supervisor says stop; resolves with the exit code. */
export async function runDeliver(context: RunContext): Promise<number> {
  const { dataDir, settings, log } = context;
  const link = childLink('deliver', () => process.exit(1));
  ignoreSignals();
  const stopped = new Promise<number>((resolve) => link.on('stop', (graceMs) => resolve(Number(graceMs))));
  const ended = new Set<string>();
  link.on('gone', (role) => void ended.add(String(role)));
  let noteOpened: (opened: Opened) => void = () => undefined;
  const whenOpened = new Promise<Opened>((resolve) => (noteOpened = resolve));
  // From the first moment on, so that receivers that are ready first wait for the answer and need not ask again.
  link.on('generation', async (_body, from): Promise<RunningNote | undefined> => {
    const { sealing, controller, leftBytes } = await whenOpened;
    // Before the one that comes back makes a shard of its own, so that none of its can be taken for one that was left.
    await sealing.settled(from);
    const generation = await controller.settledGeneration();
    return generation && { generation, workers, leftBytes: leftBytes() };
  });
  const workers = Number(await link.call(hubName, 'workers', undefined));
  const roles = Array.from({ length: workers }, (_, index) => `receive.${index}`);
  const ask = (): Promise<Announcement[]> => Promise.all(roles.map((role) => announcementOf(link, role, log)));
  // None at the program's start; where this process was restarted alone the others go on, and it by what they run.
  const generations = (await ask()).flatMap(({ generation }) => generation ?? []);
  const runningNumber = generations.length === 0 ? undefined : Math.max(...generations);
  const { loaded, running } = await loadAll(context, runningNumber);
  const shared = createProcess(log, dataDir, limitsOf(settings), 'deliver');
  let leftBytes = Number.POSITIVE_INFINITY;
  const serving = await openServing(context, loaded, shared, receiversOver(link, roles), {
    live: async () => new Set((await ask()).flatMap(({ shards, dead }) => [...shards, ...dead])),
    onSpace(bytes) {
      leftBytes = bytes / roles.length;
      for (const role of roles) link.note(role, 'space', leftBytes);
    },
    running,
  });
  const { controller } = serving;
  takeNews(link, serving);
  const sealing = new Sealing(link, serving, log);
  link.on('gone', (role) => void sealing.sealLeft(String(role)));
  for (const role of ended) void sealing.sealLeft(role);
  for (const role of roles) link.note(role, 'again', undefined);
  noteOpened({ sealing, controller, leftBytes: () => leftBytes });
  link.on('arrived', (body, from) => bringUpToDate(link, serving, from, (body as Announcement).generation, log));
  link.on('reload', () => reloadAndSay(controller, context));
  link.on('leaving', () => controller.noteStopping());
  link.on('allReady', () => {
    controller.noteReceiving();
    sayReady(context, loaded.model, serving.admin);
  });
  if (runningNumber !== undefined) {
    controller.noteReceiving();
    for (const [index, { generation }] of (await ask()).entries())
      if (generation !== undefined) void bringUpToDate(link, serving, roles[index] as string, generation, log);
  }
  link.note(hubName, 'ready', undefined);
  trimAfterStart();
  const graceMs = await stopped;
  await closeServing(serving, shared, graceMs);
  leaveHub();
  return 0;
}

/**
 * Reads the configuration. A bad one ends a program that starts; where the others run already it is what they run that
 * counts, and a configuration that was changed or broken since waits for a reload. @throws ConfigError
 */
async function loadAll(
  { configPath, dataDir, settings, log }: RunContext,
  runningNumber: number | undefined,
): Promise<{ loaded: Loaded; running: Generation | undefined }> {
  const stored =
    runningNumber === undefined
      ? undefined
      : (await Generations.open(realDisk, realClock, log, dataDir)).get(runningNumber);
  if (runningNumber === undefined || !stored) {
    const loaded = await loadFor(configPath);
    sayWarnings(loaded);
    return { loaded, running: undefined };
  }
  const running = { number: runningNumber, model: stored };
  try {
    return { loaded: { ...(await loadFor(configPath)), model: stored }, running };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    log.error(
      { error: errorText(error) },
      'The configuration cannot be read any more; the one that runs goes on, without plugins of other packages.',
    );
    const registry = new Registry(pluginTable);
    return {
      loaded: {
        model: stored,
        settings,
        workers: settings.workers,
        warnings: [],
        notes: [],
        dialect: 'fluentd',
        registry,
      },
      running,
    };
  }
}

/**
 * What a receiving process says of itself; nothing when it does not run. Asked until it answers: taking a process that
 * lives for a dead one would end a shard under its writer.
 */
async function announcementOf(link: Link, role: string, log: Log): Promise<Announcement> {
  for (;;) {
    try {
      return (await link.call(role, 'announce', undefined)) as Announcement;
    } catch (error) {
      if (error instanceof PeerGone) return { generation: undefined, shards: [], dead: [] };
      log.warn({ role, error: errorText(error) }, 'A receiving process does not answer; it is asked again.');
    }
  }
}

function takeNews(link: Link, { delivering }: Serving): void {
  const { deliverer, deadDirectory } = delivering;
  link.on('durable', (body) => {
    const { shard, durableOffset, dead } = body as DurableNote;
    if (dead) deadDirectory.noteDurable(shard, durableOffset);
    else deliverer.noteDurable(shard, durableOffset);
  });
}

/** Finds the ends of the shards that processes left when they ended, so that they are read to their last record. */
class Sealing {
  readonly #link: Link;
  readonly #serving: Serving;
  readonly #log: Log;
  readonly #running = new Map<string, Promise<void>>();

  constructor(link: Link, serving: Serving, log: Log) {
    this.#link = link;
    this.#serving = serving;
    this.#log = log;
  }
  sealLeft(role: string): Promise<void> {
    const run = (this.#running.get(role) ?? Promise.resolve()).then(() => this.#seal(role));
    this.#running.set(role, run);
    return run;
  }
  /** Resolves when the shards that `role` left have been looked at. */
  async settled(role: string): Promise<void> {
    await this.#running.get(role);
  }
  async #seal(role: string): Promise<void> {
    const { directory, deadDirectory } = this.#serving.delivering;
    const ask = (): Promise<Announcement> => announcementOf(this.#link, role, this.#log);
    try {
      await directory.sealLeft(role, async () => new Set((await ask()).shards));
      await deadDirectory.sealLeft(role, async () => new Set((await ask()).dead));
    } catch (error) {
      this.#log.error(
        { role, error: errorText(error) },
        'What a process left in the journal cannot be read; it is tried again.',
      );
      setTimeout(() => void this.sealLeft(role), sealRetryMs).unref();
    }
  }
}

/** A process that came back in the middle of a reload may run what ran before. */
async function bringUpToDate(
  link: Link,
  { controller }: Serving,
  role: string,
  number: number | undefined,
  log: Log,
): Promise<void> {
  const generation = await controller.settledGeneration();
  if (!generation || generation.number === number) return;
  await link
    .call(role, 'use', generation)
    .catch((error: unknown) =>
      log.error(
        { role, error: errorText(error) },
        'A receiving process does not run the newest configuration; reload once that is mended.',
      ),
    );
}

function receiversOver(link: Link, roles: readonly string[]): Receivers {
  return {
    async use(generation) {
      const calls = roles.map((role) =>
        link.call(role, 'use', generation, useTimeoutMs).catch((error: unknown) => {
          // It takes what runs when it comes back.
          if (!(error instanceof PeerGone)) throw error;
        }),
      );
      // All of them, also when one fails: going back must not meet one still changing.
      const results = await Promise.allSettled(calls);
      for (const result of results) if (result.status === 'rejected') throw result.reason;
    },
    async metrics() {
      const answers = await Promise.all(
        roles.map((role) => link.call(role, 'metrics', undefined, metricsTimeoutMs).catch(() => undefined)),
      );
      return answers.filter((answer): answer is object => answer !== undefined);
    },
    processes: async () => (await link.call(hubName, 'processes', undefined)) as ProcessNote[],
  };
}
