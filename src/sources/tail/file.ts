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
import { Joiner } from './joiner.ts';
import type { Allowance } from './limits.ts';
import { LineReader } from './line-reader.ts';
import type { LineTaker, ReaderRules } from './line-reader.ts';
import { emptyHead, headBytesMax, headOf, idOf, keyOf } from './position.ts';
import type { FileId, Head, Position } from './position.ts';
import { LineBatch } from './records.ts';
import type { LineRules, Run } from './records.ts';

/** Of a record that the journal does not take so much is kept with the dead letters. */
const refusedBytesMax = 64 * 1024;

/** What all files of a source share. */
export interface FileRules extends LineRules, ReaderRules {
  readonly context: SourceContext;
  /** True when nothing may wait any more. */
  readonly isStopping: () => boolean;
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
  readonly #allowance: Allowance | undefined;
  #position: number;
  /** Parts of the line at #position that are in the journal. */
  #parts: number;
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
  /** How far it was read, as it goes into the journal. */
  state(position: number = this.#position, part: number = this.#parts): Position {
    const { path, name } = this;
    return {
      path,
      ...(name !== path && { name }),
      position,
      head: this.#head,
      ...(part > 0 && { part }),
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
      if (this.#joiner?.flush(batch, mustParse) === true) await this.#commit(batch, true);
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
    const nowMs = this.#rules.context.clock.monotonicMs();
    return {
      line(line, at, bytes) {
        if (joiner) joiner.add(line, at, bytes, batch, nowMs);
        else batch.add(line, at, at + bytes);
      },
      part(part, end, number) {
        joiner?.flush(batch, false);
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
    this.#reader.at = 0;
    this.#reader.parts = 0;
    this.#head = emptyHead;
  }
  /** Makes durable what a piece gave: first what is refused, then records with the position behind them. */
  async #commit(batch: LineBatch, isUrgent: boolean): Promise<void> {
    batch.parse();
    for (const { reason, raw, problem } of batch.refused) await this.#refuse(reason, raw, problem);
    const runs = batch.runs();
    const position = this.#joiner?.heldFrom ?? this.#reader.at;
    if (runs.length === 0 && position === this.#position) return;
    if (this.#head.bytes < headBytesMax && this.#reader.at > this.#head.bytes)
      this.#head = await readHead(this.#handle, this.#reader.at);
    if (runs.length === 0) runs.push({ records: noRecords, ends: [] });
    for (const [index, run] of runs.entries()) {
      const isLast = index === runs.length - 1;
      const end = isLast ? position : (run.ends.at(-1) ?? this.#position);
      if (!(await this.#append(run, end, isLast ? this.#reader.parts : 0, isUrgent || !isLast))) return;
    }
  }
  /** Appends a run with the position behind it. False: the program stops, and nothing more is read. */
  async #append({ records, ends }: Run, position: number, parts: number, isUrgent: boolean): Promise<boolean> {
    const state = { [this.key]: this.state(position, parts) };
    const sync = isUrgent ? 'always' : 'interval';
    const { context, isStopping } = this.#rules;
    const answer = await appendPatiently(context, { tag: this.tag, records, state, sync }, isStopping, this.path);
    switch (answer) {
      case 'taken':
        this.#position = position;
        this.#parts = parts;
        return true;
      case 'closed':
        this.#isGivenUp = true;
        return false;
      default:
        return this.#appendHalves({ records, ends }, position, parts);
    }
  }
  /** For records that the journal does not take together: the one that it does not take alone is refused. */
  async #appendHalves({ records, ends }: Run, position: number, parts: number): Promise<boolean> {
    const count = ends.length;
    if (count <= 1) {
      const raw = Buffer.from(records.payloads[0] ?? '').subarray(0, refusedBytesMax);
      await this.#refuse('record_too_large', raw, 'the record is larger than the journal takes');
      return this.#append({ records: noRecords, ends: [] }, position, parts, true);
    }
    const half = Math.floor(count / 2);
    const first = { records: sliceRecords(records, 0, half), ends: ends.slice(0, half) };
    const second = { records: sliceRecords(records, half, count), ends: ends.slice(half) };
    return (
      (await this.#append(first, first.ends.at(-1) ?? position, 0, true)) && this.#append(second, position, parts, true)
    );
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

/** The first bytes of a file that is `bytes` long, or was read so far. */
async function readHead(handle: FileHandle, bytes: number): Promise<Head> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, headBytesMax));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  return headOf(buffer.subarray(0, bytesRead));
}
