/** `post2log outputs list|drop`: where each output stands, and giving up a removed one. */
import type { Status } from '../admin/backend.ts';
import { askRunning } from './remote.ts';

/** Prints a table of outputs. */
export async function listOutputs(dataDirectory: string): Promise<void> {
  const { outputs } = (await askRunning(dataDirectory, 'GET', '/api/status')) as Status;
  const rows = outputs.map((output) => {
    const refused = Object.values(output.refused).reduce((sum, count) => sum + count, 0);
    return [
      output.id,
      output.type,
      output.state,
      String(output.delivered),
      String(output.waiting),
      String(refused),
      output.lastError ?? '',
    ];
  });
  const table = [['OUTPUT', 'TYPE', 'STATE', 'DELIVERED', 'WAITING', 'REFUSED', 'LAST ERROR'], ...rows];
  const widths = table[0]?.map((_, column) => Math.max(...table.map((row) => row[column]?.length ?? 0))) ?? [];
  for (const row of table)
    process.stdout.write(
      `${row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd()}\n`,
    );
}

/** Gives up what waits for a removed output. */
export async function dropOutput(dataDirectory: string, id: string): Promise<void> {
  const { dropped } = (await askRunning(dataDirectory, 'POST', `/api/outputs/${encodeURIComponent(id)}/drop`)) as {
    dropped: number;
  };
  process.stdout.write(`${id} dropped; ${dropped} records given up\n`);
}
