/** `post2log dlq list|replay`: what was refused, and sending it through again. */
import { askRunning } from './remote.ts';

interface Row {
  readonly id: string;
  readonly output: string;
  readonly reason: string;
  readonly tag: string;
  readonly refusedMs: number;
  readonly record: unknown;
}

/** Prints one JSON object per dead letter, newest last. */
export async function listDeadLetters(dataDirectory: string, limit: number): Promise<void> {
  const rows = (await askRunning(dataDirectory, 'GET', `/api/dead-letters?limit=${limit}`)) as Row[];
  for (const { refusedMs, ...row } of rows)
    process.stdout.write(`${JSON.stringify({ time: new Date(refusedMs).toISOString(), ...row })}\n`);
}

/** Replays the dead letters with these ids, or all. */
export async function replayDeadLetters(dataDirectory: string, ids: readonly string[] | 'all'): Promise<void> {
  const { replayed } = (await askRunning(dataDirectory, 'POST', '/api/dead-letters/replay', { ids })) as {
    replayed: number;
  };
  process.stdout.write(`${replayed} replayed\n`);
}
