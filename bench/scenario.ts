/** What a benchmark scenario is, and what it gives back to the runner. */

/** Options of the command line, checked. Undefined: the scenario's own default for its size. */
export interface RunOptions {
  /** Seconds instead of minutes, smallest loads: proves that the scenario runs, its figures mean little. */
  readonly isTiny: boolean;
  /** Length of one measured round, in seconds. */
  readonly roundSeconds: number | undefined;
  readonly rounds: number | undefined;
  /** How much waits on disk in `pipeline`. */
  readonly gigabytes: number | undefined;
  /** Millions of records in `store`. */
  readonly millions: number | undefined;
  readonly connections: number | undefined;
  /** Names of servers to run in `postback`; empty: all that are found. */
  readonly only: readonly string[];
  /** Progress, one line at a time. */
  readonly say: (line: string) => void;
}

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | undefined)[])[];
}

/** A number the design must reach (`must`) or wants to reach (`aim`). */
export interface Target {
  readonly kind: 'must' | 'aim';
  /** What was measured against what, with the limit: `requests/s ≥ 0.9 × plain server`. */
  readonly text: string;
  /** Undefined: the peer was not there, so nothing can be said. */
  readonly measured: number | undefined;
  readonly isMet: boolean | undefined;
}

export interface Outcome {
  readonly tables: readonly Table[];
  readonly targets: readonly Target[];
  /** SHA-256 (first 16 hex digits) over what the measured code produced: equal hashes, equal work. */
  readonly resultHash: string;
  /** Versions of peers and tools that took part. */
  readonly versions: Readonly<Record<string, string>>;
  /** What a reader has to know to judge the figures, such as a peer that was not found. */
  readonly notes: readonly string[];
}

export interface Scenario {
  readonly name: string;
  readonly summary: string;
  run(options: RunOptions): Promise<Outcome>;
}

/** A target with a lower limit. */
export function atLeast(kind: Target['kind'], text: string, measured: number | undefined, limit: number): Target {
  return { kind, text: `${text} ≥ ${limit}`, measured, isMet: measured === undefined ? undefined : measured >= limit };
}

/** A target with an upper limit. */
export function atMost(kind: Target['kind'], text: string, measured: number | undefined, limit: number): Target {
  return { kind, text: `${text} ≤ ${limit}`, measured, isMet: measured === undefined ? undefined : measured <= limit };
}

/** The middle value (mean of the two middle ones). NaN for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** The median of a[i] / b[i]: both were measured in the same round, so that a slow moment of the machine hits both. */
export function medianRatio(a: readonly number[], b: readonly number[]): number {
  return median(a.slice(0, b.length).map((value, round) => value / (b[round] as number)));
}
