/** Counts what a place holds against what was written. */
import type { Origin } from './load.ts';

/** How often each number of an origin is there. */
export type Held = ReadonlyMap<string, ReadonlyMap<number, number>>;

/** Gathers what a place holds; what has no origin of ours is of others. */
export class Tally {
  readonly held = new Map<string, Map<number, number>>();
  others = 0;

  add(record: { readonly origin?: unknown; readonly n?: unknown }): void {
    const n = Number(record.n);
    if (typeof record.origin !== 'string' || record.n === undefined || !Number.isSafeInteger(n)) {
      this.others++;
      return;
    }
    const times = this.held.get(record.origin) ?? new Map<number, number>();
    this.held.set(record.origin, times);
    times.set(n, (times.get(n) ?? 0) + 1);
  }
  /** Different records of the origin. */
  count(origin: string): number {
    return this.held.get(origin)?.size ?? 0;
  }
}

const some = (numbers: readonly number[]): string =>
  `${numbers.slice(0, 10).join(', ')}${numbers.length > 10 ? ' …' : ''}`;

/** What is wrong with `place`. */
export function judge(place: string, origins: readonly Origin[], held: Held): string[] {
  const known = new Set(origins.map(({ name }) => name));
  const strangers = [...held.keys()].filter((name) => !known.has(name));
  return [
    ...strangers.map((name) => `${place}: records of ${name}, which nobody wrote`),
    ...origins.flatMap(({ name, count, unsure }) => {
      const times = held.get(name) ?? new Map<number, number>();
      const missing = Array.from({ length: count }, (_, n) => n).filter((n) => !times.has(n) && !unsure.has(n));
      const more = [...times].filter(([, often]) => often > 1).map(([n]) => n);
      const beyond = [...times.keys()].filter((n) => n < 0 || n >= count);
      const told: [readonly number[], string][] = [
        [missing, 'are missing'],
        [more, 'are there more than once'],
        [beyond, 'were never written'],
      ];
      return told.flatMap(([numbers, text]) =>
        numbers.length === 0 ? [] : [`${place}: ${numbers.length} records of ${name} ${text}: ${some(numbers)}`],
      );
    }),
  ];
}
