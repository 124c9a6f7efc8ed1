/** Sees to it that what a process of tests started does not outlive it, however it ends short of SIGKILL. */

const kills = new Set<() => void>();
let isWatching = false;

/** `kill` is called, once, when this process ends; it must not wait for anything. Gives what takes it back. */
export function endWithUs(kill: () => void): () => void {
  kills.add(kill);
  if (!isWatching) watch();
  return () => void kills.delete(kill);
}

/** The default for a signal is to end at once, without the event exit. */
function watch(): void {
  isWatching = true;
  process.once('exit', () => {
    for (const kill of kills)
      try {
        kill();
      } catch {
        // It is gone already.
      }
  });
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.once(signal, () => process.exit(code));
}
