/** The `tail` source: finds files, gives each its turns, notices what is renamed, removed or new, and stops in order. */
import type { BigIntStats } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { sleep } from '../../core/clock.ts';
import type { Timer } from '../../core/clock.ts';
import { compileCapture } from '../../codecs/onigmo.ts';
import { errorText, systemCode } from '../../core/errors.ts';
import type { PluginConfig, Source, SourceContext } from '../../core/plugin.ts';
import { isArchiveName } from './archive.ts';
import { appendPatiently, noRecords } from './appending.ts';
import { readDatabase } from './database.ts';
import { encodingName, lineEndOf } from './encoding.ts';
import { FollowedFile } from './file.ts';
import type { FileRules, Place } from './file.ts';
import { FollowedFiles } from './followed-files.ts';
import { Generations } from './generations.ts';
import { lineRulesOf } from './joining.ts';
import { Limits } from './limits.ts';
import { Losses } from './losses.ts';
import type { TailOptions, tailOptions } from './options.ts';
import { PathList } from './paths.ts';
import type { WantedPath } from './paths.ts';
import { Places, nameOf, patternsKey, startedKey } from './places.ts';
import { PositionFile } from './position-file.ts';
import type { PositionEntry } from './position-file.ts';
import { idOf, keyOf } from './position.ts';
import { Repeating } from './repeating.ts';
import { Said } from './said.ts';
import { listingsFor } from './siblings.ts';
import type { Listings } from './siblings.ts';
import { Parking, openFilesMaxByDefault, statOf } from './parking.ts';
import { LargeTurns, Turns } from './turns.ts';
import { Watching } from './watching.ts';

/** How often each file is looked at besides what the system tells, as Fluentd does. */
const lookMs = 1000;
/** A file of which the system tells is looked at every so many looks all the same: what is told may be lost. */
const sweepLooks = 30;
/** Files whose first piece the start waits for, as many as have turns at a time, and for how long. */
const firstTurnsMax = 16;
const firstTurnsMs = 500;
/** A look for new files that a directory's change asks for comes so much later, and takes at most this part of the time. */
const newNamesMs = 100;
const newNamesShare = 0.1;
/** How long a stop reads on at most: the rest is read after the next start, and outputs need their part of the grace. */
const stopMsMax = 5000;
/** Positions of files that are gone are kept for a month: a disk may come back, and what was read be compressed. */
const goneMsMax = 30 * 86_400_000;

export class TailSource implements Source {
  readonly ended?: Promise<void>;
  readonly #context: SourceContext;
  readonly #options: TailOptions;
  readonly #rules: FileRules;
  readonly #paths: PathList;
  readonly #positionFile: PositionFile | undefined;
  readonly #watching: Watching | undefined;
  readonly #turns: Turns<FollowedFile>;
  readonly #files = new FollowedFiles();
  readonly #generations: Generations;
  readonly #losses: Losses;
  readonly #parking: Parking;
  /** Paths that were looked for at the last look. */
  #wanted: ReadonlySet<string> = new Set();
  /** Paths whose files were begun at the first look, where there may be older ones beside. */
  readonly #begun = new Set<string>();
  readonly #said: Said;
  readonly #repeating: Repeating;
  #places: Places;
  #looking: Promise<void> = Promise.resolve();
  #lookPlanned: Timer | undefined;
  #lookTookMs = 0;
  #looks = 0;
  #isStopping = false;
  /** No append waits any more. */
  #isUrgent = false;
  #resolveEnded = (): void => {};

