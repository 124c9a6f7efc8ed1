/**
 * Reads a file in pieces and cuts them into lines. Holds no bytes between two pieces but the last ones that were taken:
 * they are read again with what follows, which shows whether the file still is what it was. An unfinished line is read
 * again too.
 */
import { readBytes } from './contents.ts';
import type { Contents } from './contents.ts';
import type { LineEnd } from './encoding.ts';

const CR = 13;
/** Read at a time at most: each piece costs an append, a frame and some forty turns of promises. */
const pieceBytes = 512 * 1024;
/** A longer line becomes parts: sixfold, as JSON escapes may make it, one still is a record that the journal takes. */
const partBytes = 2 * 1024 * 1024;
/** Of a line that is too long so much is handed over. */
const startBytesMax = 64 * 1024;
/** Bytes before the next one to read that must be as they were: with a time in most lines, the end of one tells enough. */
const footBytesMax = 128;

/** Buffers of pieces that were read; as many as are in memory where several large files are read at a time. */
const sparePiecesMax = 4;
const sparePieces: Buffer[] = [];

/** Takes what a piece gives. Buffers are views of it. */
export interface LineTaker {
  /** The line piece[from, until) without its end, which stands at `at` in the file and is `bytes` long with it. */
  line(piece: Buffer, from: number, until: number, at: number, bytes: number): void;
  /** Part `number`, from 1, of a line that is longer than what is taken at once; it goes up to `end`. */
  part(part: Buffer, end: number, number: number): void;
  /** A line longer than lineBytesMax, which stands at `at`: its start in whole characters, and all its bytes. */
  tooLong(start: Buffer, at: number, bytes: number): void;
}

export interface ReaderRules {
  readonly lineEnd: LineEnd;
  /** Longer lines are passed over. Undefined: they come in parts. */
  readonly lineBytesMax: number | undefined;
  /** Of longer ones the start is a line; else it only tells what they were. */
  readonly cutsLong: boolean;
}

/** `cut`: what was read before is not there any more. */
export type ReadEnd = 'more' | 'end' | 'cut';

/** Where to go on: the start of a line, or of a part of one. */
export interface ReadPlace {
  readonly at: number;
  /** Parts of the line at `at` that were handed over. */
  readonly parts: number;
  /** Bytes right before `at`; empty where they are not known. */
  readonly foot: Buffer;
}

export class LineReader {
  readonly #contents: Contents;
  readonly #rules: ReaderRules;
  #at: number;
  #parts: number;
  #foot: Buffer;
  /** What lines were handed over from; another one once that was released, or left to who holds its lines. */
  #piece: Buffer | undefined;

