/** When a process that ended is started again. */

/** First wait before a restart; doubled at each death, up to the longest; forgotten after a minute of life. */
const restartWaitMs = 100;
const restartWaitMsMax = 10_000;
const stableMs = 60_000;

/** `deaths`: those before this one, in a row. `livedMs`: how long it ran this time. */
export function restartWait(deaths: number, livedMs: number): { readonly deaths: number; readonly waitMs: number } {
  const inRow = livedMs > stableMs ? 1 : deaths + 1;
  return { deaths: inRow, waitMs: Math.min(restartWaitMsMax, restartWaitMs * 2 ** (inRow - 1)) };
}
