/** `post2log dlq list|show|replay|drop`: what was refused, sending it through again, giving it up. */
import { askRunning } from './remote.ts';

interface Row {
  readonly id: string;
  readonly output: string;
  readonly reason: string;
  readonly tag: string;
  readonly refusedMs: number;
  readonly record: unknown;
}

/** Which dead letters; all that fit what is given. */
export interface DeadLetterFilter {
  readonly output?: string | undefined;
  readonly reason?: string | undefined;
}

/** Prints one JSON object per dead letter, newest last. */
export async function listDeadLetters(
  dataDirectory: string,
  limit: number,
  { output, reason }: DeadLetterFilter,
): Promise<void> {
  const query = new URLSearchParams({
    limit: String(limit),
    ...(output !== undefined && { output }),
    ...(reason !== undefined && { reason }),
  });
  const rows = (await askRunning(dataDirectory, 'GET', `/api/dead-letters?${query.toString()}`)) as Row[];
  for (const { refusedMs, ...row } of rows)
    process.stdout.write(`${JSON.stringify({ time: new Date(refusedMs).toISOString(), ...row })}\n`);
}

/** Prints one dead letter with all that is known of it. */
export async function showDeadLetter(dataDirectory: string, id: string): Promise<void> {
  const found = await askRunning(dataDirectory, 'GET', `/api/dead-letters/${encodeURIComponent(id)}`);
  process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
}

/** Replays the dead letters with these ids, or all that fit. */
export async function replayDeadLetters(
  dataDirectory: string,
  ids: readonly string[] | 'all',
  filter: DeadLetterFilter,
): Promise<void> {
  const body = { ids, ...filter };
  const { replayed } = (await askRunning(dataDirectory, 'POST', '/api/dead-letters/replay', body)) as {
    replayed: number;
  };
  process.stdout.write(`${replayed} replayed\n`);
}

/** Gives up the dead letters with these ids, or all that fit. */
export async function dropDeadLetters(
  dataDirectory: string,
  ids: readonly string[] | 'all',
  filter: DeadLetterFilter,
): Promise<void> {
  const body = { ids, ...filter };
  const { dropped } = (await askRunning(dataDirectory, 'POST', '/api/dead-letters/drop', body)) as { dropped: number };
  process.stdout.write(`${dropped} dropped\n`);
}
