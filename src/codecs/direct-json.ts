/** JSON objects into records by their bytes: what `parse` of a JSON parser and printing give, without the fields between. */
import type { ByteWriter } from '../core/bytes.ts';
import { JsonObject } from '../core/json-object.ts';
import type { DirectMembers, DirectParser } from '../core/plugin.ts';
import { RememberedTime } from './remembered-time.ts';
import type { ReadPlaced } from './remembered-time.ts';

/** Which member holds the time, and whether it stays. */
export interface DirectTimeRules {
  readonly timeKey: string;
  readonly timeKeep: boolean;
  /** Undefined: no time is looked for. */
  readonly readTime: ReadPlaced | undefined;
  /** An empty text is no time, and the record is refused; else it is a field like others. */
  readonly mustBeTime?: boolean;
}

/** Nothing is known of the time of such a record. */
export const noTime = { isKnown: false, seconds: 0, nanos: 0 } as const;

export class DirectJson implements DirectParser {
  readonly time: DirectParser['time'];
  readonly #found: DirectMembers = { object: new JsonObject(), without: -1 };
  readonly #key: Buffer;
  readonly #keeps: boolean;
  readonly #time: RememberedTime | undefined;

  constructor({ timeKey, timeKeep, readTime }: DirectTimeRules) {
    this.#key = Buffer.from(timeKey);
    this.#keeps = timeKeep;
    this.#time = readTime && new RememberedTime(readTime);
    this.time = this.#time ?? noTime;
  }
  write(bytes: Buffer, from: number, until: number, out: ByteWriter): boolean {
    const found = this.members(bytes, from, until);
    if (!found) return false;
    if (found.without >= 0) found.object.writeWithout(found.without, out);
    else found.object.write(out);
    return true;
  }
  members(bytes: Buffer, from: number, until: number): DirectMembers | undefined {
    const { object } = this.#found;
    this.#found.without = -1;
    if (!object.read(bytes, from, until)) return undefined;
    const time = this.#time;
    if (!time) return this.#found;
    time.forget();
    const member = object.find(this.#key);
    if (member < 0) return this.#found;
    const [start, end] = [object.valueFrom[member] as number, object.valueUntil[member] as number];
    // A time that is no text, or an empty one, is rare.
    if (!object.isPlainText(member) || end - start <= 2) return undefined;
    if (!time.read(bytes, start + 1, end - 1)) return undefined;
    if (!this.#keeps) this.#found.without = member;
    return this.#found;
  }
}
