/**
 * The dispatcher: reads the journal, routes each frame, hands the result to everyone it is for.
 *
 * Each shard has one *shared pass* near its head that reads and routes a frame once for all recipients. A recipient whose
 * queue is full leaves the pass of that shard and *catches up* with a reader of its own; once it has reached the pass
 * and has room again it rejoins. The pass never waits for one recipient; only when no output is level with it does it
 * stand still until one is: routing on would be for the refusals' account alone, and everything would be routed twice.
 * So the pass goes as fast as the fastest output, and a single output costs no second reading.
 *
 * It shares its thread with the HTTP server: it works in slices of sliceMs between turns of the event loop, and under load it
 * looks for news at most every gapMs.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Batch } from '../core/batch.ts';
import type { Clock } from '../core/clock.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { Frame, JournalDirectory, ReadResult, ShardReader } from '../journal/contract.ts';
import type { Recipient, Refusal, Routed, RoutedFrame, Router } from './contract.ts';

/** Longest work between two turns of the event loop: five slices fit into the 10 ms that an answer may take. */
const sliceMs = 2;
/** Shortest time between two looks for news under load: hundreds of postbacks share one pass, and no output waits noticeably. */
const gapMsDefault = 5;
/** Bytes read at once: large enough that reading costs little per record, small enough to decode within a slice. */
const readBytes = 512 * 1024;
/** Wait after a shard could not be read or a configuration not be loaded. */
const troubleMs = 1000;
/** Routers kept by generation. More are only in use while more reloads than this lag behind. */
const routersMax = 16;

export interface DispatcherOptions {
  readonly directory: Pick<JournalDirectory, 'shards' | 'reader'>;
  /**
   * The router of a generation; undefined when its configuration is gone: the current one routes then, said once. `replay`:
   * for a recipient that catches up, on frames that were routed for others before; filters that print must not there.
   */
  readonly routerFor: (
    generation: number,
    pass: 'shared' | 'replay',
  ) => Promise<Router | undefined> | Router | undefined;
  /** The generation that runs. */
  readonly generation: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Shortest time between two looks for news. Default 5 ms; 0 in tests. */
  readonly gapMs?: number;
}

/** A shard and how far its shared pass is. */
interface Lane {
  readonly shard: string;
  position: number;
  reader: ShardReader | undefined;
  /** Read, not yet handed out; begins at `position`. */
  pieces: readonly Piece[];
  troubleUntilMs: number;
  /** A filter waits for something: the shard is left alone until that is there. */
  isWaiting: boolean;
}

/** What a read gives, in offset order. */
type Piece =
  | { readonly kind: 'frame'; readonly frame: Frame; routed?: Routed }
  | { readonly kind: 'lost'; readonly lost: ReadResult['lost'][number] };

/** A recipient and the shards in which it is behind the shared pass. */
interface Member {
  readonly recipient: Recipient;
  readonly lagging: Set<string>;
  readonly readers: Map<string, ShardReader>;
  isCatchingUp: boolean;
  wakeCatchUp: (() => void) | undefined;
}

export class Dispatcher {
  readonly #options: DispatcherOptions;
  readonly #lanes = new Map<string, Lane>();
  readonly #routers = new Map<string, Router>();
  readonly #missing = new Set<number>();
  #members: readonly Member[] = [];
  #ids: ReadonlySet<string> = new Set();
  #generation: number;
  #isStopped = false;
  #isWoken = true;
  #wakeUp: (() => void) | undefined;
  #restedMs: number;
  #sliceBeganMs = 0;
  #running: Promise<void> = Promise.resolve();
  readonly #catchUps = new Set<Promise<void>>();

