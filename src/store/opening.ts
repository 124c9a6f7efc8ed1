/** Partition files: their names, and errors that speak of them. */
import { OperatingError, errorText } from '../core/errors.ts';

/** Where a partition lies. */
export interface Place {
  readonly number: number;
  readonly name: string;
  /** The hour its first record was appended in: start, ms since 1970. */
  readonly startMs: number;
}

const hourMs = 3_600_000;
export const fileEnding = '.duckdb';

/** The file for a partition begun at a time. */
export function placeOf(number: number, nowMs: number): Place {
  const startMs = Math.floor(nowMs / hourMs) * hourMs;
  const hour = new Date(startMs).toISOString().replaceAll(/[-:]/g, '').slice(0, 13);
  return { number, name: `${String(number).padStart(8, '0')}-${hour}Z`, startMs };
}

/** What the name of a file says; undefined: it is no partition. */
export function parsePlace(file: string): Place | undefined {
  const parts = /^(\d{8,})-(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)Z\.duckdb$/.exec(file);
  if (!parts) return undefined;
  const [, number, year, month, day, hour, minute] = parts.map(Number);
  if (number === undefined || year === undefined || month === undefined) return undefined;
  return { number, name: file.slice(0, -fileEnding.length), startMs: Date.UTC(year, month - 1, day, hour, minute) };
}

/**
 * True for an error that says that a file's content cannot be right, whoever reads it and whenever. What DuckDB quotes in
 * it, such as the file's path or a part of a query, says nothing.
 */
export function isBroken(error: unknown): boolean {
  const text = errorText(error).replaceAll(/"[^"]*"|'[^']*'/g, '""');
  return /Corrupt (?:database|WAL) file|not a valid DuckDB database file|Could not read enough bytes|Failure while replaying WAL|Serialization Error|checksum|Failed to deserialize|Catalog Error: Table with name (?:meta|shards|done|segments|fields) does not exist/i.test(
    text,
  );
}

/** For a file that is too old for this version. */
export function olderError(path: string): OperatingError {
  return new OperatingError(
    'DATA_DIR_UNUSABLE',
    `opening ${path}: a version of post2log from before 0.1 wrote it, in a form that is no longer read; move it away`,
  );
}
/** For a file that this version cannot read because it is too old. */
export function newerError(path: string, cause?: unknown): OperatingError {
  return new OperatingError(
    'DATA_DIR_NEWER',
    `opening ${path}: a newer version of post2log wrote it; run that version`,
    { cause },
  );
}