  constructor(config: PluginConfig<typeof tailOptions>, context: SourceContext) {
    const { options } = config;
    this.#context = context;
    this.#options = options;
    const encoding = encodingName(options);
    const limits = new Limits(context.clock, options.readBytesLimitPerSecond, config.sections['group']?.[0]);
    this.#rules = {
      context,
      ...lineRulesOf(config, context),
      lineEnd: lineEndOf(encoding),
      lineBytesMax: options.maxLineSize,
      cutsLong: options.cutLongLines,
      isStopping: () => this.#isUrgent,
      allowance: (path) => limits.of(path),
      largeTurns: new LargeTurns(),
    };
    this.#paths = new PathList(options, context.clock, (path, code) =>
      this.#said.once(path, `${code}: it cannot be read`),
    );
    this.#places = new Places(this.#placeRules(), new Map(), []);
    this.#losses = new Losses(context);
    this.#said = new Said(context.log);
    this.#repeating = new Repeating(context);
    this.#parking = new Parking(options.openFilesMax ?? openFilesMaxByDefault());
    this.#generations = new Generations({
      clock: context.clock,
      places: () => this.#places,
      losses: this.#losses,
      files: this.#files,
      isWanted: (path) => this.#wanted.has(path),
      open: (path, place) => this.#open(path, place),
    });
    this.#turns = new Turns((file) => this.#turn(file));
    if (options.exitOnEof)
      this.ended = new Promise((resolve) => {
        this.#resolveEnded = resolve;
      });
    if (options.posFile !== undefined)
      this.#positionFile = new PositionFile(options.posFile, options.followInodes, context);
    if (options.enableStatWatcher)
      this.#watching = new Watching(context, {
        changed: (path) => {
          if (this.#parking.has(path)) void this.#unpark(path);
          else this.#wake(this.#files.at(path));
        },
        appeared: () => this.#lookSoon(),
      });
  }

  async start(): Promise<void> {
    const entries = await this.#imported();
    this.#places = new Places(this.#placeRules(), this.#context.state, entries);
    this.#losses.open();
    if (!this.#options.skipRefreshOnStartup) {
      await this.#firstLook();
      await this.#firstTurns();
    }
    this.#repeating.every(this.#options.refreshInterval, () => this.#refresh());
    this.#repeating.every(lookMs, () => this.#lookAtFiles());
    const { posFileCompactionInterval: compactMs } = this.#options;
    if (compactMs !== undefined) this.#repeating.every(compactMs, async () => this.#positionFile?.compact());
    for (const root of this.#paths.roots()) this.#watching?.add(root);
    if (this.#options.exitOnEof)
      void this.#turns
        .idle()
        .then(() => this.#repeating.once(() => this.#flushAll()))
        .then(() => this.#resolveEnded());
  }

  async stop(): Promise<void> {
    const { clock } = this.#context;
    this.#isStopping = true;
    this.#repeating.cancel();
    this.#lookPlanned?.cancel();
    this.#watching?.close();
    await this.#looking;
    const deadline = clock.after(stopMsMax, () => void this.#turns.close());
    await Promise.all(this.#files.all().map((file) => file.freeze().catch(() => undefined)));
    for (const file of this.#files.all()) this.#turns.wake(file);
    await this.#turns.idle();
    deadline.cancel();
    this.#isUrgent = true;
    await this.#turns.close();
    await this.#repeating.idle();
    for (const file of this.#files.all()) {
      await file.flush(true).catch((error: unknown) => this.#said.once(file.path, errorText(error)));
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
    if (this.#mustWait(file) || (await this.#findsMore(file))) return false;
    try {
      const wasRotated = file.rotatedMs !== undefined;
      const end = await file.turn();
      this.#positionFile?.update(file);
      if (end === 'end' && wasRotated) this.#pass(file);
      if (end === 'cut' && !this.#isStopping) await this.#startOver(file);
      else if (end !== 'more' && !this.#isStopping) {
        await this.#checkPath(file);
        this.#useRoom();
      }
      return end === 'more';
    } catch (error) {
      this.#said.once(file.path, `${errorText(error)}; reading it is tried again`);
      if (file.rotatedMs !== undefined) this.#pass(file);
      return false;
    }
  }
  /** Nothing comes behind what waits. */
  async #flushAll(): Promise<void> {
    for (const file of this.#files.all()) await file.flush(false);
  }
  /** Is there something to be read before it? */
  #mustWait(file: FollowedFile): boolean {
    const { waitsFor: before, isHeld } = file;
    return isHeld || (before !== undefined && !before.isPassed && this.#files.get(before.key) === before);
  }
  /** While it waited for what came before it, rotation may have gone on: then there is more that comes before it now. */
  async #findsMore(file: FollowedFile): Promise<boolean> {
    if (file.waitsFor === undefined) return false;
    file.waitsFor = undefined;
    if (file.position > 0 || file.rotatedMs !== undefined || this.#isStopping) return false;
    await this.#alone(async () => {
      await this.#gather(file.name, file);
      await this.#note({});
    });
    return file.waitsFor !== undefined;
  }
  /** It was read to its end after its path led elsewhere: now it is the turn of what came behind it. */
  #pass(file: FollowedFile): void {
    if (file.isPassed) return;
    file.isPassed = true;
    for (const next of this.#files.of(file.name)) if (next.waitsFor === file) this.#turns.wake(next);
  }
  /** Every second: what waits for time to pass, and files for which nothing tells of changes. */
  async #lookAtFiles(): Promise<void> {
    const nowMs = this.#context.clock.monotonicMs();
    const { multilineFlushInterval: flushMs, enableWatchTimer, rotateWait } = this.#options;
    const sweep = this.#looks++ % sweepLooks;
    let index = 0;
    for (const file of this.#files.all())
      try {
        const isSwept = index++ % sweepLooks === sweep;
        if (file.dueMs !== undefined && file.dueMs <= nowMs) await file.flushDue(nowMs);
        if (flushMs !== undefined && file.heldSinceMs !== undefined && nowMs - file.heldSinceMs >= flushMs)
          await file.flush(false);
        if (file.rotatedMs !== undefined && nowMs - file.rotatedMs >= rotateWait) await this.#closeRotated(file);
        else if (file.rotatedMs !== undefined) this.#wake(file);
        else if (!this.#isToldOf(file, enableWatchTimer)) await this.#poll(file);
        else if (isSwept && enableWatchTimer) this.#sweep(file);
      } catch (error) {
        this.#said.once(file.path, `${errorText(error)}; reading it is tried again`);
      }
    for (const path of this.#parking.paths())
      if (index++ % sweepLooks === sweep && this.#parking.isChanged(path, statOf(path))) await this.#unpark(path);
    for (const name of this.#generations.takeIncomplete())
      await this.#alone(async () => {
        await this.#gather(name, this.#files.at(name));
        await this.#note({});
      });
  }
  /** Does the system tell of its changes? */
  #isToldOf(file: FollowedFile, isPolling: boolean): boolean {
    return this.#watching ? this.#watching.tellsOf(file.watched, !isPolling) : false;
  }
  /** As #poll, for a file of this machine: many are looked at, and waiting for each in turn would cost more than they do. */
  #sweep(file: FollowedFile): void {
    this.#wakeUnlessRead(file, statOf(file.path));
  }
  async #poll(file: FollowedFile): Promise<void> {
    this.#wakeUnlessRead(file, await stat(file.path, { bigint: true }).catch(() => undefined));
  }
  #wakeUnlessRead(file: FollowedFile, found: BigIntStats | undefined): void {
    if (!found || keyOf(idOf(found)) !== file.key || !file.isReadTo(Number(found.size))) this.#wake(file);
  }

  // -------------------------------------------------------------------------------------------------- files

  /** Does its path still lead to it? If not, it is read on for rotate_wait, and to its end. */
  async #checkPath(file: FollowedFile): Promise<void> {
    if (file.rotatedMs !== undefined) return;
    const found = await stat(file.path, { bigint: true }).catch(() => undefined);
    if (found && keyOf(idOf(found)) === file.key) return;
    file.rotatedMs = this.#context.clock.monotonicMs();
    this.#files.displace(file);
    const what = found ? 'is another file now' : 'is gone';
    this.#context.log.info(`${file.path} ${what}; what it was is read to its end.`);
    // It may have been written after its last turn and before it was renamed.
    this.#wake(file);
    if (found) void this.#look();
  }
  async #closeRotated(file: FollowedFile): Promise<void> {
    if (this.#mustWait(file)) return;
    const end = await file.turn();
    if (end === 'more') this.#wake(file);
    // What was put aside and cut then is no log any more: what it held is told by its position.
    if (end !== 'end' && end !== 'cut') return;
    this.#pass(file);
    // It may have got a name that is looked for too.
    await this.#look();
    if (file.rotatedMs === undefined) return;
    await file.flush(false);
    const hasName = await file.hasName();
    this.#files.delete(file);
    this.#watching?.forget(file.real);
    await file.close();
    if (this.#files.get(file.key)) return;
    const position = { ...file.state(), goneMs: this.#context.clock.nowMs() };
    // Without a name its inode will be another file's. With one it may be found again, and nothing of it is new then.
    if (hasName && end === 'end') this.#places.leave(file.key, position);
    else {
      this.#places.drop(file.key);
      this.#places.leaveContent({ ...position, name: file.name });
    }
    await this.#note({});
  }
  /** What it held is not there any more: the rest is read where rotation copied it, or is lost; then it is read anew. */
  #startOver(file: FollowedFile): Promise<void> {
    return this.#alone(async () => {
      const { name } = file;
      const content = { ...file.state(), name };
      this.#places.leaveContent(content);
      const { opened, sizes, isIncomplete } = await this.#generations.gather(name);
      const isFound = sizes.size > 0;
      if (!isFound && !isIncomplete) {
        this.#places.dropContent(content);
        this.#places.leaveContent({ ...file.readState, name });
      }
      if (!isIncomplete) this.#generations.settle(name, sizes);
      if (content.position === 0 && opened.length === 0 && !isIncomplete)
        this.#losses.add(file.sizeSeen, `${file.path} was cut before any of it was read`);
      const state = this.#changes();
      for (const one of opened) state[one.key] = one.state();
      await file.startOver(state, !isFound && !isIncomplete);
      this.#chain(opened, name, file);
    });
  }
  /** Takes up what was put aside under a path and is not read, before what lies there now. */
  async #gather(name: string, current: FollowedFile | undefined, listings?: Listings): Promise<void> {
    const { opened, sizes, isIncomplete } = await this.#generations.gather(name, listings);
    if (!isIncomplete) this.#generations.settle(name, sizes);
    if (opened.length > 0) current?.forgetSize();
    this.#chain(opened, name, current);
  }
  #chain(opened: readonly FollowedFile[], name: string, current: FollowedFile | undefined): void {
    for (const file of opened) file.rotatedMs = this.#context.clock.monotonicMs();
    this.#generations.chain(name, current);
    if (!this.#places.isFirstLook) this.#release(current ? [...opened, current] : opened);
  }
  /** What comes before them is known. */
  #release(files: readonly FollowedFile[]): void {
    for (const file of files) {
      file.isHeld = false;
      this.#wake(file);
    }
  }
  /** Takes up new files, and lets go of those that are not wanted any more. */
  async #refresh(): Promise<void> {
    if (this.#places.isFirstLook) return this.#firstLook();
    const wanted = new Set((await this.#look()).map(({ path }) => path));
    this.#watching?.renew(this.#paths.roots());
    for (const [path, file] of this.#files.placed()) {
      if (wanted.has(path)) continue;
      await this.#checkPath(file);
      if (file.rotatedMs !== undefined) continue;
      // It is there, but excluded from now on, or old: read on from here if it is wanted again.
      this.#files.delete(file);
      this.#watching?.forget(file.real);
      await file.close();
      this.#places.leave(file.key, { ...file.state(), goneMs: this.#context.clock.nowMs() });
      await this.#note({});
    }
    this.#positionFile?.unwatchOthers(
      new Set([...this.#files.placed().map(([, { key }]) => key), ...this.#parking.keys()]),
    );
  }
  async #firstLook(): Promise<void> {
    this.#places.lookedMs = this.#context.clock.nowMs();
    await this.#look();
    await this.#alone(() => this.#takeUpRotated());
    this.#places.isFirstLook = false;
    await this.#noteStart();
    await this.#positionFile?.dropOthers();
    for (const file of this.#files.all()) file.isHeld = false;
    if (this.#options.skipRefreshOnStartup) this.#release(this.#files.all());
  }
  /** What was rotated since the last run. */
  async #takeUpRotated(): Promise<void> {
    const { clock, state } = this.#context;
    const { found, gone } = await this.#places.renamed();
    const names = new Set(state.size > 0 ? this.#begun : []);
    for (const renamed of found) {
      // It may be an old inode under a file that is being compressed: known by its bytes alone.
      if (isArchiveName(renamed.path)) {
        names.add(nameOf(renamed.position));
        continue;
      }
      const file = await this.#open(renamed.path, async (seen, contents) =>
        this.#files.get(keyOf(seen.id)) ? undefined : this.#places.resume(renamed, seen, contents, clock.nowMs()),
      );
      if (!file) continue;
      file.rotatedMs = clock.monotonicMs();
      names.add(file.name);
    }
    for (const [key, position] of gone)
      if (position.goneMs === undefined) names.add(nameOf(position));
      else if (clock.nowMs() - position.goneMs > goneMsMax) this.#places.drop(key);
    const listings = listingsFor(names.size);
    for (const name of names) await this.#gather(name, this.#files.at(name), listings);
  }
  /** What the files hold at the start is read before the program says that it is ready, as far as that takes no time. */
  async #firstTurns(): Promise<void> {
    const files = this.#files.all();
    const first = files.filter(({ waitsFor }) => waitsFor === undefined).slice(0, firstTurnsMax);
    const turns = first.map((file) => file.turn(true).catch(() => undefined));
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
  async #look(): Promise<WantedPath[]> {
    let wanted: WantedPath[] = [];
    await this.#alone(async () => {
      const startedMs = this.#context.clock.monotonicMs();
      wanted = await this.#paths.expand();
      this.#wanted = new Set(wanted.map(({ path }) => path));
      const added = wanted.filter(({ path }) => !this.#files.at(path) && !this.#parking.has(path));
      const listings = listingsFor(added.length);
      for (const one of added) {
        if (this.#isStopping) break;
        if (!(await this.#makeRoom())) {
          this.#parking.isShort = true;
          break;
        }
        await this.#follow(one, listings);
      }
      this.#lookTookMs = this.#context.clock.monotonicMs() - startedMs;
    });
    return wanted;
  }
  /**
   * Closes files that lie idle where one more may not be opened. False: all have something to be read, and go first. What
   * was rotated is open for a while only, and is not counted.
   */
  async #makeRoom(): Promise<boolean> {
    if (this.#parking.hasRoom(this.#files.placedCount)) return true;
    for (const file of this.#parking.choose(this.#files.all())) {
      this.#files.delete(file);
      await file.close();
      this.#places.leave(file.key, file.state());
      this.#parking.add({ path: file.path, pattern: file.path }, file);
    }
    return this.#parking.hasRoom(this.#files.placedCount);
  }
  /** A file was read to its end: there is room for one that waits. */
  #useRoom(): void {
    const { isShort, waiting } = this.#parking;
    for (const path of waiting) {
      waiting.delete(path);
      void this.#unpark(path);
      return;
    }
    this.#parking.isShort = false;
    if (isShort) void this.#look();
  }
  /** Opens a file again that changed. */
  #unpark(path: string): Promise<void> {
    return this.#alone(async () => {
      if (this.#isStopping) return;
      if (!(await this.#makeRoom())) {
        this.#parking.waiting.add(path);
        return;
      }
      const wanted = this.#parking.take(path);
      if (wanted && !this.#files.at(path)) await this.#follow(wanted, undefined);
    });
  }
  /** Which files are followed changes in one place at a time. */
  #alone(run: () => Promise<void>): Promise<void> {
    this.#looking = this.#looking
      .then(run)
      .catch((error: unknown) => this.#context.log.error(`looking for files: ${errorText(error)}; it is tried again.`));
    return this.#looking;
  }
  async #follow(wanted: WantedPath, listings: Listings | undefined): Promise<void> {
    const { path } = wanted;
    const file = await this.#open(path, async (seen, contents) => {
      const followed = this.#files.get(keyOf(seen.id));
      if (!followed) return this.#places.begin(wanted, seen, contents);
      await this.#checkPath(followed);
      if (followed.rotatedMs === undefined)
        this.#said.once(path, `it is the same file as ${followed.path}, and read there`);
      else this.#renamed(followed, path);
      return undefined;
    });
    if (!file) return;
    this.#files.place(path, file);
    this.#positionFile?.add(file);
    await this.#watch(file);
    const isBegun = file.position === 0;
    if (this.#places.isFirstLook) {
      if (isBegun) this.#begun.add(path);
    } else if (isBegun) {
      await this.#gather(path, file, listings);
      await this.#note({});
    } else this.#release([file]);
  }
  /** Has the system tell of changes where it is, and where links lead. */
  async #watch(file: FollowedFile): Promise<void> {
    if (!this.#watching) return;
    const { path } = file;
    const real = (file.real = await realpath(path).catch(() => path));
    file.watched = this.#watching.addFor(path);
    if (real === path) return;
    file.watched = [...file.watched, ...this.#watching.addFor(real, path)];
  }
  /** Renamed to a name that is looked for too: the same file, read on. */
  #renamed(file: FollowedFile, path: string): void {
    file.path = path;
    file.rotatedMs = undefined;
    this.#files.place(path, file);
    this.#positionFile?.add(file);
  }
  /** Opens a file unless it is none, cannot be read, or `place` does not want it. */
  async #open(path: string, place: Place): Promise<FollowedFile | undefined> {
    try {
      const found = await stat(path);
      if (!found.isFile()) {
        const what = found.isDirectory() ? 'a directory; write a glob for the files in it' : 'no regular file';
        this.#said.once(path, `it is ${what}`);
        return undefined;
      }
      const file = await FollowedFile.open(this.#rules, path, place);
      if (!file) return undefined;
      this.#said.delete(path);
      this.#places.hand(file.key, file.state());
      this.#files.add(file);
      return file;
    } catch (error) {
      const code = systemCode(error);
      if (code === 'ENOENT') this.#said.missing(path);
      else this.#said.once(path, `it cannot be read (${code ?? errorText(error)}); it is looked at again`);
      return undefined;
    }
  }

  // -------------------------------------------------------------------------------------------------- state

  /** Makes the positions at which it starts durable, so that a crash does not skip what comes from now on. */
  async #noteStart(): Promise<void> {
    const state: Record<string, unknown> = { [patternsKey]: this.#paths.patterns };
    state[startedKey] = this.#context.clock.nowMs();
    for (const file of this.#files.all()) state[file.key] = file.state();
    // A full journal must not keep the program from starting: positions then come with the first records.
    await this.#note(state, () => true);
  }
  #changes(): Record<string, unknown> {
    return { ...this.#places.takeChanges((key) => this.#files.get(key) !== undefined), ...this.#losses.state };
  }
  /** Makes state durable, and what changed of positions of files that are not followed. */
  async #note(state: Readonly<Record<string, unknown>>, isStopping = () => this.#isUrgent): Promise<void> {
    const all = { ...this.#changes(), ...state };
    if (Object.keys(all).length === 0) return;
    const request = { tag: this.#options.tag, records: noRecords, state: all, sync: 'always' } as const;
    await appendPatiently(this.#context, request, isStopping, 'noting positions');
  }

  // -------------------------------------------------------------------------------------------------- small things

  /** What another program read, at the first start; pos_file is opened in any case. */
  async #imported(): Promise<PositionEntry[]> {
    const { db } = this.#options;
    const shown = (await this.#positionFile?.open()) ?? [];
    if (db === undefined || this.#context.state.size > 0) return shown;
    return [...shown, ...(await readDatabase(db, this.#context.log))];
  }
  #placeRules() {
    const { tag, tagRegex, readFromHead } = this.#options;
    const tagParts = tagRegex === undefined ? undefined : compileCapture(tagRegex);
    return { tag, tagParts, readsFromHead: readFromHead };
  }
}
