/**
 * One file that is followed: reads it in pieces and appends their records together with its position.
 *
 * Invariants
 * - `#position` is what the journal holds; bytes before it are in records or refused, none behind it are.
 * - One piece is under way at a time. If it fails anywhere, reading goes back to `#position`.
 */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import type { SourceContext } from '../../core/plugin.ts';
import { errorText } from '../../core/errors.ts';
import { appendPatiently, noRecords, sliceRecords } from './appending.ts';
import { JoinedLines } from './joined-lines.ts';
import { Joiner } from './joiner.ts';
import type { Allowance } from './limits.ts';
import { LineReader } from './line-reader.ts';
import type { LineTaker, ReaderRules } from './line-reader.ts';
import { emptyHead, headBytesMax, headOf, idOf, keyOf } from './position.ts';
import type { FileId, Head, JoinedPlace, Position } from './position.ts';
import { LineBatch } from './records.ts';
import type { LineRules, Run, Span } from './records.ts';

/** Of a record that the journal does not take so much is kept with the dead letters. */
const refusedBytesMax = 64 * 1024;

/** What all files of a source share. */
export interface FileRules extends LineRules, ReaderRules {
  readonly context: SourceContext;
  /** True when nothing may wait any more. */
  readonly isStopping: () => boolean;
  /** Records that multiline parsers cut at their limit. */
  readonly cut: (count: number) => void;
  readonly allowance: (path: string) => Allowance | undefined;
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
}

/** A file as it was found: decides where to begin. Undefined: it is not followed. */
export type Place = (
  id: FileId,
  size: number,
  head: (bytes: number) => Promise<Head>,
) => Promise<FileStart | undefined>;

/** `more`: there is more to read now. `later`: too, but not yet by a limit. `end`: everything was taken. */
export type TurnEnd = 'more' | 'later' | 'end';

