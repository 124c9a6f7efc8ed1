/** Zigzag varints as Kafka's records have them (Protocol Buffers' sint32 and sint64), for integers that doubles hold. */

const continues = 0x80;
/** Beyond this bit operations would cut. */
const bits31 = 0x7fff_ffff;

export function varintBytes(value: number): number {
  let zigzag = value >= 0 ? value * 2 : value * -2 - 1;
  let bytes = 1;
  while (zigzag >= continues) {
    zigzag = zigzag > bits31 ? Math.floor(zigzag / continues) : zigzag >>> 7;
    bytes++;
  }
  return bytes;
}

/** Returns where it ends. */
export function writeVarint(bytes: Buffer, at: number, value: number): number {
  let zigzag = value >= 0 ? value * 2 : value * -2 - 1;
  let next = at;
  while (zigzag >= continues) {
    bytes[next++] = (zigzag % continues) | continues;
    zigzag = zigzag > bits31 ? Math.floor(zigzag / continues) : zigzag >>> 7;
  }
  bytes[next++] = zigzag;
  return next;
}

/** Reads varints, and bytes with their length before them. */
export class VarintReader {
  readonly #bytes: Buffer;
  at = 0;
  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }
  /** @throws RangeError where the bytes end, or the number is larger than a double holds */
  next(): number {
    let zigzag = 0;
    for (let scale = 1; ; scale *= continues) {
      const byte = this.#bytes[this.at];
      if (byte === undefined) throw new RangeError(`the bytes end at ${this.at}`);
      this.at++;
      zigzag += (byte % continues) * scale;
      if (zigzag > Number.MAX_SAFE_INTEGER) throw new RangeError(`the number before byte ${this.at} is too large`);
      if (byte < continues) break;
    }
    return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
  }
  skip(count: number): void {
    this.at += count;
  }
  /** Those of the length that is written before them; null where it is negative. @throws RangeError */
  bytes(): Buffer | null {
    const length = this.next();
    if (length < 0) return null;
    const end = this.at + length;
    if (end > this.#bytes.length) throw new RangeError(`${length} bytes at ${this.at} go over the end`);
    const found = this.#bytes.subarray(this.at, end);
    this.at = end;
    return found;
  }
}
