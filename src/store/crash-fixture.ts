/**
 * Program that stores records until it is killed: `crash-fixture.ts <directory> <first offset>`. Prints the offset up to
 * which its records are durable, a line after each insert.
 */
import { realClock } from '../core/clock.ts';
import { makeBatch, neverAborted, openStore, rowsOf } from './engine-fixture.ts';
import { writeSegment } from './seal.ts';

const [, , directory = '', first = '0'] = process.argv;
const engine = await openStore(directory, { clock: realClock, hotRows: 2000, writeSegment });
let head = Number(first);
const insertNext = async (): Promise<void> => {
  for (;;) {
    const from = head;
    head += 50 + (from % 130);
    const batch = makeBatch(rowsOf(from, head), { span: { from, to: head }, appendMs: Date.now() });
    const to = head;
    await engine.insert([batch], neverAborted);
    process.stdout.write(`${from} ${to}\n`);
  }
};
await Promise.all([insertNext(), insertNext(), insertNext()]);
