/** `post2log query`: records of the store in the terminal, asked from the running program or read from its files. */
import { CsvRows, columnsOf, splitColumns } from '../admin/api/csv.ts';
import { recordLine } from '../admin/api/records.ts';
import { parseTime, timeForms, timeText } from '../admin/api/times.ts';
import type { Place } from '../admin/api/asking.ts';
import { readVariable, variableForm } from '../config/env-values.ts';
import { ConfigError, OperatingError, errorText, systemCode } from '../core/errors.ts';
import { standardOutput } from '../core/standard-output.ts';
import type { FoundRecord, SearchAnswer, Selection } from '../store/contract.ts';
import { isStoreInstalled } from '../store/installed.ts';
import { QueryError } from '../store/query/query-error.ts';
import { searchInSteps, timeoutMaxMs } from '../store/search-steps.ts';
import { exitCodes, reportError } from './exit.ts';
import type { Asked } from './query-remote.ts';
import { TextTable, pointedAt, visible, visibleJson } from './query-text.ts';

/** Records asked for at once: an answer that comes soon, and few of them for many records. */
const pageSize = 1000;

/** The command's arguments, as they were written. */
export interface QueryOptions {
  readonly last?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly limit: number;
  readonly output: 'table' | 'json' | 'csv';
  readonly order?: 'newest' | 'oldest' | undefined;
  readonly columns?: string | undefined;
  readonly follow?: boolean | undefined;
  /** Where to look; undefined: in the store where there is one. */
  readonly in?: Place | undefined;
}

/** Where it prints. */
export interface Terminal {
  /** Rejects with EPIPE when nobody reads any more. */
  readonly out: (text: string) => Promise<void>;
  readonly err: (text: string) => void;
  /** Cells of a line; undefined: it is no terminal but a file or another program. */
  readonly columns: number | undefined;
}

/** Runs the command in this process; gives the exit code. */
export async function query(dataDirectory: string, text: string, options: QueryOptions): Promise<number> {
  const { isTTY, columns } = process.stdout;
  const terminal: Terminal = {
    out: (piece) => standardOutput.write(Buffer.from(piece)),
    err: (piece) => process.stderr.write(piece),
    columns: isTTY ? columns : undefined,
  };
  const controller = new AbortController();
  // A second one ends the process in any case.
  process.once('SIGINT', () => controller.abort());
  process.once('SIGTERM', () => controller.abort());
  return runQuery(() => openAsked(dataDirectory, options), text, options, terminal, controller.signal);
}

/** Whoever answers, and how to be done with it. */
export interface OpenAsked {
  readonly queries: Asked;
  close(): Promise<void>;
}

async function openAsked(dataDirectory: string, { follow, in: place }: QueryOptions): Promise<OpenAsked> {
  const { isRunning, remoteQueries } = await import('./query-remote.ts');
  if (await isRunning(dataDirectory))
    return { queries: remoteQueries(dataDirectory, place), close: () => Promise.resolve() };
  const { openIndexAsked } = await import('./query-index.ts');
  const index = await openIndexAsked(dataDirectory, place);
  if (index) return index;
  if (follow === true)
    throw new OperatingError(
      'OUTPUT_UNREACHABLE',
      `following data directory ${dataDirectory}: no program runs on it, so nothing new comes; leave out --follow, or name another one with --data-dir`,
    );
  if (!isStoreInstalled())
    throw new OperatingError(
      'STORE_UNAVAILABLE',
      `searching data directory ${dataDirectory}: no program runs on it, and this installation has no store (the package @duckdb/node-bindings is missing, as in the image whose tag ends in -slim); search with one that has it`,
    );
  const { openLocalStore } = await import('./query-local.ts');
  return openLocalStore(dataDirectory);
}

