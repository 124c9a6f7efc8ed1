/** The `tail` source: finds files, follows them fairly, notices rotation, keeps pos_file. */
import { stat } from 'node:fs/promises';
import { sleep } from '../../core/clock.ts';
import type { Timer } from '../../core/clock.ts';
import { errorText, systemCode } from '../../core/errors.ts';
import { codecs } from '../../core/batch.ts';
import type { PluginConfig, Source, SourceContext } from '../../core/plugin.ts';
import { encodingName, lineEndOf } from './encoding.ts';
import { FollowedFile } from './file.ts';
import type { FileRules, FileStart } from './file.ts';
import type { TailOptions, tailOptions } from './options.ts';
import { PathList, pathAsTag } from './paths.ts';
import type { WantedPath } from './paths.ts';
import { PositionFile } from './position-file.ts';
import { emptyHead, inodeOf, keyOf, positionFrom } from './position.ts';
import type { FileId, Head, Position } from './position.ts';
import { Watching } from './watching.ts';

/** How often each file is looked at where nothing tells of changes, as Fluentd does. */
const lookMs = 1000;
/** Files read at a time. Each holds a piece of 256 KiB and the records of it, so this bounds memory to some 100 MB. */
const turnsMax = 16;
/** Source state beside the files' positions: the patterns that were looked for when it last ran. */
const patternsKey = 'patterns';
/** How long a stop reads on at most: the rest is read after the next start, and outputs need their part of the grace. */
const stopMsMax = 3000;

export class TailSource implements Source {
  readonly #context: SourceContext;
  readonly #options: TailOptions;
  readonly #rules: FileRules;
  readonly #paths: PathList;
  readonly #positionFile: PositionFile | undefined;
  readonly #watching: Watching | undefined;
  /** Files being read, by device and inode; and by their path those that have one of their own. */
  readonly #files = new Map<string, FollowedFile>();
  readonly #byPath = new Map<string, FollowedFile>();
  /** Positions of files that are not read just now. */
  readonly #left = new Map<string, Position>();
  readonly #queue: FollowedFile[] = [];
  readonly #queued = new Set<FollowedFile>();
  readonly #turning = new Map<FollowedFile, Promise<void>>();
  readonly #again = new Set<FollowedFile>();
  readonly #said = new Map<string, string>();
  readonly #timers: (Timer | undefined)[] = [];
  #knownPatterns: ReadonlySet<string> = new Set();
  #imported: ReadonlyMap<string, { position: number; inode: bigint }> = new Map();
  #looking: Promise<void> = Promise.resolve();
  #isStarting = true;
  #isStopping = false;
  #stopByMs = Number.POSITIVE_INFINITY;

