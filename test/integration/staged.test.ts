/** Chunks that stay open for a day, and a program that is killed again and again meanwhile. */
import assert from 'node:assert/strict';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { startProgram, temporaryDirectory, until } from '../program.ts';
import type { Program } from '../program.ts';

const kills = 50;
/** Posts of a life: together more than a chunk may be in memory, so that each life stages. */
const posts = 32;
const text = 'x'.repeat(40_000);

/** With seven threads no chunk may have more than an eighth of the output's memory: 1 MiB. What is of yesterday is not due either. */
const output = (out: string, buffer: string): string => `<match **>
  @type file
  @id daily
  path ${out}/all
  append true
  <format>
    @type json
  </format>
  <buffer time>
    ${buffer}
    flush_mode lazy
    flush_thread_count 7
    timekey 1d
    timekey_wait 1d
  </buffer>
</match>
`;

async function written(directory: string): Promise<number[]> {
  const names = await readdir(directory).catch(() => []);
  const texts = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')));
  const lines = texts.flatMap((one) => one.split('\n').filter((line) => line !== ''));
  return lines.map((line) => (JSON.parse(line) as { n: number }).n);
}

async function daily(program: Program) {
  return (await program.status()).outputs.find(({ id }) => id === 'daily');
}

// Fifty starts take minutes on a machine that others use too.
const timeout = 600_000;

test(
  'a timekey of a day neither holds the journal nor loses or doubles a record over 50 kills',
  { timeout },
  async (t) => {
    const directory = await temporaryDirectory(t);
    const out = join(directory, 'out');
    const dataDir = join(directory, 'data');
    const start = async (buffer: string): Promise<Program> => {
      // A journal that keeps nothing for replay or for idempotency keys: only what an output still needs.
      const env = {
        P2L_FLUENTD_EXTRACFG: output(out, buffer),
        P2L_STORE: 'off',
        P2L_DATA_LIMIT: '1Gi',
        P2L_KEEP: '0s',
        P2L_IDEMPOTENCY_WINDOW: '0',
      };
      return (await startProgram(t, { dataDir, env })).ready();
    };
    const sent = new Set<number>();
    const acknowledged = new Set<number>();
    const post = async (program: Program): Promise<void> => {
      const n = sent.size;
      sent.add(n);
      const answer = await program.post('/postback', JSON.stringify({ n, text })).catch(() => undefined);
      if (answer?.status === 200) acknowledged.add(n);
    };
    let firstShards: readonly string[] | undefined;
    for (let life = 0; life < kills; life++) {
      const program = await start('@type file');
      firstShards ??= await readdir(join(dataDir, 'journal'));
      // Killed while it takes records, stages, commits, deletes or just starts: another moment in each life.
      const burst = Array.from({ length: posts }, () => post(program));
      if (life % 4 === 0) await Promise.all(burst);
      await delay((life * 37) % 600);
      await program.kill();
      await Promise.all(burst);
    }
    const last = await start('@type file');
    const waiting = await until('all to be taken', async () => {
      const status = await daily(last);
      return status && status.waiting >= acknowledged.size && status.queuedBytes < 8 * 1024 * 1024 && status;
    });
    assert.equal(waiting.delivered, 0);
    assert.deepEqual(await written(out), []);
    assert.ok((await readdir(join(dataDir, 'staged', 'daily'))).length > 0);
    // One shard after the other.
    await until('the journal to let go of what is staged', async () => {
      const left = await readdir(join(dataDir, 'journal'));
      return firstShards?.every((shard) => !left.includes(shard)) === true && left.length < kills / 2;
    });
    // As with Fluentd's file buffer, a stop leaves what is not due; with a memory buffer it is written.
    assert.equal(await last.stop(), 0, last.stderr);
    assert.deepEqual(await written(out), []);
    const flushing = await start('@type memory');
    await until('it to know of all', async () => ((await daily(flushing))?.waiting ?? 0) >= acknowledged.size);
    assert.equal(await flushing.stop(), 0, flushing.stderr);
    const numbers = await written(out);
    assert.equal(new Set(numbers).size, numbers.length, 'a record is there twice');
    const found = new Set(numbers);
    assert.deepEqual(
      [...acknowledged].filter((n) => !found.has(n)),
      [],
      'records are lost',
    );
    assert.ok(numbers.every((n) => sent.has(n)));
    assert.deepEqual(
      (await readdir(join(dataDir, 'staged', 'daily')).catch(() => [])).length,
      0,
      'nothing is left over',
    );
  },
);
