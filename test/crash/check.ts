/** Judges a crash run: what was sent and acknowledged against what arrived. */
import type { Status } from '../../bench/post2log.ts';

/** One request: records `first` … `first + count - 1`, accepted all or none. */
export interface SentRequest {
  readonly first: number;
  readonly count: number;
  /** Carried an Idempotency-Key and was sent again under it. */
  readonly isKeyed: boolean;
  /** A 200 was seen for it, once at least. */
  isAcked: boolean;
}

/** What one output wrote. */
export interface Arrivals {
  /** How often each record number arrived. */
  readonly times: ReadonlyMap<number, number>;
  /** Lines that are no record of ours. */
  readonly unreadable: readonly string[];
}

export interface Evidence {
  readonly requests: readonly SentRequest[];
  /** Exactly once. */
  readonly file: Arrivals;
  /** At least once. */
  readonly stdout: Arrivals;
  /** Exactly once. */
  readonly store: Arrivals;
  /** As the program said it when all was drained. */
  readonly status: Status;
}

/** Ids of the outputs in the status; the built-in configuration may name more, which get nothing. */
export const outputIds = { file: 'crash_file', stdout: 'crash_stdout', store: 'store' } as const;

/** Lists at most this many numbers of a problem: the rest is in the kept directory. */
const shownMax = 10;

function problem(found: readonly number[], text: string): string[] {
  if (found.length === 0) return [];
  const more = found.length > shownMax ? ', …' : '';
  return [`${found.length} ${text}: ${found.slice(0, shownMax).join(', ')}${more}`];
}

function numbersOf(request: SentRequest): number[] {
  return Array.from({ length: request.count }, (_, i) => request.first + i);
}

function recordProblems({ requests, file, stdout, store }: Evidence): string[] {
  const acked = requests.filter(({ isAcked }) => isAcked).flatMap(numbersOf);
  const sent = new Set(requests.flatMap(numbersOf));
  const keyed = new Set(requests.filter(({ isKeyed }) => isKeyed).flatMap(numbersOf));
  const twice = [...file.times].filter(([, times]) => times > 1).map(([n]) => n);
  const partly = requests.filter((request) => {
    const there = numbersOf(request).filter((n) => file.times.has(n)).length;
    return there > 0 && there < request.count;
  });
  return [
    ...problem(
      acked.filter((n) => !file.times.has(n)),
      'acknowledged records are missing in the file',
    ),
    ...problem(
      acked.filter((n) => !stdout.times.has(n)),
      'acknowledged records are missing on stdout',
    ),
    ...problem(
      acked.filter((n) => !store.times.has(n)),
      'acknowledged records are missing in the store',
    ),
    ...problem(
      [...store.times].filter(([, times]) => times > 1).map(([n]) => n),
      'records are in the store more than once',
    ),
    ...problem(
      [...file.times.keys()].filter((n) => !store.times.has(n)),
      'records of the file did not reach the store',
    ),
    ...problem(
      [...store.times.keys()].filter((n) => !file.times.has(n)),
      'records of the store did not reach the file',
    ),
    ...problem(
      twice.filter((n) => !keyed.has(n)),
      'records are in the file more than once',
    ),
    ...problem(
      twice.filter((n) => keyed.has(n)),
      'records sent with an Idempotency-Key are in the file more than once',
    ),
    ...problem(
      partly.map(({ first }) => first),
      'requests were taken in part (their first records)',
    ),
    ...problem(
      [...file.times.keys()].filter((n) => !sent.has(n)),
      'records in the file were never sent',
    ),
    ...problem(
      [...file.times.keys()].filter((n) => !stdout.times.has(n)),
      'records of the file did not reach stdout',
    ),
    ...problem(
      [...stdout.times.keys()].filter((n) => !file.times.has(n)),
      'records of stdout did not reach the file',
    ),
  ];
}

function balanceProblems({ status, file, store }: Evidence): string[] {
  const problems: string[] = [];
  for (const id of Object.values(outputIds))
    if (!status.outputs.some((output) => output.id === id)) problems.push(`the status names no output ${id}`);
  for (const { id, delivered, refused, passed, waiting } of status.outputs) {
    const refusedCount = Object.values(refused).reduce((sum, count) => sum + count, 0);
    const sum = delivered + refusedCount + passed + waiting;
    const parts = `${delivered} delivered + ${refusedCount} refused + ${passed} passed + ${waiting} waiting`;
    if (sum !== status.appended) problems.push(`output ${id}: ${parts} = ${sum}, but ${status.appended} were appended`);
    if (waiting > 0) problems.push(`output ${id}: ${waiting} records still wait`);
    if (refusedCount > 0) problems.push(`output ${id}: refused ${JSON.stringify(refused)}`);
    if (id === outputIds.store && delivered !== store.times.size)
      problems.push(`output ${id}: ${delivered} delivered, but ${store.times.size} are in the store`);
    if (id === outputIds.file && delivered !== file.times.size)
      problems.push(`output ${id}: ${delivered} delivered, but ${file.times.size} are in the file`);
  }
  if (status.appended !== file.times.size)
    problems.push(`${status.appended} records were appended, but ${file.times.size} are in the file`);
  return problems;
}

function lineProblems(name: string, { unreadable }: Arrivals): string[] {
  return unreadable.length === 0
    ? []
    : [`${unreadable.length} lines of ${name} are no records: ${JSON.stringify(unreadable[0]?.slice(0, 200))}`];
}

/** What is wrong with a run, in words; empty: nothing. */
export function findProblems(evidence: Evidence): string[] {
  return [
    ...recordProblems(evidence),
    ...lineProblems('the file', evidence.file),
    ...lineProblems('stdout', evidence.stdout),
    ...lineProblems('the store', evidence.store),
    ...balanceProblems(evidence),
  ];
}
