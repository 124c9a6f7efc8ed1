/** How a crash test runs in a directory of its own, and what it says in the end. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface CrashTest {
  /** What is run, with its options. */
  readonly headline: string;
  readonly prefix: string;
  /** The directory stays in any case. */
  readonly isKept: boolean;
  /** Gives what is wrong; a throw is a problem too. */
  readonly run: (directory: string) => Promise<readonly string[]>;
}

/** `command`: for errors of its options. Runs it and sets the exit code: 0 well, 1 with problems, 2 where its options could not be read. */
export async function runCrashTest(command: string, read: () => CrashTest): Promise<void> {
  try {
    process.exitCode = await outcome(read());
  } catch (error) {
    console.error(`${command}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 2;
  }
}

async function outcome({ headline, prefix, isKept, run }: CrashTest): Promise<number> {
  console.log(headline);
  const directory = mkdtempSync(join(tmpdir(), prefix));
  const problems = await run(directory).catch((error: unknown) => [
    error instanceof Error ? (error.stack ?? error.message) : String(error),
  ]);
  for (const problem of problems) console.log(`PROBLEM ${problem}`);
  if (problems.length === 0 && !isKept) rmSync(directory, { recursive: true, force: true });
  else console.log(`kept in ${directory}`);
  console.log(problems.length === 0 ? 'passed' : `failed: ${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}
