/** Wires the rooms: makes a receiving side and a delivering side of a configuration. The only file that knows them all. */
import { join } from 'node:path';
import type { OutputModel, PipelineModel } from './config/model.ts';
import type { Clock } from './core/clock.ts';
import { realClock } from './core/clock.ts';
import { realDisk } from './core/disk.ts';
import type { Disk } from './core/disk.ts';
import type { Log } from './core/log.ts';
import { Metrics } from './core/metrics.ts';
import type { Filter, Output, OutputContext, PeerCalls, PluginContext } from './core/plugin.ts';
import { Registry } from './core/registry.ts';
import { Instances } from './instances.ts';
import { openDirectory } from './journal/directory.ts';
import type { OpenDirectory } from './journal/directory.ts';
import { recentKeys } from './journal/recent-keys.ts';
import { SpaceBudget } from './journal/space.ts';
import { openWriter } from './journal/writer.ts';
import { pluginTable } from './plugin-table.ts';
import { Deliverer } from './process/deliverer.ts';
import type { OutputMaker } from './process/deliverer.ts';
import { DeadLetterMarks } from './process/dead-letter-marks.ts';
import { DeadLetterReader } from './process/dead-letter-reader.ts';
import { DeadLetterQueue } from './process/dead-letters.ts';
import type { Generations } from './process/generations.ts';
import { Joins } from './process/joins/joins.ts';
import type { DataLimits } from './process/limits.ts';
import { Receiver } from './process/receiver.ts';
import { SourceCounts } from './process/source-counts.ts';
import type { StoreAccess } from './core/record-store.ts';
import { compileMatch } from './router/match.ts';
import { compileRouter } from './router/router.ts';

/** What every part of a process shares. */
export interface Process {
  readonly registry: Registry;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly instances: Instances;
  readonly dataDir: string;
  readonly limits: DataLimits;
  readonly deadLetters: DeadLetterQueue;
}

/** Everything a process needs before it knows its role. `owner` names it in the files it writes. */
export function createProcess(log: Log, dataDir: string, limits: DataLimits, owner: string): Process {
  const registry = new Registry(pluginTable);
  const metrics = new Metrics();
  const clock = realClock;
  const instances = new Instances({ registry, log, clock, metrics, dataDir });
  // What earlier starts left counts too. Each process has this budget for itself: refused records are few.
  const deadSpace = new SpaceBudget(limits.deadBytes);
  const measureDead = async (): Promise<void> =>
    deadSpace.set(limits.deadBytes - (await bytesUnder(realDisk, join(dataDir, 'dead'))));
  const openDead = async () => {
    await measureDead();
    return openWriter({
      disk: realDisk,
      clock,
      log,
      directory: join(dataDir, 'dead'),
      owner,
      limitBytes: limits.deadBytes,
      space: deadSpace,
    });
  };
  return {
    registry,
    log,
    clock,
    metrics,
    instances,
    dataDir,
    limits,
    deadLetters: new DeadLetterQueue(
      openDead,
      {
        limitBytes: limits.deadBytes,
        get leftBytes() {
          return deadSpace.leftBytes;
        },
        measure: measureDead,
      },
      clock,
    ),
  };
}

export interface ReceivingOptions {
  readonly worker: { readonly index: number; readonly count: number };
  readonly peers: (sourceId: string) => PeerCalls;
  /** Told of the shard written now and its durable end. */
  readonly onDurable: (shard: string, durableOffset: number) => void;
}

export interface Receiving {
  readonly receiver: Receiver;
  readonly space: SpaceBudget;
  /** The shards it has not ended. */
  living(): readonly string[];
}

/** The receiving side: a writer in a new shard, and sources once a generation is used. */
export async function openReceiving(process: Process, options: ReceivingOptions): Promise<Receiving> {
  const { log, clock, metrics, instances, dataDir, limits, deadLetters } = process;
  const journal = { disk: realDisk, log, directory: join(dataDir, 'journal') };
  const space = new SpaceBudget();
  const writer = await openWriter({
    ...journal,
    clock,
    owner: `receive.${options.worker.index}`,
    limitBytes: limits.journalBytes,
    space,
  });
  writer.onDurable(options.onDurable);
  const counts = new SourceCounts(metrics);
  const receiver = new Receiver({
    writer,
    worker: options.worker,
    peers: options.peers,
    log,
    maker: {
      isReplicated: (plugin) => instances.isReplicated(plugin),
      make: (model, own) =>
        instances.source(model.plugin, {
          id: model.id,
          ...own,
          append: counts.counting(model.id, own.append),
          refused: (reason, tag, count = 1) => counts.refused(model.id, reason, tag, count),
          recentKeys: (sinceMs) => recentKeys(journal, sinceMs),
          keepRefused: (entry) => deadLetters.keepRequest(model.id, entry),
        }),
    },
  });
  return { receiver, space, living: () => writer.living };
}

export interface DeliveringOptions {
  readonly generations: Generations;
  /** How long idempotency keys must stay readable. */
  readonly keysKeepMs: number;
  /** Shards of the journal and of the dead letters that other processes are writing; asked for each journal (directory.ts). */
  readonly live: () => Promise<ReadonlySet<string>>;
  readonly onSpace: (leftBytes: number) => void;
  readonly store: StoreAccess;
}

