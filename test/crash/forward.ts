/**
 * Crash test of two programs: `npm run crash:forward -- --records 1000000 --kills 20 --seed 7`.
 *
 * Records go over forward into one program and from there, with TLS, a shared key and acknowledgements, into the store of
 * another, while one of them or both are killed with SIGKILL and started again. Then the store holds each record exactly
 * once: none is lost, and what an acknowledgement on its way made arrive twice was known by its origin. Exit 0: no problem
 * found. 1: problems; the directory is kept. 2: arguments.
 */
import { parseArgs } from 'node:util';
import { openLocalStore } from '../../src/cli/query-local.ts';
import type { Status } from '../../bench/post2log.ts';
import { wait } from '../../bench/program.ts';
import { ForwardLoad, makeEnds } from './forward-ends.ts';
import type { End } from './forward-ends.ts';
import { runCrashTest } from './outcome.ts';
import { Random } from './random.ts';

/** Longest time without any record more in the receiver before it counts as stuck. */
const stuckMs = 60_000;

function readOptions() {
  const { values } = parseArgs({
    options: {
      records: { type: 'string', default: '1000000' },
      kills: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 31)) },
      keep: { type: 'boolean', default: false },
    },
  });
  const whole = (name: 'records' | 'kills' | 'seed'): number => {
    if (/^\d+$/.test(values[name])) return Number(values[name]);
    throw new Error(`--${name} ${values[name]}: expected a whole number`);
  };
  return { records: whole('records'), kills: whole('kills'), seed: whole('seed'), isKept: values.keep };
}

function waitingOf(status: Status | undefined): number {
  return status?.outputs.reduce((sum, { waiting }) => sum + waiting, 0) ?? Number.NaN;
}

/** Kills while records are on their way: before each kill a share of them more may be sent. */
async function storm(
  ends: readonly End[],
  load: ForwardLoad,
  records: number,
  kills: number,
  random: Random,
): Promise<void> {
  for (let kill = 0; kill < kills; kill++) {
    const goal = Math.floor((records * (kill + 1)) / (kills + 1));
    load.limit = goal;
    await Promise.all(ends.map((end) => end.ready()));
    // Somewhere in this share, which is sent in less than a second or two.
    const killAt = goal - random.between(0, Math.floor(records / (kills + 1)));
    while (load.acknowledged < killAt) await wait(2);
    await wait(random.between(0, 300));
    const victims = random.isBelow(0.3) ? ends : [random.pick(ends)];
    await Promise.all(victims.map((end) => end.kill()));
    await wait(random.between(0, 200));
    for (const end of victims) await end.start();
  }
  load.limit = records;
  await Promise.all(ends.map((end) => end.ready()));
}

async function drained(end: End, what: string): Promise<Status> {
  let least = Number.POSITIVE_INFINITY;
  let progressMs = performance.now();
  for (;;) {
    const status = await end.status();
    const waiting = waitingOf(status);
    if (status && waiting === 0) return status;
    if (waiting < least) {
      least = waiting;
      progressMs = performance.now();
    }
    if (performance.now() - progressMs > stuckMs)
      throw new Error(`${what} is stuck with ${least} records: ${JSON.stringify(status?.outputs)}`);
    await wait(100);
  }
}

/** How often each record is in the store. */
async function stored(dataDirectory: string, records: number): Promise<string[]> {
  const times = new Uint8Array(records);
  let strangers = 0;
  const store = await openLocalStore(dataDirectory);
  try {
    const all = { query: '', fromMs: undefined, toMs: undefined, order: 'oldest' } as const;
    for await (const page of store.queries.export(all, new AbortController().signal))
      for (const { json } of page) {
        const { n } = JSON.parse(json) as { n?: unknown };
        if (typeof n === 'number' && n >= 0 && n < records) times[n] = (times[n] as number) + 1;
        else strangers++;
      }
  } finally {
    await store.close();
  }
  const counted = (wanted: (count: number) => boolean): number[] =>
    [...times.keys()].filter((n) => wanted(times[n] as number));
  const found: [number[], string][] = [
    [counted((count) => count === 0), 'records are missing in the store'],
    [counted((count) => count > 1), 'records are in the store more than once'],
  ];
  return [
    ...found.flatMap(([list, text]) =>
      list.length > 0 ? [`${list.length} ${text}: ${list.slice(0, 10).join(', ')}`] : [],
    ),
    ...(strangers > 0 ? [`${strangers} records in the store were never sent`] : []),
  ];
}

async function run(directory: string, options: ReturnType<typeof readOptions>): Promise<string[]> {
  const { records, kills, seed } = options;
  const { sender, receiver, port } = await makeEnds(directory);
  const load = new ForwardLoad(port, records);
  const beginMs = performance.now();
  const ends = [sender, receiver];
  try {
    for (const end of ends) await end.start();
    const sending = load.run();
    await storm(ends, load, records, kills, new Random(seed, 'kills'));
    await sending;
    const sent = await drained(sender, 'the sender');
    const received = await drained(receiver, 'the receiver');
    const codes = [await sender.stop(), await receiver.stop()];
    const seconds = ((performance.now() - beginMs) / 1000).toFixed(0);
    console.log(
      `${records} records, ${kills} kills, ${seconds} s; ${load.again} messages sent again; the sender took ${sent.appended} since its last start, the receiver ${received.appended}`,
    );
    const refused = [...sent.outputs, ...received.outputs].filter((output) => Object.keys(output.refused).length > 0);
    return [
      ...(await stored(receiver.dataDirectory, records)),
      ...refused.map(({ id, refused: reasons }) => `output ${id} refused ${JSON.stringify(reasons)}`),
      ...ends.flatMap((end) => end.ownDeaths.map((death) => `a program ended by itself with ${death}`)),
      ...codes.flatMap((code) => (code === 0 ? [] : [`a program answered SIGTERM with exit code ${code}`])),
    ];
  } finally {
    load.stop();
    for (const end of ends) await end.kill();
  }
}

await runCrashTest('crash:forward', () => {
  const options = readOptions();
  return {
    headline: `crash test over forward: --records ${options.records} --kills ${options.kills} --seed ${options.seed}`,
    prefix: 'p2l-crash-forward-',
    isKept: options.isKept,
    run: (directory) => run(directory, options),
  };
});
