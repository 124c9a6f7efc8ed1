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