  constructor(options: DispatcherOptions) {
    this.#options = options;
    this.#generation = options.generation;
    this.#restedMs = options.clock.monotonicMs() - gapMsDefault;
  }
  /** Serves these from now on. Known ones keep their place; set before start(). `generation`: the one that runs now. */
  setRecipients(recipients: readonly Recipient[], generation = this.#generation): void {
    this.#generation = generation;
    const before = new Map(this.#members.map((member) => [member.recipient, member]));
    this.#members = recipients.map((recipient) => before.get(recipient) ?? this.#join(recipient));
    this.#ids = new Set(recipients.map((recipient) => recipient.id));
    for (const [recipient, member] of before) if (!recipients.includes(recipient)) member.wakeCatchUp?.();
    for (const member of this.#members) this.#startCatchUp(member);
    this.wake();
  }
  /** Starts to read. */
  start(): void {
    this.#running = this.#run();
  }
  /** Something may be there to read. Cheap; call it on every news of the journal. */
  wake(): void {
    const wasWoken = this.#isWoken;
    this.#isWoken = true;
    if (!wasWoken) this.#scheduleWake();
  }
  /** Reads no more; resolves when all readers are closed. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#wakeUp?.();
    for (const member of this.#members) member.wakeCatchUp?.();
    await this.#running;
    await Promise.all(this.#catchUps);
    for (const lane of this.#lanes.values()) await lane.reader?.close();
  }

  #join(recipient: Recipient): Member {
    const member: Member = {
      recipient,
      lagging: new Set(),
      readers: new Map(),
      isCatchingUp: false,
      wakeCatchUp: undefined,
    };
    for (const lane of this.#lanes.values())
      if (recipient.next(lane.shard, this.#firstOffset(lane.shard)) < lane.position) member.lagging.add(lane.shard);
    recipient.onRoom(() => {
      member.wakeCatchUp?.();
      this.wake();
    });
    return member;
  }
  #firstOffset(shard: string): number {
    return this.#options.directory.shards().find((other) => other.shard === shard)?.firstOffset ?? 0;
  }

  // ------------------------------------------------------------------------------------------------ shared pass

  async #run(): Promise<void> {
    while (!this.#isStopped) {
      this.#isWoken = false;
      this.#wakeUp = undefined;
      const hasMore = await this.#sweep();
      for (const member of this.#members) member.recipient.endSlice();
      if (this.#isStopped) break;
      if (hasMore) await nextTurn();
      else await this.#rest();
      this.#sliceBeganMs = this.#options.clock.monotonicMs();
    }
  }
  #rest(): Promise<void> {
    this.#restedMs = this.#options.clock.monotonicMs();
    return new Promise((resolve) => {
      this.#wakeUp = resolve;
      // News came during the sweep: not at once, so that a busy journal is read in bunches.
      if (this.#isWoken) this.#scheduleWake();
    });
  }
  #scheduleWake(): void {
    const wakeUp = this.#wakeUp;
    if (!wakeUp) return;
    const { clock, gapMs = gapMsDefault } = this.#options;
    const leftMs = this.#restedMs + gapMs - clock.monotonicMs();
    if (leftMs <= 0) setImmediate(wakeUp);
    else clock.after(leftMs, wakeUp);
  }
  /** One read of every shard that has more. False: all were read to their ends, or wait for an output. */
  async #sweep(): Promise<boolean> {
    let hasMore = false;
    const infos = this.#options.directory.shards();
    for (const { shard, firstOffset, durableOffset, isSealed } of infos) {
      const lane = this.#lanes.get(shard) ?? this.#openLane(shard, firstOffset);
      if (lane.position >= durableOffset) {
        if (isSealed) await this.#closeReader(lane);
        continue;
      }
      if (this.#isStopped) return false;
      if (!this.#isWanted(shard) || lane.troubleUntilMs > this.#options.clock.monotonicMs()) continue;
      if (lane.isWaiting) continue;
      if (await this.#advance(lane, durableOffset)) hasMore = true;
    }
    if (this.#lanes.size > infos.length) await this.#forgetGone(new Set(infos.map((info) => info.shard)));
    return hasMore;
  }
  /** Begins where the most advanced recipient is: the others catch up to it. */
  #openLane(shard: string, firstOffset: number): Lane {
    const nexts = this.#members.map(({ recipient }) => recipient.next(shard, firstOffset));
    const position = Math.max(firstOffset, ...nexts);
    const lane: Lane = { shard, position, reader: undefined, pieces: [], troubleUntilMs: -Infinity, isWaiting: false };
    this.#lanes.set(shard, lane);
    for (const [i, member] of this.#members.entries())
      if ((nexts[i] as number) < position) {
        member.lagging.add(shard);
        this.#startCatchUp(member);
      }
    return lane;
  }
  /** Is there an output in the pass of this shard? Without any outputs it goes on for the account of refusals. */
  #isWanted(shard: string): boolean {
    let hasOutputs = false;
    for (const { recipient, lagging } of this.#members) {
      if (recipient.takesRefusals) continue;
      if (!lagging.has(shard)) return true;
      hasOutputs = true;
    }
    return !hasOutputs;
  }
  /** Reads once and hands out. True: there is more to read now. */
  async #advance(lane: Lane, durableOffset: number): Promise<boolean> {
    if (lane.pieces.length === 0 && !(await this.#read(lane, durableOffset))) return false;
    for (let i = 0; i < lane.pieces.length; i++) {
      const piece = lane.pieces[i] as Piece;
      const router = piece.kind === 'frame' ? await this.#router(piece.frame.generation, 'shared') : undefined;
      if (piece.kind === 'frame' && !router) {
        lane.pieces = lane.pieces.slice(i);
        this.#trouble(lane);
        return false;
      }
      this.#dismissFull(lane, piece);
      const isRouted = this.#isWanted(lane.shard) && !this.#isStopped && this.#isRouted(lane, piece, router);
      if (!isRouted) {
        lane.pieces = lane.pieces.slice(i);
        return false;
      }
      this.#handOut(lane, piece);
      await this.#pauseWhenDue();
    }
    lane.pieces = [];
    return lane.position < durableOffset;
  }
  /** False: it could not be read now. */
  async #read(lane: Lane, durableOffset: number): Promise<boolean> {
    try {
      lane.reader ??= await this.#options.directory.reader(lane.shard);
      const result = await lane.reader.read(lane.position, durableOffset, readBytes);
      lane.pieces = piecesOf(result);
      if (lane.pieces.length === 0) lane.position = Math.max(lane.position, result.next);
      return true;
    } catch (error) {
      this.#logTrouble(lane, error);
      this.#trouble(lane);
      return false;
    }
  }
  /** Members without room, and those that want this frame routed otherwise, leave the pass before it. */
  #dismissFull(lane: Lane, piece: Piece): void {
    for (const member of this.#members) {
      if (member.lagging.has(lane.shard)) continue;
      const isOld = piece.kind === 'frame' && member.recipient.backfillGeneration > piece.frame.generation;
      if (member.recipient.hasRoom() && !isOld) continue;
      member.lagging.add(lane.shard);
      this.#startCatchUp(member);
    }
  }
  /** Routes a frame, once. False: a filter has to wait; the shard goes on when it need not any more. */
  #isRouted(lane: Lane, piece: Piece, router: Router | undefined): boolean {
    if (piece.kind === 'lost' || !router || isEmpty(piece.frame)) return true;
    piece.routed = piece.routed ? (piece.routed.waiting?.again() ?? piece.routed) : routedBy(router, piece.frame);
    const { waiting } = piece.routed;
    if (!waiting) return true;
    lane.isWaiting = true;
    void waiting.ready.then(() => {
      lane.isWaiting = false;
      this.wake();
    });
    return false;
  }
  #handOut(lane: Lane, piece: Piece): void {
    const { shard } = lane;
    if (piece.kind === 'lost') {
      lane.position = Math.max(lane.position, piece.lost.to);
      this.#logLost(shard, piece.lost);
      for (const { recipient, lagging } of this.#members)
        if (!lagging.has(shard)) recipient.acceptLost(shard, piece.lost);
      return;
    }
    const frame = frameOf(shard, piece.frame);
    lane.position = Math.max(lane.position, frame.to);
    if (!piece.routed) return;
    const routed = this.#withOrphans(piece.routed);
    const made = withMade(frame, piece.frame, routed);
    for (const { recipient, lagging } of this.#members) if (!lagging.has(shard)) hand(recipient, made, routed);
  }
  #withOrphans(routed: Routed): Routed {
    if (routed.emissions.every(({ output }) => this.#ids.has(output))) return routed;
    // An output that was closed after it had drained: a frame of its time that comes this late is kept, not lost.
    const orphans = routed.emissions.filter(({ output }) => !this.#ids.has(output));
    const refusals = orphans.map(({ output, batch }) => ({ reason: `no_output: ${output}`, batch, isKept: true }));
    return { emissions: routed.emissions, refusals: [...routed.refusals, ...refusals] };
  }
  async #pauseWhenDue(): Promise<void> {
    const { clock } = this.#options;
    if (clock.monotonicMs() - this.#sliceBeganMs < sliceMs) return;
    for (const member of this.#members) member.recipient.endSlice();
    await nextTurn();
    this.#sliceBeganMs = clock.monotonicMs();
  }
  /** Leaves the lane alone for a while. */
  #trouble(lane: Lane): void {
    const { clock } = this.#options;
    lane.troubleUntilMs = clock.monotonicMs() + troubleMs;
    clock.after(troubleMs, () => this.wake());
  }
  #logTrouble(lane: Lane, error: unknown, id?: string): void {
    const reading = id === undefined ? `reading shard ${lane.shard}` : `reading shard ${lane.shard} for output ${id}`;
    this.#options.log.error(
      { shard: lane.shard, ...(id === undefined ? {} : { output: id }) },
      `${reading}: ${errorText(error)}; trying again in ${troubleMs} ms`,
    );
  }
  #logLost(shard: string, { from, to, reason }: ReadResult['lost'][number], id?: string): void {
    const why = reason === 'deleted' ? 'their files were deleted by somebody else' : 'their frames are damaged';
    this.#options.log.error(
      { shard, from, to, reason, ...(id === undefined ? {} : { output: id }) },
      `${to - from} records of shard ${shard} are lost${id === undefined ? '' : ` for output ${id}`}: ${why}; they are counted as refused`,
    );
  }
  async #closeReader(lane: Lane): Promise<void> {
    const { reader } = lane;
    lane.reader = undefined;
    await reader?.close();
  }
  async #forgetGone(known: ReadonlySet<string>): Promise<void> {
    for (const lane of this.#lanes.values()) {
      if (known.has(lane.shard)) continue;
      this.#lanes.delete(lane.shard);
      await this.#closeReader(lane);
      for (const { recipient, lagging } of this.#members) {
        lagging.delete(lane.shard);
        recipient.forget(lane.shard);
      }
    }
  }

  // ------------------------------------------------------------------------------------------------ catching up

  #startCatchUp(member: Member): void {
    if (member.isCatchingUp || member.lagging.size === 0 || this.#isStopped) return;
    member.isCatchingUp = true;
    const run = this.#catchUp(member).finally(() => {
      member.isCatchingUp = false;
      this.#catchUps.delete(run);
      this.#startCatchUp(member);
    });
    this.#catchUps.add(run);
  }
  async #catchUp(member: Member): Promise<void> {
    // Not within the call that found the member lagging: that one is in the middle of a frame.
    await nextTurn();
    while (member.lagging.size > 0 && !this.#isStopped && this.#members.includes(member)) {
      if (!member.recipient.hasRoom()) {
        await this.#waitFor(member);
        continue;
      }
      const [shard] = member.lagging;
      const lane = shard === undefined ? undefined : this.#lanes.get(shard);
      if (!lane) {
        if (shard !== undefined) member.lagging.delete(shard);
        continue;
      }
      await this.#catchUpOnce(member, lane);
      member.recipient.endSlice();
      await nextTurn();
    }
    for (const reader of member.readers.values()) await reader.close();
    member.readers.clear();
  }
  async #catchUpOnce(member: Member, lane: Lane): Promise<void> {
    const { recipient } = member;
    const from = recipient.next(lane.shard, this.#firstOffset(lane.shard));
    if (from >= lane.position) {
      member.lagging.delete(lane.shard);
      await member.readers.get(lane.shard)?.close();
      member.readers.delete(lane.shard);
      this.wake();
      return;
    }
    const pieces = await this.#readFor(member, lane, from);
    for (const piece of pieces ?? []) {
      if (!recipient.hasRoom() || this.#isStopped || !this.#members.includes(member)) return;
      if (!(await this.#replay(member, lane.shard, piece))) break;
    }
    // It could not be read, or not be routed.
    if (recipient.next(lane.shard, from) === from) await this.#waitFor(member, troubleMs);
  }
  async #readFor(member: Member, lane: Lane, from: number): Promise<readonly Piece[] | undefined> {
    try {
      let reader = member.readers.get(lane.shard);
      if (!reader) {
        reader = await this.#options.directory.reader(lane.shard);
        member.readers.set(lane.shard, reader);
      }
      return piecesOf(await reader.read(from, lane.position, readBytes));
    } catch (error) {
      this.#logTrouble(lane, error, member.recipient.id);
      return undefined;
    }
  }
  /** Waits until the recipient has room (or the dispatcher stops), or for waitMs. */
  async #waitFor(member: Member, waitMs?: number): Promise<void> {
    await new Promise<void>((resolve) => {
      member.wakeCatchUp = resolve;
      if (waitMs !== undefined) this.#options.clock.after(waitMs, resolve);
    });
    member.wakeCatchUp = undefined;
  }
  /** False: there is no router for it now, or it is not wanted any more. */
  async #replay(member: Member, shard: string, piece: Piece): Promise<boolean> {
    const { recipient } = member;
    if (piece.kind === 'lost') {
      this.#logLost(shard, piece.lost, recipient.id);
      recipient.acceptLost(shard, piece.lost);
      return true;
    }
    const router = await this.#router(Math.max(piece.frame.generation, recipient.backfillGeneration), 'replay');
    if (!router) return false;
    const frame = frameOf(shard, piece.frame);
    // Frames of generations that do not know the output need not be routed to tell that they pass.
    if (frame.to === frame.from) return true;
    if (!recipient.takesRefusals && !router.outputs.has(recipient.id)) recipient.accept(frame, undefined, none);
    else {
      const routed = await this.#routedWhenReady(member, router, piece.frame);
      if (!routed) return false;
      hand(recipient, withMade(frame, piece.frame, routed), this.#withOrphans(routed));
    }
    await this.#pauseWhenDue();
    return true;
  }

  /** Undefined: the dispatcher stopped, or the member left, while a filter waited. */
  async #routedWhenReady(member: Member, router: Router, frame: Frame): Promise<Routed | undefined> {
    let routed = routedBy(router, frame);
    while (routed.waiting) {
      const { ready } = routed.waiting;
      await new Promise<void>((resolve) => {
        member.wakeCatchUp = resolve;
        void ready.then(() => resolve());
      });
      member.wakeCatchUp = undefined;
      if (this.#isStopped || !this.#members.includes(member)) return undefined;
      routed = routed.waiting.again();
    }
    return routed;
  }

  // ------------------------------------------------------------------------------------------------ routers

  /** Undefined: it cannot be loaded now. */
  #router(generation: number, pass: 'shared' | 'replay'): Router | Promise<Router | undefined> {
    return this.#routers.get(`${generation}:${pass}`) ?? this.#loadRouter(generation, pass);
  }
  async #loadRouter(generation: number, pass: 'shared' | 'replay'): Promise<Router | undefined> {
    const { log, routerFor } = this.#options;
    let router: Router | undefined;
    try {
      router = await routerFor(generation, pass);
    } catch (error) {
      log.error({ generation }, `loading configuration ${generation}: ${errorText(error)}; its records wait`);
      return undefined;
    }
    if (!router) {
      if (generation === this.#generation) {
        log.error({ generation }, `loading the running configuration ${generation}: it is not kept; its records wait`);
        return undefined;
      }
      if (!this.#missing.has(generation))
        log.error(
          { generation },
          `routing records of configuration ${generation}: it is no longer kept; the running configuration ${this.#generation} routes them`,
        );
      this.#missing.add(generation);
      router = await this.#router(this.#generation, pass);
      if (!router) return undefined;
    }
    if (this.#routers.size >= routersMax) {
      const [oldest] = this.#routers.keys();
      if (oldest !== undefined) this.#routers.delete(oldest);
    }
    this.#routers.set(`${generation}:${pass}`, router);
    if (generation === this.#generation) this.#members = inOrderOf(router, this.#members);
    return router;
  }
}

