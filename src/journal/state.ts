/**
 * Source state: what sources want to know again after a restart, by source id and key.
 *
 * Each value carries a stamp: the epoch of the shard and the sequence of the frame that made it durable. A source
 * instance belongs to one writer at a time, and each writer start takes a higher epoch than all shards it finds, so the
 * higher stamp is the newer value, whatever the clock says. Merging is therefore a maximum: it may be done in any order
 * and as often as one likes. A forgotten key stays as a stamp without value (a tombstone) as long as an older shard may
 * still hold a value for it.
 *
 * Snapshot JSON: an array of [source, key, epoch, sequence, value]; a tombstone has no fifth element.
 */

/** [source, key, epoch, sequence] or, with a value, a fifth element. */
export type StateEntry = readonly [string, string, number, number, unknown?];

interface Stamp {
  readonly epoch: number;
  readonly sequence: number;
}

/** The live state of all sources. */
export class StateTable {
  readonly #values = new Map<string, Map<string, unknown>>();
  readonly #stamps = new Map<string, Map<string, Stamp>>();

  /** Values by source and key, without tombstones; follows later changes. */
  get values(): ReadonlyMap<string, ReadonlyMap<string, unknown>> {
    return this.#values;
  }
  /** Takes a value (undefined or null: forgotten) unless a newer one is known. */
  set(source: string, key: string, epoch: number, sequence: number, value: unknown): void {
    const stamps = inner(this.#stamps, source);
    const known = stamps.get(key);
    if (known && compareStamps(known, { epoch, sequence }) > 0) return;
    stamps.set(key, { epoch, sequence });
    const values = inner(this.#values, source);
    if (value === undefined || value === null) values.delete(key);
    else values.set(key, value);
  }
  /** Takes the `state` object of a records frame. */
  apply(source: string, epoch: number, sequence: number, state: Readonly<Record<string, unknown>>): void {
    for (const key of Object.keys(state)) this.set(source, key, epoch, sequence, state[key]);
  }
  /** Merges the entries of a snapshot. */
  merge(entries: readonly StateEntry[]): void {
    for (const [source, key, epoch, sequence, value] of entries) this.set(source, key, epoch, sequence, value);
  }
  /** All entries, tombstones included. */
  entries(): StateEntry[] {
    const entries: StateEntry[] = [];
    for (const [source, stamps] of this.#stamps)
      for (const [key, { epoch, sequence }] of stamps) {
        const value = this.#values.get(source)?.get(key);
        entries.push(value === undefined ? [source, key, epoch, sequence] : [source, key, epoch, sequence, value]);
      }
    return entries;
  }
  /** Forgets tombstones that no shard from before them can bring back: those older than all shards on disk. */
  dropTombstones(lowestEpoch: number): void {
    for (const [source, stamps] of this.#stamps)
      for (const [key, { epoch }] of stamps)
        if (epoch < lowestEpoch && !this.#values.get(source)?.has(key)) stamps.delete(key);
  }
  /** True when every entry is known here with the same or a newer stamp. */
  covers(entries: readonly StateEntry[]): boolean {
    return entries.every(([source, key, epoch, sequence]) => {
      const known = this.#stamps.get(source)?.get(key);
      return known !== undefined && compareStamps(known, { epoch, sequence }) >= 0;
    });
  }
}

/** Entries from the JSON of a snapshot frame or end.json; what is not an entry is left out. */
export function stateEntries(value: unknown): StateEntry[] {
  if (!Array.isArray(value)) return [];
  return value.filter(
    (entry): entry is StateEntry =>
      Array.isArray(entry) &&
      typeof entry[0] === 'string' &&
      typeof entry[1] === 'string' &&
      typeof entry[2] === 'number' &&
      typeof entry[3] === 'number',
  );
}

function compareStamps(a: Stamp, b: Stamp): number {
  return a.epoch - b.epoch || a.sequence - b.sequence;
}

function inner<V>(outer: Map<string, Map<string, V>>, source: string): Map<string, V> {
  let found = outer.get(source);
  if (!found) outer.set(source, (found = new Map()));
  return found;
}