  constructor(config: PluginConfig<typeof tailOptions>, context: SourceContext) {
    const { options } = config;
    this.#context = context;
    this.#options = options;
    const encoding = encodingName(options);
    const decoder = encoding === undefined ? undefined : new TextDecoder(encoding, { ignoreBOM: true });
    this.#rules = {
      parser: context.parser(config.parser ?? 'none'),
      decode: decoder && ((line) => Buffer.from(decoder.decode(line))),
      pathKey: options.pathKey,
      emitsUnmatched: options.emitUnmatchedLines,
      lineEnd: lineEndOf(encoding),
      lineBytesMax: options.maxLineSize,
      context,
    };
    this.#paths = new PathList(options, context.clock, (path, code) => this.#sayOnce(path, code));
    if (options.posFile !== undefined) this.#positionFile = new PositionFile(options.posFile, context);
    if (options.enableStatWatcher)
      this.#watching = new Watching(context, {
        changed: (path) => this.#wake(this.#byPath.get(path)),
        appeared: () => void this.#look(),
      });
  }

  async start(): Promise<void> {
    const known = this.#context.state;
    for (const [key, value] of known) {
      const position = positionFrom(value);
      if (position) this.#left.set(key, position);
    }
    const patterns = known.get(patternsKey);
    if (Array.isArray(patterns)) this.#knownPatterns = new Set(patterns.filter((one) => typeof one === 'string'));
    const entries = (await this.#positionFile?.open()) ?? [];
    if (known.size === 0) this.#imported = new Map(entries.map((entry) => [entry.path, entry]));
    if (!this.#options.skipRefreshOnStartup) {
      await this.#look();
      await this.#noteStart();
      await this.#positionFile?.keepOnly(new Set(this.#byPath.keys()));
    }
    this.#isStarting = false;
    this.#every(this.#options.refreshInterval, () => this.#refresh());
    if (this.#options.enableWatchTimer) this.#every(lookMs, () => this.#lookAtAll());
    else this.#every(Math.max(lookMs, this.#options.rotateWait), () => this.#closeRotated());
    for (const root of this.#paths.roots()) this.#watching?.add(root);
    for (const file of this.#files.values()) this.#wake(file);
  }

  async stop(): Promise<void> {
    this.#stopByMs = this.#context.clock.monotonicMs() + stopMsMax;
    for (const timer of this.#timers) timer?.cancel();
    this.#watching?.close();
    await this.#looking;
    await this.#drain();
    this.#isStopping = true;
    await Promise.all(this.#turning.values());
    for (const file of this.#files.values()) await file.flush(true);
    for (const file of this.#files.values()) this.#positionFile?.set(file);
    await this.#positionFile?.close();
    await Promise.all([...this.#files.values()].map((file) => file.close()));
  }

  /** Reads every file to where it ends now. */
  async #drain(): Promise<void> {
    const { clock } = this.#context;
    for (const file of this.#files.values()) this.#wake(file);
    while (this.#queue.length + this.#turning.size > 0 && clock.monotonicMs() < this.#stopByMs)
      await Promise.race([...this.#turning.values(), sleep(clock, this.#stopByMs - clock.monotonicMs())]);
    this.#queue.length = 0;
  }

  // -------------------------------------------------------------------------------------------------- turns

  #wake(file: FollowedFile | undefined): void {
    if (!file || this.#isStopping) return;
    if (this.#turning.has(file)) this.#again.add(file);
    else if (!this.#queued.has(file)) {
      this.#queued.add(file);
      this.#queue.push(file);
      this.#pump();
    }
  }
  #pump(): void {
    while (this.#turning.size < turnsMax) {
      const file = this.#queue.shift();
      if (!file) return;
      this.#queued.delete(file);
      const turn = this.#turn(file).then((isMore) => {
        this.#turning.delete(file);
        if ((this.#again.delete(file) || isMore) && this.#files.get(file.key) === file) this.#wake(file);
        this.#pump();
      });
      this.#turning.set(file, turn);
    }
  }
  async #turn(file: FollowedFile): Promise<boolean> {
    try {
      const isMore = await file.turn();
      this.#positionFile?.set(file);
      if (!isMore) await this.#checkPath(file);
      return isMore;
    } catch (error) {
      this.#sayOnce(file.path, `reading it: ${errorText(error)}; it is tried again`);
      return false;
    }
  }

  // -------------------------------------------------------------------------------------------------- files

  /** Does its path still lead to it? If not, it is read on for rotate_wait, and to its end. */
  async #checkPath(file: FollowedFile): Promise<void> {
    if (file.rotatedMs !== undefined) return;
    const now = await stat(file.path, { bigint: true }).catch(() => undefined);
    if (now && keyOf({ device: now.dev, inode: now.ino }) === file.key) return;
    file.rotatedMs = this.#context.clock.monotonicMs();
    if (this.#byPath.get(file.path) === file) this.#byPath.delete(file.path);
    this.#context.log.info(`${file.path} is ${now ? 'another file now' : 'gone'}; what it was is read to its end.`);
    if (now) void this.#look();
  }
  async #closeRotated(): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    for (const file of this.#files.values()) {
      if (file.rotatedMs === undefined || nowMs - file.rotatedMs < this.#options.rotateWait) continue;
      if (this.#turning.has(file) || this.#queued.has(file)) continue;
      if (await file.turn()) {
        this.#wake(file);
        continue;
      }
      await file.flush(false);
      this.#files.delete(file.key);
      await file.close();
      await this.#forget(file.key);
    }
  }
  /** Takes up new files, and lets go of those that are gone. */
  async #refresh(): Promise<void> {
    await this.#look();
    for (const file of this.#files.values()) await this.#checkPath(file);
    const wanted = new Set((await this.#paths.expand()).map(({ path }) => path));
    for (const [path, file] of this.#byPath) {
      if (wanted.has(path)) continue;
      // Left out from now on, but there: it is read on from here when it is wanted again.
      await this.#turning.get(file);
      this.#byPath.delete(path);
      this.#files.delete(file.key);
      this.#left.set(file.key, file.state());
      await file.close();
    }
    await this.#positionFile?.unwatchOthers(new Set(this.#byPath.keys()));
  }
  async #lookAtAll(): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    const { multilineFlushInterval: flushMs } = this.#options;
    for (const file of this.#files.values()) {
      if (flushMs !== undefined && file.heldSinceMs !== undefined && nowMs - file.heldSinceMs >= flushMs)
        if (!this.#turning.has(file)) await file.flush(false);
      this.#wake(file);
    }
    await this.#closeRotated();
  }
  /** Looks for files that are not read yet. One look at a time. */
  #look(): Promise<void> {
    const look = this.#looking.then(async () => {
      for (const wanted of await this.#paths.expand()) if (!this.#byPath.has(wanted.path)) await this.#follow(wanted);
    });
    this.#looking = look.catch((error: unknown) => {
      this.#context.log.error(`looking for files: ${errorText(error)}; it is tried again.`);
    });
    return this.#looking;
  }
  async #follow(wanted: WantedPath): Promise<void> {
    const { path } = wanted;
    try {
      const found = await stat(path);
      if (found.isDirectory()) return this.#sayOnce(path, 'it is a directory; write a glob for the files in it');
      const file = await FollowedFile.open(this.#rules, path, (id, size, head) => this.#place(wanted, id, size, head));
      if (!file) return;
      file.isStopping = () => this.#isStopping;
      this.#said.delete(path);
      this.#left.delete(file.key);
      this.#files.set(file.key, file);
      this.#byPath.set(path, file);
      this.#positionFile?.set(file, true);
      this.#watching?.addFor(path);
      if (!this.#isStarting) this.#wake(file);
    } catch (error) {
      const code = systemCode(error);
      if (code !== 'ENOENT')
        this.#sayOnce(
          path,
          code === undefined ? errorText(error) : `${code}: it cannot be read; it is looked at again`,
        );
    }
  }
  /** Where to begin with a file. Undefined: it is being read already. */
  async #place(
    { path, pattern }: WantedPath,
    id: FileId,
    size: number,
    head: (bytes: number) => Promise<Head>,
  ): Promise<FileStart | undefined> {
    const key = keyOf(id);
    const reading = this.#files.get(key);
    if (reading) {
      await this.#checkPath(reading);
      if (reading.rotatedMs !== undefined) {
        // Renamed to a name that is looked for too: the same file, read on.
        reading.path = path;
        reading.rotatedMs = undefined;
        this.#byPath.set(path, reading);
      }
      return undefined;
    }
    const name = path;
    const begin = { ...id, path, name, tag: this.#tag(name) };
    const known = await this.#knownPosition(key, path, head);
    if (known) {
      const named = known.name ?? known.path;
      if (size >= known.position)
        return {
          ...begin,
          name: named,
          tag: this.#tag(named),
          position: known.position,
          head: known.head,
          part: known.part,
        };
      this.#context.log.warn(
        `${path} was cut to ${size} bytes after ${known.position} were read; it is read from its head.`,
      );
      return { ...begin, position: 0, head: emptyHead };
    }
    const position = this.#firstPosition(path, pattern, id, size);
    return { ...begin, position, head: position > 0 ? await head(position) : emptyHead };
  }
  async #knownPosition(
    key: string,
    path: string,
    head: (bytes: number) => Promise<Head>,
  ): Promise<Position | undefined> {
    const candidates = [this.#left.get(key)];
    // Device numbers may change when a machine or container starts again.
    for (const [other, position] of this.#left)
      if (other !== key && position.path === path && inodeOf(other) === inodeOf(key) && position.head.bytes > 0)
        candidates.push(position);
    for (const candidate of candidates)
      if (candidate && (await head(candidate.head.bytes)).hash === candidate.head.hash) return candidate;
    return undefined;
  }
  /** For a file without a position in the journal. */
  #firstPosition(path: string, pattern: string, id: FileId, size: number): number {
    const imported = this.#imported.get(path);
    if (imported) return imported.inode === id.inode && imported.position <= size ? imported.position : 0;
    // What was looked for before and was not there is new.
    const isNew = !this.#isStarting || this.#knownPatterns.has(pattern);
    return isNew || this.#options.readFromHead ? 0 : size;
  }
  #tag(path: string): string {
    const [prefix, suffix] = this.#options.tag.split('*');
    return suffix === undefined ? this.#options.tag : `${prefix ?? ''}${pathAsTag(path)}${suffix}`;
  }

  // -------------------------------------------------------------------------------------------------- state

  /** Makes the positions at which it starts durable, so that a crash does not skip what comes now. */
  async #noteStart(): Promise<void> {
    const state: Record<string, unknown> = { [patternsKey]: this.#paths.patterns };
    for (const file of this.#files.values()) state[file.key] = file.state();
    await this.#note(state);
  }
  async #forget(key: string): Promise<void> {
    await this.#note({ [key]: null });
  }
  async #note(state: Record<string, unknown>): Promise<void> {
    const records = { codec: codecs.json, payloads: [], exact: [], seconds: [], nanos: [] };
    try {
      await this.#context.append({ tag: '', records, state, sync: 'interval' });
    } catch (error) {
      this.#context.log.warn(`noting positions: ${errorText(error)}; they are noted with the next records.`);
    }
  }
  #every(intervalMs: number, run: () => Promise<void>): void {
    const slot = this.#timers.length;
    const next = (): void => {
      this.#timers[slot] = this.#context.clock.after(intervalMs, () => {
        void run()
          .catch((error: unknown) => this.#context.log.error(`looking at files: ${errorText(error)}`))
          .finally(() => {
            if (this.#stopByMs === Number.POSITIVE_INFINITY) next();
          });
      });
    };
    next();
  }
  #sayOnce(path: string, problem: string): void {
    if (this.#said.get(path) === problem) return;
    this.#said.set(path, problem);
    this.#context.log.warn(`${path}: ${problem}.`);
  }
}
