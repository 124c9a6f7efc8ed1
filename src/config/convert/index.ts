/**
 * Turns a configuration into the other dialect. It is read as it would be to run, so what is wrong with it is told first;
 * what was written is read again, and has to mean the same where that can be compared.
 */
import { hostname } from 'node:os';
import { ConfigError, isError } from '../../core/errors.ts';
import type { ConfigProblem } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import type { Environment } from '../env.ts';
import { loadFluentbit } from '../fluentbit/load.ts';
import { lowerFluentd } from '../fluentd/lower.ts';
import { Lowering } from '../fluentd/lowering.ts';
import { parseFluentd } from '../fluentd/parser.ts';
import { readConfig } from '../load.ts';
import type { ReadConfig } from '../load.ts';
import type { PipelineModel } from '../model.ts';
import { compareModels } from './compare.ts';
import { toFluentbit } from './to-fluentbit.ts';
import { toFluentd } from './to-fluentd.ts';
import type { Converted } from './to-fluentd.ts';
import { markedEnvironment, marksIn, withoutDefault } from './variables.ts';

export interface ConvertRequest {
  readonly path: string;
  readonly to: 'fluentd' | 'fluentbit';
  readonly env: Environment;
  readonly makeRegistry: () => Registry;
}

/**
 * Converts a file. Problems without a severity are what was left out; warnings what is worth knowing.
 * @throws ConfigError where the file cannot be read, or is in that dialect already
 */
export async function convertConfig({ path, to, env, makeRegistry }: ConvertRequest): Promise<Converted> {
  const registry = makeRegistry();
  const { read, resolved, dropped } = await readMarked(path, env, registry);
  const { loaded } = read;
  if (!loaded || read.problems.some(isError)) throw new ConfigError(read.problems);
  const isFluentd = loaded.dialect === 'fluentd';
  if (isFluentd === (to === 'fluentd'))
    throw new ConfigError([{ at: undefined, text: `converting ${path}: it is a configuration of ${to} already` }]);
  const written = to === 'fluentd' ? toFluentd(loaded.model, registry) : toFluentbit(loaded.model, registry);
  const again = await readAgain(written.text, to, makeRegistry(), env, resolved);
  const problems: ConfigProblem[] = [...written.problems];
  const valued = new Set([...resolved].map(withoutDefault));
  warnOf(problems, valued, 'where a number or word is expected: the value of now was written');
  warnOf(
    problems,
    [...dropped].filter((name) => !valued.has(name)),
    'with a default that cannot be written: what holds now was',
  );
  for (const problem of again.problems.filter(isError))
    problems.push({ at: undefined, text: `in what was written, line ${problem.at?.line ?? 0}: ${problem.text}` });
  if (again.model && to === 'fluentd') problems.push(...compareModels(loaded.model, again.model));
  return { text: `${header(to, path)}${written.text}`, problems };
}

/** One warning for all variables of a kind. */
function warnOf(problems: ConfigProblem[], names: Iterable<string>, text: string): void {
  const all = [...names];
  if (all.length === 0) return;
  const subject = all.length === 1 ? `the variable ${all[0]} stands` : `the variables ${all.join(', ')} stand`;
  problems.push({ at: undefined, text: `${subject} ${text}`, severity: 'warning' });
}

function header(to: ConvertRequest['to'], path: string): string {
  const name = to === 'fluentd' ? 'Fluentd' : 'Fluent Bit';
  return `# ${path.replaceAll(/\s+/g, ' ')}, converted to ${name} by post2log convert\n`;
}

/** Reads it with marks for variables; those that stand where no text can are given their values, one reading later. */
async function readMarked(
  path: string,
  env: Environment,
  registry: Registry,
): Promise<{ read: ReadConfig; resolved: ReadonlySet<string>; dropped: ReadonlySet<string> }> {
  const resolved = new Set<string>();
  for (;;) {
    const dropped = new Set<string>();
    const read = await readConfig({ path, env: markedEnvironment(env, resolved, dropped), registry });
    const before = resolved.size;
    for (const problem of read.problems) for (const name of marksIn(problem.text)) resolved.add(name);
    if (resolved.size === before) return { read, resolved, dropped };
  }
}

async function readAgain(
  text: string,
  to: ConvertRequest['to'],
  registry: Registry,
  env: Environment,
  resolved: ReadonlySet<string>,
): Promise<{ model: PipelineModel | undefined; problems: readonly ConfigProblem[] }> {
  const lowering = new Lowering(registry);
  const marked = markedEnvironment(env, resolved);
  const file = 'converted';
  if (to === 'fluentbit') {
    lowering.dialect = 'fluentbit-yaml';
    const { model } = await loadFluentbit(lowering, { path: file, text }, 'fluentbit-yaml', marked);
    return { model, problems: lowering.problems };
  }
  const parsed = parseFluentd(text, file, { env: marked, hostname: hostname(), workerId: '0', directory: '.' });
  lowering.problems.push(...parsed.problems);
  const model = parsed.isTorn ? undefined : lowerFluentd(lowering, parsed.root).model;
  return { model, problems: lowering.problems };
}