function piecesOf(result: ReadResult): Piece[] {
  const pieces: Piece[] = result.frames.map((frame) => ({ kind: 'frame', frame }));
  if (result.lost.length === 0) return pieces;
  pieces.push(...result.lost.map((lost) => ({ kind: 'lost', lost }) as const));
  const start = (piece: Piece): number =>
    piece.kind === 'lost' ? piece.lost.from : piece.frame.block.parts.firstOffset;
  return pieces.sort((a, b) => start(a) - start(b));
}

/** Per record, besides its payload: times, bounds and flags of the block (17 bytes), and what parts and rows cost. */
const recordOverheadBytes = 32;
/** Per frame: the objects around it. */
const frameOverheadBytes = 512;

function frameOf(shard: string, { block }: Frame): RoutedFrame {
  const { firstOffset, appendMs, payload } = block.parts;
  const bytes = payload.length + block.count * recordOverheadBytes + frameOverheadBytes;
  return { shard, from: firstOffset, to: firstOffset + block.count, appendMs, bytes };
}

/** Filters may have made blocks of their own, which stay in memory too. */
function withMade(frame: RoutedFrame, { block }: Frame, { emissions }: Routed): RoutedFrame {
  if (emissions.every(({ batch }) => batch.block === block)) return frame;
  const made = new Set(emissions.map(({ batch }) => (batch.block.shared ?? batch.block.parts).payload));
  made.delete(block.parts.payload);
  let { bytes } = frame;
  for (const payload of made) bytes += payload.length;
  return { ...frame, bytes };
}

/** Recipients in the order in which a record meets their outputs: what one frame gives several of them leaves in that order. */
function inOrderOf(router: Router, members: readonly Member[]): readonly Member[] {
  const places = new Map([...router.outputs].map((id, place) => [id, place]));
  const placeOf = ({ recipient }: Member): number => places.get(recipient.id) ?? places.size;
  return [...members].sort((a, b) => placeOf(a) - placeOf(b));
}

const none: readonly Refusal[] = [];

function isEmpty({ block }: Frame): boolean {
  return block.count === 0;
}

function routedBy(router: Router, { tag, block }: Frame): Routed {
  return router.route(Batch.of(tag, block));
}

function hand(recipient: Recipient, frame: RoutedFrame, routed: Routed): void {
  if (recipient.takesRefusals) {
    recipient.accept(frame, undefined, routed.refusals);
    return;
  }
  let batches: Batch[] | undefined;
  for (const { output, batch } of routed.emissions) if (output === recipient.id) (batches ??= []).push(batch);
  recipient.accept(frame, batches, none);
}
