/** `post2log check`: prints a configuration as a tree, or everything that is wrong with it. */
import { formatProblem, isError } from '../core/errors.ts';
import type { ConfigProblem } from '../core/errors.ts';
import type { Registry } from '../core/registry.ts';
import { describe } from '../config/describe.ts';
import type { Environment } from '../config/env.ts';
import { readConfig } from '../config/load.ts';
import type { LoadedConfig } from '../config/load.ts';

interface CheckRequest {
  /** Configuration file; undefined: the built-in configuration with the environment. */
  readonly path?: string | undefined;
  readonly env: Environment;
  readonly registry: Registry;
  readonly hasStore?: boolean;
  /** Takes the tree (standard output), and problems and warnings (standard error). Texts end with a newline. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** Asks the targets of a configuration without mistakes; false: one of them would not take records. */
  readonly probe?: ((loaded: LoadedConfig) => Promise<boolean>) | undefined;
}

/**
 * Checks a configuration without running it. Gives the exit status: 0, 2 when `run` would not run it, or 1 when it would
 * and a target that was asked said no. One that only has plugins of later versions in it is shown nevertheless.
 */
export async function check(request: CheckRequest): Promise<0 | 1 | 2> {
  const name = request.path ?? 'the built-in configuration';
  const { loaded, problems } = await readConfig(request);
  for (const problem of problems) request.err(`${formatProblem(problem)}\n`);
  if (loaded) request.out(describe({ ...loaded, registry: request.registry }));
  const found = counts(problems);
  request.err(`${name}: ${found}\n`);
  if (!problems.every((problem) => problem.severity === 'warning')) return 2;
  return !loaded || !request.probe || (await request.probe(loaded)) ? 0 : 1;
}

function counts(problems: readonly ConfigProblem[]): string {
  const errors = problems.filter(isError).length;
  const later = problems.filter(({ severity }) => severity === 'later').length;
  const warnings = problems.length - errors - later;
  const parts = [
    ...(errors > 0 ? [plural(errors, 'error')] : []),
    ...(later > 0 ? [`${plural(later, 'plugin')} not in this version yet`] : []),
    // Beside errors they would only blur what has to be done.
    ...(warnings > 0 && errors === 0 ? [plural(warnings, 'warning')] : []),
  ];
  return errors + later > 0 ? parts.join(', ') : ['ok', ...parts].join(', ');
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}
