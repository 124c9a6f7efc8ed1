/** The engine in a process that is killed again and again while it inserts, seals and starts. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { RangeSet } from '../core/ranges.ts';
import { realClock } from '../core/clock.ts';
import { allRecords, makeStoreDirectory, openStore } from './engine-fixture.ts';

const program = fileURLToPath(new URL('crash-fixture.ts', import.meta.url));

/** Runs it until it has said so often that something is durable, then kills it. */
async function killAfter(directory: string, from: number, lines: number, acked: RangeSet): Promise<void> {
  const child = spawn(process.execPath, [program, directory, String(from)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', (_, signal) => resolve(signal)));
  let seen = 0;
  if (lines === 0) child.kill('SIGKILL');
  for await (const line of createInterface({ input: child.stdout })) {
    const [low = 0, high = 0] = line.split(' ').map(Number);
    acked.add(low, high);
    if (++seen === lines) child.kill('SIGKILL');
  }
  assert.equal(await exited, 'SIGKILL', 'it ended by itself');
}

test('each record once after kills, however much is sent again', { timeout: 120_000 }, async (context) => {
  const directory = await makeStoreDirectory(context);
  const acked = new RangeSet();
  let from = 0;
  for (const lines of [40, 3, 150, 1, 75, 230]) {
    await killAfter(directory, from, lines, acked);
    // A cursor that was committed some time ago.
    from = Math.max(0, (acked.flat()[1] ?? 0) - 977);
  }
  const engine = await openStore(directory, { clock: realClock, hotRows: 2000 });
  await engine.idle();
  const offsets = (await allRecords(engine)).map((record) => Number(/^shard-a-(\d+) /.exec(record)?.[1]));
  const seen = new Set(offsets);
  assert.equal(seen.size, offsets.length, 'a record is there twice');
  const ranges = acked.flat();
  for (let at = 0; at < ranges.length; at += 2)
    for (let offset = ranges[at] ?? 0; offset < (ranges[at + 1] ?? 0); offset++)
      assert.ok(seen.has(offset), `offset ${offset} was acknowledged and is missing`);
  assert.ok(acked.end > 20_000, 'there was something to lose');
  assert.equal((await engine.status()).records, offsets.length);
  assert.deepEqual(engine.notes(), []);
  await engine.close();
});
