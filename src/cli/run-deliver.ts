/** The delivering process of a program with several workers. */
import { flushCompileCache } from 'node:module';
import { createProcess } from '../pipeline.ts';
import { childLink, hubName, ignoreSignals, leaveHub } from '../process/link.ts';
import type { Link } from '../process/link.ts';
import type { Receivers } from '../process/controller.ts';
import type { ProcessNote } from '../process/supervisor.ts';
import { limitsOf } from '../process/limits.ts';
import type { Loaded } from './loading.ts';
import type { Announcement, DurableNote, RunContext } from './run-context.ts';
import { closeServing, openServing, reloadAndSay, sayReady } from './serve.ts';
import type { Serving } from './serve.ts';

/** Longest wait for another process's metrics: a scrape must not hang on a busy one. */
const metricsTimeoutMs = 2000;

/** Runs until the supervisor says stop; resolves with the exit code. */
export async function runDeliver(context: RunContext, loaded: Loaded): Promise<number> {
  const { dataDir, settings, log } = context;
  const { workers } = loaded;
  const link = childLink('deliver', () => process.exit(1));
  ignoreSignals();
  const shared = createProcess(log, dataDir, limitsOf(settings), 'deliver');
  const roles = Array.from({ length: workers }, (_, index) => `receive.${index}`);
  // Shards by the process that writes them now; none at the program's start, all of them when only this process was restarted.
  const writing = new Map<string, string>();
  const live = new Set<string>();
  const announced = await Promise.all(
    roles.map((role) => (link.call(role, 'announce', undefined) as Promise<Announcement>).catch(() => undefined)),
  );
  for (const { shard, dead } of announced.filter((one) => one !== undefined)) {
    live.add(shard);
    if (dead !== undefined) live.add(dead);
  }
  const serving = await openServing(context, loaded, shared, receiversOver(link, roles), {
    live,
    onSpace: (leftBytes) => {
      for (const role of roles) link.note(role, 'space', leftBytes / roles.length);
    },
  });
  takeNews(link, serving, writing);
  for (const role of roles) link.note(role, 'again', undefined);
  const { controller } = serving;
  link.on('generation', () => controller.generation && { generation: controller.generation, workers });
  link.on('reload', () => reloadAndSay(controller, context));
  link.on('allReady', () => {
    controller.noteReceiving();
    sayReady(context, loaded.model, serving.admin);
  });
  if (announced.some((one) => one !== undefined)) controller.noteReceiving();
  link.note(hubName, 'ready', undefined);
  flushCompileCache();
  await new Promise<void>((resolve) => link.on('stop', () => resolve()));
  await closeServing(serving, shared, settings.graceMs);
  leaveHub();
  return 0;
}

function takeNews(link: Link, { delivering }: Serving, writing: Map<string, string>): void {
  const { deliverer, directory, deadDirectory } = delivering;
  link.on('durable', (body, from) => {
    const { shard, durableOffset, dead } = body as DurableNote;
    if (dead) deadDirectory.noteDurable(shard, durableOffset);
    else {
      writing.set(from, shard);
      deliverer.noteDurable(shard, durableOffset);
    }
  });
  // A receiver that comes back writes a new shard; where the one it left ends must be found out.
  link.on('arrived', async (body, from) => {
    const left = writing.get(from);
    const { shard } = body as Announcement;
    if (left !== undefined && left !== shard) await directory.seal(left);
    writing.set(from, shard);
  });
}

function receiversOver(link: Link, roles: readonly string[]): Receivers {
  return {
    async use(generation) {
      await Promise.all(roles.map((role) => link.call(role, 'use', generation)));
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
