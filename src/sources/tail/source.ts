/** The `tail` source: finds files, gives each its turns, notices what is renamed, removed or new, and stops in order. */
import { stat } from 'node:fs/promises';
import { sleep } from '../../core/clock.ts';
import type { Timer } from '../../core/clock.ts';
import { compileCapture } from '../../codecs/onigmo.ts';
import { errorText, systemCode } from '../../core/errors.ts';
import type { PluginConfig, Source, SourceContext } from '../../core/plugin.ts';
import { appendPatiently, noRecords } from './appending.ts';
import { encodingName, lineEndOf } from './encoding.ts';
import { FollowedFile } from './file.ts';
import type { FileRules, Place } from './file.ts';
import { cutCounter, isMultiline, joiningOf } from './joining.ts';
import { Limits } from './limits.ts';
import type { TailOptions, tailOptions } from './options.ts';
import { PathList } from './paths.ts';
import type { WantedPath } from './paths.ts';
import { Places, patternsKey } from './places.ts';
import { PositionFile } from './position-file.ts';
import { idOf, keyOf } from './position.ts';
import type { Position } from './position.ts';
import { Turns } from './turns.ts';
import { Watching } from './watching.ts';

/** How often each file is looked at besides what the system tells, as Fluentd does. */
const lookMs = 1000;
/** Files whose first piece the start waits for, as many as have turns at a time, and for how long. */
const firstTurnsMax = 16;
const firstTurnsMs = 500;
/** A look for new files that a directory's change asks for comes so much later, and takes at most this part of the time. */
const newNamesMs = 100;
const newNamesShare = 0.1;
/** How long a stop reads on at most: the rest is read after the next start, and outputs need their part of the grace. */
const stopMsMax = 5000;
/** Positions of files that are gone are kept for a week: a disk that was not mounted at a start may come back. */
const goneMsMax = 7 * 86_400_000;

export class TailSource implements Source {
  readonly ended?: Promise<void>;
  readonly #context: SourceContext;
  readonly #options: TailOptions;
  readonly #rules: FileRules;
  readonly #paths: PathList;
  readonly #positionFile: PositionFile | undefined;
  readonly #watching: Watching | undefined;
  readonly #turns: Turns<FollowedFile>;
  /** Files that are followed, by their key; and by path those whose path leads to them. */
  readonly #files = new Map<string, FollowedFile>();
  readonly #byPath = new Map<string, FollowedFile>();
  readonly #said = new Map<string, string>();
  readonly #timers = new Set<Timer>();
  /** What timers began. */
  readonly #running = new Set<Promise<void>>();
  #places: Places;
  #looking: Promise<void> = Promise.resolve();
  #lookPlanned: Timer | undefined;
  #lookTookMs = 0;
  #isStopping = false;
  /** No append waits any more. */
  #isUrgent = false;
  #resolveEnded = (): void => {};

