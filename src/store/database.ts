/** DuckDB as the store uses it: one instance in memory, partition files attached to it, connections that can be interrupted. */
import { DuckDBInstance } from '@duckdb/node-api';
import type { DuckDBAppender, DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { OperatingError, errorText } from '../core/errors.ts';
import { Courtesy } from './courtesy.ts';

/** A value given to or taken from a statement. */
export type SqlValue = DuckDBValue;
export type SqlRow = readonly SqlValue[];

export interface DatabaseOptions {
  /** Bytes DuckDB may hold; what does not fit is spilled to `temporaryDirectory`. */
  readonly memoryBytesMax: number;
  readonly temporaryDirectory: string;
  /** Bytes DuckDB may spill. */
  readonly spillBytesMax: number;
}

/** Commits of one file are gathered in its WAL until it is checkpointed on purpose; a WAL that grew to this size is in any case. */
const walBytesMax = 1024 ** 3;

/** A text as an SQL literal. */
export function sqlText(text: string): string {
  // NUL ends a text for DuckDB's parser: written as a character by number.
  return text.includes('\0') ? `(${text.split('\0').map(quoted).join(' || chr(0) || ')})` : quoted(text);
}
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A name as SQL writes it. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/**
 * Rows that DuckDB packs together, as soon as they are there. A full hot table has one or two times as many, so that a segment is packed
 * while it is filled and not at once by its commit, a quarter of a second in which questions had half a core. With half as many a group
 * 7 % more are needed on disk.
 */
export const rowGroupRows = 23 * 2048;

/** The instance. Files are attached under short aliases; all connections see all of them. */
export class Database {
  readonly #instance: DuckDBInstance;
  /** Between those who ask and those who work. */
  readonly courtesy = new Courtesy();
  #connecting = 0;
  #isClosed = false;
  private constructor(instance: DuckDBInstance) {
    this.#instance = instance;
  }
  static async open(options: DatabaseOptions): Promise<Database> {
    const instance = await DuckDBInstance.create(':memory:', {
      memory_limit: kibibytes(options.memoryBytesMax),
      // Each connection has a thread of Node's pool that works for it. With threads of DuckDB's beside it turns idly on a
      // core as long as one of these does its work: a quarter of all CPU time of inserts. A table is one row group, and
      // thus one thread's work, anyway.
      threads: '1',
      temp_directory: options.temporaryDirectory,
      max_temp_directory_size: kibibytes(options.spillBytesMax),
      checkpoint_threshold: kibibytes(walBytesMax),
      // Nothing is fetched or loaded that a file or a query names.
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
      allow_community_extensions: 'false',
    });
    const database = new Database(instance);
    const connection = await database.connect();
    // A file that is detached keeps its WAL: hot tables are deleted then, and others were checkpointed when it was time.
    await connection.run('PRAGMA disable_checkpoint_on_shutdown');
    connection.close();
    return database;
  }
  /** @throws OperatingError STORE_UNAVAILABLE after close(). */
  async connect(): Promise<Connection> {
    if (this.#isClosed) throw closedError();
    this.#connecting++;
    try {
      return new Connection(await this.#instance.connect(), this.courtesy);
    } finally {
      if (--this.#connecting === 0 && this.#isClosed) this.#instance.closeSync();
    }
  }
  /** Attaches a partition file, which is made where it is missing. Throws DuckDB's error: corrupt, locked by another process, full disk. */
  attach(path: string, alias: string, isReadOnly: boolean): Promise<void> {
    const mode = isReadOnly ? 'READ_ONLY' : "STORAGE_VERSION 'v1.4.0'";
    return this.#once(
      `ATTACH ${sqlText(path)} AS ${sqlName(alias)} (TYPE DUCKDB, ROW_GROUP_SIZE ${rowGroupRows}, ${mode})`,
    );
  }
  detach(alias: string): Promise<void> {
    return this.#once(`DETACH ${sqlName(alias)}`);
  }
  /** Changes what DuckDB may hold. Throws DuckDB's error where it cannot let go of so much. */
  limitMemory(bytes: number): Promise<void> {
    return this.#once(`SET memory_limit = ${sqlText(kibibytes(bytes))}`);
  }
  /** Runs a statement on a connection of its own. */
  async #once(sql: string): Promise<void> {
    const connection = await this.connect();
    try {
      await connection.run(sql);
    } finally {
      connection.close();
    }
  }
  /** Connections that are open stay usable. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    // An instance that is freed while a thread of Node's pool connects to it takes the process down.
    if (this.#connecting === 0) this.#instance.closeSync();
  }
}

/** A size as DuckDB's settings take it. */
function kibibytes(bytes: number): string {
  return `${Math.floor(bytes / 1024)}KiB`;
}

function closedError(): OperatingError {
  return new OperatingError('STORE_UNAVAILABLE', 'asking DuckDB: the store is closed; try again');
}

/** One connection: one statement or transaction at a time. */
export class Connection {
  readonly #connection: DuckDBConnection;
  /** Calls under way in threads of Node's pool. */
  #calls = 0;
  #isClosed = false;
  readonly #courtesy: Courtesy;
  constructor(connection: DuckDBConnection, courtesy: Courtesy) {
    this.#connection = connection;
    this.#courtesy = courtesy;
  }
  /** For long work, between its pieces: lets those who ask go first, for so long at most. */
  giveWay(waitMsMax: number): Promise<void> {
    return this.#courtesy.giveWay(waitMsMax);
  }
  /** Runs statements without an answer. */
  async run(sql: string, values?: readonly SqlValue[]): Promise<void> {
    await this.#during(() => this.#connection.run(sql, values as SqlValue[] | undefined));
  }
  /** All rows of an answer. BIGINT arrives as bigint, BLOB as DuckDBBlobValue. */
  async rows(sql: string, values?: readonly SqlValue[]): Promise<SqlRow[]> {
    const reader = await this.#during(() => this.#connection.runAndReadAll(sql, values as SqlValue[] | undefined));
    return reader.getRows();
  }
  /** The answer in pieces of up to 2048 rows, fetched as they are asked for. */
  async *stream(sql: string, values?: readonly SqlValue[]): AsyncGenerator<SqlRow[]> {
    const result = await this.#during(() => this.#connection.stream(sql, values as SqlValue[] | undefined));
    for (;;) {
      const chunk = await this.#during(() => result.fetchChunk());
      if (!chunk || chunk.rowCount === 0) return;
      yield chunk.getRows();
    }
  }
  appender(table: string, database: string): Promise<DuckDBAppender> {
    return this.#during(() => this.#connection.createAppender(table, 'main', database));
  }
  /** Ends the statement that runs; it rejects with DuckDB's INTERRUPT error. */
  interrupt(): void {
    if (!this.#isClosed) this.#connection.interrupt();
  }
  /** Takes effect once no statement runs any more: DuckDB would free what a thread still uses. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    if (this.#calls === 0) this.#connection.closeSync();
  }
  async #during<T>(call: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw closedError();
    this.#calls++;
    try {
      return await call();
    } finally {
      if (--this.#calls === 0 && this.#isClosed) this.#connection.closeSync();
    }
  }
}

/** True for the error of a statement that interrupt() ended. */
export function isInterrupted(error: unknown): boolean {
  return errorText(error).startsWith('INTERRUPT Error');
}

/** True for errors after which the instance can no longer be used and the process has to begin anew. */
export function isFatal(error: unknown): boolean {
  return /^(?:FATAL|INTERNAL) Error|database has been invalidated/.test(errorText(error));
}

/** DuckDB's error of a question, as the store says it. */
export function readError(doing: string, error: unknown): OperatingError {
  const text = errorText(error);
  if (/^Out of Memory Error|max_temp_directory_size/.test(text))
    return new OperatingError(
      'STORE_QUERY_LIMIT',
      `${doing}: it needs more memory than P2L_STORE_MEMORY allows; narrow the time range or the query`,
      { cause: error },
    );
  return new OperatingError('STORE_READ', `${doing}: ${text.split('\n')[0] ?? text}`, { cause: error });
}
