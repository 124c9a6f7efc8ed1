/** Numbers, times and sizes as the chosen language writes them. One set a language; making an Intl object is slow. */

export type Language = 'en' | 'ko';

export interface Formats {
  readonly number: (value: number) => string;
  /** `1.2K`: where there is little room. */
  readonly compact: (value: number) => string;
  readonly percent: (share: number) => string;
  readonly bytes: (count: number) => string;
  /** `Nov 21` */
  readonly day: (ms: number) => string;
  /** `13:05:09.123` */
  readonly clock: (ms: number) => string;
  /** `Nov 21, 2026, 13:05:09` */
  readonly dateTime: (ms: number) => string;
  /** `Nov 21, 13:05:09` */
  readonly moment: (ms: number) => string;
  /** `Nov 21, 13:05 – 14:05`; the shorter of the two ends where they share a day. */
  readonly between: (fromMs: number, toMs: number) => string;
  /** `3 minutes ago` */
  readonly ago: (ms: number, nowMs: number) => string;
  /** A histogram bar's width: `5 min` */
  readonly width: (ms: number) => string;
  /** A mark under the histogram, as exact as the bars are wide. */
  readonly tick: (ms: number, stepMs: number) => string;
}

const secondMs = 1000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Dates end there; records of broken clocks may lie beyond. */
const dateMaxMs = 8.64e15;

const steps = [
  ['day', dayMs],
  ['hour', hourMs],
  ['minute', minuteMs],
  ['second', secondMs],
] as const;

export function formatsOf(language: Language): Formats {
  const number = new Intl.NumberFormat(language);
  const compact = new Intl.NumberFormat(language, { notation: 'compact', maximumFractionDigits: 1 });
  const percent = new Intl.NumberFormat(language, { style: 'percent', maximumFractionDigits: 1 });
  const time = (options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat =>
    new Intl.DateTimeFormat(language, { hourCycle: 'h23', ...options });
  // Numbers alone are what Korean has for `Nov 21`, and as narrow.
  const day = time({ month: language === 'ko' ? 'numeric' : 'short', day: 'numeric' });
  const clock = time({ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 });
  const dateTime = time({ dateStyle: 'medium', timeStyle: 'medium' });
  const range = time({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' });
  const rangeSeconds = time({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit' });
  const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });
  const ticks = {
    millisecond: time({ minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 }),
    second: time({ hour: '2-digit', minute: '2-digit', second: '2-digit' }),
    minute: time({ hour: '2-digit', minute: '2-digit' }),
    day,
  };
  const unit = (name: string, value: number): string =>
    new Intl.NumberFormat(language, { style: 'unit', unit: name, unitDisplay: 'short' }).format(value);
  return {
    number: (value) => number.format(value),
    compact: (value) => compact.format(value),
    percent: (share) => percent.format(share),
    bytes: (count) => bytesText(count, number),
    day: (ms) => day.format(ms),
    clock: (ms) => clock.format(ms),
    dateTime: (ms) => dateTime.format(ms),
    moment: (ms) => rangeSeconds.format(Math.min(Math.max(ms, -dateMaxMs), dateMaxMs)),
    between: (fromMs, toMs) => (toMs - fromMs < 5 * minuteMs ? rangeSeconds : range).formatRange(fromMs, toMs),
    ago(ms, nowMs) {
      const byMs = ms - nowMs;
      const [name, size] = steps.find(([, size]) => Math.abs(byMs) >= size) ?? ['second', secondMs];
      return relative.format(Math.round(byMs / size), name);
    },
    width(ms) {
      const [name, size] = steps.find(([, size]) => ms >= size && ms % size === 0) ?? ['millisecond', 1];
      return unit(name, ms / size);
    },
    tick(ms, stepMs) {
      if (stepMs >= dayMs || isMidnight(ms)) return ticks.day.format(ms);
      if (stepMs < secondMs) return ticks.millisecond.format(ms);
      return (stepMs >= minuteMs ? ticks.minute : ticks.second).format(ms);
    },
  };
}

function isMidnight(ms: number): boolean {
  const date = new Date(ms);
  return date.getHours() === 0 && date.getMinutes() === 0 && date.getSeconds() === 0 && date.getMilliseconds() === 0;
}

function bytesText(count: number, number: Intl.NumberFormat): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let value = count;
  let index = 0;
  while (value >= 1000 && index < units.length - 1) {
    value /= 1000;
    index++;
  }
  return `${number.format(value >= 100 || index === 0 ? Math.round(value) : Math.round(value * 10) / 10)} ${units[index]}`;
}
