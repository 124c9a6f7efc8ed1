/**
 * Times as text: Ruby's strftime, as Fluentd's time_format options and path placeholders use it, in a time zone given as
 * localtime, utc, `+09:00` or an IANA name. Source: Ruby 3.2 Time#strftime, Fluentd 1.16 time.rb and timezone.rb.
 */

/** Where a time is shown. */
export type Zone =
  | { readonly kind: 'local' }
  | { readonly kind: 'utc' }
  | { readonly kind: 'offset'; readonly seconds: number }
  | { readonly kind: 'name'; readonly name: string; readonly offsetAt: (seconds: number) => number };

/** Seconds since 1970 and nanoseconds to text. Keeps the last second's text: call it with times in order where you can. */
export type TimeFormat = (seconds: number, nanos: number) => string;

export interface TimeOptions {
  readonly timeFormat?: string | undefined;
  readonly localtime?: boolean | undefined;
  readonly utc?: boolean | undefined;
  readonly timezone?: string | undefined;
}

/** Fluentd's rule: a timezone wins, then utc, then localtime (the default). @throws Error for an unknown zone */
export function zoneOf(options: TimeOptions): Zone {
  if (options.timezone !== undefined) return parseZone(options.timezone);
  return options.utc === true || options.localtime === false ? { kind: 'utc' } : { kind: 'local' };
}

/** `+09:00`, `+0900`, `+09` or an IANA name. @throws Error for an unknown zone */
export function parseZone(text: string): Zone {
  const numeric = /^([+-])(\d\d)(?::?(\d\d))?$/.exec(text);
  if (numeric) {
    const seconds = Number(numeric[2]) * 3600 + Number(numeric[3] ?? '0') * 60;
    return { kind: 'offset', seconds: numeric[1] === '-' ? -seconds : seconds };
  }
  try {
    return { kind: 'name', name: text, offsetAt: namedOffsets(text) };
  } catch {
    throw new Error(`time zone ${text} is not known; write +09:00 or a name such as Asia/Tokyo`);
  }
}

function namedOffsets(name: string): (seconds: number) => number {
  const parts = new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' });
  let slot = Number.NaN;
  let offset = 0;
  return (seconds) => {
    // Zones change their offset at quarter hours only, so one look serves 900 seconds.
    const now = Math.floor(seconds / 900);
    if (now === slot) return offset;
    const shown = parts.formatToParts(now * 900_000).find((part) => part.type === 'timeZoneName')?.value ?? '';
    const found = /([+-])(\d\d):(\d\d)(?::(\d\d))?/.exec(shown);
    const size = found ? Number(found[2]) * 3600 + Number(found[3]) * 60 + Number(found[4] ?? '0') : 0;
    slot = now;
    offset = found?.[1] === '-' ? -size : size;
    return offset;
  };
}

/** How far the zone is ahead of UTC at an instant, in seconds. */
export function zoneOffset(zone: Zone, seconds: number): number {
  switch (zone.kind) {
    case 'utc':
      return 0;
    case 'offset':
      return zone.seconds;
    case 'name':
      return zone.offsetAt(seconds);
    default:
      return -new Date(seconds * 1000).getTimezoneOffset() * 60;
  }
}

/** Compiles time_format with its zone; without a format ISO 8601 to the second, as Fluentd has it (`Z` only for utc). */
export function compileTime(options: TimeOptions): TimeFormat {
  const zone = zoneOf(options);
  return compileStrftime(options.timeFormat ?? (zone.kind === 'utc' ? '%Y-%m-%dT%H:%M:%SZ' : '%FT%T%:z'), zone);
}

/** The whole of a second, its fields in the zone. */
interface Civil {
  /** Earlier or later by `eras` times 400 years, after which the calendar repeats: a Date ends in the year 275760. */
  readonly date: Date;
  readonly eras: number;
  readonly seconds: number;
  readonly offset: number;
  readonly zone: Zone;
}
interface Directive {
  readonly letter: string;
  readonly flags: string;
  readonly width: number | undefined;
  readonly text: string;
}