export class FollowedFile {
  readonly key: string;
  readonly inode: bigint;
  readonly name: string;
  readonly tag: string;
  /** Where it is now. */
  path: string;
  /** When its path was found to lead elsewhere, in monotonic time. */
  rotatedMs: number | undefined;
  readonly #rules: FileRules;
  readonly #handle: FileHandle;
  readonly #reader: LineReader;
  readonly #joiner: Joiner | undefined;
  /** What multiline parsers join. */
  readonly #lines: JoinedLines | undefined;
  readonly #allowance: Allowance | undefined;
  #position: number;
  /** Parts of the line at #position that are in the journal. */
  #parts: number;
  #joined: JoinedPlace | undefined;
  #head: Head;
  #born: string | undefined;
  #sizeSeen: number;
  /** Bytes behind it are not read. */
  #until = Number.POSITIVE_INFINITY;
  #isGivenUp = false;
  #isClosed = false;
  #hasSaidProblem = false;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(rules: FileRules, handle: FileHandle, start: FileStart) {
    this.#rules = rules;
    this.#handle = handle;
    this.key = keyOf(start);
    this.inode = start.inode;
    this.path = start.path;
    this.name = start.name;
    this.tag = start.tag;
    this.#position = this.#sizeSeen = start.position;
    this.#parts = start.part ?? 0;
    this.#head = start.head;
    this.#born = start.born;
    this.#reader = new LineReader(handle, rules, this.#position, this.#parts);
    this.#joiner = rules.parser.isMultiline === true ? new Joiner(rules.parser) : undefined;
    this.#joined = start.joined;
    this.#lines = rules.joining && new JoinedLines(rules.joining, start.joined);
    this.#allowance = rules.allowance(start.name);
  }
  /** Opens the file at a path and begins where `place` says. */
  static async open(rules: FileRules, path: string, place: Place): Promise<FollowedFile | undefined> {
    const handle = await open(path, 'r');
    try {
      const found = await handle.stat({ bigint: true });
      const start = await place(idOf(found), Number(found.size), (bytes) => readHead(handle, bytes));
      if (start) return new FollowedFile(rules, handle, start);
    } catch (error) {
      await handle.close();
      throw error;
    }
    await handle.close();
    return undefined;
  }
  get position(): number {
    return this.#position;
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
  state({ position, parts: part, joined }: Behind = this.#behind): Position {
    const { path, name } = this;
    return {
      path,
      ...(name !== path && { name }),
      position,
      head: this.#head,
      ...(part > 0 && { part }),
      ...(joined && { joined }),
      ...(this.#born !== undefined && { born: this.#born }),
    };
  }
  /** Reads a piece and appends what it gave. `isAwaited`: somebody waits, so the journal syncs at once. */
  turn(isAwaited = false): Promise<TurnEnd> {
    return this.#alone(async () => {
      const found = await this.#handle.stat({ bigint: true });
      const size = Number(found.size);
      this.#born ??= idOf(found).born;
      const batch = this.#batch();
      const isSame = size >= this.#reader.at && (size === this.#reader.at || (await this.#hasHead()));
      if (!isSame) this.#startOver(size, batch);
      this.#sizeSeen = size;
      const bytesMax = this.#allowance?.bytesNow() ?? Number.POSITIVE_INFINITY;
      const until = Math.min(size, this.#until);
      let isMore = this.#reader.at < until;
      if (isMore && bytesMax > 0) {
        const before = this.#reader.at;
        isMore = await this.#reader.read(this.#taker(batch), until, bytesMax);
        this.#lines?.end(batch, this.#rules.context.clock.monotonicMs());
        this.#allowance?.used(this.#reader.at - before, batch.lines);
      }
      await this.#commit(batch, isMore || isAwaited);
      if (!isMore) return 'end';
      return this.#allowance?.bytesNow() === 0 ? 'later' : 'more';
    }, 'end');
  }
  /** Takes a record of several lines that waits for its next line as complete; when `mustParse` only if it parses. */
  async flush(mustParse: boolean): Promise<void> {
    await this.#alone(async () => {
      const batch = this.#batch();
      // What could go on is read again at the next start.
      if (!mustParse) this.#lines?.flush(batch);
      const isFlushed = this.#joiner?.flush(batch, mustParse) === true;
      if (isFlushed || this.#lines) await this.#commit(batch, true);
    }, undefined);
  }
  /** Takes what waits for its next line for too long as complete. */
  async flushDue(nowMs: number): Promise<void> {
    await this.#alone(async () => {
      const batch = this.#batch();
      this.#lines?.flushDue(batch, nowMs);
      await this.#commit(batch, false);
    }, undefined);
  }
  /** From now on only what it holds now is read. */
  async freeze(): Promise<void> {
    this.#until = (await this.#handle.stat()).size;
  }
  /** True while a name leads to it. */
  async hasName(): Promise<boolean> {
    return (await this.#handle.stat()).nlink > 0;
  }
  async close(): Promise<void> {
    await this.#last;
    if (this.#isClosed) return;
    this.#isClosed = this.#isGivenUp = true;
    this.#allowance?.close();
    await this.#handle.close();
  }

  /** Runs behind what is under way; after a failure reading goes back to what the journal holds. */
  #alone<T>(run: () => Promise<T>, otherwise: T): Promise<T> {
    const result = this.#last.then(async () => {
      if (this.#isGivenUp) return otherwise;
      try {
        return await run();
      } catch (error) {
        this.#reader.at = this.#position;
        this.#reader.parts = this.#parts;
        this.#joiner?.forget();
        this.#lines?.goBack(this.#joined);
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
      line(line, at, bytes) {
        if (lines) lines.add(line, at, at + bytes);
        else if (joiner) joiner.add(line, at, bytes, batch, nowMs);
        else batch.add(line, at, at + bytes);
      },
      part(part, end, number) {
        joiner?.flush(batch, false);
        lines?.end(batch, nowMs);
        lines?.flush(batch);
        batch.add(part, end - part.length, end, number);
      },
      tooLong: (start, bytes) =>
        batch.refuse('line_too_long', start, `a line of ${bytes} bytes; max_line_size is ${this.#rules.lineBytesMax}`),
    };
  }
  async #hasHead(): Promise<boolean> {
    const { bytes, hash } = this.#head;
    return bytes === 0 || (await readHead(this.#handle, bytes)).hash === hash;
  }
  /** The file was cut, and perhaps written anew: it is read from its head. */
  #startOver(size: number, batch: LineBatch): void {
    const lost = this.#sizeSeen - this.#reader.at;
    const what = `${this.path} was cut or written anew (${size} bytes) after ${this.#reader.at} bytes of it were read; it is read from its head`;
    if (lost > 0) this.#rules.context.log.error(`${what}. ${lost} bytes that were not read yet are lost.`);
    else this.#rules.context.log.info(`${what}.`);
    this.#joiner?.flush(batch, false);
    this.#lines?.flush(batch);
    this.#lines?.goBack(undefined);
    this.#reader.at = 0;
    this.#reader.parts = 0;
    this.#head = emptyHead;
  }
  /** Makes durable what a piece gave: first what is refused, then records with the position behind them. */
  async #commit(batch: LineBatch, isUrgent: boolean): Promise<void> {
    batch.parse();
    for (const { reason, raw, problem } of batch.refused) await this.#refuse(reason, raw, problem);
    if (batch.cut > 0) this.#rules.cut(batch.cut);
    const runs = batch.runs();
    const behind = this.#behindAll([]);
    if (runs.length === 0 && behind.position === this.#position && isSamePlace(behind.joined, this.#joined)) return;
    if (this.#head.bytes < headBytesMax && this.#reader.at > this.#head.bytes)
      this.#head = await readHead(this.#handle, this.#reader.at);
    if (runs.length === 0) runs.push(noRun);
    for (const [index, run] of runs.entries()) {
      const isLast = index === runs.length - 1;
      const unwritten = runs.slice(index + 1).flatMap(({ spans }) => spans.flat());
      const end = isLast ? behind : this.#behindAll(unwritten, run.ends.at(-1));
      if (!(await this.#append(run, end, unwritten, isUrgent || !isLast))) return;
    }
  }
  get #behind(): Behind {
    return { position: this.#position, parts: this.#parts, joined: this.#joined };
  }
  /** Where reading goes on when all was appended but some lines; `end`: up to where it was, when they are not joined. */
  #behindAll(unwritten: readonly Span[], end?: number): Behind {
    if (this.#lines) {
      const { at, joined } = this.#lines.behind(unwritten, this.#reader.at);
      return { position: at, parts: at === this.#reader.at ? this.#reader.parts : 0, joined };
    }
    if (end !== undefined) return { position: end, parts: 0, joined: undefined };
    const heldFrom = this.#joiner?.heldFrom;
    return { position: heldFrom ?? this.#reader.at, parts: this.#reader.parts, joined: undefined };
  }
  /** Appends a run with the position behind it. False: the program stops, and nothing more is read. */
  async #append(run: Run, behind: Behind, unwritten: readonly Span[], isUrgent: boolean): Promise<boolean> {
    const state = { [this.key]: this.state(behind) };
    const sync = isUrgent ? 'always' : 'interval';
    const { context, isStopping } = this.#rules;
    const request = { tag: this.tag, records: run.records, state, sync } as const;
    const answer = await appendPatiently(context, request, isStopping, this.path);
    switch (answer) {
      case 'taken':
        this.#position = behind.position;
        this.#parts = behind.parts;
        this.#joined = behind.joined;
        return true;
      case 'closed':
        this.#isGivenUp = true;
        return false;
      default:
        return this.#appendHalves(run, behind, unwritten);
    }
  }
  /** For records that the journal does not take together: the one that it does not take alone is refused. */
  async #appendHalves({ records, ends, spans }: Run, behind: Behind, unwritten: readonly Span[]): Promise<boolean> {
    const count = ends.length;
    if (count <= 1) {
      const raw = Buffer.from(records.payloads[0] ?? '').subarray(0, refusedBytesMax);
      await this.#refuse('record_too_large', raw, 'the record is larger than the journal takes');
      return this.#append(noRun, behind, unwritten, true);
    }
    const half = Math.floor(count / 2);
    const part = (from: number, to: number) => ({
      records: sliceRecords(records, from, to),
      ends: ends.slice(from, to),
      spans: spans.slice(from, to),
    });
    const [first, second] = [part(0, half), part(half, count)];
    const later = [...second.spans.flat(), ...unwritten];
    const middle = this.#behindAll(later, first.ends.at(-1));
    return (await this.#append(first, middle, later, true)) && this.#append(second, behind, unwritten, true);
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

const noRun: Run = { records: noRecords, ends: [], spans: [] };

/** What the journal holds of a file: everything before `position`, parts of the line there, and what was joined behind it. */
interface Behind {
  readonly position: number;
  readonly parts: number;
  readonly joined: JoinedPlace | undefined;
}

function isSamePlace(a: JoinedPlace | undefined, b: JoinedPlace | undefined): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b);
}

/** The first bytes of a file that is `bytes` long, or was read so far. */
async function readHead(handle: FileHandle, bytes: number): Promise<Head> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, headBytesMax));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  return headOf(buffer.subarray(0, bytesRead));
}
