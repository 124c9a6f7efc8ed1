/** Exit codes, and how a command ends with an error: each problem on a line of standard error, no stack. */
import { ConfigError, OperatingError, formatProblem } from '../core/errors.ts';

export const exitCodes = {
  ok: 0,
  /** Something of operation failed: a busy port, a locked data directory, a target that does not answer. */
  failed: 1,
  /** Wrong arguments, variables or configuration. */
  badConfig: 2,
} as const;

/** Prints what is wrong and gives the exit code for it. Programmer errors are thrown on, with their stack. */
export function reportError(error: unknown): number {
  if (error instanceof ConfigError) {
    for (const problem of error.problems) process.stderr.write(`${formatProblem(problem)}\n`);
    const count = error.problems.length;
    if (count > 1) process.stderr.write(`${count} problems\n`);
    return exitCodes.badConfig;
  }
  if (error instanceof OperatingError) {
    process.stderr.write(`post2log: ${error.message}\n`);
    return exitCodes.failed;
  }
  throw error;
}
