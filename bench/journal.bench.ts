/**
 * What the journal costs: appends a second and CPU per append with many callers of one record each, and records read a
 * second. `node bench/journal.bench.ts [appends] [callers] [record bytes]`; tiny without arguments. Prints one JSON line.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codecs } from '../src/core/batch.ts';
import { realClock } from '../src/core/clock.ts';
import { realDisk } from '../src/core/disk.ts';
import { silentLog } from '../src/core/log.ts';
import type { JournalAppend } from '../src/journal/contract.ts';
import { openJournal } from '../src/journal/open.ts';
import type { Journal } from '../src/journal/open.ts';

interface Cost {
  readonly perSecond: number;
  readonly cpuMicros: number;
  readonly mainThreadMicros: number;
}

/** Runs `work` and divides what it took by `count`. */
async function measure(count: number, work: () => Promise<void>): Promise<Cost> {
  const cpu = process.cpuUsage();
  const loop = performance.eventLoopUtilization();
  const thread = process.threadCpuUsage();
  const startMs = performance.now();
  await work();
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const onThread = process.threadCpuUsage(thread);
  performance.eventLoopUtilization(loop);
  return {
    perSecond: Math.round(count / seconds),
    cpuMicros: round((user + system) / count),
    mainThreadMicros: round((onThread.user + onThread.system) / count),
  };
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}

function request(index: number, recordBytes: number): JournalAppend {
  const start = `{"_path":"/postback","_postTimestamp":1700000000000,"i":${index},"fill":"`;
  const payload = `${start}${'x'.repeat(Math.max(0, recordBytes - start.length - 2))}"}`;
  return {
    source: 'postback',
    generation: 1,
    tag: 'post2log',
    records: { codec: codecs.json, payloads: [payload], exact: [false], seconds: [1_700_000_000 + index], nanos: [0] },
  };
}

async function append({ writer }: Journal, appends: number, callers: number, recordBytes: number): Promise<void> {
  let left = appends;
  const one = async (): Promise<void> => {
    while (left-- > 0) await writer.append(request(left, recordBytes));
  };
  await Promise.all(Array.from({ length: callers }, one));
}

async function readAll({ directory }: Journal): Promise<{ records: number; bytes: number }> {
  let records = 0;
  let bytes = 0;
  for (const { shard, firstOffset, durableOffset } of directory.shards()) {
    const reader = await directory.reader(shard);
    for (let from = firstOffset; from < durableOffset;) {
      const { frames, next } = await reader.read(from, durableOffset, 512 * 1024);
      for (const { block } of frames) {
        records += block.count;
        bytes += block.parts.payload.length;
      }
      from = next;
    }
    await reader.close();
  }
  return { records, bytes };
}

const [appends = 2000, callers = 64, recordBytes = 250] = process.argv.slice(2).map(Number);
const directory = await mkdtemp(join(tmpdir(), 'post2log-bench-'));
try {
  const journal = await openJournal({
    disk: realDisk,
    clock: realClock,
    log: silentLog(),
    directory: join(directory, 'journal'),
    quarantine: join(directory, 'quarantine'),
    owner: 'bench',
    limitBytes: 4 * 1024 ** 3,
    keepMs: 0,
  });
  let commits = 0;
  journal.writer.onDurable((shard, durableOffset) => {
    commits++;
    journal.directory.noteDurable(shard, durableOffset);
  });
  await append(journal, Math.ceil(appends / 10), callers, recordBytes);
  commits = 0;
  const appended = await measure(appends, () => append(journal, appends, callers, recordBytes));
  const groups = round(appends / commits);
  await readAll(journal);
  let found = { records: 0, bytes: 0 };
  const read = await measure(appends, async () => {
    found = await readAll(journal);
  });
  await journal.close();
  process.stdout.write(
    `${JSON.stringify({ node: process.version, appends, callers, recordBytes, recordsPerCommit: groups, append: appended, read, found })}\n`,
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}
