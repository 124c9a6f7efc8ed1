/** How long fuzz tests run: a number of cases in every run of the tests, or for as long as P2L_FUZZ_SECONDS says. */

const seconds = Number(process.env['P2L_FUZZ_SECONDS'] ?? '0');
/** The same cases at every run; another seed each time where it is not set. */
const seed = process.env['P2L_FUZZ_SEED'];

/** Parameters of fast-check: `runs` cases, or P2L_FUZZ_SECONDS of them, which so many properties have `among` them. */
export function fuzzRuns(
  runs: number,
  among = 1,
): { numRuns: number; interruptAfterTimeLimit?: number; seed?: number } {
  return {
    ...(seconds > 0
      ? { numRuns: Number.MAX_SAFE_INTEGER, interruptAfterTimeLimit: (seconds * 1000) / among }
      : { numRuns: runs }),
    ...(seed !== undefined && { seed: Number(seed) }),
  };
}
