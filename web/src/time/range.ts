/** Which time the questions are about. All times are ms since 1970. */

/** Offered relative ranges, short to long. */
export const spans = {
  '15m': 900_000,
  '1h': 3_600_000,
  '6h': 21_600_000,
  '24h': 86_400_000,
  '7d': 604_800_000,
  '30d': 2_592_000_000,
} as const;
export type Span = keyof typeof spans;
export const spanNames = Object.keys(spans) as readonly Span[];

export type TimeRange =
  | { readonly kind: 'last'; readonly span: Span }
  | { readonly kind: 'between'; readonly fromMs: number; readonly toMs: number }
  | { readonly kind: 'all' };

export interface Bounds {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Dates end at ±8.64e15 ms; a zoom or shift beyond would be no date any more. */
const timeMaxMs = 8.64e15;
/** Below this a histogram has nothing more to tell: one bucket a ms. */
const widthMinMs = 20;

export function isSpan(text: string): text is Span {
  return Object.hasOwn(spans, text);
}

/** `from` and `to` as the API takes them: relative ranges by the server's clock, which dated the records. */
export function rangeParams(range: TimeRange): { from?: string; to?: string } {
  if (range.kind === 'all') return {};
  if (range.kind === 'last') return { from: `now-${range.span}`, to: 'now' };
  return { from: String(range.fromMs), to: String(range.toMs) };
}

/** A range of at least `widthMinMs` that holds whole ms and dates that exist. */
export function between(fromMs: number, toMs: number): TimeRange {
  const limit = (ms: number): number => Math.min(Math.max(Math.round(ms), -timeMaxMs), timeMaxMs);
  const from = Math.min(limit(Math.min(fromMs, toMs)), timeMaxMs - widthMinMs);
  return { kind: 'between', fromMs: from, toMs: Math.max(limit(Math.max(fromMs, toMs)), from + widthMinMs) };
}

/** Around the middle: factor 0.5 shows half, 2 twice as much. */
export function zoomed({ fromMs, toMs }: Bounds, factor: number): TimeRange {
  const middle = (fromMs + toMs) / 2;
  const half = ((toMs - fromMs) / 2) * factor;
  return between(middle - half, middle + half);
}

/** Moved by a part of its width; negative: earlier. */
export function shifted({ fromMs, toMs }: Bounds, part: number): TimeRange {
  const byMs = (toMs - fromMs) * part;
  return between(fromMs + byMs, toMs + byMs);
}

/** The next longer range to offer where nothing was found. */
export function wider(range: TimeRange): TimeRange {
  if (range.kind !== 'last') return { kind: 'all' };
  const next = spanNames[spanNames.indexOf(range.span) + 1];
  return next ? { kind: 'last', span: next } : { kind: 'all' };
}

/** `2026-11-21T13:05:09` in local time, as `<input type="datetime-local" step="1">` has it. */
export function toLocalInput(ms: number): string {
  const date = new Date(ms);
  const pad = (value: number, digits = 2): string => String(value).padStart(digits, '0');
  const day = `${pad(date.getFullYear(), 4)}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
  return `${day}T${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

/** Undefined where it is no time. Texts without a zone are local time. */
export function fromLocalInput(text: string): number | undefined {
  const ms = new Date(text).getTime();
  return Number.isNaN(ms) ? undefined : ms;
}
