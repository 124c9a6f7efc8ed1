/**
 * The one table of operating errors. Each code says whether trying again can help, and what a person should do.
 * `docs/errors.md` is made from this table; a test checks that every code is raised by some test.
 */

interface ErrorSpec {
  readonly retryable: boolean;
  readonly meaning: string;
}

/** Every code an operating error can carry. Add a row before you raise it. */
export const errorTable = {
  JOURNAL_FULL: {
    retryable: true,
    meaning:
      'The journal has reached its share of P2L_DATA_LIMIT, or the disk its free-space reserve. Sources wait (postbacks answer 503) until an output has read on or space returns.',
  },
  JOURNAL_WRITE: {
    retryable: true,
    meaning: 'A write or fsync of the journal failed. The batch was not accepted; the writer went on in a new shard.',
  },
  JOURNAL_CLOSED: { retryable: true, meaning: 'The journal no longer takes records because the program is stopping.' },
  RECORD_TOO_LARGE: { retryable: false, meaning: 'One record is larger than the journal takes. It is refused alone.' },
  DATA_DIR_LOCKED: {
    retryable: false,
    meaning: 'Another post2log runs on this data directory. Stop it, or give this one its own P2L_DATA_DIR.',
  },
  DATA_DIR_UNUSABLE: {
    retryable: false,
    meaning: 'The data directory cannot be created, read or written. Check its owner and mode, or set P2L_DATA_DIR.',
  },
  DATA_DIR_NEWER: {
    retryable: false,
    meaning: 'The data directory was written by a newer version of post2log. Run that version.',
  },
  LISTEN_FAILED: {
    retryable: false,
    meaning: 'An address or port cannot be listened on: busy, forbidden or not of this machine.',
  },
  OUTPUT_UNREACHABLE: {
    retryable: true,
    meaning: 'The target did not answer, or asked to try later. The chunk is kept and tried again.',
  },
  OUTPUT_REFUSED: {
    retryable: false,
    meaning: 'The target refused records for good. They go to the secondary or to the dead letters.',
  },
  OUTPUT_FENCED: {
    retryable: true,
    meaning:
      'Another program writes to the same target under the same name, and took over: it runs on a copy of this data directory. The output has stopped and its records wait; end one of the two programs and start the other again.',
  },
  OUTPUT_WRITE: { retryable: true, meaning: 'Writing to a local target failed. The chunk is kept and tried again.' },
  KUBERNETES_UNAVAILABLE: {
    retryable: true,
    meaning:
      'The Kubernetes API does not answer. Records that need it wait as long as their filter says, then go on without; it is asked again.',
  },
  KUBERNETES_REFUSED: {
    retryable: true,
    meaning:
      'The Kubernetes API answers that the program may not read this. The text names the RBAC rule that is missing, or the token. Records go on without.',
  },
  KUBERNETES_ANSWER: {
    retryable: true,
    meaning: 'What answers in place of the Kubernetes API says something else than it would. Check the address.',
  },
  FILTER_FAILED: {
    retryable: false,
    meaning: 'A filter could not work on a record. The record goes to the @ERROR label, else to the dead letters.',
  },
  PARSE_FAILED: { retryable: false, meaning: 'Text could not be parsed. The error says where and what was expected.' },
  STORE_UNAVAILABLE: {
    retryable: true,
    meaning:
      'The store does not run or does not answer just now, or it is off (P2L_STORE). Records for it wait in the journal; a store process that ended is started again.',
  },
  STORE_FULL: {
    retryable: true,
    meaning:
      'The store has reached its share of the disk, or the disk its free-space reserve, and there is no older partition left to drop. Records wait in the journal.',
  },
  STORE_WRITE: {
    retryable: true,
    meaning: 'Writing to the store failed. Nothing of the chunk was taken; it is tried again.',
  },
  STORE_READ: { retryable: true, meaning: 'A partition of the store could not be read. The log names it.' },
  STORE_QUERY_LIMIT: {
    retryable: false,
    meaning: 'A query needs more memory or time than the store gives one. Narrow its time range, or ask for less.',
  },
  INDEX_UNAVAILABLE: {
    retryable: true,
    meaning:
      'The Elasticsearch or OpenSearch of P2L_EXPLORER_URL does not answer just now, or is too busy to. The text says what is wrong with the connection; ask again.',
  },
  INDEX_REFUSED: {
    retryable: false,
    meaning:
      'The Elasticsearch or OpenSearch of P2L_EXPLORER_URL does not answer this question: a login or right is missing, the indices have no such field, or they forbid it. The text says what to do.',
  },
  INDEX_QUERY_LIMIT: {
    retryable: false,
    meaning:
      'A question needs more memory or clauses than the Elasticsearch or OpenSearch gives one. Narrow its time range, or name fields.',
  },
  PLUGIN_LOAD: {
    retryable: false,
    meaning: 'A plugin package could not be loaded or does not export what definePlugin returns.',
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof errorTable;

/** An error of operation (not of the programmer, not of the configuration). Text: doing what, to what, what happened, what to do. */
export class OperatingError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  /** How long to wait before the next try, in ms, where the other side said so. */
  readonly retryAfterMs: number | undefined;
  constructor(code: ErrorCode, text: string, options: { cause?: unknown; retryAfterMs?: number } = {}) {
    super(text, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = code;
    this.code = code;
    this.retryable = errorTable[code].retryable;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** A place in a configuration: file name as the user wrote it, line and column from 1. */
export interface Location {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong in a configuration. Text: what was found, what was expected, what to do. */
export interface ConfigProblem {
  readonly at: Location | undefined;
  readonly text: string;
  /**
   * Default: error. Warnings are printed and do not stop the program. `later`: a plugin that this version has not, but a
   * later one will; it stops the program, and `check` goes on over it.
   */
  readonly severity?: 'error' | 'warning' | 'later';
}

/** `file:line:column: text`, or the bare text where there is no place (a variable, an argument). */
export function formatProblem(problem: ConfigProblem): string {
  const mark = problem.severity === 'warning' ? 'warning: ' : '';
  return problem.at
    ? `${problem.at.file}:${problem.at.line}:${problem.at.column}: ${mark}${problem.text}`
    : `${mark}${problem.text}`;
}

/** Whether something is wrong that leaves a part of the configuration without meaning. */
export function isError(problem: ConfigProblem): boolean {
  return problem.severity === undefined || problem.severity === 'error';
}

/** All that is wrong in a configuration, collected. The command prints each problem on a line and exits with 2. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.name = 'ConfigError';
    this.problems = problems;
  }
}

/** A text that is no regular expression. `pattern`: as it is written, without slashes around it. */
export class PatternError extends Error {
  readonly pattern: string;
  constructor(pattern: string, problem: string, options?: ErrorOptions) {
    super(`regular expression ${pattern}: ${problem}`, options);
    this.name = 'PatternError';
    this.pattern = pattern;
  }
}

/** The candidate nearest to a mistyped word, for "did you mean", or undefined when none is near (distance over a third of its length). */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Letters to insert, delete or change, and neighbours to swap, until a is b. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const swap = isSwap ? (before[j - 2] ?? 0) + 1 : change;
      next[j] = Math.min(change, swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** How OpenSSL writes what went wrong: thread, number, library, function, the words, file and line. */
const opensslWords = /[0-9A-F]{8,}:error:[0-9A-F]+:[^:]*:[^:]*:([^:\n]+):[^\n]*\n?/g;

/** The text of anything thrown; of OpenSSL's the words alone. */
export function errorText(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.includes(':error:') ? text.replaceAll(opensslWords, '$1') : text;
}

/** The `code` of a system error (`ENOSPC`), or undefined. */
export function systemCode(error: unknown): string | undefined {
  return typeof error === 'object' && error !== null && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}
