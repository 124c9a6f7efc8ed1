/** The whole program in one process: receiving, delivering and the admin server. */
import { createProcess, openReceiving } from '../pipeline.ts';
import type { Receiving } from '../pipeline.ts';
import { closeServing, openServing, reloadAndSay, sayReady } from './serve.ts';
import { trimAfterStart } from '../process/trim.ts';
import { limitsOf } from '../process/limits.ts';
import type { Loaded } from './loading.ts';
import type { RunContext } from './run-context.ts';

/** A process without others has nobody to call. */
const noPeers = () => ({
  call: () => Promise.reject(new Error('there is only one receiving process')),
  serve: () => undefined,
});

/** Runs until SIGTERM or SIGINT, or until all sources asked to end; resolves with the exit code. */
export async function runSingle(context: RunContext, loaded: Loaded): Promise<number> {
  const { dataDir, settings, log } = context;
  const shared = createProcess(log, dataDir, limitsOf(settings), 'single');
  let receiving: Receiving | undefined;
  let leftBytes = Number.POSITIVE_INFINITY;
  const serving = await openServing(
    context,
    loaded,
    shared,
    {
      use: async (generation) => receiving?.receiver.use(generation),
      metrics: () => Promise.resolve([]),
      processes: () => Promise.resolve([{ role: 'single', pid: process.pid, restarts: 0 }]),
    },
    {
      live: () => Promise.resolve(new Set()),
      onSpace(bytes) {
        leftBytes = bytes;
        receiving?.space.set(bytes);
      },
    },
  );
  const { controller, delivering } = serving;
  const opened = await openReceiving(shared, {
    worker: { index: 0, count: 1 },
    peers: noPeers,
    onDurable: (shard, durableOffset) => delivering.deliverer.noteDurable(shard, durableOffset),
  });
  receiving = opened;
  opened.space.set(leftBytes);
  await controller.startReceiving();
  const end = stopRequested(opened, () => void reloadAndSay(controller, context), {
    delayMs: settings.stopDelayMs,
    noteDelay: () => controller.noteStopping(),
  });
  sayReady(context, loaded.model, serving.admin);
  trimAfterStart();
  await end;
  const startedMs = performance.now();
  controller.noteStopping();
  await opened.receiver.stop();
  await closeServing(serving, shared, Math.max(0, settings.graceMs - (performance.now() - startedMs)));
  return 0;
}

interface StopDelay {
  /** P2L_STOP_DELAY; a person at a terminal (SIGINT) does not wait for it. */
  readonly delayMs: number;
  readonly noteDelay: () => void;
}

/** Resolves at the first signal or when the sources have come to their end; a second signal ends the process at once. */
function stopRequested({ receiver }: Receiving, reload: () => void, delay: StopDelay): Promise<void> {
  process.on('SIGHUP', reload);
  return new Promise((resolve) => {
    let isAsked = false;
    const ask = (delayMs: number): void => {
      if (isAsked) process.exit(1);
      isAsked = true;
      if (delayMs === 0) return resolve();
      delay.noteDelay();
      setTimeout(resolve, delayMs);
    };
    process.on('SIGTERM', () => ask(delay.delayMs));
    process.on('SIGINT', () => ask(0));
    void receiver.ended().then(() => resolve());
  });
}