  constructor(contents: Contents, rules: ReaderRules, place: ReadPlace) {
    this.#contents = contents;
    this.#rules = rules;
    [this.#at, this.#parts, this.#foot] = [place.at, place.parts, place.foot];
  }
  /** The next byte to read: the start of a line, or of a part of one. */
  get at(): number {
    return this.#at;
  }
  get parts(): number {
    return this.#parts;
  }
  /** To be given to `goTo`. */
  get place(): ReadPlace {
    return { at: this.#at, parts: this.#parts, foot: this.#foot };
  }
  goTo(place: ReadPlace): void {
    [this.#at, this.#parts, this.#foot] = [place.at, place.parts, place.foot];
  }
  /** Are the bytes before `at` as they were? */
  async isSame(): Promise<boolean> {
    return (await readFoot(this.#contents, this.#at, this.#foot.length)).equals(this.#foot);
  }
  /**
   * Hands over the lines of a piece of at most `bytesMax` that end before `until`; a line that is longer is read whole.
   */
  async read(taker: LineTaker, until: number, bytesMax: number): Promise<ReadEnd> {
    let wanted = Math.min(pieceBytes, bytesMax);
    this.#piece = undefined;
    for (;;) {
      const before = this.#foot.length;
      const buffer = this.#buffer(before + Math.min(wanted, until - this.#at));
      const { bytesRead } = await this.#contents.read(buffer, 0, buffer.length, this.#at - before);
      if (!buffer.subarray(0, Math.min(before, bytesRead)).equals(this.#foot)) return 'cut';
      const piece = buffer.subarray(before, bytesRead);
      const isMore = bytesRead === buffer.length && this.#at + piece.length < until;
      const taken = this.#cut(piece, taker);
      this.#keepFoot(buffer, before + taken);
      if (taken > 0 || !isMore) return isMore ? 'more' : 'end';
      const { lineBytesMax } = this.#rules;
      if (lineBytesMax !== undefined && wanted > lineBytesMax) return this.#passOver(piece, taker, until);
      if (lineBytesMax === undefined && wanted >= partBytes) {
        this.#keepFoot(buffer, before + this.#part(piece, taker));
        return 'more';
      }
      wanted *= 2;
    }
  }
  /** For so many bytes: in one that was used before, where they fit. */
  #buffer(bytes: number): Buffer {
    if (bytes > footBytesMax + pieceBytes) return Buffer.allocUnsafe(bytes);
    this.#piece ??= sparePieces.pop() ?? Buffer.allocUnsafeSlow(footBytesMax + pieceBytes);
    return this.#piece.subarray(0, bytes);
  }
  /** Nobody looks any more at what was handed over. */
  release(): void {
    if (this.#piece && sparePieces.length < sparePiecesMax) sparePieces.push(this.#piece);
    this.#piece = undefined;
  }
  #keepFoot(buffer: Buffer, end: number): void {
    this.#foot = Buffer.from(buffer.subarray(Math.max(0, end - footBytesMax), end));
  }
  /** Hands over the complete lines of a piece. Returns the bytes they take. */
  #cut(piece: Buffer, taker: LineTaker): number {
    const { lineEnd, lineBytesMax } = this.#rules;
    const at = this.#at;
    let from = 0;
    for (let end = indexOfEnd(piece, from, lineEnd); end >= 0; end = indexOfEnd(piece, from, lineEnd)) {
      const next = end + lineEnd.bytes.length;
      const until = endWithoutCr(piece, from, end, lineEnd.unit);
      if (lineBytesMax !== undefined && next - from > lineBytesMax)
        taker.tooLong(this.#startOf(piece.subarray(from, until)), at + from, next - from);
      else if (this.#parts > 0) taker.part(piece.subarray(from, until), at + next, this.#parts + 1);
      else taker.line(piece, from, until, at + from, next - from);
      this.#parts = 0;
      from = next;
    }
    this.#at = at + from;
    return from;
  }
  #startOf(line: Buffer): Buffer {
    const { cutsLong, lineBytesMax = startBytesMax } = this.#rules;
    const start = line.subarray(0, cutsLong ? lineBytesMax : startBytesMax);
    return start.length < line.length ? start.subarray(0, wholeCharacters(start, this.#rules.lineEnd.unit)) : start;
  }
  #part(piece: Buffer, taker: LineTaker): number {
    const end = wholeCharacters(piece, this.#rules.lineEnd.unit);
    taker.part(piece.subarray(0, end), this.#at + end, ++this.#parts);
    this.#at += end;
    return end;
  }
  /** Looks for the end of a line that is too long; without one the line stays unread. */
  async #passOver(start: Buffer, taker: LineTaker, until: number): Promise<ReadEnd> {
    const { lineEnd } = this.#rules;
    const overlap = lineEnd.bytes.length - 1;
    const buffer = Buffer.allocUnsafe(pieceBytes);
    for (let at = this.#at + start.length - (start.length % lineEnd.unit); at < until; at += pieceBytes - 2 * overlap) {
      const wanted = Math.min(pieceBytes, until - at);
      const { bytesRead } = await this.#contents.read(buffer, 0, wanted, at);
      const end = indexOfEnd(buffer.subarray(0, bytesRead), 0, lineEnd);
      if (end >= 0) {
        const next = at + end + lineEnd.bytes.length;
        taker.tooLong(this.#startOf(start), this.#at, next - this.#at);
        this.#at = next;
        this.#foot = await readFoot(this.#contents, next);
        return 'more';
      }
      if (bytesRead < wanted) return 'end';
    }
    return 'end';
  }
}

/** Bytes right before a position. */
export function readFoot(contents: Contents, position: number, bytesMax = footBytesMax): Promise<Buffer> {
  return readBytes(contents, Math.max(0, position - bytesMax), position);
}

function indexOfEnd(piece: Buffer, from: number, { bytes, unit }: LineEnd): number {
  if (unit === 1) return piece.indexOf(bytes[0] as number, from);
  for (let at = piece.indexOf(bytes, from); at >= 0; at = piece.indexOf(bytes, at + 1))
    if ((at - from) % unit === 0) return at;
  return -1;
}

/** Where piece[from, end) ends without a carriage return: it belongs to the line end. */
function endWithoutCr(piece: Buffer, from: number, end: number, unit: 1 | 2): number {
  if (end - from < unit) return end;
  if (unit === 1) return piece[end - 1] === CR ? end - 1 : end;
  const last = piece.subarray(end - 2, end);
  return last.includes(CR) && last.includes(0) ? end - 2 : end;
}

/** How much of a piece is whole characters: of UTF-8, or of `unit` bytes; all of it, where it ends in no UTF-8. */
function wholeCharacters(piece: Buffer, unit: 1 | 2): number {
  if (unit === 2) return piece.length - (piece.length % 2);
  for (let back = 1; back <= 4 && back < piece.length; back++) {
    const byte = piece[piece.length - back] as number;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : byte >= 0xc0 ? 2 : 1;
    return needed > back ? piece.length - back : piece.length;
  }
  return piece.length;
}
