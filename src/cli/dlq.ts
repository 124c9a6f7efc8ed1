/** `post2log dlq list|show|replay|drop`: what was refused, sending it through again, giving it up. */
import { parseShown } from '../core/json.ts';
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
  const rows = (await askRunning(
    dataDirectory,
    'GET',
    `/api/dead-letters?${query.toString()}`,
    undefined,
    parseShown,
  )) as Row[];
  for (const { refusedMs, ...row } of rows)
    process.stdout.write(`${JSON.stringify({ time: new Date(refusedMs).toISOString(), ...row })}\n`);
}

/** Prints one dead letter with all that is known of it. */
export async function showDeadLetter(dataDirectory: string, id: string): Promise<void> {
  const found = await askRunning(
    dataDirectory,
    'GET',
    `/api/dead-letters/${encodeURIComponent(id)}`,
    undefined,
    parseShown,
  );
  process.stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
}

/** Replays the dead letters with these ids, or all that fit; false: some that were named are not there. */
export async function replayDeadLetters(
  dataDirectory: string,
  ids: readonly string[] | 'all',
  { isRouted, ...filter }: DeadLetterFilter & { readonly isRouted: boolean },
): Promise<boolean> {
  const body = { ids, ...filter, ...(isRouted && { route: true }) };
  const { replayed } = (await askRunning(dataDirectory, 'POST', '/api/dead-letters/replay', body)) as {
    replayed: number;
  };
  process.stdout.write(`${replayed} replayed\n`);
  return saysWhichNot(ids, replayed);
}

/** Gives up the dead letters with these ids, or all that fit; false: some that were named are not there. */
export async function dropDeadLetters(
  dataDirectory: string,
  ids: readonly string[] | 'all',
  filter: DeadLetterFilter,
): Promise<boolean> {
  const body = { ids, ...filter };
  const { dropped } = (await askRunning(dataDirectory, 'POST', '/api/dead-letters/drop', body)) as { dropped: number };
  process.stdout.write(`${dropped} dropped\n`);
  return saysWhichNot(ids, dropped);
}

/** False, and a word on standard error, where not all that were named were there. */
function saysWhichNot(ids: readonly string[] | 'all', count: number): boolean {
  const left = ids === 'all' ? 0 : new Set(ids).size - count;
  if (left <= 0) return true;
  process.stderr.write(
    `${left} of the ids ${left === 1 ? 'is' : 'are'} of no dead letter that this can be done with: look at dlq list; what came with a refused request (@request) is no record that could be replayed\n`,
  );
  return false;
}
