/**
 * What it costs to get records from the journal into outputs that take them at once: reader, router, dispatcher, chunks,
 * cursors. `node bench/delivery.bench.ts [records] [records per frame] [outputs] [record bytes]`; tiny without arguments.
 * Prints one JSON line.
 */
import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultBuffer, rootLabel } from '../src/config/model.ts';
import { codecs } from '../src/core/batch.ts';
import { realClock } from '../src/core/clock.ts';
import { realDisk } from '../src/core/disk.ts';
import { silentLog } from '../src/core/log.ts';
import { Metrics } from '../src/core/metrics.ts';
import { openDelivery } from '../src/delivery/delivery.ts';
import { openJournal } from '../src/journal/open.ts';
import type { Journal } from '../src/journal/open.ts';
import type { Router } from '../src/router/contract.ts';
import { Dispatcher } from '../src/router/dispatcher.ts';
import { compileMatch } from '../src/router/match.ts';
import { compileRouter } from '../src/router/router.ts';

async function fill({ writer }: Journal, records: number, perFrame: number, recordBytes: number): Promise<void> {
  const payload = `{"_path":"/postback","fill":"${'x'.repeat(Math.max(0, recordBytes - 30))}"}`;
  const pending: Promise<unknown>[] = [];
  for (let left = records; left > 0; left -= perFrame) {
    const count = Math.min(left, perFrame);
    const each = <T>(value: T): T[] => Array.from({ length: count }, () => value);
    pending.push(
      writer.append({
        // Appends of one source and tag may share a frame: other tags keep frames as small as they are asked for.
        source: 'bench',
        generation: 1,
        tag: `bench.${pending.length % 7}`,
        records: {
          codec: codecs.json,
          payloads: each(payload),
          exact: each(false),
          seconds: each(1_700_000_000),
          nanos: each(0),
        },
      }),
    );
    if (pending.length % 64 === 0) await Promise.all(pending.slice(-64));
  }
  await Promise.all(pending);
}

/** Copies every record to all outputs. */
function routerTo(ids: readonly string[]): Router {
  const actions = ids.map((output) => ({ kind: 'output', output }) as const);
  const step = {
    match: { syntax: 'fluentd', pattern: '**' },
    action: { kind: 'copy', actions },
    take: true,
    at: { file: 'bench.conf', line: 1, column: 1 },
  } as const;
  return compileRouter(
    { version: 1, sources: [], labels: { [rootLabel]: [step] }, outputs: [], plugins: [] },
    {
      compileMatch,
      createFilter: () => ({ apply: (batch) => batch }),
      createRetagger: () => ({ dropReason: 'none', retag: () => undefined }),
      log: silentLog(),
    },
  );
}

async function deliver(directory: string, journal: Journal, outputs: number, records: number) {
  const ids = Array.from({ length: outputs }, (_, i) => `null.${i}`);
  const router = routerTo(ids);
  const dispatcher = new Dispatcher({
    directory: journal.directory,
    routerFor: () => router,
    generation: 1,
    clock: realClock,
    log: silentLog(),
  });
  const delivery = await openDelivery({
    dataDir: directory,
    disk: realDisk,
    clock: realClock,
    log: silentLog(),
    metrics: new Metrics(),
    appendDead: () => Promise.reject(new Error('nothing is refused here')),
    shards: () => journal.directory.shards(),
    onRecipients: (recipients) => dispatcher.setRecipients(recipients),
  });
  let chunks = 0;
  await delivery.setOutputs(
    ids.map((id) => ({
      id,
      buffer: defaultBuffer,
      signature: id,
      create: () => ({
        write: () => {
          chunks++;
          return Promise.resolve();
        },
        close: () => Promise.resolve(),
      }),
    })),
  );
  dispatcher.setRecipients(delivery.recipients());
  journal.directory.onChange(() => dispatcher.wake());
  const thread = process.threadCpuUsage();
  const startMs = performance.now();
  dispatcher.start();
  await delivery.stop(600_000);
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.threadCpuUsage(thread);
  await dispatcher.stop();
  const delivered = delivery.status().map((status) => status.delivered);
  return {
    recordsPerSecond: Math.round(records / seconds),
    recordsPerCpuSecond: Math.round(records / ((user + system) / 1e6)),
    chunks,
    resultHash: createHash('sha256').update(JSON.stringify(delivered)).digest('hex').slice(0, 16),
  };
}

const [records = 5000, perFrame = 64, outputs = 1, recordBytes = 250] = process.argv.slice(2).map(Number);
const directory = await mkdtemp(join(tmpdir(), 'post2log-bench-'));
try {
  const journal = await openJournal({
    disk: realDisk,
    clock: realClock,
    log: silentLog(),
    directory: join(directory, 'journal'),
    quarantine: join(directory, 'quarantine'),
    owner: 'bench',
    limitBytes: 8 * 1024 ** 3,
    keepMs: 0,
  });
  await fill(journal, records, perFrame, recordBytes);
  const measured = await deliver(directory, journal, outputs, records);
  await journal.close();
  process.stdout.write(
    `${JSON.stringify({ node: process.version, records, perFrame, outputs, recordBytes, ...measured })}\n`,
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}
