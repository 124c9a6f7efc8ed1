/** Reads what the collector wrote. */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** The numbers of each log's lines, in the order in which they were written. A line that is none is a problem of its own. */
export async function readNumbers(paths: readonly string[]): Promise<Map<string, number[]>> {
  const numbers = new Map<string, number[]>();
  for (const path of paths.toSorted())
    for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
      const { log, n } = read(line);
      const known = numbers.get(log);
      if (known) known.push(n);
      else numbers.set(log, [n]);
    }
  return numbers;
}

function read(line: string): { log: string; n: number } {
  try {
    const { log, n } = JSON.parse(line) as { log: string; n: number };
    return { log, n };
  } catch {
    // The last line may be half written while it is read.
    return { log: 'unreadable', n: 0 };
  }
}