/** Compiles a strftime format. Directives that Ruby does not know stay as they are written. */
export function compileStrftime(format: string, zone: Zone): TimeFormat {
  const pieces: (string | Directive)[] = [];
  const pattern = /%([-_0^#:]*)(\d{1,3})?([A-Za-z%+])/g;
  let from = 0;
  for (const found of format.matchAll(pattern)) {
    const [text, flags = '', width, letter = ''] = found;
    if (found.index > from) pieces.push(format.slice(from, found.index));
    pieces.push({ letter, flags, width: width === undefined ? undefined : Number(width), text });
    from = found.index + text.length;
  }
  if (from < format.length) pieces.push(format.slice(from));
  return cachedFormat(pieces, zone);
}

function cachedFormat(pieces: readonly (string | Directive)[], zone: Zone): TimeFormat {
  const hasFraction = pieces.some((piece) => typeof piece !== 'string' && isFraction(piece));
  let known = Number.NaN;
  let text = '';
  let split: (string | Directive)[] = [];
  return (seconds, nanos) => {
    if (seconds !== known) {
      split = renderSecond(pieces, seconds, zone);
      text = split.filter((piece) => typeof piece === 'string').join('');
      known = seconds;
    }
    if (!hasFraction) return text;
    let joined = '';
    for (const piece of split) joined += typeof piece === 'string' ? piece : fractionText(piece, nanos);
    return joined;
  };
}

/** Seconds that a Date can hold, less a day for zones. */
const dateSecondsMax = 8.64e12 - 86_400;
/** 400 years. */
const eraSeconds = 146_097 * 86_400;

/** Renders all but the fractions, and joins neighbours. */
function renderSecond(pieces: readonly (string | Directive)[], seconds: number, zone: Zone): (string | Directive)[] {
  const eras = Math.abs(seconds) < dateSecondsMax ? 0 : Math.floor(seconds / eraSeconds);
  const offset = zoneOffset(zone, seconds - eras * eraSeconds);
  const civil: Civil = {
    date: new Date((seconds - eras * eraSeconds + offset) * 1000),
    eras,
    seconds,
    offset,
    zone,
  };
  const split: (string | Directive)[] = [];
  for (const piece of pieces) {
    if (typeof piece !== 'string' && isFraction(piece)) {
      split.push(piece);
      continue;
    }
    const rendered = typeof piece === 'string' ? piece : directiveText(piece, civil);
    const last = split.length - 1;
    if (typeof split[last] === 'string') split[last] += rendered;
    else split.push(rendered);
  }
  return split;
}

function isFraction(piece: Directive): boolean {
  return piece.letter === 'N' || piece.letter === 'L';
}

function fractionText(piece: Directive, nanos: number): string {
  const width = piece.width ?? (piece.letter === 'L' ? 3 : 9);
  return String(nanos).padStart(9, '0').slice(0, width).padEnd(width, '0');
}

const days = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const months = 'January,February,March,April,May,June,July,August,September,October,November,December'.split(',');

const composites: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  R: '%H:%M',
  r: '%I:%M:%S %p',
  T: '%H:%M:%S',
  v: '%e-%^b-%Y',
  X: '%H:%M:%S',
  x: '%m/%d/%y',
  '+': '%a %b %e %H:%M:%S %Z %Y',
};

/** Numbers: how many digits, padded with what, and their value. */
const numbers: Readonly<Record<string, readonly [number, '0' | ' ', (civil: Civil) => number]>> = {
  C: [2, '0', (civil) => Math.floor(yearOf(civil) / 100)],
  d: [2, '0', ({ date }) => date.getUTCDate()],
  e: [2, ' ', ({ date }) => date.getUTCDate()],
  G: [4, '0', ({ date, eras }) => isoWeek(date).year + eras * 400],
  g: [2, '0', ({ date }) => modulo(isoWeek(date).year, 100)],
  H: [2, '0', ({ date }) => date.getUTCHours()],
  I: [2, '0', ({ date }) => date.getUTCHours() % 12 || 12],
  j: [3, '0', ({ date }) => dayOfYear(date)],
  k: [2, ' ', ({ date }) => date.getUTCHours()],
  l: [2, ' ', ({ date }) => date.getUTCHours() % 12 || 12],
  M: [2, '0', ({ date }) => date.getUTCMinutes()],
  m: [2, '0', ({ date }) => date.getUTCMonth() + 1],
  S: [2, '0', ({ date }) => date.getUTCSeconds()],
  s: [1, '0', ({ seconds }) => seconds],
  U: [2, '0', ({ date }) => Math.floor((dayOfYear(date) + 6 - date.getUTCDay()) / 7)],
  u: [1, '0', ({ date }) => date.getUTCDay() || 7],
  V: [2, '0', ({ date }) => isoWeek(date).week],
  W: [2, '0', ({ date }) => Math.floor((dayOfYear(date) + 6 - modulo(date.getUTCDay() - 1, 7)) / 7)],
  w: [1, '0', ({ date }) => date.getUTCDay()],
  Y: [4, '0', yearOf],
  y: [2, '0', ({ date }) => modulo(date.getUTCFullYear(), 100)],
};

const words: Readonly<Record<string, (civil: Civil) => string>> = {
  A: ({ date }) => days[date.getUTCDay()] ?? '',
  a: ({ date }) => (days[date.getUTCDay()] ?? '').slice(0, 3),
  B: ({ date }) => months[date.getUTCMonth()] ?? '',
  b: ({ date }) => (months[date.getUTCMonth()] ?? '').slice(0, 3),
  h: ({ date }) => (months[date.getUTCMonth()] ?? '').slice(0, 3),
  n: () => '\n',
  P: ({ date }) => (date.getUTCHours() < 12 ? 'am' : 'pm'),
  p: ({ date }) => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
  t: () => '\t',
  Z: zoneName,
  '%': () => '%',
};

function directiveText(piece: Directive, civil: Civil): string {
  const { letter, flags, width } = piece;
  if (letter === 'z') return offsetText(piece, civil.offset);
  if (flags.includes(':')) return piece.text;
  const number = numbers[letter];
  if (number) {
    const [digits, pad, value] = number;
    const fill = flags.includes('0') ? '0' : flags.includes('_') ? ' ' : pad;
    const shown = value(civil);
    if (flags.includes('-')) return String(shown);
    const size = width ?? digits;
    if (shown < 0 && fill === '0') return `-${String(-shown).padStart(size, '0')}`;
    return String(shown).padStart(size, fill);
  }
  const composite = composites[letter];
  let text = composite === undefined ? words[letter]?.(civil) : renderComposite(composite, civil);
  if (text === undefined) return piece.text;
  if (flags.includes('^')) text = text.toUpperCase();
  // `%#p` is am, `%#a` is MON: the flag changes the case to the other one.
  if (flags.includes('#')) text = letter === 'p' || letter === 'Z' ? text.toLowerCase() : text.toUpperCase();
  return width === undefined || flags.includes('-') ? text : text.padStart(width, flags.includes('0') ? '0' : ' ');
}

function renderComposite(format: string, civil: Civil): string {
  return compileStrftime(format, civil.zone)(civil.seconds, 0);
}

function offsetText({ flags, width }: Directive, offset: number): string {
  const size = Math.abs(offset);
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  const colons = flags.split(':').length - 1;
  const rest = [two((size / 60) % 60), ...(colons === 2 ? [two(size % 60)] : [])];
  const hours = flags.includes('-') ? String(Math.floor(size / 3600)) : two(size / 3600);
  const shown = [hours, ...rest].join(colons > 0 ? ':' : '');
  return `${offset < 0 ? '-' : '+'}${width === undefined ? shown : shown.padStart(width - 1, '0')}`;
}

function zoneName({ zone, eras, seconds }: Civil): string {
  if (zone.kind === 'utc') return 'UTC';
  // Ruby has no name for a time at a fixed offset.
  if (zone.kind === 'offset') return '';
  const format = new Intl.DateTimeFormat('en-US', {
    timeZoneName: 'short',
    ...(zone.kind === 'name' ? { timeZone: zone.name } : {}),
  });
  return (
    format.formatToParts((seconds - eras * eraSeconds) * 1000).find((part) => part.type === 'timeZoneName')?.value ?? ''
  );
}

function yearOf({ date, eras }: Civil): number {
  return date.getUTCFullYear() + eras * 400;
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by;
}

function dayOfYear(date: Date): number {
  const start = new Date(date.getTime());
  start.setUTCMonth(0, 1);
  return Math.round((date.getTime() - start.getTime()) / 86_400_000) + 1;
}

/** ISO 8601 week: the week belongs to the year that holds its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getTime() + (3 - modulo(date.getUTCDay() - 1, 7)) * 86_400_000);
  return { year: thursday.getUTCFullYear(), week: Math.floor((dayOfYear(thursday) - 1) / 7) + 1 };
}
