/** A growing byte buffer that formatters write into, so that a chunk is encoded without a string per record. */

/** First size: one page-cache-friendly block that most chunks fit in after one doubling. */
const startBytes = 64 * 1024;
const loopBytesMax = 40;

export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  /** `bytes`: how many are expected. */
  constructor(bytes = startBytes) {
    this.#bytes = Buffer.allocUnsafeSlow(bytes);
  }
  get length(): number {
    return this.#length;
  }
  /** Bytes it holds without growing. */
  get size(): number {
    return this.#bytes.length;
  }
  text(text: string): void {
    // Three bytes are the most that UTF-8 needs for one UTF-16 unit.
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }
  bytes(bytes: Uint8Array): void {
    const { length } = bytes;
    this.#reserve(length);
    // A loop copies few bytes faster than a call does.
    if (length > loopBytesMax) this.#bytes.set(bytes, this.#length);
    else for (let i = 0, to = this.#length; i < length; i++) this.#bytes[to++] = bytes[i] as number;
    this.#length += length;
  }
  /** Appends source[from, until) without making a view of it. */
  copy(source: Buffer, from: number, until: number): void {
    this.#reserve(until - from);
    const bytes = this.#bytes;
    let to = this.#length;
    if (until - from > loopBytesMax) to += source.copy(bytes, to, from, until);
    else for (let at = from; at < until; at++) bytes[to++] = source[at] as number;
    this.#length = to;
  }
  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }
  /** The buffer, with space for `more` bytes at `length`: for who writes there by himself and says with advance() how far. */
  room(more: number): Buffer {
    this.#reserve(more);
    return this.#bytes;
  }
  advance(length: number): void {
    this.#length = length;
  }
  /** The byte at a position before `length`. */
  at(position: number): number {
    return this.#bytes[position] as number;
  }
  /** Replaces that byte. */
  put(position: number, byte: number): void {
    this.#bytes[position] = byte;
  }
  /** Drops all that was written behind `length`. */
  truncate(length: number): void {
    this.#length = length;
  }
  /** The written bytes: a view that the next write may overwrite after reset(). */
  view(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }
  /** Hands the written bytes over and starts a new buffer. */
  take(): Buffer {
    const taken = this.view();
    this.#bytes = Buffer.allocUnsafe(startBytes);
    this.#length = 0;
    return taken;
  }
  reset(): void {
    this.#length = 0;
  }
  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

/** A writer that grew larger was needed once, and is not kept. */
const spareBytesMax = 8 * 1024 * 1024;

/** Writers that are used again: what grew once to the size of a chunk need not grow for the next one. */
export class SpareWriters {
  readonly #countMax: number;
  readonly #spare: ByteWriter[] = [];

  constructor(countMax: number) {
    this.#countMax = countMax;
  }
  /** An empty one. */
  take(): ByteWriter {
    const writer = this.#spare.pop() ?? new ByteWriter();
    writer.reset();
    return writer;
  }
  /** Nobody looks at what it holds any more. */
  give(writer: ByteWriter): void {
    if (this.#spare.length < this.#countMax && writer.size <= spareBytesMax) this.#spare.push(writer);
  }
}
