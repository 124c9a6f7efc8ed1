/** Lines of a `_bulk` request: what is to be done with a document, and the document. */
import type { Batch } from '../../core/batch.ts';
import type { ByteWriter } from '../../core/bytes.ts';
import type { Chunk, ChunkBatch } from '../../core/plugin.ts';
import type { Fields } from '../../core/record.ts';
import type { Server } from './server.ts';

/** Operations in the first line; `upsert` is an update there. */
export type Operation = 'index' | 'create' | 'update';

/** Changes fields that an index does not take. */
export interface Divert {
  /** Whether documents for the index may hold such fields. */
  knows(index: string): boolean;
  /** The fields to write in place of these; the same object where nothing is to be changed. The record is that of a batch's row. */
  apply(index: string, fields: Fields, batch: Batch, row: number): Fields;
}

/** Writes the lines of a chunk's records. Made once for an output; what it does between two awaits is for one chunk. */
export interface Lines {
  /** Whether ids of documents are made by this program, so that one that is there already is the same. */
  readonly hasOwnIds: boolean;
  /** True: the index stands in the address of a request (`/<index>/_bulk`), so that each index needs its own. */
  readonly indexInUrl: boolean;
  /** Documents that are to be updated where they are, whichever index that is; undefined: it is not looked for. */
  wantsIndices?(chunk: Chunk, server: Server | undefined): WantedDocuments | undefined;
  /** Where they are, by their ids. */
  knowIndices?(chunk: Chunk, found: ReadonlyMap<string, string>): void;
  /** Called before records of a chunk; fills placeholders. */
  begin(chunk: Chunk, server: Server | undefined): void;
  /** Called for each record: its index, or why it cannot be written. */
  place(one: ChunkBatch, row: number): Placed | { readonly refused: string };
  /** Appends both lines of the record that was placed last. */
  write(out: ByteWriter): void;
}

/** Documents by their ids, in indices whose names begin so. */
export interface WantedDocuments {
  readonly prefix: string;
  readonly ids: ReadonlySet<string>;
}

export interface Placed {
  /** As it is written in the line or the address. */
  readonly index: string;
  readonly operation: Operation;
}
