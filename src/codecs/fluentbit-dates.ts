/** Times as Fluent Bit prints them. Source: Fluent Bit 5.1 flb_pack.c, flb_time.c. */

/** Seconds with up to six digits behind the point, at least one: `1709287200.123457`. */
export function epochDouble(seconds: number, nanos: number): string {
  const text = (seconds + nanos / 1e9).toPrecision(16);
  return text.includes('.') ? text.replace(/0+$/, '').replace(/\.$/, '.0') : `${text}.0`;
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
