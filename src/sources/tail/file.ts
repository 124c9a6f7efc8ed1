/**
 * One file that is followed: reads it in pieces and appends their records together with its position.
 *
 * Invariants
 * - `#position` is what the journal holds; bytes before it are in records or refused, none behind it are.
 * - One piece is under way at a time. If it fails anywhere, reading goes back to `#position`.
 */
import type { SourceContext } from '../../core/plugin.ts';
import { errorText } from '../../core/errors.ts';
import { appendPatiently, noRecords, sliceRecords } from './appending.ts';
import { openContents } from './archive.ts';
import { holdsSame, holeEnd, readHead } from './contents.ts';
import type { Contents, Seen } from './contents.ts';
import { JoinedLines } from './joined-lines.ts';
import { Joiner } from './joiner.ts';
import type { Allowance } from './limits.ts';
import { LineReader, readFoot } from './line-reader.ts';
import type { LineTaker, ReadPlace, ReaderRules } from './line-reader.ts';
import { emptyHead, headBytesMax, headOf, keyOf } from './position.ts';
import type { FileId, Head, JoinedPlace, Position } from './position.ts';
import { LineBatch, cutKey, partKey } from './records.ts';
import type { LineRules, Run, Span } from './records.ts';
import { largeBytes } from './turns.ts';
import type { LargeTurns } from './turns.ts';

/** Of a record that the journal does not take so much is kept with the dead letters. */
const refusedBytesMax = 64 * 1024;

/** What all files of a source share. */
export interface FileRules extends LineRules, ReaderRules {
  readonly context: SourceContext;
  /** True when nothing may wait any more. */
  readonly isStopping: () => boolean;
  /** Counts records that multiline parsers cut at their limit. */
  readonly cut: (count: number) => void;
  readonly allowance: (path: string) => Allowance | undefined;
  readonly largeTurns: LargeTurns;
}

/** Which file, and where in it to begin. */
export interface FileStart extends FileId {
  readonly path: string;
  /** The path its records carry: another one where it was renamed since. */
  readonly name: string;
  readonly tag: string;
  readonly position: number;
  readonly head: Head;
  readonly part?: number | undefined;
  readonly joined?: JoinedPlace | undefined;
  readonly sinceMs: number;
}

/** A file as it was found: decides where to begin. Undefined: it is not followed. */
export type Place = (seen: Seen, contents: Contents) => Promise<FileStart | undefined>;

/**
 * `more`: there is more to read now. `later`: too, but not yet by a limit. `end`: everything was taken. `cut`: it does not
 * hold any more what was read of it; it waits for `startOver`.
 */
export type TurnEnd = 'more' | 'later' | 'end' | 'cut';

/** Where to go on, and what behind that is in the journal already. */
interface FilePlace extends ReadPlace {
  readonly joined?: JoinedPlace | undefined;
}

const noRun: Run = { records: noRecords, ends: [], spans: [] };
const beginning: FilePlace = { at: 0, parts: 0, foot: Buffer.alloc(0) };

