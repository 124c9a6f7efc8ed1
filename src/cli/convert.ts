/** `post2log convert`: writes a configuration in the other dialect, and says what could not be written there. */
import { writeFile } from 'node:fs/promises';
import { convertConfig } from '../config/convert/index.ts';
import { OperatingError, errorText, formatProblem } from '../core/errors.ts';
import { Registry } from '../core/registry.ts';
import { pluginTable } from '../plugin-table.ts';
import { exitCodes } from './exit.ts';

interface ConvertOptions {
  readonly to: 'fluentd' | 'fluentbit';
  readonly config: string;
  readonly output?: string | undefined;
}

/** Gives the exit code: 0, or 1 where something is not in what was written. @throws ConfigError */
export async function convert({ to, config, output }: ConvertOptions): Promise<number> {
  const makeRegistry = (): Registry => new Registry(pluginTable);
  const { text, problems } = await convertConfig({ path: config, to, env: process.env, makeRegistry });
  for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
  if (output === undefined) process.stdout.write(text);
  else
    await writeFile(output, text).catch((error: unknown) => {
      throw new OperatingError('OUTPUT_WRITE', `writing ${output}: ${errorText(error)}`, { cause: error });
    });
  const lost = problems.filter(({ severity }) => severity !== 'warning').length;
  if (lost === 0) return exitCodes.ok;
  process.stderr.write(`${config}: ${lost === 1 ? 'one thing is' : `${lost} things are`} not in what was written\n`);
  return exitCodes.failed;
}