export interface Delivering {
  readonly deliverer: Deliverer;
  readonly directory: OpenDirectory;
  readonly deadDirectory: OpenDirectory;
  readonly deadReader: DeadLetterReader;
}

/** The delivering side: the recovered journal and, once a generation is used, its outputs. */
export async function openDelivering(process: Process, options: DeliveringOptions): Promise<Delivering> {
  const { log, clock, metrics, dataDir, limits, deadLetters } = process;
  const common = { disk: realDisk, clock, log, quarantine: join(dataDir, 'quarantine'), live: options.live };
  const directory = await openDirectory({
    ...common,
    metrics,
    directory: join(dataDir, 'journal'),
    limitBytes: limits.journalBytes,
    keepMs: limits.keepMs,
    keysKeepMs: options.keysKeepMs,
    onProgress: ({ shard, readBytes }) => sayProgress(log, shard, readBytes),
  });
  const replaySpace = new SpaceBudget();
  const joinSpace = new SpaceBudget();
  const joinExtraBytes = limits.journalBytes / joinExtraShare;
  const openOwn = async (owner: string, space: SpaceBudget) => {
    const writer = await openWriter({
      disk: realDisk,
      clock,
      log,
      directory: join(dataDir, 'journal'),
      owner,
      limitBytes: limits.journalBytes,
      space,
    });
    writer.onDurable((shard, durableOffset) => directory.noteDurable(shard, durableOffset));
    return writer;
  };
  const joins = new Joins({
    openWriter: () => openOwn('join', joinSpace),
    shards: () => directory.shards(),
    clock,
    log,
  });
  const deliverer = await Deliverer.open({
    dataDir,
    disk: realDisk,
    clock,
    log,
    metrics,
    directory,
    generations: options.generations,
    maker: outputMaker(process, options.store, joins),
    joins,
    appendDead: (request) => deadLetters.append(request),
    journalBytesMax: limits.journalBytes,
    stagedBytesMax: limits.stagedBytes,
    onSpace(leftBytes, overBytes) {
      replaySpace.set(leftBytes);
      joinSpace.set(leftBytes + Math.max(0, joinExtraBytes - overBytes));
      options.onSpace(leftBytes);
    },
  });
  const deadDirectory = await openDirectory({
    ...common,
    directory: join(dataDir, 'dead'),
    limitBytes: limits.deadBytes,
    keepMs: Infinity,
  });
  deadLetters.onDurable((shard, durableOffset) => deadDirectory.noteDurable(shard, durableOffset));
  const deadReader = new DeadLetterReader({
    directory: deadDirectory,
    marks: new DeadLetterMarks(realDisk, join(dataDir, 'dead-done.json'), log),
    metrics,
    openWriter: () => openOwn('replay', replaySpace),
  });
  return { deliverer, directory, deadDirectory, deadReader };
}

/**
 * What joins may write beyond the journal's limit, as a part of it: two segments. When it is full of records that wait to
 * be joined, they must be joined for any of it to be deleted.
 */
const joinExtraShare = 8;

const keepAll: Filter = { apply: (batch) => batch };

function outputMaker({ instances, log, dataDir }: Process, store: StoreAccess, joins: Joins): OutputMaker {
  const own = (model: OutputModel, id: string, committed: unknown): Omit<OutputContext, keyof PluginContext> => ({
    id,
    committed,
    buffer: model.buffer,
    directory: join(dataDir, 'outputs', encodeURIComponent(id)),
    store,
  });
  return {
    output: (model, committed): Output =>
      model.plugin.kind === 'join'
        ? joins.output(model.id, (outlet) => instances.joiner(model.plugin, outlet))
        : instances.output(model.plugin, own(model, model.id, committed)),
    secondary(model) {
      const { secondary } = model;
      return secondary && ((committed) => instances.output(secondary, own(model, `${model.id}.secondary`, committed)));
    },
    router: (model: PipelineModel, pass) =>
      compileRouter(model, {
        compileMatch,
        createFilter: (plugin) =>
          pass === 'replay' && instances.isObserver(plugin) ? keepAll : instances.filter(plugin),
        createRetagger: (plugin) => instances.retagger(plugin),
        log,
      }),
  };
}

/** Bytes of all files in the directories under `path`. */
async function bytesUnder(disk: Disk, path: string): Promise<number> {
  let sum = 0;
  for (const name of await disk.list(path)) {
    const inner = join(path, name);
    const found = await disk.stat(inner);
    sum += found?.isDirectory === true ? await bytesUnder(disk, inner) : (found?.size ?? 0);
  }
  return sum;
}

/** Recoveries that take no time are not worth a word: said once for every so many bytes read. */
const progressBytes = 256 * 1024 * 1024;
const progressSaid = new Map<string, number>();

function sayProgress(log: Log, shard: string, readBytes: number): void {
  const steps = Math.floor(readBytes / progressBytes);
  if (steps <= (progressSaid.get(shard) ?? 0)) return;
  progressSaid.set(shard, steps);
  log.info({ shard, readBytes }, 'Reading what an unfinished shard of the journal holds.');
}
