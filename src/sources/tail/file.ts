/** One file that is followed: reads it in pieces, cuts lines, and appends their records together with its position. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { codecs } from '../../core/batch.ts';
import type { EncodedRecords } from '../../core/batch.ts';
import { sleep } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import type { AppendRequest, SourceContext } from '../../core/plugin.ts';
import type { LineEnd } from './encoding.ts';
import { Joiner } from './joiner.ts';
import { emptyHead, headBytesMax, headOf, keyOf } from './position.ts';
import type { FileId, Head, Position } from './position.ts';
import { LineBatch } from './records.ts';
import type { LineRules, Run } from './records.ts';

const CR = 13;
/** Read at a time. What waits in one file is worth a sync of its own from this size on (the journal's intervalBytesMax). */
const pieceBytes = 256 * 1024;
/** A longer line becomes parts: sixfold, as JSON escapes may make it, one still is a record that the journal takes. */
const partBytes = 2 * 1024 * 1024;
/** How long to wait before an append that was not taken is tried again. */
const retryMs = 200;
/** Of a line that is too long so much is kept with the dead letters. */
const refusedBytesMax = 64 * 1024;

/** What all files of a source share. */
export interface FileRules extends LineRules {
  readonly lineEnd: LineEnd;
  readonly lineBytesMax: number | undefined;
  readonly context: SourceContext;
}

