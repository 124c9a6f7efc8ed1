/** Counts what arrived of each log against what was written. */
export interface Written {
  readonly name: string;
  /** Lines written, numbered from 0. */
  readonly lines: number;
  /** Lines that may be missing: their file was removed too early. */
  readonly excused: readonly { readonly from: number; readonly to: number }[];
  /** Those that may come behind later ones: the last record of several lines of a file, which waits for more. */
  readonly mayTurn?: ReadonlySet<number>;
  /** All that is missing is to be counted as lost. */
  readonly mayLose: boolean;
}

export interface Verdict {
  /** What is wrong, by log; a log without an entry is well. */
  readonly problems: ReadonlyMap<string, string>;
  /** Lines that are missing of logs that may lose some. */
  readonly lost: readonly { readonly name: string; readonly n: number }[];
}

/** `arrived`: numbers of each log in the order in which they came. */
export function judge(written: readonly Written[], arrived: ReadonlyMap<string, readonly number[]>): Verdict {
  const problems = new Map<string, string>();
  const lost: { name: string; n: number }[] = [];
  for (const { name, lines, excused, mayLose, mayTurn } of written) {
    const numbers = arrived.get(name) ?? [];
    const times = new Map<number, number>();
    for (const n of numbers) times.set(n, (times.get(n) ?? 0) + 1);
    const missing = Array.from({ length: lines }, (_, n) => n).filter((n) => !times.has(n));
    const due = missing.filter((n) => !mayLose && !excused.some(({ from, to }) => n >= from && n < to));
    if (mayLose) for (const n of missing) lost.push({ name, n });
    const twice = [...times].filter(([n, count]) => count > 1 || n >= lines).map(([n]) => n);
    const turned = numbers.filter(
      (n, index) => index > 0 && n < (numbers[index - 1] as number) && mayTurn?.has(n) !== true,
    );
    const found = [some('missing', due), some('not there once', twice), some('behind later ones', turned)];
    const text = found.filter((one) => one !== '').join('; ');
    if (text !== '') problems.set(name, text);
  }
  return { problems, lost };
}

function some(what: string, numbers: readonly number[]): string {
  if (numbers.length === 0) return '';
  const shown = numbers.slice(0, 5).join(', ');
  return `${numbers.length} ${what} (${shown}${numbers.length > 5 ? ', …' : ''})`;
}