/** The command with everything given; exported for tests. Its exit code is 2 for a query or option that cannot be read. */
export async function runQuery(
  open: () => Promise<OpenAsked>,
  text: string,
  options: QueryOptions,
  terminal: Terminal,
  signal: AbortSignal,
): Promise<number> {
  try {
    const selection = { query: text, ...rangeOf(options, Date.now()) };
    const printer = new Printer(options, terminal);
    const asked = await open();
    try {
      if (options.follow === true) await follow(asked.queries, selection, options, printer, signal);
      else if (!(await search(asked.queries, selection, options, printer, signal))) return exitCodes.failed;
    } finally {
      await asked.close();
    }
    return exitCodes.ok;
  } catch (error) {
    if (systemCode(error) === 'EPIPE') return exitCodes.ok;
    // Ctrl-C is how following ends.
    if (signal.aborted) return options.follow === true ? exitCodes.ok : exitCodes.failed;
    if (error instanceof QueryError) {
      terminal.err(`post2log: the query cannot be read: ${visible(error.message)}\n${pointedAt(text, error.at)}`);
      return exitCodes.badConfig;
    }
    if (error instanceof ConfigError) return reportError(error);
    const doing = error instanceof OperatingError ? '' : 'searching: ';
    terminal.err(`post2log: ${doing}${visible(errorText(error))}\n`);
    return exitCodes.failed;
  }
}

/** @throws ConfigError */
function rangeOf({ last, from, to, follow, order }: QueryOptions, nowMs: number): Omit<Selection, 'query'> {
  if (last !== undefined && (from !== undefined || to !== undefined))
    throw wrong('--last: it cannot stand beside --from or --to');
  if (follow === true && (to !== undefined || order !== undefined))
    throw wrong('--follow: it shows the newest records and what comes then; it cannot stand beside --to or --order');
  if (last !== undefined) {
    const spanMs = readVariable('duration', last);
    if (typeof spanMs !== 'number') throw wrong(`--last: found "${last}", expected ${variableForm('duration')}`);
    return { fromMs: Math.floor(nowMs - spanMs), toMs: undefined };
  }
  const [fromMs, toMs] = [timeOf('--from', from, nowMs), timeOf('--to', to, nowMs)];
  if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
    throw wrong(`--from ${from} is not before --to ${to}`);
  return { fromMs, toMs };
}

function timeOf(name: string, text: string | undefined, nowMs: number): number | undefined {
  if (text === undefined) return undefined;
  const ms = parseTime(text, nowMs);
  if (ms === undefined) throw wrong(`${name}: found "${text}", expected ${timeForms}`);
  return ms;
}

function wrong(text: string): ConfigError {
  return new ConfigError([{ at: undefined, text: visible(text) }]);
}

/** Prints records as they are found. False: it did not get to the end. */
async function search(
  queries: Asked,
  selection: Selection,
  { limit, order = 'newest' }: QueryOptions,
  printer: Printer,
  signal: AbortSignal,
): Promise<boolean> {
  let last: SearchAnswer | undefined;
  try {
    for await (const answer of searchInSteps(queries, { ...selection, limit, order }, pageSize, signal)) {
      last = answer;
      printer.notes(answer.notes);
      await printer.records(answer.records);
    }
  } catch (error) {
    await printer.flush();
    if (signal.aborted && last) printer.notes([`stopped; ${leftText(last, order)}`]);
    throw error;
  }
  const isWhole = !last || last.isComplete;
  if (!isWhole && last) {
    await printer.flush();
    printer.notes([
      `the search does not get any further within ${timeoutMaxMs / 1000} s; ${leftText(last, order)}; narrow the time range or the query`,
    ]);
  } else await printer.end();
  return isWhole;
}

/** What was not looked at when an answer was the last one. */
function leftText({ searchedToMs }: SearchAnswer, order: 'newest' | 'oldest'): string {
  if (searchedToMs === undefined) return 'not all records were looked at';
  const seconds = Math.floor(searchedToMs / 1000);
  const time = timeText(seconds, (searchedToMs - seconds * 1000) * 1_000_000).replace(/0{6}Z$/, 'Z');
  return `records ${order === 'newest' ? `before ${time}` : `from ${time} on`} were not looked at`;
}

