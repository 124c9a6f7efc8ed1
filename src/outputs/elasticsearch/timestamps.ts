/** `@timestamp`, and the date in an index's name. Source: fluent-plugin-elasticsearch 6.0, parse_time; Ruby 3.2 DateTime. */
import { rubyFloat } from '../../codecs/ruby.ts';
import { compileStrftime } from '../../codecs/strftime.ts';
import type { TimeFormat, Zone } from '../../codecs/strftime.ts';
import { compileAnyTime } from '../../codecs/guess-time.ts';
import { compileStrptime } from '../../codecs/strptime.ts';
import type { ParseTime } from '../../codecs/strptime.ts';
import type { Clock, Instant } from '../../core/clock.ts';
import { Float } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';

/** A time with the zone it was written in; the program's own where it was not written. */
export interface ZonedTime extends Instant {
  readonly zone: Zone;
}

const local: Zone = { kind: 'local' };
const utc: Zone = { kind: 'offset', seconds: 0 };

/** The record's own time. */
export function ownTime(seconds: number, nanos: number): ZonedTime {
  return { seconds, nanos, zone: local };
}

/** Reads the times that records hold as values. */
export class TimeReader {
  readonly #parse: ParseTime;

  /** `format`: as strptime has it; undefined: any form. @throws Error for a format that is none */
  constructor(format: string | undefined, clock: Clock) {
    this.#parse =
      format === undefined ? compileAnyTime({ utc: true }, clock) : compileStrptime(format, { utc: true }, clock);
  }
  /** Undefined: it is no time of the form wanted. */
  read(value: Value): ZonedTime | undefined {
    if (typeof value === 'number' || typeof value === 'bigint' || value instanceof Float) {
      const number = rubyFloat(value);
      if (number === undefined || !Number.isFinite(number)) return undefined;
      const seconds = Math.floor(number);
      return { seconds, nanos: Math.floor((number - seconds) * 1e9), zone: local };
    }
    if (typeof value !== 'string') return undefined;
    const instant = this.#parse(value);
    return instant && { ...instant, zone: zoneIn(value) };
  }
}

/** The zone at the end of a time, as far as it is a number; UTC where there is none. */
function zoneIn(text: string): Zone {
  const [, sign, hours, minutes] = /([+-])(\d\d):?(\d\d)\s*$/.exec(text) ?? [];
  // `2024-01-02` and the like end in what only looks like a zone.
  if (sign === undefined || !/\d:\d\d|T\d\d/.test(text)) return utc;
  const seconds = Number(hours) * 3600 + Number(minutes) * 60;
  return { kind: 'offset', seconds: sign === '-' ? -seconds : seconds };
}

/** Formats times in the zones they came in. */
export class ZonedFormat {
  readonly #format: string;
  readonly #byOffset = new Map<number, TimeFormat>();
  readonly #local: TimeFormat;

  constructor(format: string) {
    this.#format = format;
    this.#local = compileStrftime(format, local);
  }
  text({ seconds, nanos, zone }: ZonedTime): string {
    if (zone.kind !== 'offset') return this.#local(seconds, nanos);
    let format = this.#byOffset.get(zone.seconds);
    // Offsets are minutes of a day, so there are never many.
    if (!format) this.#byOffset.set(zone.seconds, (format = compileStrftime(this.#format, zone)));
    return format(seconds, nanos);
  }
}

/** ISO 8601 with so many digits of a fraction. */
export function isoFormat(precision: number): ZonedFormat {
  return new ZonedFormat(precision === 0 ? '%Y-%m-%dT%H:%M:%S%:z' : `%Y-%m-%dT%H:%M:%S.%${precision}N%:z`);
}

/** The same moment in UTC. */
export function inUtc(time: ZonedTime): ZonedTime {
  return { seconds: time.seconds, nanos: time.nanos, zone: utc };
}
