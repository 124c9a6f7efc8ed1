/** A receiving process of a program with several workers. */
import type { PeerCalls } from '../core/plugin.ts';
import type { Registry } from '../core/registry.ts';
import { createProcess, openReceiving } from '../pipeline.ts';
import type { Receiving } from '../pipeline.ts';
import type { Generation } from '../process/generations.ts';
import { childLink, hubName, ignoreSignals, leaveHub } from '../process/link.ts';
import type { Link } from '../process/link.ts';
import { trimAfterStart } from '../process/trim.ts';
import { limitsOf } from '../process/limits.ts';
import type { Announcement, DurableNote, RunContext, RunningNote } from './run-context.ts';

/** Least time between two news of durable ends: the delivering side looks no more often, and each costs two passes through the hub. */
const newsIntervalMs = 5;
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
  const stopped = new Promise<void>((resolve) => link.on('stop', () => resolve()));
  const shared = createProcess(log, dataDir, limitsOf(settings), role);
  const news = new News(link);
  let number: number | undefined;
  let opening: Promise<Receiving> | undefined;
  const using = new Turns();
  let use: ((next: Generation) => Promise<void>) | undefined;
  // Before it is open it takes what runs then, see `arrived`.
  link.on('use', (next) => using.add(async () => use?.(next as Generation)));
  link.on('announce', async (): Promise<Announcement> => {
    const opened = await opening?.catch(() => undefined);
    return { generation: number, shards: opened?.living() ?? [], dead: await shared.deadLetters.living() };
  });
  const running = await Promise.race([askRunning(link), stopped]);
  if (!running) {
    leaveHub();
    return 0;
  }
  number = running.generation.number;
  // In the turn in which the answer came: whoever asks from now on learns of the shard.
  opening = openReceiving(shared, {
    worker: { index, count: running.workers },
    peers: peersOver(link, index),
    onDurable: (shard, durableOffset) => news.durable(shard, durableOffset),
  });
  const { receiver, space } = await opening;
  space.set(running.leftBytes);
  shared.deadLetters.onDurable((shard, durableOffset) =>
    link.note('deliver', 'durable', { shard, durableOffset, dead: true }),
  );
  const run = async (next: Generation): Promise<void> => {
    if (needsPackages(next, shared.registry)) {
      const { loadFor } = await import('./loading.ts');
      shared.registry.useFrom((await loadFor(configPath)).registry);
    }
    await receiver.use(next);
    number = next.number;
  };
  link.on('space', (leftBytes) => space.set(Number(leftBytes)));
  link.on('metrics', () => shared.metrics.registry.getMetricsAsJSON());
  link.on('again', () => {
    news.repeat();
    shared.deadLetters.repeat();
  });
  const begun = using.add(() => run(running.generation));
  use = run;
  await begun;
  // A change that was made while this opened found nobody to tell.
  link.note('deliver', 'arrived', { generation: number, shards: [], dead: [] } satisfies Announcement);
  link.note(hubName, 'ready', undefined);
  trimAfterStart();
  await stopped;
  await receiver.stop();
  news.repeat();
  await shared.deadLetters.close();
  leaveHub();
  return 0;
}

/** Runs one thing after the other. */
class Turns {
  #last: Promise<unknown> = Promise.resolve();
  add(run: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(run);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}

/** Do its sources use plugins that are not built in? */
function needsPackages({ model }: Generation, registry: Registry): boolean {
  return model.sources.some(
    ({ plugin }) =>
      registry.get('source', plugin.type) === undefined ||
      (plugin.parser !== undefined && registry.get('parser', plugin.parser.type) === undefined),
  );
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
