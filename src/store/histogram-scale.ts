/** Round widths of histogram buckets, and what a histogram spans. */

/** Buckets [startMs + i × widthMs, + widthMs) for i below count. */
export interface Scale {
  /** A multiple of widthMs. */
  readonly startMs: number;
  readonly widthMs: number;
  readonly count: number;
}

export const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** Each is a multiple of a millisecond, second, minute, hour, day or week, so that buckets begin where clocks and calendars (UTC) do. */
const widthsMs: readonly number[] = [
  ...[1, 10, 100].flatMap((ms) => [ms, 2 * ms, 5 * ms]),
  ...[1, 2, 5, 10, 15, 30].map((seconds) => seconds * 1000),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * minuteMs),
  ...[1, 2, 3, 6, 12].map((hours) => hours * hourMs),
  ...[1, 7, 28, 91, 364].map((days) => days * dayMs),
];

/** The narrowest round width of which `buckets` span [fromMs, toMs); beyond a year, decimal multiples of 52 weeks. */
export function histogramScale(fromMs: number, toMs: number, buckets: number): Scale {
  const spanMs = Math.max(1, toMs - fromMs);
  let widthMs = widthsMs.find((width) => width * buckets >= spanMs);
  if (widthMs === undefined) for (widthMs = 364 * dayMs; widthMs * buckets < spanMs;) widthMs *= 10;
  const startMs = Math.floor(fromMs / widthMs) * widthMs;
  return { startMs, widthMs, count: Math.max(1, Math.ceil((toMs - startMs) / widthMs)) };
}
