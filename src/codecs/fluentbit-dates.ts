/** Times as Fluent Bit prints them. Source: Fluent Bit 5.1 flb_pack.c, flb_time.c. */

import type { ByteWriter } from '../core/bytes.ts';

/** Seconds with up to six digits behind the point, at least one: `1709287200.123457`. */
export function epochDouble(seconds: number, nanos: number): string {
  const text = (seconds + nanos / 1e9).toPrecision(16);
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '.0') : `${text}.0`;
}

/** From here on, and below its double, a double's last bit is 2^-22: six digits behind the point are exact. */
const secondsMin = 2 ** 30;
const micros6 = 1e6;

/** epochDouble behind a text, for many records with times near each other. */
export class EpochDouble {
  readonly #opening: string;
  #seconds = -1;
  /** The text, the seconds and the point. */
  #prefix = Buffer.alloc(0);

  constructor(opening: string) {
    this.#opening = opening;
  }
  write(seconds: number, nanos: number, out: ByteWriter): void {
    // Both are multiples of the last bit, and so are their difference and, exactly, its product.
    const fraction = seconds + nanos / 1e9 - seconds;
    let micros = Math.floor(fraction * micros6 + 0.5);
    if (seconds < secondsMin || seconds >= 2 * secondsMin || micros >= micros6) {
      out.text(this.#opening + epochDouble(seconds, nanos));
      return;
    }
    if (seconds !== this.#seconds) {
      this.#seconds = seconds;
      this.#prefix = Buffer.from(`${this.#opening}${seconds}.`);
    }
    out.bytes(this.#prefix);
    let digits = 6;
    for (; digits > 1 && micros % 10 === 0; digits--) micros /= 10;
    const room = out.room(digits);
    const start = out.length;
    for (let at = start + digits - 1; at >= start; at--) {
      const rest = Math.floor(micros / 10);
      room[at] = 48 + micros - rest * 10;
      micros = rest;
    }
    out.advance(start + digits);
  }
}

/** Whole milliseconds since 1970. */
export function milliseconds(seconds: number, nanos: number): number {
  return seconds * 1000 + Math.floor(nanos / 1e6);
}

/** `2024-03-01T10:00:00.123456Z`. */
export function isoMicros(seconds: number, nanos: number): string {
  return `${dateTime(seconds, 'T')}.${micros(nanos)}Z`;
}

/** `2024-03-01 10:00:00.123456`. */
export function sqlMicros(seconds: number, nanos: number): string {
  return `${dateTime(seconds, ' ')}.${micros(nanos)}`;
}

/** `1709287200.123456789`. */
export function epochNanos(seconds: number, nanos: number): string {
  return `${seconds}.${String(nanos).padStart(9, '0')}`;
}

/** Nanoseconds since 1970: `1709287200123456789`. */
export function epochNanosText(seconds: number, nanos: number): string {
  return String(BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
}

/** Seconds as C prints a double with %f: six digits, rounded. */
export function epochMicros(seconds: number, nanos: number): string {
  return (seconds + nanos / 1e9).toFixed(6);
}

function dateTime(seconds: number, between: string): string {
  return new Date(seconds * 1000).toISOString().slice(0, -5).replace('T', between);
}

function micros(nanos: number): string {
  return String(Math.floor(nanos / 1000)).padStart(6, '0');
}
