/** Joins lines that belong to one record, for parsers that want it (`multiline`). */
import type { Parser } from '../../core/plugin.ts';

/** A record of more bytes is taken as it is, so that a first line that never comes again holds no memory. */
const joinedBytesMax = 2 * 1024 * 1024;

/** Takes joined lines, which stand in the input from `start` to `end`. */
interface JoinedTaker {
  add(text: Buffer, start: number, end: number): void;
  /** A line before any that begins a record. */
  addStray(line: Buffer, start: number, end: number): void;
}

export class Joiner {
  readonly #parser: Parser;
  /** Lines and what stands between them. */
  #pieces: Buffer[] = [];
  /** Does the last line end in CR LF? */
  #endsInCr = false;
  #bytes = 0;
  #from = 0;
  #end = 0;
  #sinceMs = 0;

  constructor(parser: Parser) {
    this.#parser = parser;
  }
  get isHolding(): boolean {
    return this.#pieces.length > 0;
  }
  /** Where the first line begins that is not in a record yet. */
  get heldFrom(): number | undefined {
    return this.isHolding ? this.#from : undefined;
  }
  get heldSinceMs(): number | undefined {
    return this.isHolding ? this.#sinceMs : undefined;
  }
  /**
   * Takes a line that stands at `at` and is `bytes` long with its end, CR LF where `endsInCr`; gives complete records to
   * the batch.
   */
  add(line: Buffer, at: number, bytes: number, batch: JoinedTaker, nowMs: number, endsInCr = false): void {
    const isFirst = this.#parser.isFirstLine?.(line);
    if (this.isHolding && (isFirst === true || this.#bytes + line.length > joinedBytesMax)) this.#take(batch);
    if (isFirst === false && !this.isHolding) {
      batch.addStray(line, at, at + bytes);
      return;
    }
    if (!this.isHolding) this.#from = at;
    if (this.isHolding) this.#pieces.push(this.#endsInCr ? crlf : newline);
    this.#pieces.push(Buffer.from(line));
    this.#endsInCr = endsInCr && this.#parser.keepsCarriageReturns === true;
    this.#bytes += line.length + 1;
    this.#end = at + bytes;
    this.#sinceMs = nowMs;
    // Without a sign of its first line a record ends where it parses.
    if (isFirst === undefined && this.#parses()) this.#take(batch);
  }
  /** Takes what is held as a record. With `mustParse` only if it parses; false when it stays. */
  flush(batch: JoinedTaker, mustParse: boolean): boolean {
    if (!this.isHolding || (mustParse && !this.#parses())) return false;
    this.#take(batch);
    return true;
  }
  /** What is held will be read again. */
  forget(): void {
    this.#pieces = [];
    this.#bytes = 0;
  }
  #parses(): boolean {
    return !('problem' in this.#parser.parse(this.#text()));
  }
  #text(): Buffer {
    return Buffer.concat(this.#pieces);
  }
  #take(batch: JoinedTaker): void {
    batch.add(this.#text(), this.#from, this.#end);
    this.forget();
  }
}

const newline = Buffer.from('\n');
const crlf = Buffer.from('\r\n');
