/** Reads what the collector wrote. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { traceOf } from './log.ts';

/**
 * The numbers of each log's lines, in the order in which they became durable: by the start that its tag names, and as they
 * came. What was left of one start may be delivered behind the first of the next one; within a start nothing is.
 */
export async function readNumbers(paths: readonly string[]): Promise<Map<string, number[]>> {
  const arrived = new Map<string, { n: number; start: number }[]>();
  for (const path of paths.toSorted())
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const { log, n, start } = read(line);
      const known = arrived.get(log);
      if (known) known.push({ n, start });
      else arrived.set(log, [{ n, start }]);
    }
  return new Map(
    [...arrived].map(([log, lines]) => [log, lines.toSorted((a, b) => a.start - b.start).map(({ n }) => n)]),
  );
}

function read(line: string): { log: string; n: number; start: number } {
  try {
    const { log, n, tag, trace } = JSON.parse(line) as { log: string; n: number; tag: string; trace?: string };
    // One that was split or joined with others is none of its log's.
    const isWhole = trace === undefined || trace === traceOf(n);
    return { log, n: isWhole ? n : Number.MAX_SAFE_INTEGER, start: Number(tag.split('.')[1]) };
  } catch {
    // The last line may be half written while it is read.
    return { log: 'unreadable', n: 0, start: 0 };
  }
}
