/**
 * Time limits for work that one record can make arbitrarily long, which is what backtracking in regular expressions is.
 * V8 looks for a request to stop at each backtrack, and `vm` scripts with a timeout make that request from a thread of
 * their own. Starting one costs some 50 to 150 µs, so it is done for many records at once where they come as many.
 */
import vm from 'node:vm';

/** How long one record may take unless its parser says otherwise: some hundred times what a record of a megabyte needs. */
export const timeLimitMsDefault = 500;

/** What the script below runs; scripts see nothing but globals. */
const slot = Symbol.for('post2log.time-limit');
const globals = globalThis as unknown as Record<symbol, (() => void) | undefined>;
const script = new vm.Script(`globalThis[Symbol.for('post2log.time-limit')]()`);
let isInside = false;

/** True while runs under a limit are going on: work that needs one of its own outside needs none here. */
export function isLimited(): boolean {
  return isInside;
}

/**
 * Calls `step` for 0 to `count - 1`, each of which may take `limitMs`; calls `late` for each that took longer. A step can be
 * stopped anywhere, without its `finally` blocks: it may change nothing that is half changed then, and may run twice.
 */
export function runLimited(
  count: number,
  limitMs: number,
  step: (index: number) => void,
  late: (index: number) => void,
): void {
  let next = 0;
  while (next < count) {
    const first = next;
    const stopped = guard(limitMs, () => {
      for (; next < count; next++) step(next);
    });
    // It may have been stopped behind the last one.
    if (!stopped || next >= count) return;
    // All since `first` together took that long: the one that was stopped gets its own time.
    if (next > first && !guard(limitMs, () => step(next))) next++;
    else late(next++);
  }
}

/** Runs once under a limit; true when it was stopped. */
function guard(limitMs: number, run: () => void): boolean {
  const [ranBefore, wasInside] = [globals[slot], isInside];
  globals[slot] = run;
  isInside = true;
  try {
    script.runInThisContext({ timeout: Math.max(1, Math.ceil(limitMs)) });
    return false;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return true;
    throw error;
  } finally {
    globals[slot] = ranBefore;
    isInside = wasInside;
  }
}
