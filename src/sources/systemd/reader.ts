/** The system's own reader of the journal, as a child process. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { systemCode } from '../../core/errors.ts';

/** Runs journalctl; tests give another program that writes the same. */
export interface JournalReading {
  /** What it writes. Ends when the process does. */
  readonly output: AsyncIterable<Buffer>;
  /** Resolves with why it ended, once it has. */
  readonly ended: Promise<string>;
  stop(): void;
}
export type OpenJournal = (args: readonly string[]) => JournalReading;

/** Of what it says of mistakes the end is kept: the last line tells why. */
const errorBytesMax = 4096;

/** Reads with a program, by name or path. */
export function journalProgram(program: string): OpenJournal {
  return (args) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, LC_ALL: 'C', SYSTEMD_COLORS: '0', SYSTEMD_PAGER: '' },
    });
    return { output: child.stdout, ended: endOf(child, program), stop: () => void child.kill('SIGTERM') };
  };
}

function endOf(child: ChildProcess, program: string): Promise<string> {
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(-errorBytesMax)));
  return new Promise((resolve) => {
    child.on('error', (error) =>
      resolve(
        systemCode(error) === 'ENOENT'
          ? `${program} was not found; install systemd's journalctl (package systemd), or the journal cannot be read here`
          : `${program}: ${error.message}`,
      ),
    );
    child.on('close', (code, signal) => {
      const last = said.trim().split('\n').at(-1) ?? '';
      resolve(`${program} ended with ${signal ?? `exit code ${code ?? 0}`}${last === '' ? '' : `: ${last}`}`);
    });
  });
}
