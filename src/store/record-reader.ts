/** Reads the JSON of all records of some tables, block by block, without ever holding much of it. */
import type { Connection } from './database.ts';
import type { RowTable } from './layout.ts';

/** Rowids that are counted together when reading is planned: few enough for the largest records to be read at once. */
const slotRows = 32;
/** Bytes read at once: some milliseconds' work, so that the process answers others in between. */
const pieceBytesMax = 2 * 1024 * 1024;

/** JSON of some consecutive records. */
export interface Piece {
  /** Each record ended by a line feed. */
  readonly bytes: Uint8Array;
  readonly rows: number;
}

/** Records in one slot of a table. */
interface Slot {
  /** Rowid behind it. */
  readonly to: number;
  readonly rows: number;
  readonly bytes: number;
}

/**
 * Reads some tables one after the other. Rowids of a table may have gaps, which the segment made from it has not; so
 * records are counted, never taken from their rowids.
 */
export class RecordReader {
  readonly #connection: Connection;
  readonly #sources: readonly RowTable[];
  #source = 0;
  #slots: Slot[] | undefined;
  #slot = 0;
  /** Next rowid. */
  #at = 0;
  constructor(connection: Connection, sources: readonly RowTable[]) {
    this.#connection = connection;
    this.#sources = sources;
  }

  /** The next records, `rowsMax` at most; undefined: there are no more. */
  async next(rowsMax: number): Promise<Piece | undefined> {
    for (;;) {
      const source = this.#sources[this.#source];
      if (!source) return undefined;
      const slots = (this.#slots ??= await this.#plan(source.sql));
      if (this.#slot === slots.length) {
        this.#source++;
        this.#slots = undefined;
        this.#slot = 0;
        this.#at = 0;
        continue;
      }
      const piece = await this.#read(source.sql, slots, rowsMax);
      if (piece.rows > 0) return piece;
    }
  }

  async #plan(sql: string): Promise<Slot[]> {
    const rows = await this.#connection.rows(
      `SELECT rowid // ${slotRows} AS slot, count(*), sum(strlen(fields)) FROM ${sql} GROUP BY slot ORDER BY slot`,
    );
    return rows.map((row) => ({ to: (Number(row[0]) + 1) * slotRows, rows: Number(row[1]), bytes: Number(row[2]) }));
  }

  async #read(sql: string, slots: readonly Slot[], rowsMax: number): Promise<Piece> {
    let end = this.#slot;
    let planned = 0;
    for (let bytes = 0; end < slots.length && planned < rowsMax; end++) {
      const slot = slots[end] as Slot;
      if (planned > 0 && bytes + slot.bytes > pieceBytesMax) break;
      planned += slot.rows;
      bytes += slot.bytes;
    }
    const { to } = slots[end - 1] as Slot;
    const limit = planned > rowsMax ? ` LIMIT ${rowsMax}` : '';
    const [row] = await this.#connection.rows(
      `SELECT count(*), max(rowid), encode(string_agg(fields, chr(10)) || chr(10))
       FROM (SELECT rowid, fields FROM ${sql} WHERE rowid >= ${this.#at} AND rowid < ${to}${limit})`,
    );
    const rows = Number(row?.[0] ?? 0);
    const isLimited = limit !== '' && rows === rowsMax;
    this.#at = isLimited ? Number(row?.[1]) + 1 : to;
    this.#slot = isLimited ? slots.findIndex((slot) => slot.to > this.#at) : end;
    if (this.#slot < 0) this.#slot = slots.length;
    return { rows, bytes: (row?.[2] as { bytes: Uint8Array } | null | undefined)?.bytes ?? new Uint8Array() };
  }
}