  constructor(config: PluginConfig<typeof tailOptions>, context: SourceContext) {
    const { options } = config;
    this.#context = context;
    this.#options = options;
    const encoding = encodingName(options);
    const decoder = encoding === undefined ? undefined : new TextDecoder(encoding, { ignoreBOM: true });
    const limits = new Limits(context.clock, options.readBytesLimitPerSecond, config.sections['group']?.[0]);
    this.#rules = {
      context,
      parser: context.parser(isMultiline(config.parser) ? 'none' : (config.parser ?? 'none')),
      joining: joiningOf(config, context),
      cut: cutCounter(context),
      decode: decoder && ((line) => Buffer.from(decoder.decode(line))),
      pathKey: options.pathKey,
      emitsUnmatched: options.emitUnmatchedLines,
      unparsedKey: options.unparsedKey,
      offsetKey: options.offsetKey,
      replacesKeys: options.replacesKeys,
      skipsEmpty: options.skipEmptyLines,
      lineEnd: lineEndOf(encoding),
      lineBytesMax: options.maxLineSize,
      isStopping: () => this.#isUrgent,
      allowance: (path) => limits.of(path),
    };
    this.#paths = new PathList(options, context.clock, (path, code) =>
      this.#sayOnce(path, `${code}: it cannot be read`),
    );
    this.#places = new Places(this.#placeRules(), new Map(), []);
    this.#turns = new Turns((file) => this.#turn(file));
    if (options.exitOnEof)
      this.ended = new Promise((resolve) => {
        this.#resolveEnded = resolve;
      });
    if (options.posFile !== undefined)
      this.#positionFile = new PositionFile(options.posFile, options.followInodes, context);
    if (options.enableStatWatcher)
      this.#watching = new Watching(context, {
        changed: (path) => this.#wake(this.#byPath.get(path)),
        appeared: () => this.#lookSoon(),
      });
  }

  async start(): Promise<void> {
    const entries = (await this.#positionFile?.open()) ?? [];
    this.#places = new Places(this.#placeRules(), this.#context.state, entries);
    if (!this.#options.skipRefreshOnStartup) {
      await this.#firstLook();
      await this.#firstTurns();
    }
    this.#every(this.#options.refreshInterval, () => this.#refresh());
    this.#every(lookMs, () => this.#lookAtFiles());
    const { posFileCompactionInterval: compactMs } = this.#options;
    if (compactMs !== undefined) this.#every(compactMs, async () => this.#positionFile?.compact());
    for (const root of this.#paths.roots()) this.#watching?.add(root);
    if (this.#options.exitOnEof)
      void this.#turns
        .idle()
        .then(() => this.#runOnce(() => this.#flushAll()))
        .then(() => this.#resolveEnded());
  }

  async stop(): Promise<void> {
    const { clock } = this.#context;
    this.#isStopping = true;
    for (const timer of this.#timers) timer.cancel();
    this.#lookPlanned?.cancel();
    this.#watching?.close();
    await this.#looking;
    const deadline = clock.after(stopMsMax, () => void this.#turns.close());
    await Promise.all([...this.#files.values()].map((file) => file.freeze().catch(() => undefined)));
    for (const file of this.#files.values()) this.#turns.wake(file);
    await this.#turns.idle();
    deadline.cancel();
    this.#isUrgent = true;
    await this.#turns.close();
    await Promise.all(this.#running);
    for (const file of this.#files.values()) {
      await file.flush(true).catch((error: unknown) => this.#sayOnce(file.path, errorText(error)));
      this.#positionFile?.update(file);
      await file.close();
    }
    await this.#positionFile?.close();
  }

  // -------------------------------------------------------------------------------------------------- turns

  #wake(file: FollowedFile | undefined): void {
    if (file && !this.#isStopping) this.#turns.wake(file);
  }
  async #turn(file: FollowedFile): Promise<boolean> {
    try {
      const end = await file.turn();
      this.#positionFile?.update(file);
      if (end !== 'more' && !this.#isStopping) await this.#checkPath(file);
      return end === 'more';
    } catch (error) {
      this.#sayOnce(file.path, `${errorText(error)}; reading it is tried again`);
      return false;
    }
  }
  /** Nothing comes behind what waits. */
  async #flushAll(): Promise<void> {
    for (const file of this.#files.values()) await file.flush(false);
  }
  /** Every second: what waits for time to pass, and files for which nothing tells of changes. */
  async #lookAtFiles(): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    const { multilineFlushInterval: flushMs, enableWatchTimer, rotateWait } = this.#options;
    const isPolling = enableWatchTimer || this.#watching?.isIncomplete !== false;
    for (const file of this.#files.values()) {
      if (file.dueMs !== undefined && file.dueMs <= nowMs) await file.flushDue(nowMs);
      if (flushMs !== undefined && file.heldSinceMs !== undefined && nowMs - file.heldSinceMs >= flushMs)
        await file.flush(false);
      if (file.rotatedMs !== undefined && nowMs - file.rotatedMs >= rotateWait) await this.#closeRotated(file);
      else if (file.rotatedMs !== undefined) this.#wake(file);
      else if (isPolling) await this.#poll(file);
    }
  }
  async #poll(file: FollowedFile): Promise<void> {
    const found = await stat(file.path, { bigint: true }).catch(() => undefined);
    if (!found || keyOf(idOf(found)) !== file.key || !file.isReadTo(Number(found.size))) this.#wake(file);
  }

  // -------------------------------------------------------------------------------------------------- files

  /** Does its path still lead to it? If not, it is read on for rotate_wait, and to its end. */
  async #checkPath(file: FollowedFile): Promise<void> {
    if (file.rotatedMs !== undefined) return;
    const found = await stat(file.path, { bigint: true }).catch(() => undefined);
    if (found && keyOf(idOf(found)) === file.key) return;
    file.rotatedMs = this.#context.clock.monotonicMs();
    if (this.#byPath.get(file.path) === file) this.#byPath.delete(file.path);
    const what = found ? 'is another file now' : 'is gone';
    this.#context.log.info(`${file.path} ${what}; what it was is read to its end.`);
    if (found) void this.#look();
  }
  async #closeRotated(file: FollowedFile): Promise<void> {
    const end = await file.turn();
    if (end === 'more') this.#wake(file);
    if (end !== 'end') return;
    // It may have got a name that is looked for too.
    await this.#look();
    if (file.rotatedMs === undefined) return;
    await file.flush(false);
    const { key } = file;
    const hasName = await file.hasName();
    this.#files.delete(key);
    await file.close();
    if (this.#files.has(key)) return;
    // Without a name its inode will be another file's. With one it may be found again, and nothing of it is new then.
    if (hasName) await this.#leave(file);
    else await this.#note({ [key]: null });
  }
  async #leave(file: FollowedFile): Promise<void> {
    const position = { ...file.state(), goneMs: this.#context.clock.nowMs() };
    const forgotten = this.#places.leave(file.key, position);
    await this.#note({ [file.key]: position, ...(forgotten !== undefined && { [forgotten]: null }) });
  }
  /** Takes up new files, and lets go of those that are not wanted any more. */
  async #refresh(): Promise<void> {
    if (this.#places.isFirstLook) return this.#firstLook();
    const wanted = new Set((await this.#look()).map(({ path }) => path));
    this.#watching?.renew(this.#paths.roots());
    for (const [path, file] of this.#byPath) {
      await this.#checkPath(file);
      if (wanted.has(path) || file.rotatedMs !== undefined) continue;
      // It is there, but excluded from now on, or old: read on from here if it is wanted again.
      this.#byPath.delete(path);
      this.#files.delete(file.key);
      await file.close();
      await this.#leave(file);
    }
    this.#positionFile?.unwatchOthers(new Set([...this.#byPath.values()].map(({ key }) => key)));
  }
  async #firstLook(): Promise<void> {
    await this.#look();
    this.#places.isFirstLook = false;
    const { found, gone } = await this.#places.renamed();
    for (const renamed of found) {
      const file = await this.#open(renamed.path, async (id, size, head) =>
        this.#files.has(keyOf(id)) ? undefined : this.#places.resume(renamed, id, size, head),
      );
      if (file) file.rotatedMs = this.#context.clock.monotonicMs();
    }
    await this.#noteStart(gone);
    await this.#positionFile?.dropOthers();
    if (this.#options.skipRefreshOnStartup) for (const file of this.#files.values()) this.#wake(file);
  }
  /** What the files hold at the start is read before the program says that it is ready, as far as that takes no time. */
  async #firstTurns(): Promise<void> {
    const files = [...this.#files.values()];
    const turns = files.slice(0, firstTurnsMax).map((file) => file.turn(true).catch(() => undefined));
    for (const file of files) this.#wake(file);
    await Promise.race([Promise.all(turns), sleep(this.#context.clock, firstTurnsMs)]);
  }
  #lookSoon(): void {
    if (this.#isStopping || this.#places.isFirstLook) return;
    this.#lookPlanned ??= this.#context.clock.after(Math.max(newNamesMs, this.#lookTookMs / newNamesShare), () => {
      this.#lookPlanned = undefined;
      void this.#look();
    });
  }
  /** Looks for files that are not followed yet, one look at a time. Resolves with all that are wanted. */
  #look(): Promise<WantedPath[]> {
    const look = this.#looking.then(async () => {
      const startedMs = this.#context.clock.monotonicMs();
      const wanted = await this.#paths.expand();
      for (const one of wanted) if (!this.#byPath.has(one.path) && !this.#isStopping) await this.#follow(one);
      this.#lookTookMs = this.#context.clock.monotonicMs() - startedMs;
      return wanted;
    });
    this.#looking = look.then(
      () => undefined,
      (error: unknown) => this.#context.log.error(`looking for files: ${errorText(error)}; it is tried again.`),
    );
    return look.catch(() => []);
  }
  async #follow(wanted: WantedPath): Promise<void> {
    const { path } = wanted;
    const file = await this.#open(path, async (id, size, head) => {
      const followed = this.#files.get(keyOf(id));
      if (!followed) return this.#places.begin(wanted, id, size, head);
      await this.#checkPath(followed);
      if (followed.rotatedMs === undefined)
        this.#sayOnce(path, `it is the same file as ${followed.path}, and read there`);
      else this.#renamed(followed, path);
      return undefined;
    });
    if (!file) return;
    this.#byPath.set(path, file);
    this.#positionFile?.add(file);
    this.#watching?.addFor(path);
    if (!this.#places.isFirstLook) this.#wake(file);
  }
  /** Renamed to a name that is looked for too: the same file, read on. */
  #renamed(file: FollowedFile, path: string): void {
    file.path = path;
    file.rotatedMs = undefined;
    this.#byPath.set(path, file);
    this.#positionFile?.add(file);
  }
  /** Opens a file unless it is none, cannot be read, or `place` does not want it. */
  async #open(path: string, place: Place): Promise<FollowedFile | undefined> {
    try {
      const found = await stat(path);
      if (!found.isFile()) {
        const what = found.isDirectory() ? 'a directory; write a glob for the files in it' : 'no regular file';
        this.#sayOnce(path, `it is ${what}`);
        return undefined;
      }
      const file = await FollowedFile.open(this.#rules, path, place);
      if (!file) return undefined;
      this.#said.delete(path);
      this.#places.forget(file.key);
      this.#files.set(file.key, file);
      return file;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT') this.#sayMissing(path);
      else this.#sayOnce(path, `it cannot be read (${code ?? errorText(error)}); it is looked at again`);
      return undefined;
    }
  }

  // -------------------------------------------------------------------------------------------------- state

  /** Makes the positions at which it starts durable, so that a crash does not skip what comes from now on. */
  async #noteStart(gone: readonly (readonly [string, Position])[]): Promise<void> {
    const state: Record<string, unknown> = { [patternsKey]: this.#paths.patterns };
    const nowMs = this.#context.clock.nowMs();
    for (const key of this.#places.replaced) state[key] = null;
    for (const [key, position] of gone) {
      const { path, goneMs } = position;
      if (goneMs !== undefined) {
        if (nowMs - goneMs > goneMsMax) state[key] = null;
        continue;
      }
      state[key] = { ...position, goneMs: nowMs };
      const read = `${position.position} bytes of it were read`;
      this.#context.log.warn(`${path} is gone since the last run. ${read}; whether that was all is not known.`);
    }
    for (const file of this.#files.values()) state[file.key] = file.state();
    // A full journal must not keep the program from starting: positions then come with the first records.
    await this.#note(state, () => true);
  }
  async #note(state: Readonly<Record<string, unknown>>, isStopping = () => this.#isUrgent): Promise<void> {
    const request = { tag: this.#options.tag, records: noRecords, state, sync: 'always' } as const;
    await appendPatiently(this.#context, request, isStopping, 'noting positions');
  }

  // -------------------------------------------------------------------------------------------------- small things

  #placeRules() {
    const { tag, tagRegex, readFromHead } = this.#options;
    const tagParts = tagRegex === undefined ? undefined : compileCapture(tagRegex);
    return { tag, tagParts, readsFromHead: readFromHead, log: this.#context.log };
  }
  /** Runs again and again, each time so long after the time before is over. */
  #every(intervalMs: number, run: () => Promise<void>): void {
    if (this.#isStopping) return;
    const timer = this.#context.clock.after(intervalMs, () => {
      this.#timers.delete(timer);
      const done = this.#runOnce(run).finally(() => {
        this.#running.delete(done);
        this.#every(intervalMs, run);
      });
      this.#running.add(done);
    });
    this.#timers.add(timer);
  }
  async #runOnce(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      this.#context.log.error(`looking at files: ${errorText(error)}; it is tried again.`);
    }
  }
  #sayMissing(path: string): void {
    if (this.#said.has(path)) return;
    this.#said.set(path, 'missing');
    this.#context.log.info(`${path} does not exist; it is read when it does.`);
  }
  #sayOnce(path: string, problem: string): void {
    if (this.#said.get(path) === problem) return;
    this.#said.set(path, problem);
    this.#context.log.warn(`${path}: ${problem}.`);
  }
}