export interface FileStart extends FileId {
  readonly path: string;
  readonly name: string;
  readonly tag: string;
  readonly position: number;
  readonly head: Head;
  readonly part?: number | undefined;
}

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
  readonly #joiner: Joiner | undefined;
  /** The next byte to read. */
  #readAt: number;
  /** Everything before it is in the journal or refused. */
  #position: number;
  #head: Head;
  #part: number;
  #sizeSeen = 0;
  #isGivenUp = false;

  private constructor(rules: FileRules, handle: FileHandle, start: FileStart) {
    this.#rules = rules;
    this.#handle = handle;
    this.key = keyOf(start);
    this.inode = start.inode;
    this.path = start.path;
    this.name = start.name;
    this.tag = start.tag;
    this.#readAt = this.#position = start.position;
    this.#head = start.head;
    this.#part = start.part ?? 0;
    this.#joiner = rules.parser.isMultiline === true ? new Joiner(rules.parser) : undefined;
  }
  /** Opens the file at its path. `place` says where to begin, once it is known which file this is. */
  static async open(
    rules: FileRules,
    path: string,
    place: (id: FileId, size: number, head: (bytes: number) => Promise<Head>) => Promise<FileStart | undefined>,
  ): Promise<FollowedFile | undefined> {
    const handle = await open(path, 'r');
    try {
      const { dev, ino, size } = await handle.stat({ bigint: true });
      const start = await place({ device: dev, inode: ino }, Number(size), (bytes) => readHead(handle, bytes));
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
  /** True when everything in it that can be taken was taken. */
  isAtEnd(size: number): boolean {
    return this.#readAt >= size || this.#isGivenUp;
  }
  /** Reads a piece and appends what it gave. Resolves with true when there is more to read. */
  async turn(): Promise<boolean> {
    if (this.#isGivenUp) return false;
    const { size } = await this.#handle.stat();
    const batch = this.#batch();
    if (size < this.#readAt || (size > this.#readAt && !(await this.#isSameFile()))) this.#startOver(size, batch);
    this.#sizeSeen = size;
    const isFull = size > this.#readAt && (await this.#read(batch));
    await this.#commit(batch);
    return isFull && !this.#isGivenUp;
  }
  /** Takes a record of several lines that waits for its next line as complete; when `mustParse` only if it parses. */
  async flush(mustParse: boolean): Promise<void> {
    if (!this.#joiner?.isHolding || this.#isGivenUp) return;
    const batch = this.#batch();
    if (this.#joiner.flush(batch, mustParse)) await this.#commit(batch);
  }
  /** When the last line of a record that is not complete came, in monotonic time; undefined when none waits. */
  get heldSinceMs(): number | undefined {
    return this.#joiner?.heldSinceMs;
  }
  close(): Promise<void> {
    return this.#handle.close();
  }
  state(): Position {
    return {
      path: this.path,
      ...(this.name !== this.path && { name: this.name }),
      position: this.#position,
      head: this.#head,
      ...(this.#part > 0 && { part: this.#part }),
    };
  }

  #batch(): LineBatch {
    return new LineBatch(this.#rules, this.name, this.#rules.context.clock.now());
  }
  async #isSameFile(): Promise<boolean> {
    const { bytes, hash } = this.#head;
    return bytes === 0 || (await readHead(this.#handle, bytes)).hash === hash;
  }
  /** The file was cut, and perhaps written anew: it is read from its head. */
  #startOver(size: number, batch: LineBatch): void {
    const lost = this.#sizeSeen - this.#readAt;
    const what = `${this.path} was cut to ${size} bytes after ${this.#readAt} were read; it is read from its head`;
    if (lost > 0) this.#rules.context.log.error(`${what}. The ${lost} bytes behind them are lost.`);
    else this.#rules.context.log.info(`${what}.`);
    this.#joiner?.flush(batch, false);
    this.#readAt = 0;
    this.#part = 0;
    this.#head = emptyHead;
  }
  /** Reads and cuts a piece. True when there may be more. */
  async #read(batch: LineBatch): Promise<boolean> {
    let wanted = pieceBytes;
    for (;;) {
      const buffer = Buffer.allocUnsafe(wanted);
      const { bytesRead } = await this.#handle.read(buffer, 0, wanted, this.#readAt);
      const piece = buffer.subarray(0, bytesRead);
      const isFull = bytesRead === wanted;
      const cut = this.#cut(piece, batch);
      if (cut > 0 || !isFull) return isFull;
      if (this.#rules.lineBytesMax !== undefined && wanted > this.#rules.lineBytesMax)
        return this.#skipLine(piece, batch);
      if (wanted >= partBytes) {
        this.#addPart(piece, batch);
        return true;
      }
      wanted *= 2;
    }
  }
  /** Takes the complete lines of a piece. Returns the bytes they take. */
  #cut(piece: Buffer, batch: LineBatch): number {
    const at = this.#readAt;
    const { lineEnd } = this.#rules;
    let from = 0;
    for (let end = indexOfEnd(piece, from, lineEnd); end >= 0; end = indexOfEnd(piece, from, lineEnd)) {
      const next = end + lineEnd.bytes.length;
      this.#line(withoutCr(piece.subarray(from, end), lineEnd.unit), next - from, at + from, batch);
      from = next;
    }
    this.#readAt = at + from;
    return from;
  }
  #line(line: Buffer, bytes: number, at: number, batch: LineBatch): void {
    const max = this.#rules.lineBytesMax;
    const part = this.#part;
    this.#part = 0;
    if (max !== undefined && bytes > max)
      batch.refuse(
        'line_too_long',
        line.subarray(0, refusedBytesMax),
        `a line of ${bytes} bytes, max_line_size is ${max}`,
      );
    else if (this.#joiner) this.#joiner.add(line, at, bytes, batch, this.#rules.context.clock.monotonicMs());
    else batch.add(line, at + bytes, part > 0 ? part + 1 : undefined);
  }
  /** The start of a line that is longer than anything that is taken at once. */
  #addPart(piece: Buffer, batch: LineBatch): void {
    const until = wholeCharacters(piece);
    this.#part++;
    batch.add(piece.subarray(0, until), this.#readAt + until, this.#part);
    this.#readAt += until;
  }
  /** Looks for the end of a line that is too long; without one the position stays before it. */
  async #skipLine(start: Buffer, batch: LineBatch): Promise<boolean> {
    const { lineEnd, lineBytesMax } = this.#rules;
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (let at = this.#readAt + start.length - lineEnd.bytes.length; ; at += buffer.length - lineEnd.bytes.length) {
      at -= (at - this.#readAt) % lineEnd.unit;
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, at);
      const end = indexOfEnd(buffer.subarray(0, bytesRead), 0, lineEnd);
      if (end >= 0) {
        const next = at + end + lineEnd.bytes.length;
        const bytes = next - this.#readAt;
        const problem = `a line of ${bytes} bytes, max_line_size is ${lineBytesMax}`;
        batch.refuse('line_too_long', start.subarray(0, refusedBytesMax), problem);
        this.#readAt = next;
        return true;
      }
      if (bytesRead < buffer.length) return false;
    }
  }
  /** Makes durable what a piece gave: first what is refused, then records with the position behind them. */
  async #commit(batch: LineBatch): Promise<void> {
    batch.parse();
    for (const { reason, raw, problem } of batch.refused) await this.#refuse(reason, raw, problem);
    const runs = batch.runs();
    const until = this.#joiner?.heldFrom ?? this.#readAt;
    if (runs.length === 0 && until === this.#position && this.#head.bytes > 0) return;
    if (until === this.#position && runs.length === 0 && until === 0) return;
    if (this.#head.bytes < headBytesMax && this.#readAt > this.#head.bytes)
      this.#head = await readHead(this.#handle, Math.min(headBytesMax, this.#readAt));
    if (runs.length === 0) runs.push({ records: noRecords, ends: [] });
    for (const [index, run] of runs.entries()) {
      const position = index === runs.length - 1 ? until : (run.ends.at(-1) ?? this.#position);
      if (!(await this.#appendRun(run, position))) {
        this.#isGivenUp = true;
        return;
      }
      this.#position = position;
    }
  }
  async #appendRun(run: Run, position: number): Promise<boolean> {
    const state = { [this.key]: { ...this.state(), position } };
    const answer = await this.#append({ tag: this.tag, records: run.records, state, sync: 'interval' });
    if (answer !== 'too large') return answer === 'taken';
    const count = run.ends.length;
    if (count === 1) {
      await this.#refuse(
        'record_too_large',
        Buffer.from(run.records.payloads[0] as Uint8Array).subarray(0, refusedBytesMax),
        'the record is too large for the journal',
      );
      return this.#appendRun({ records: noRecords, ends: [] }, position);
    }
    const half = Math.floor(count / 2);
    const first = { records: slice(run.records, 0, half), ends: run.ends.slice(0, half) };
    const second = { records: slice(run.records, half, count), ends: run.ends.slice(half) };
    return (await this.#appendRun(first, first.ends.at(-1) ?? position)) && this.#appendRun(second, position);
  }
  /** Waits while the journal is full: what is in the file stays there. */
  async #append(request: AppendRequest): Promise<'taken' | 'too large' | 'closed'> {
    const { context } = this.#rules;
    for (let tries = 0; ; tries++)
      try {
        await context.append(request);
        return 'taken';
      } catch (error) {
        if (!(error instanceof OperatingError)) throw error;
        if (error.code === 'RECORD_TOO_LARGE') return 'too large';
        if (!error.retryable || error.code === 'JOURNAL_CLOSED' || this.isStopping()) return 'closed';
        if (tries === 0) context.log.warn(`${this.path}: ${errorText(error)}; reading waits for it.`);
        await sleep(context.clock, retryMs);
      }
  }
  /** Set by the source: nothing waits any more when it stops. */
  isStopping: () => boolean = () => false;
  async #refuse(reason: string, raw: Uint8Array, problem: string): Promise<void> {
    const { context } = this.#rules;
    context.refused(reason, this.tag);
    try {
      await context.keepRefused({ reason, tag: this.tag, raw, detail: { problem, path: this.name } });
    } catch (error) {
      context.log.error(`keeping a refused line of ${this.path}: ${errorText(error)}; it is only in the file.`);
    }
  }
}

const noRecords: EncodedRecords = { codec: codecs.json, payloads: [], exact: [], seconds: [], nanos: [] };

function slice(records: EncodedRecords, from: number, to: number): EncodedRecords {
  const { codec, payloads, exact, seconds, nanos } = records;
  const part = <T>(list: readonly T[]): T[] => list.slice(from, to);
  return { codec, payloads: part(payloads), exact: part(exact), seconds: part(seconds), nanos: part(nanos) };
}

async function readHead(handle: FileHandle, bytes: number): Promise<Head> {
  const buffer = Buffer.allocUnsafe(Math.min(bytes, headBytesMax));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, 0);
  return headOf(buffer.subarray(0, bytesRead));
}

function indexOfEnd(piece: Buffer, from: number, { bytes, unit }: LineEnd): number {
  if (unit === 1) return piece.indexOf(bytes[0] as number, from);
  for (let at = piece.indexOf(bytes, from); at >= 0; at = piece.indexOf(bytes, at + 1))
    if ((at - from) % unit === 0) return at;
  return -1;
}

/** The carriage return before a line end belongs to it. */
function withoutCr(line: Buffer, unit: 1 | 2): Buffer {
  const last = line.subarray(-unit);
  if (last.length < unit || !last.includes(CR) || (unit === 2 && !last.includes(0))) return line;
  return line.subarray(0, -unit);
}

/** How much of a piece is whole characters of UTF-8 (or whatever it is, where it is no UTF-8). */
function wholeCharacters(piece: Buffer): number {
  for (let back = 1; back <= 4 && back < piece.length; back++) {
    const byte = piece[piece.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? piece.length - back : piece.length;
  }
  return piece.length - (piece.length % 2);
}
