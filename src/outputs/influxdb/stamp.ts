/**
 * A point's time, and with exactly_once what makes it a point of its own.
 *
 * InfluxDB holds one point for each measurement, set of tags and time: what is written again under the same three replaces
 * it, so a record must always get the same, and no two records the same. With `exactly_once` each record has a slot that
 * only its place in the journal decides (shard, offset, and which of the records it is that were made of one). Times are then
 * written in nanoseconds: the digits that the configured precision has not are the slot's lower digits, its upper ones a tag.
 *
 *   precision   digits for the slot   tag values   records of one shard, time and tags that stay apart
 *   s, m, h     1,000,000,000         none         1,000,000,000
 *   ms          1,000,000             1,000        1,000,000,000
 *   u, us       1,000                 65,536       65,536,000
 *   ns          none                  65,536       65,536
 *
 * The tag changes with every 1,000,000th record (ms), 1,000th (us) or each (ns), so that at ms a series stays one for long.
 * 65,536 is less than the 100,000 values that InfluxDB 1.x takes for a tag, and than what Fluent Bit's own `_seq` uses.
 * Shards begin at slots far from each other, which their random ids decide: two records of different shards that share
 * measurement, tags and time meet by a chance of one in the number of slots, the last column.
 */
import { createHash } from 'node:crypto';
import type { Instant } from '../../core/clock.ts';
import type { Value } from '../../core/record.ts';

export type Precision = 'h' | 'm' | 's' | 'ms' | 'u' | 'us' | 'ns';

const unitNs: Readonly<Record<Precision, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
  u: 1000n,
  us: 1000n,
  ns: 1n,
};
const tagValuesMax = 65_536n;
/** Slots that the coarse precisions have, and that the finer ones come as near to as the tag allows. */
const slotsWanted = 1_000_000_000n;

/** The time in units of the precision. Fluentd's v1 plugin cuts off, its v2 plugin rounds. */
export function stampOf({ seconds, nanos }: Instant, precision: Precision, isRounded: boolean): string {
  if (precision === 'ns') {
    if (seconds > 0) return `${seconds}${String(nanos).padStart(9, '0')}`;
    return String(BigInt(seconds) * unitNs.s + BigInt(nanos));
  }
  const fraction = (unit: number): number => (isRounded ? Math.round(nanos / unit) : Math.floor(nanos / unit));
  if (precision === 'u' || precision === 'us') return String(seconds * 1e6 + fraction(1000));
  if (precision === 'ms') return String(seconds * 1000 + fraction(1e6));
  if (precision === 's') return String(seconds + fraction(1e9));
  return String(Math.floor(seconds / (precision === 'm' ? 60 : 3600)));
}

/**
 * The time that a field holds, in units of the precision: a whole number is taken as it is, one with a fraction without it,
 * a date and time in ISO 8601 form is converted. Undefined: it is no time.
 */
export function stampOfValue(value: Value, precision: Precision, isRounded: boolean): string | undefined {
  if (typeof value === 'bigint') return String(value);
  const size = typeof value === 'object' && value !== null && 'value' in value ? value.value : value;
  if (typeof size === 'number' && Number.isFinite(size)) return String(BigInt(Math.trunc(size)));
  if (typeof size !== 'string') return undefined;
  if (/^-?\d{1,19}$/.test(size)) return size;
  const instant = isoInstant(size);
  return instant && stampOf(instant, precision, isRounded);
}

const isoForm = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d)(?:[.,](\d{1,9})\d*)?\s?(Z|[+-]\d\d:?\d\d)?$/;

function isoInstant(text: string): Instant | undefined {
  const [, moment, digits = '', zone = ''] = isoForm.exec(text) ?? [];
  if (moment === undefined) return undefined;
  const timeMs = Date.parse(`${moment.replace(' ', 'T')}${zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2')}`);
  return Number.isNaN(timeMs) ? undefined : { seconds: timeMs / 1000, nanos: Number(digits.padEnd(9, '0')) };
}

/** A point's identity with exactly_once. */
export interface Identity {
  /** The time in nanoseconds. */
  readonly stamp: string;
  /** Undefined: the digits of the time are enough. */
  readonly tagValue: string | undefined;
}

/** Gives records their slots. */
export class Slots {
  readonly #unit: bigint;
  readonly #count: bigint;
  readonly #hasTag: boolean;
  /** Where each shard begins; the last ones seen. */
  readonly #starts = new Map<string, bigint>();

  constructor(precision: Precision) {
    this.#unit = unitNs[precision];
    const digits = this.#unit < slotsWanted ? this.#unit : slotsWanted;
    const wanted = slotsWanted / digits;
    const tagValues = wanted < tagValuesMax ? wanted : tagValuesMax;
    this.#hasTag = tagValues > 1n;
    this.#count = digits * tagValues;
  }
  /** `stamp`: the time in units of the precision. `id`: the emission id. */
  identify(stamp: string, id: string): Identity {
    const dash = id.lastIndexOf('-');
    const dot = id.indexOf('.', dash);
    const offset = BigInt(id.slice(dash + 1, dot < 0 ? undefined : dot));
    // Records made of one lie far from each other: the golden section never comes near a place where it was.
    const ordinal = dot < 0 ? 0n : BigInt(id.slice(dot + 1)) + 1n;
    const step = (this.#count * 618_033_989n) / 1_000_000_000n;
    const slot = (this.#start(id.slice(0, dash)) + offset + ordinal * step) % this.#count;
    const digits = this.#unit < slotsWanted ? this.#unit : slotsWanted;
    return {
      stamp: String(BigInt(stamp) * this.#unit + (slot % digits)),
      tagValue: this.#hasTag ? (slot / digits).toString(36) : undefined,
    };
  }
  #start(shard: string): bigint {
    const known = this.#starts.get(shard);
    if (known !== undefined) return known;
    const start = createHash('sha256').update(shard).digest().readBigUInt64BE() % this.#count;
    // More shards than a start of the program has workers are seen one after the other.
    if (this.#starts.size >= 1000) this.#starts.clear();
    this.#starts.set(shard, start);
    return start;
  }
}

/**
 * Fluent Bit's way to keep points of equal time apart: one that has the time of the one before is moved on by a nanosecond.
 * Source: Fluent Bit 5.1 influxdb.c influxdb_tsmod.
 */
export class MovedTimes {
  #last: Instant = { seconds: 0, nanos: 0 };
  #moved: Instant = { seconds: 0, nanos: 0 };

  move(time: Instant): Instant {
    if (!isSame(time, this.#last) && !isSame(time, this.#moved)) {
      this.#last = time;
      this.#moved = time;
      return time;
    }
    const { seconds, nanos } = this.#moved;
    this.#last = time;
    this.#moved = nanos === 999_999_999 ? { seconds: seconds + 1, nanos: 0 } : { seconds, nanos: nanos + 1 };
    return this.#moved;
  }
}

function isSame(a: Instant, b: Instant): boolean {
  return a.seconds === b.seconds && a.nanos === b.nanos;
}
