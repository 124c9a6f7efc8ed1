/** A growing byte buffer that formatters write into, so that a chunk is encoded without a string per record. */

/** First size: one page-cache-friendly block that most chunks fit in after one doubling. */
const startBytes = 64 * 1024;

export class ByteWriter {
  #bytes = Buffer.allocUnsafe(startBytes);
  #length = 0;

  get length(): number {
    return this.#length;
  }
  text(text: string): void {
    // Three bytes are the most that UTF-8 needs for one UTF-16 unit.
    this.#reserve(text.length * 3);
    this.#length += this.#bytes.write(text, this.#length, 'utf8');
  }
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }
  /** Appends source[from, until) without making a view of it. */
  copy(source: Buffer, from: number, until: number): void {
    this.#reserve(until - from);
    this.#length += source.copy(this.#bytes, this.#length, from, until);
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
