/** Writes chunks to files: what the `file` and `secondary_file` outputs have in common. */
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import { writeChunk } from '../../codecs/rows.ts';
import type { RefusedRow } from '../../codecs/rows.ts';
import type { Batch } from '../../core/batch.ts';
import { ByteWriter, SpareWriters } from '../../core/bytes.ts';
import type { Disk } from '../../core/disk.ts';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';
import type { Chunk, Formatter, Output, OutputContext, WriteResult } from '../../core/plugin.ts';
import { OutputFiles } from './files.ts';
import { compilePath, fixedDirectory } from './path.ts';

const pack = {
  text: undefined,
  gz: promisify(gzip),
  gzip: promisify(gzip),
  zstd: promisify(zstdCompress),
} as const;

/** For chunks that are written at a time. */
const writers = new SpareWriters(2);

/** What opening a file answers when its path itself is at fault. */
const impossibleCodes: ReadonlySet<string> = new Set(['ENAMETOOLONG', 'ENOTDIR', 'EISDIR', 'EEXIST', 'ELOOP']);

/** How files are named and what is in them. */
export interface FileSettings {
  /** The path with its placeholders, see path.ts. */
  readonly template: string;
  /** Path of a symbolic link to the newest file, with placeholders. */
  readonly linkTemplate?: string | undefined;
  /** Tags and fields come into names as Fluent Bit puts them there. */
  readonly hasPlainNames?: boolean;
  readonly compress: keyof typeof pack;
  readonly formatter: Formatter;
  readonly inject: (batch: Batch) => Batch;
  readonly rotate?: { readonly bytes: number; readonly backups: number } | undefined;
}

export class FileOutput implements Output {
  readonly #settings: FileSettings;
  readonly #files: OutputFiles;
  readonly #disk: Disk;
  readonly #fixedDirectory: string | undefined;
  readonly #expand;
  readonly #expandLink;
  #newestTimekey = Number.NEGATIVE_INFINITY;

  constructor(settings: FileSettings, context: OutputContext, disk: Disk) {
    const { template, linkTemplate, hasPlainNames, rotate } = settings;
    this.#settings = settings;
    this.#disk = disk;
    this.#fixedDirectory = fixedDirectory(template);
    this.#expand = compilePath(template, context.buffer, hasPlainNames);
    this.#expandLink = linkTemplate === undefined ? undefined : compilePath(linkTemplate, context.buffer);
    this.#files = new OutputFiles({
      disk,
      log: context.log,
      directory: context.directory,
      committed: context.committed,
      rotate,
    });
  }

  open(): Promise<void> {
    return this.#files.recover();
  }
  commit(durable?: unknown): Promise<unknown> {
    return this.#files.commit(durable);
  }
  close(): Promise<void> {
    return this.#files.close();
  }

  async write(chunk: Chunk): Promise<WriteResult> {
    const out = writers.take();
    try {
      return await this.#write(chunk, out);
    } finally {
      writers.give(out);
    }
  }
  async #write(chunk: Chunk, out: ByteWriter): Promise<WriteResult> {
    const target = this.#expand(chunk);
    if ('reason' in target) return { refused: Array.from({ length: chunk.count }, (_, row) => ({ row, ...target })) };
    const { formatter, inject, rotate } = this.#settings;
    const ends: number[] | undefined = rotate === undefined ? undefined : [];
    const refused = writeChunk(formatter, chunk, inject, out, ends);
    const compress = pack[this.#settings.compress];
    const payload = compress && out.length > 0 ? await compress(out.view()) : out.view();
    // A compressed member cannot be cut: it goes into one file as a whole.
    const cuts = ends === undefined || compress ? [payload.length] : ends;
    let written: number;
    try {
      written = await this.#files.append(
        target.path,
        { payload, cuts, head: await this.#head(chunk, refused) },
        (path) => this.#link(chunk, path),
      );
    } catch (error) {
      const reason = await this.#impossible(error);
      if (reason === undefined) throw error;
      return { refused: Array.from({ length: chunk.count }, (_, row) => ({ row, reason })) };
    }
    if (written === cuts.length) return { refused };
    return { refused, retry: rowsFrom(chunk, refused, written) };
  }

  /** What a file begins with that is empty; it is taken from the first record that was written. */
  async #head(chunk: Chunk, refused: readonly RefusedRow[]): Promise<Buffer> {
    const { formatter, inject } = this.#settings;
    const compress = pack[this.#settings.compress];
    const out = new ByteWriter();
    if (!formatter.begin || refused.length === chunk.count) return Buffer.alloc(0);
    const without = new Set(refused.map(({ row }) => row));
    let row = 0;
    while (without.has(row)) row++;
    for (const { batch } of chunk.batches) {
      if (row < batch.count) {
        formatter.begin(inject(batch), row, out);
        break;
      }
      row -= batch.count;
    }
    return compress ? compress(out.view()) : out.view();
  }

  /**
   * Why a path that a tag or field made can never be written: too long, or through what is a file. Tried for ever, it would
   * hold up all others, and tags come from outside. Undefined: it may work later.
   */
  async #impossible(failure: unknown): Promise<string | undefined> {
    const directory = this.#fixedDirectory;
    const cause = failure instanceof OperatingError ? failure.cause : undefined;
    const code = systemCode(cause);
    if (directory === undefined || code === undefined || !impossibleCodes.has(code)) return undefined;
    if (code === 'ENAMETOOLONG') return errorText(cause);
    // Where the directory that the configuration names is at fault, a person has to mend it.
    const found = await this.#disk.stat(directory).catch(() => undefined);
    return found?.isDirectory === true ? errorText(cause) : undefined;
  }

  async #link(chunk: Chunk, path: string): Promise<void> {
    if (!this.#expandLink || (chunk.timekeySeconds ?? 0) < this.#newestTimekey) return;
    this.#newestTimekey = chunk.timekeySeconds ?? 0;
    const link = this.#expandLink(chunk);
    if ('path' in link) await this.#files.link(path, link.path);
  }
}

/** The rows behind the first `written` of those that were not refused. */
function rowsFrom(chunk: Chunk, refused: readonly RefusedRow[], written: number): number[] {
  const without = new Set(refused.map(({ row }) => row));
  const rows: number[] = [];
  for (let row = 0; row < chunk.count; row++) if (!without.has(row)) rows.push(row);
  return rows.slice(written);
}
