/** `post2log check`: prints a configuration as a tree, or everything that is wrong with it. */
import { formatProblem, isError } from '../core/errors.ts';
import type { ConfigProblem } from '../core/errors.ts';
import type { Registry } from '../core/registry.ts';
import { describe } from '../config/describe.ts';
import type { Environment } from '../config/env.ts';
import { readConfig } from '../config/load.ts';

interface CheckRequest {
  /** Configuration file; undefined: the built-in configuration with the environment. */
  readonly path?: string | undefined;
  readonly env: Environment;
  readonly registry: Registry;
  /** Takes the tree (standard output), and problems and warnings (standard error). Texts end with a newline. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/**
 * Checks a configuration without running it. Gives the exit status: 0, or 2 when `run` would not run it. One that only
 * has plugins of later versions in it is shown nevertheless.
 */
export async function check(request: CheckRequest): Promise<0 | 2> {
  const name = request.path ?? 'the built-in configuration';
  const { loaded, problems } = await readConfig(request);
  for (const problem of problems) request.err(`${formatProblem(problem)}\n`);
  if (loaded) request.out(describe({ ...loaded, registry: request.registry }));
  const found = counts(problems);
  request.err(`${name}: ${found}\n`);
  return problems.every((problem) => problem.severity === 'warning') ? 0 : 2;
}

function counts(problems: readonly ConfigProblem[]): string {
  const errors = problems.filter(isError).length;
  if (errors > 0) return plural(errors, 'error');
  const later = problems.filter(({ severity }) => severity === 'later').length;
  const warnings = problems.length - later;
  return [
    later > 0 ? `${plural(later, 'plugin')} not in this version yet` : 'ok',
    ...(warnings > 0 ? [plural(warnings, 'warning')] : []),
  ].join(', ');
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
