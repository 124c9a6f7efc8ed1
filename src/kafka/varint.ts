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

/** Reads varints one after the other. */
export class VarintReader {
  readonly bytes: Buffer;
  at: number;

  constructor(bytes: Buffer, at: number) {
    this.bytes = bytes;
    this.at = at;
  }
  /** @throws RangeError where the bytes end, or the number is none that Kafka writes. */
  next(): number {
    let zigzag = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.bytes[this.at++];
      if (byte === undefined) throw new RangeError('the bytes end in the middle of a number');
      zigzag += (byte & 0x7f) * factor;
      if (byte < continues) return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2;
      factor *= continues;
    }
    throw new RangeError('a number has more than ten bytes');
  }
  /** A length and so many bytes: a view; undefined for the length -1. */
  chunk(): Buffer | undefined {
    const length = this.next();
    if (length < 0) return undefined;
    const until = this.at + length;
    if (until > this.bytes.length) throw new RangeError(`${length} bytes were announced, and fewer are there`);
    const view = this.bytes.subarray(this.at, until);
    this.at = until;
    return view;
  }
}
