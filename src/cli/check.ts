/** `post2log check`: prints a configuration as a tree, or everything that is wrong with it. */
import { ConfigError, formatProblem } from '../core/errors.ts';
import type { Registry } from '../core/registry.ts';
import { describe } from '../config/describe.ts';
import type { Environment } from '../config/env.ts';
import { loadConfig } from '../config/load.ts';

interface CheckRequest {
  /** Configuration file; undefined: the built-in configuration with the environment. */
  readonly path?: string | undefined;
  readonly env: Environment;
  readonly registry: Registry;
  /** Takes the tree (standard output), and problems and warnings (standard error). Texts end with a newline. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Checks a configuration without running it. Gives the exit status: 0, or 2 when something is wrong. */
export async function check(request: CheckRequest): Promise<0 | 2> {
  const name = request.path ?? 'the built-in configuration';
  try {
    const loaded = await loadConfig(request);
    for (const warning of loaded.warnings) request.err(`${formatProblem(warning)}\n`);
    request.out(describe({ ...loaded, registry: request.registry }));
    const count = loaded.warnings.length;
    request.err(`${name}: ok${count === 0 ? '' : `, ${count} warning${count === 1 ? '' : 's'}`}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    for (const problem of error.problems) request.err(`${formatProblem(problem)}\n`);
    const count = error.problems.filter((problem) => problem.severity !== 'warning').length;
    request.err(`${name}: ${count} error${count === 1 ? '' : 's'}\n`);
    return 2;
  }
}