export class FollowedFile {
  readonly key: string;
  readonly inode: bigint;
  readonly name: string;
  readonly tag: string;
  /** Where it is now. */
  path: string;
  /** When its path was found to lead elsewhere, in monotonic time. */
  rotatedMs: number | undefined;
  /** Directories of which the system tells when it changes. */
  watched: readonly string[] = [];
  /** Where its path led, links resolved, when it was found. */
  real = '';
  /** What was under its path before; it is read to its end first. */
  waitsFor: FollowedFile | undefined;
  /** Whether something comes before it is not known yet. */
  isHeld = true;
  /** What was read of it is not there any more. */
  isCut = false;
  /** It was read to its end after its path led elsewhere: what came behind it under its path may be read. */
  isPassed = false;
  readonly #rules: FileRules;
  readonly #contents: Contents;
  readonly #reader: LineReader;
  readonly #joiner: Joiner | undefined;
  /** What multiline parsers join. */
  readonly #lines: JoinedLines | undefined;
  readonly #allowance: Allowance | undefined;
  /** Where reading goes on from #position. */
  #place: FilePlace;
  #head: Head;
  #born: string | undefined;
  readonly #sinceMs: number;
  #sizeSeen: number;
  #isEmpty = false;
  /** When it was last written, as seen; and as it was when it was last read. */
  modifiedMs: number;
  #readMs = 0;
  /** Bytes behind it are not read. */
  #until = Number.POSITIVE_INFINITY;
  #isGivenUp = false;
  #isClosed = false;
  #hasSaidProblem = false;
  /** Of what is read in this turn: another one where it is over a limit. */
  #tagNow: string;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(rules: FileRules, contents: Contents, start: FileStart, seen: Seen, foot: Buffer) {
    this.#rules = rules;
    this.#contents = contents;
    this.key = keyOf(start);
    this.inode = start.inode;
    this.path = start.path;
    this.name = start.name;
    this.tag = this.#tagNow = start.tag;
    this.#place = { at: start.position, parts: start.part ?? 0, foot, joined: start.joined };
    this.#sizeSeen = seen.size;
    this.modifiedMs = seen.modifiedMs;
    this.#head = start.head;
    this.#born = start.born;
    this.#sinceMs = start.sinceMs;
    this.#reader = new LineReader(contents, rules, this.#place);
    this.#joiner = rules.parser.isMultiline === true ? new Joiner(rules.parser) : undefined;
    this.#lines = rules.joining && new JoinedLines(rules.joining, start.joined);
    this.#allowance = rules.allowance(start.name);
  }
  /** Opens the file at a path and begins where `place` says. */
  static async open(rules: FileRules, path: string, place: Place): Promise<FollowedFile | undefined> {
    const contents = await openContents(path);
    try {
      const seen = await contents.seen();
      const start = await place(seen, contents);
      if (start) return new FollowedFile(rules, contents, start, seen, await readFoot(contents, start.position));
    } catch (error) {
      await contents.close();
      throw error;
    }
    await contents.close();
    return undefined;
  }
  get position(): number {
    return this.#place.at;
  }
  /** How large it was when it was last looked at. */
  get sizeSeen(): number {
    return this.#sizeSeen;
  }
  /** True when nothing of it waits to be read, as far as is known. */
  get isIdle(): boolean {
    if (this.rotatedMs !== undefined || this.waitsFor || this.isCut || this.#joiner?.isHolding === true) return false;
    return this.isReadTo(this.#sizeSeen) && (this.position > 0 || this.#isEmpty);
  }
  /** True when a file of that size has nothing that was not read. */
  isReadTo(size: number): boolean {
    return this.#reader.at === size;
  }
  /** When the last line of a record that is not complete came, in monotonic time; undefined when none waits. */
  get heldSinceMs(): number | undefined {
    return this.#joiner?.heldSinceMs;
  }
  /** When flushDue has something to do, in monotonic time. */
  get dueMs(): number | undefined {
    return this.#lines?.dueMs;
  }
  /** How far it was read, as it goes into the journal. */
  state({ at, parts, foot, joined }: FilePlace = this.#place): Position {
    const { path, name } = this;
    return {
      path,
      ...(name !== path && { name }),
      position: at,
      head: this.#head,
      ...(foot.length > 0 && { foot: headOf(foot) }),
      ...(this.#sizeSeen > at && { seen: this.#sizeSeen }),
      sinceMs: this.#sinceMs,
      ...(parts > 0 && { part: parts }),
      ...(joined && { joined }),
      ...(this.#born !== undefined && { born: this.#born }),
    };
  }
  /** Reads a piece and appends what it gave. `isAwaited`: somebody waits, so the journal syncs at once. */
  turn(isAwaited = false): Promise<TurnEnd> {
    return this.#alone<TurnEnd>(async () => {
      const { id, size, modifiedMs } = await this.#contents.seen();
      this.#born ??= id.born;
      const { at } = this.#reader;
      // As large as before, but written: by somebody who cut it first, perhaps.
      const sizeMin = at === 0 ? this.#sizeSeen : at;
      if (size < sizeMin || (size === at && modifiedMs !== this.#readMs && !(await this.#reader.isSame())))
        return this.#seeCut();
      this.modifiedMs = this.#readMs = modifiedMs;
      const sizeBefore = this.#sizeSeen;
      this.#sizeSeen = size;
      this.#isEmpty = size === 0;
      const allowed = this.#allowance?.bytesNow() ?? Number.POSITIVE_INFINITY;
      const until = Math.min(size, this.#until);
      const isLarge = until - at >= largeBytes;
      const read = (bytesMax: number) => this.#read(until, Math.min(bytesMax, allowed), isAwaited);
      const end = await (isLarge ? this.#rules.largeTurns.take(read) : read(allowed));
      // What is there now is not what was cut.
      if (end === 'cut') this.#sizeSeen = sizeBefore;
      return end;
    }, 'end');
  }
  async #read(until: number, bytesMax: number, isAwaited: boolean): Promise<TurnEnd> {
    const { at } = this.#reader;
    const batch = this.#batch();
    this.#tagNow = this.#allowance?.tagNow(this.tag) ?? this.tag;
    let end: TurnEnd = at < until ? 'more' : 'end';
    if (end === 'more' && bytesMax > 0) {
      end = await this.#reader.read(this.#taker(batch), until, bytesMax);
      this.#lines?.end(batch, this.#rules.context.clock.monotonicMs());
      this.#allowance?.used(this.#reader.at - at, batch.lines);
    }
    if (end === 'cut') return this.#seeCut();
    await this.#commit(batch, end === 'more' || isAwaited);
    return end === 'more' && this.#allowance?.bytesNow() === 0 ? 'later' : end;
  }
  /**
   * Reads from its head after it was cut. `state` becomes durable in one step with that. `takesHeld`: what waits for
   * further lines is a record; it is not read again elsewhere.
   */
  async startOver(state: Readonly<Record<string, unknown>>, takesHeld: boolean): Promise<void> {
    await this.#alone(async () => {
      const batch = this.#batch();
      if (takesHeld) this.#joiner?.flush(batch, false);
      else this.#joiner?.forget();
      if (takesHeld) this.#lines?.flush(batch);
      this.#lines?.goBack(undefined);
      const at = await holeEnd(this.#contents, this.#reader.at);
      this.#reader.goTo({ ...beginning, at });
      this.#head = emptyHead;
      this.#sizeSeen = this.#readMs = 0;
      await this.#commit(batch, true, state);
      this.isCut = false;
    }, undefined);
  }
  /** Takes a record of several lines that waits for its next line as complete; when `mustParse` only if it parses. */
  async flush(mustParse: boolean): Promise<void> {
    await this.#alone(async () => {
      const batch = this.#batch();
      // What multiline parsers hold is read again at the next start.
      if (!mustParse) this.#lines?.flush(batch);
      const isFlushed = this.#joiner?.flush(batch, mustParse) === true;
      if (isFlushed || this.#lines) await this.#commit(batch, true);
    }, undefined);
  }
  /** Takes what multiline parsers hold as complete, where no line came for too long. */
  async flushDue(nowMs: number): Promise<void> {
    await this.#alone(async () => {
      const batch = this.#batch();
      this.#lines?.flushDue(batch, nowMs);
      await this.#commit(batch, false);
    }, undefined);
  }
  /** From now on only what it holds now is read. */
  async freeze(): Promise<void> {
    this.#until = (await this.#contents.seen()).size;
  }
  /** True while a name leads to it. */
  async hasName(): Promise<boolean> {
    return (await this.#contents.seen()).hasName;
  }
  /** Nothing was read of it, and what it held may lie elsewhere by now: its size says nothing. */
  forgetSize(): void {
    if (this.position > 0) return;
    this.#sizeSeen = 0;
    this.#isEmpty = false;
  }
  /** What was read of it, lines that wait for further ones among them. */
  get readState(): Position {
    return this.state(this.#reader.place);
  }
  /**
   * What a file beside it has of it. `part`: less than was read of it, as a copy that is being made. `all`: nothing that it
   * does not hold itself, or what is taken up once it is seen that this one was cut. `other`: it is another file, whatever
   * both begin with.
   */
  async compare(seen: Seen, other: Contents): Promise<'part' | 'all' | 'other'> {
    // Copies are made later.
    const isOlder = this.#born !== undefined && seen.id.born !== undefined && BigInt(seen.id.born) < BigInt(this.#born);
    if (this.isCut || isOlder) return 'other';
    const { size } = await this.#contents.seen();
    if (seen.size <= size && (await this.#beginsAs(other, seen.size)))
      return seen.size < this.position ? 'part' : 'all';
    if (this.position === 0 || seen.size < this.position) return 'other';
    const state = this.state();
    const isWhole = size >= this.position && (await holdsSame(this.#contents, state));
    return !isWhole && (await holdsSame(other, state)) ? 'all' : 'other';
  }
  /** Are the bytes of another file the first ones of this one? By its first and its last ones. */
  async #beginsAs(other: Contents, otherBytes: number): Promise<boolean> {
    const foot = await readFoot(other, otherBytes);
    if (!(await readFoot(this.#contents, otherBytes)).equals(foot)) return false;
    return (await readHead(this.#contents, otherBytes)).hash === (await readHead(other, otherBytes)).hash;
  }
  async close(): Promise<void> {
    await this.#last;
    if (this.#isClosed) return;
    this.#isClosed = this.#isGivenUp = true;
    this.#allowance?.close();
    await this.#contents.close();
  }

  /** Runs behind what is under way; after a failure reading goes back to what the journal holds. */
  #alone<T>(run: () => Promise<T>, otherwise: T): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#isGivenUp) return otherwise;
      try {
        return await run();
      } catch (error) {
        this.#reader.goTo(this.#place);
        this.#joiner?.forget();
        this.#lines?.goBack(this.#place.joined);
        throw error;
      }
    });
    this.#last = result.catch(() => undefined);
    return result;
  }
  #batch(): LineBatch {
    return new LineBatch(this.#rules, this.name, this.#rules.context.clock.now());
  }
  #taker(batch: LineBatch): LineTaker {
    const joiner = this.#joiner;
    const lines = this.#lines;
    const nowMs = this.#rules.context.clock.monotonicMs();
    return {
      line(piece, from, until, at, bytes) {
        if (joiner && !lines) {
          const endsInCr = bytes === until - from + 2 && piece[until] === 13;
          joiner.add(piece.subarray(from, until), at, bytes, batch, nowMs, endsInCr);
        } else {
          const line = { piece, from, until, start: at, end: at + bytes };
          if (lines) lines.add(line, batch, nowMs);
          else batch.addLine(line);
        }
      },
      part(part, end, number) {
        joiner?.flush(batch, false);
        lines?.complete(batch, nowMs);
        batch.add(part, end - part.length, end, { key: partKey, value: number });
      },
      tooLong: (start, at, bytes) => {
        if (!this.#rules.cutsLong)
          batch.refuse(
            'line_too_long',
            start,
            `a line of ${bytes} bytes; max_line_size is ${this.#rules.lineBytesMax}`,
          );
        else {
          joiner?.flush(batch, false);
          lines?.complete(batch, nowMs);
          batch.add(start, at, at + bytes, { key: cutKey, value: bytes });
        }
      },
    };
  }
  #seeCut(): TurnEnd {
    this.isCut = true;
    return 'cut';
  }
  /** Makes durable what a piece gave: first what is refused, then records with the position behind them. */
  async #commit(batch: LineBatch, isUrgent: boolean, state?: Readonly<Record<string, unknown>>): Promise<void> {
    batch.parse();
    for (const { reason, raw, problem } of batch.refused) await this.#refuse(reason, raw, problem);
    if (batch.cut > 0) this.#rules.cut(batch.cut);
    const runs = batch.runs();
    const place = this.#placeBehind([]);
    if (runs.length === 0 && place.at === this.#place.at && isSame(place.joined, this.#place.joined) && !state) return;
    if (this.#head.bytes < headBytesMax && this.#reader.at > this.#head.bytes)
      this.#head = await readHead(this.#contents, this.#reader.at);
    if (runs.length === 0) runs.push(noRun);
    for (const [index, run] of runs.entries()) {
      const isLast = index === runs.length - 1;
      const unwritten = runs.slice(index + 1).flatMap(({ spans }) => spans.flat());
      const end = isLast ? place : this.#placeBehind(unwritten, run.ends.at(-1));
      if (!(await this.#append(run, end, unwritten, isUrgent || !isLast, isLast ? state : undefined))) return;
    }
    batch.release();
    // Lines that wait for further ones are views of it.
    if (!this.#lines) this.#reader.release();
  }
  /** Where to go on once all is in the journal but what waits and `unwritten`; `end`: up to where it is, when no lines are joined. */
  #placeBehind(unwritten: readonly Span[], end?: number): FilePlace {
    if (this.#lines) {
      const { at, joined } = this.#lines.behind(unwritten, this.#reader.at);
      return { ...(at === this.#reader.at ? this.#reader.place : { ...beginning, at }), joined };
    }
    const at = end ?? this.#joiner?.heldFrom;
    return at === undefined ? this.#reader.place : { ...beginning, at };
  }
  /** Appends a run with the place behind it. False: the program stops, and nothing more is read. */
  async #append(
    run: Run,
    place: FilePlace,
    unwritten: readonly Span[],
    isUrgent: boolean,
    others?: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    const state = { ...others, [this.key]: this.state(place) };
    const sync = isUrgent ? 'always' : 'interval';
    const { context, isStopping } = this.#rules;
    const request = { tag: this.#tagNow, records: run.records, state, sync } as const;
    const answer = await appendPatiently(context, request, isStopping, this.path);
    switch (answer) {
      case 'taken':
        this.#place = place;
        return true;
      case 'closed':
        this.#isGivenUp = true;
        return false;
      default:
        return this.#appendHalves(run, place, unwritten, others);
    }
  }
  /** For records that the journal does not take together: the one that it does not take alone is refused. */
  async #appendHalves(
    run: Run,
    place: FilePlace,
    unwritten: readonly Span[],
    others?: Readonly<Record<string, unknown>>,
  ): Promise<boolean> {
    const count = run.ends.length;
    if (count <= 1) {
      const raw = Buffer.from(run.records.payloads[0] ?? '').subarray(0, refusedBytesMax);
      await this.#refuse('record_too_large', raw, 'the record is larger than the journal takes');
      return this.#append(noRun, place, unwritten, true, others);
    }
    const half = Math.floor(count / 2);
    const [first, second] = [sliceRun(run, 0, half), sliceRun(run, half, count)];
    const later = [...second.spans.flat(), ...unwritten];
    const middle = this.#placeBehind(later, first.ends.at(-1));
    return (await this.#append(first, middle, later, true)) && this.#append(second, place, unwritten, true, others);
  }
  async #refuse(reason: string, raw: Uint8Array, problem: string): Promise<void> {
    const { context } = this.#rules;
    context.refused(reason, this.tag);
    if (!this.#hasSaidProblem)
      context.log.warn(
        `${this.path}: a line makes no record (${problem}); it is kept with the dead letters. Further ones of this file are only counted.`,
      );
    this.#hasSaidProblem = true;
    try {
      await context.keepRefused({ reason, tag: this.tag, raw, detail: { problem, path: this.name } });
    } catch (error) {
      context.log.error(`keeping a refused line of ${this.path}: ${errorText(error)}; it is only in the file.`);
    }
  }
}

function sliceRun({ records, ends, spans }: Run, from: number, to: number): Run {
  return { records: sliceRecords(records, from, to), ends: ends.slice(from, to), spans: spans.slice(from, to) };
}

function isSame(a: JoinedPlace | undefined, b: JoinedPlace | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}
