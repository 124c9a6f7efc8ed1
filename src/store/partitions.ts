/** All partitions of a store: which there are, which are attached, and how they come and go. */
import { basename, join } from 'node:path';
import type { Disk } from '../core/disk.ts';
import { errorText, OperatingError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { Attacher } from './attaching.ts';
import { addDoneSql, addShardsSql, readDone, setMetaSql } from './catalog.ts';
import { Connections } from './connections.ts';
import type { Connection, Database } from './database.ts';
import { Done } from './done.ts';
import { makeFile, parseHotFile, removeFiles } from './hot.ts';
import type { HotTable } from './hot.ts';
import { formatNumber, partitionSql } from './layout.ts';
import { fileEnding, isBroken, parsePlace, placeOf } from './opening.ts';
import { Partition } from './partition.ts';
import type { PartitionHost } from './partition.ts';
import type { PartitionView, Partitions } from './snapshot.ts';
import { recallSummaries, rememberSummaries } from './summaries.ts';

/** Folder of what could not be read. */
const setAsideName = 'set-aside';
const hotName = (partition: string): string => `${partition}, newest records`;

/** Attached at once: each holds a file open and its catalog in memory; a search seldom looks into more. */
const attachedMax = 32;

export interface PartitionSetOptions {
  readonly directory: string;
  readonly database: Database;
  readonly disk: Disk;
  readonly log: Log;
  readonly isReadOnly: boolean;
  readonly probe?: ((path: string) => Promise<boolean>) | undefined;
  readonly onReleased: (partition: Partition) => void;
  /** A partition is about to be dropped; resolves when no background work is on it. */
  readonly onDropping: (partition: Partition) => Promise<void>;
  /** DuckDB said that it can no longer be used. */
  readonly onFatal: (error: unknown) => void;
}

export class PartitionSet implements Partitions, PartitionHost {
  readonly directory: string;
  readonly database: Database;
  readonly disk: Disk;
  readonly log: Log;
  readonly connections: Connections;
  readonly isReadOnly: boolean;
  /** What has been taken, by all that was ever committed. */
  readonly done = new Done();
  readonly setAsides: { readonly name: string; readonly reason: string }[] = [];
  readonly #options: PartitionSetOptions;
  readonly #attacher: Attacher;
  /** Oldest first. */
  #all: Partition[] = [];
  /** Attached ones, those used last come last. */
  readonly #attached = new Set<Partition>();
  /** Numbers of shards, the same in all partitions. */
  readonly #shardNumbers = new Map<string, number>();
  #shardNext = 1;

  constructor(options: PartitionSetOptions) {
    this.#options = options;
    this.directory = options.directory;
    this.database = options.database;
    this.disk = options.disk;
    this.log = options.log;
    this.isReadOnly = options.isReadOnly;
    this.connections = new Connections(options.database);
    this.#attacher = new Attacher(options);
  }
  views(): readonly PartitionView[] {
    return this.#all.toReversed();
  }
  notes(): readonly string[] {
    return this.setAsides.map(({ name, reason }) => `partition ${name} could not be read and was set aside: ${reason}`);
  }
  /** Oldest first. */
  get all(): readonly Partition[] {
    return this.#all;
  }
  /** The one that takes rows, when there is one. */
  get open(): Partition | undefined {
    const last = this.#all.at(-1);
    return last?.isOpen ? last : undefined;
  }
  get bytes(): number {
    return this.#all.reduce((sum, partition) => sum + partition.bytes, 0);
  }

  /** Finds and reads what is there. @throws OperatingError DATA_DIR_LOCKED, DATA_DIR_NEWER, DATA_DIR_UNUSABLE. */
  async load(): Promise<void> {
    const files = await this.disk.list(this.directory);
    const places = files.flatMap((file) => parsePlace(file) ?? []).sort((a, b) => a.number - b.number);
    this.#all = places.map((place) => new Partition(this, place));
    if (!this.#options.isReadOnly) await this.#removeOrphans(files, new Set(places.map((place) => place.name)));
    await recallSummaries(this.directory, this.disk, this.#all);
    await this.#recallSetAsides();
    let isDoneKnown = false;
    // The newest first: as long as another process has it open nothing else is touched.
    for (const partition of this.#all.toReversed()) {
      // Each partition began with all that was done before it: only the newest is read to the bottom.
      if (isDoneKnown && partition.isFinished) continue;
      const isLoaded = await this.#loadOne(partition);
      if (!isLoaded) continue;
      for (const [number, shard] of partition.catalog.shards) this.#learnShard(shard, number);
      if (isDoneKnown) continue;
      isDoneKnown = true;
      await this.#readDone(partition);
      const isNewest = partition === this.#all.at(-1);
      partition.isOpen = isNewest && !partition.catalog.isClosed && !this.#options.isReadOnly;
      if (partition.isOpen) partition.isFinished = false;
    }
  }
  /** What was moved away before: it is missing from answers until somebody mends it or takes the files away. */
  async #recallSetAsides(): Promise<void> {
    const target = join(this.directory, setAsideName);
    for (const file of await this.disk.list(target)) {
      const of = /^(.*\.duckdb)(\+*)\.reason$/.exec(file)?.[1] ?? '';
      const hot = parseHotFile(of);
      const name = hot ? hotName(hot.partition) : parsePlace(of)?.name;
      const text = name === undefined ? undefined : await this.disk.readFile(join(target, file));
      if (name !== undefined && text) this.setAsides.push({ name, reason: text.toString('utf8').split('\n')[0] ?? '' });
    }
  }
  /** What a process that was killed left: files being made, hot tables of partitions that were dropped, logs without a file. */
  async #removeOrphans(files: readonly string[], partitions: ReadonlySet<string>): Promise<void> {
    const present = new Set(files);
    for (const file of files) {
      const hot = parseHotFile(file.replace(/\.wal$/, ''));
      const isOrphan =
        /\.new(?:\.wal)?$/.test(file) ||
        (hot !== undefined && !partitions.has(hot.partition)) ||
        (file.endsWith('.duckdb.wal') && !present.has(file.slice(0, -4)));
      if (isOrphan) await this.disk.remove(join(this.directory, file));
    }
  }
  async #loadOne(partition: Partition): Promise<boolean> {
    try {
      await partition.turn.run(() => partition.load());
      this.used(partition);
      return true;
    } catch (error) {
      if (error instanceof OperatingError) throw error;
      if (!isBroken(error))
        throw new OperatingError('DATA_DIR_UNUSABLE', `opening ${partition.path}: ${errorText(error)}`, {
          cause: error,
        });
      await this.setAside(partition, error);
      return false;
    }
  }
  async #readDone(partition: Partition): Promise<void> {
    const connection = await this.database.connect();
    try {
      const { shards } = partition.catalog;
      for (const range of await readDone(connection, partition.alias, shards)) this.done.add(range);
      for (const range of partition.hotDone) this.done.add(range);
      partition.hotDone = [];
    } finally {
      connection.close();
    }
  }
  #learnShard(shard: string, number: number): void {
    if (!this.#shardNumbers.has(shard)) this.#shardNumbers.set(shard, number);
    this.#shardNext = Math.max(this.#shardNext, number + 1);
  }
  /** The number of a shard, a new one where it has none. */
  shardNumber(shard: string): number {
    const known = this.#shardNumbers.get(shard);
    if (known !== undefined) return known;
    const number = this.#shardNext++;
    this.#shardNumbers.set(shard, number);
    return number;
  }

  /**
   * Makes a new partition the open one. Its file gets its name only when everything is in it and on disk, so that one
   * with the name is whole.
   */
  async begin(nowMs: number): Promise<Partition> {
    const before = this.#all.at(-1);
    const place = placeOf((before?.number ?? 0) + 1, nowMs);
    const path = join(this.directory, `${place.name}${fileEnding}`);
    const done = [...this.done.ranges()];
    const shards = new Map(done.map(({ shard }) => [this.shardNumber(shard), shard]));
    await makeFile(this.database, this.disk, this.directory, path, (alias) => [
      partitionSql(alias),
      ...setMetaSql(alias, 'format', String(formatNumber)),
      ...addShardsSql(alias, shards),
      ...addDoneSql(alias, done, (shard) => this.shardNumber(shard)),
    ]);
    const partition = new Partition(this, place);
    await partition.turn.run(() => partition.load());
    partition.isOpen = true;
    if (before) before.isOpen = false;
    this.#all.push(partition);
    this.used(partition);
    return partition;
  }
  /** It is sealed and checkpointed: from now on it is known without being attached. */
  async finish(partition: Partition, needsMerge: boolean): Promise<void> {
    partition.isFinished = true;
    partition.needsMerge = needsMerge;
    await partition.measure();
    await rememberSummaries(this.directory, this.disk, this.#all);
  }
  /** Says in the file that no more rows come. */
  async close(partition: Partition, connection: Connection): Promise<void> {
    partition.isOpen = false;
    if (partition.catalog.isClosed) return;
    await connection.run(['BEGIN', ...setMetaSql(partition.alias, 'closed', 'true'), 'COMMIT'].join(';\n'));
    partition.catalog.isClosed = true;
  }

  /** Deletes a partition with all its rows. */
  async drop(partition: Partition): Promise<void> {
    partition.isGone = true;
    await this.#options.onDropping(partition);
    await this.#leave(partition);
    for (const path of await partition.files()) await removeFiles(this.disk, path);
    await this.disk.syncDirectory(this.directory);
  }
  async setAside(partition: Partition, error: unknown): Promise<void> {
    if (partition.isGone) return;
    const reason = errorText(error).split('\n')[0] ?? '';
    await this.#leave(partition);
    this.setAsides.push({ name: partition.name, reason });
    await this.#moveAway(await partition.files(), partition.name, error);
  }
  async setAsideHot(partition: Partition, hot: HotTable, error: unknown): Promise<void> {
    await this.database.detach(hot.alias).catch(() => {});
    const name = hotName(partition.name);
    this.setAsides.push({ name, reason: errorText(error).split('\n')[0] ?? '' });
    await this.#moveAway([hot.path], name, error);
  }
  async #moveAway(paths: readonly string[], name: string, error: unknown): Promise<void> {
    if (this.#options.isReadOnly) return;
    const target = join(this.directory, setAsideName);
    await this.disk.makeDirectory(target);
    // A partition that was set aside before may have had the same name.
    const taken = new Set(await this.disk.list(target));
    let mark = '';
    while (paths.some((path) => taken.has(basename(path) + mark))) mark += '+';
    for (const path of paths)
      for (const ending of ['', '.wal'])
        if (await this.disk.stat(path + ending))
          await this.disk.rename(path + ending, join(target, basename(path) + mark + ending));
    const reason = errorText(error);
    const file = await this.disk.open(join(target, `${basename(paths[0] ?? name)}${mark}.reason`), 'create');
    await file.write([Buffer.from(`${reason}\n`)], 0);
    await file.close();
    await this.disk.syncDirectory(target);
    await this.disk.syncDirectory(this.directory);
    this.log.error(
      { partition: name, reason },
      `A partition of the store could not be read and was moved to ${target}; its records are missing from answers.`,
    );
  }
  async detachAll(): Promise<void> {
    for (const partition of this.#all) await partition.turn.run(() => partition.detach());
  }
  async #leave(partition: Partition): Promise<void> {
    partition.isGone = true;
    partition.isOpen = false;
    this.#all = this.#all.filter((other) => other !== partition);
    this.#attached.delete(partition);
    await partition.turn.run(() => partition.detach()).catch(() => {});
  }
  attach(name: string, path: string, alias: string): Promise<void> {
    return this.#attacher.attach(name, path, alias);
  }
  used(partition: Partition): void {
    if (partition.isGone || !partition.isAttached) return;
    this.#attached.delete(partition);
    this.#attached.add(partition);
    if (this.#attached.size <= attachedMax) return;
    for (const other of this.#attached) {
      if (other.isOpen || other.isUsed) continue;
      this.#attached.delete(other);
      void other.turn
        .run(async () => {
          if (other.isUsed || this.#attached.has(other)) return;
          await other.detach();
        })
        .catch((error: unknown) => this.log.warn({ error: errorText(error) }, `A partition could not be detached.`));
      return;
    }
  }
  fatal(error: unknown): void {
    this.#options.onFatal(error);
  }
  released(partition: Partition): void {
    this.#options.onReleased(partition);
  }
}
