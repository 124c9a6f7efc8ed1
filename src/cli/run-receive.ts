/** A receiving process of a program with several workers. */
import { flushCompileCache } from 'node:module';
import type { PeerCalls } from '../core/plugin.ts';
import type { Registry } from '../core/registry.ts';
import { createProcess, openReceiving } from '../pipeline.ts';
import type { Generation } from '../process/generations.ts';
import { childLink, hubName, ignoreSignals, leaveHub } from '../process/link.ts';
import type { Link } from '../process/link.ts';
import { limitsOf } from '../process/limits.ts';
import type { Announcement, DurableNote, RunContext } from './run-context.ts';

/** Least time between two news of durable ends: more would only cost; the delivering side gathers anyway. */
const newsIntervalMs = 1;
/** News are repeated so often, so that a lost one is made good. */
const newsRepeatMs = 200;
/** A new delivering process is asked again until it answers. */
const askTimeoutMs = 2000;

/** Runs until the supervisor says stop; resolves with the exit code. */
export async function runReceive(context: RunContext, role: string): Promise<number> {
  const { configPath, dataDir, settings, log } = context;
  const index = Number(role.split('.')[1]);
  const link = childLink(role, () => process.exit(1));
  ignoreSignals();
  const shared = createProcess(log, dataDir, limitsOf(settings), role);
  const news = new News(link);
  const { generation, workers } = await askRunning(link);
  const use = async (next: Generation): Promise<void> => {
    if (needsPackages(next, shared.registry)) {
      const { loadFor } = await import('./loading.ts');
      shared.registry.useFrom((await loadFor(configPath)).registry);
    }
    await receiver.use(next);
  };
  const opened = await openReceiving(shared, {
    worker: { index, count: workers },
    peers: peersOver(link, index),
    onDurable: (shard, durableOffset) => news.durable(shard, durableOffset),
  });
  const { receiver, space } = opened;
  const announcement = (): Announcement => ({
    shard: opened.current().shard,
    dead: shared.deadLetters.current()?.shard,
  });
  shared.deadLetters.onDurable((shard, durableOffset) =>
    link.note('deliver', 'durable', { shard, durableOffset, dead: true }),
  );
  link.on('announce', announcement);
  link.on('space', (leftBytes) => space.set(Number(leftBytes)));
  link.on('use', (next) => use(next as Generation));
  link.on('metrics', () => shared.metrics.registry.getMetricsAsJSON());
  link.on('again', () => news.repeat());
  link.note('deliver', 'arrived', announcement());
  await use(generation);
  const stop = new Promise<void>((resolve) => link.on('stop', () => resolve()));
  link.note(hubName, 'ready', undefined);
  flushCompileCache();
  await stop;
  await receiver.stop();
  news.repeat();
  await shared.deadLetters.close();
  leaveHub();
  return 0;
}

/** Do its sources use plugins that are not built in? */
function needsPackages({ model }: Generation, registry: Registry): boolean {
  return model.sources.some(
    ({ plugin }) =>
      registry.get('source', plugin.type) === undefined ||
      (plugin.parser !== undefined && registry.get('parser', plugin.parser.type) === undefined),
  );
}

/** What runs: the generation and the number of receiving processes. */
interface RunningNote {
  readonly generation: Generation;
  readonly workers: number;
}

async function askRunning(link: Link): Promise<RunningNote> {
  for (;;) {
    const running = await link.call('deliver', 'generation', undefined, askTimeoutMs).catch(() => undefined);
    if (running !== undefined) return running as RunningNote;
    await new Promise((resolve) => setTimeout(resolve, newsRepeatMs));
  }
}

/** Tells the delivering process what became durable: coalesced, and again after a while. */
class News {
  readonly #link: Link;
  #latest: DurableNote | undefined;
  #isPlanned = false;

  constructor(link: Link) {
    this.#link = link;
    setInterval(() => this.repeat(), newsRepeatMs).unref();
  }
  durable(shard: string, durableOffset: number): void {
    // The last word on a shard that was given up must not be overtaken by the first one on the next.
    if (this.#latest && this.#latest.shard !== shard) this.repeat();
    this.#latest = { shard, durableOffset, dead: false };
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    setTimeout(() => {
      this.#isPlanned = false;
      this.repeat();
    }, newsIntervalMs);
  }
  repeat(): void {
    if (this.#latest) this.#link.note('deliver', 'durable', this.#latest);
  }
}

/** The same source in the other receiving processes. */
function peersOver(link: Link, own: number): (sourceId: string) => PeerCalls {
  const handlers = new Map<string, (request: unknown) => Promise<unknown>>();
  link.on('peer', (body) => {
    const { sourceId, request } = body as { sourceId: string; request: unknown };
    const handler = handlers.get(sourceId);
    if (!handler) throw new Error(`source ${sourceId} does not run in process ${own}`);
    return handler(request);
  });
  return (sourceId) => ({
    call: (index, request) => link.call(`receive.${index}`, 'peer', { sourceId, request }),
    serve: (handler) => void handlers.set(sourceId, handler),
  });
}