async function follow(
  queries: Asked,
  selection: Selection,
  { limit }: QueryOptions,
  printer: Printer,
  signal: AbortSignal,
): Promise<void> {
  const parts = queries.tail(selection, signal)[Symbol.asyncIterator]();
  try {
    // The first part says that it listens: what is stored from then on comes, so nothing is missed in between.
    let next = await parts.next();
    const request = {
      ...selection,
      timeoutMs: timeoutMaxMs,
      limit: Math.min(limit, pageSize),
      order: 'newest' as const,
    };
    const before = await queries.search(request, signal);
    printer.notes(before.notes);
    if (!before.isComplete) printer.notes([leftText(before, 'newest')]);
    await printer.records(before.records.toReversed());
    const shown = new Set(before.records.map(({ id }) => id));
    while (next.done !== true) {
      const { records, skipped } = next.value;
      await printer.records(records.filter(({ id }) => !shown.has(id)));
      if (skipped > 0) printer.notes([`${skipped} records left out: they came faster than they can be shown`], true);
      next = await parts.next();
    }
    if (!signal.aborted)
      throw new OperatingError(
        'STORE_UNAVAILABLE',
        'following: the running program ended the connection; try again once it runs',
      );
  } finally {
    await parts.return?.();
  }
}

/** Prints records in one of the forms. */
class Printer {
  readonly #options: QueryOptions;
  readonly #terminal: Terminal;
  readonly #columns: readonly string[] | undefined;
  readonly #noted = new Set<string>();
  readonly #held: FoundRecord[] = [];
  #count = 0;
  #table: TextTable | undefined;
  #csv: CsvRows | undefined;

  /** @throws ConfigError */
  constructor(options: QueryOptions, terminal: Terminal) {
    this.#options = options;
    this.#terminal = terminal;
    const { columns, output, follow } = options;
    this.#columns = columns === undefined ? undefined : splitColumns(columns);
    if (columns !== undefined && (this.#columns === undefined || this.#columns.length === 0))
      throw wrong(`--columns: found "${columns}", expected names with commas between them`);
    if (columns !== undefined && output === 'json') throw wrong('--columns: it has no effect on -o json');
    if (follow === true && output === 'csv' && columns === undefined)
      throw wrong('--follow with -o csv: name the columns with --columns');
  }
  notes(notes: readonly string[], isRepeated = false): void {
    for (const note of notes) {
      if (!isRepeated && this.#noted.has(note)) continue;
      this.#noted.add(note);
      this.#terminal.err(`note: ${visible(note)}\n`);
    }
  }
  async records(records: readonly FoundRecord[]): Promise<void> {
    this.#count += records.length;
    // Which columns a CSV has, its first records say: a page of them.
    const isWaiting = this.#options.output === 'csv' && !this.#columns && !this.#csv;
    if (!isWaiting) return this.#print(records);
    this.#held.push(...records);
    if (this.#held.length >= pageSize) await this.flush();
  }
  /** Prints what is held back. */
  async flush(): Promise<void> {
    await this.#print(this.#held.splice(0));
  }
  /** Ends what was searched as a whole. */
  async end(): Promise<void> {
    await this.flush();
    if (this.#count > 0) return;
    if (this.#options.output === 'csv') await this.#terminal.out(this.#csvOf([]));
    else this.#terminal.err('No record matches.\n');
  }
  async #print(records: readonly FoundRecord[]): Promise<void> {
    if (records.length > 0) await this.#terminal.out(this.#textOf(records));
  }
  #textOf(records: readonly FoundRecord[]): string {
    switch (this.#options.output) {
      case 'json': {
        const lines = records.map(recordLine);
        const isSeen = this.#terminal.columns !== undefined;
        return `${(isSeen ? lines.map(visibleJson) : lines).join('\n')}\n`;
      }
      case 'csv':
        return this.#csvOf(records);
      case 'table': {
        let text = '';
        if (!this.#table) {
          this.#table = new TextTable(this.#columns, this.#terminal.columns);
          text = this.#table.head(records);
        } else this.#table.widen(records);
        for (const record of records) text += this.#table.row(record);
        return text;
      }
    }
  }
  #csvOf(records: readonly FoundRecord[]): string {
    const lines: string[] = [];
    if (!this.#csv) {
      this.#csv = new CsvRows(this.#columns ?? columnsOf(records));
      lines.push(this.#csv.head());
    }
    for (const record of records) lines.push(this.#csv.row(record));
    if (this.#terminal.columns === undefined) return lines.join('');
    // A person looks at it: line breaks inside cells are shown too.
    return lines.map((line) => `${visible(line.slice(0, -2))}\n`).join('');
  }
}
