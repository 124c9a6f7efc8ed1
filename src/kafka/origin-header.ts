/** The record header that keeps an origin over Kafka (core/origin.ts): written by the output, read by the source. */
import { unpackOrigins } from '../core/origin.ts';
import type { RowOrigin } from '../core/origin.ts';

export const originHeader = 'post2log-origin';

export function encodeOrigin({ stream, offset, ordinal, before, after }: RowOrigin): Buffer {
  return Buffer.from(
    before === 0 && after === 0
      ? `${stream} ${offset} ${ordinal}`
      : `${stream} ${offset} ${ordinal} ${before} ${after}`,
  );
}

/** Undefined for anything that encodeOrigin did not write: headers come from outside. */
export function decodeOrigin(bytes: Uint8Array): RowOrigin | undefined {
  // The longest that is written: a stream's name and four numbers.
  if (bytes.length > 160) return undefined;
  const words = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1').split(' ');
  const [stream, ...numbers] = words;
  if (numbers.length !== 2 && numbers.length !== 4) return undefined;
  if (!numbers.every((number) => /^(?:-1|0|[1-9]\d*)$/.test(number))) return undefined;
  const [offset = 0, ordinal = -1, before = 0, after = 0] = numbers.map(Number);
  const run = unpackOrigins([[stream], [0, 1, offset, ordinal, before, after]], 1)?.[0];
  return run && { stream: run.stream, offset, ordinal, before, after };
}
