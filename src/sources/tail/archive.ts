/**
 * A compressed file, read as what was compressed (gzip, zstd). Positions count bytes of that. Reading goes forward
 * through a window, which begins anew when somebody goes back; the size is known from one pass at the opening.
 */
import { open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { constants, createGunzip, createZstdDecompress } from 'node:zlib';
import { PlainFile, readBytes } from './contents.ts';
import type { Contents, Seen } from './contents.ts';

/** Pieces that come out of decompression: large, since each costs a way through the thread pool. */
const chunkBytes = 256 * 1024;

type Compression = 'gzip' | 'zstd';
const magics: readonly (readonly [Compression, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 0x08])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
];
const archiveName = /\.(?:gz|zst)$/;

/** Is that a name of compressed files that can be read here? */
export function isArchiveName(path: string): boolean {
  return archiveName.test(path);
}

/** Opens a file for reading; a compressed one, by its name and its first bytes, as what it holds. @throws system errors */
export async function openContents(path: string): Promise<Contents> {
  const compression = isArchiveName(path) ? await compressionOf(path) : undefined;
  return compression ? Archive.open(path, compression) : PlainFile.open(path);
}

async function compressionOf(path: string): Promise<Compression | undefined> {
  const handle = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return magics.find(([, magic]) => bytesRead >= magic.length && buffer.subarray(0, magic.length).equals(magic))?.[0];
  } finally {
    await handle.close();
  }
}

export class Archive implements Contents {
  readonly #compression: Compression;
  /** The compressed file; it is held open, so that it can be read after its name is gone. */
  readonly #file: PlainFile;
  #size = 0;
  /** True when the compressed bytes end too early or are damaged: what comes before can be read. */
  isTorn = false;
  /** True when it was written while its size was found out. */
  isChanging = false;
  #pieces: AsyncIterator<Buffer> | undefined;
  /** Bytes from #from on, in pieces. */
  #window: Buffer[] = [];
  #from = 0;
  #end = 0;

  private constructor(compression: Compression, file: PlainFile) {
    this.#compression = compression;
    this.#file = file;
  }
  static async open(path: string, compression: Compression): Promise<Archive> {
    const archive = new Archive(compression, await PlainFile.open(path));
    try {
      const before = await archive.#file.seen();
      archive.#size = await archive.#count();
      if (archive.isTorn) archive.#size = await archive.#count();
      const after = await archive.#file.seen();
      archive.isChanging = before.size !== after.size || before.modifiedMs !== after.modifiedMs;
    } catch (error) {
      await archive.close();
      throw error;
    }
    return archive;
  }
  async seen(): Promise<Seen> {
    return { ...(await this.#file.seen()), size: this.#size };
  }
  async read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ bytesRead: number }> {
    if (!this.#pieces || position < this.#from) await this.#rewind();
    while (this.#end < position + length) {
      const next = await this.#pieces?.next();
      if (!next || next.done === true) break;
      this.#window.push(next.value);
      this.#end += next.value.length;
      this.#dropBefore(position);
    }
    this.#dropBefore(position);
    let [bytesRead, at] = [0, this.#from];
    for (const piece of this.#window) {
      const from = Math.max(0, position + bytesRead - at);
      if (from < piece.length && bytesRead < length)
        bytesRead += piece.copy(buffer, offset + bytesRead, from, Math.min(piece.length, from + length - bytesRead));
      at += piece.length;
    }
    return { bytesRead };
  }
  async close(): Promise<void> {
    await this.#pieces?.return?.();
    this.#pieces = undefined;
    await this.#file.close();
  }
  /** Pieces behind the position, and the one it lies in, stay. */
  #dropBefore(position: number): void {
    for (let first = this.#window[0]; first && this.#from + first.length <= position; first = this.#window[0]) {
      this.#from += first.length;
      this.#window.shift();
    }
  }
  async #rewind(): Promise<void> {
    await this.#pieces?.return?.();
    this.#pieces = this.#decompress();
    this.#window = [];
    this.#from = this.#end = 0;
  }
  async #count(): Promise<number> {
    let bytes = 0;
    for await (const piece of this.#decompress()) bytes += piece.length;
    return bytes;
  }
  /** What comes out, up to the end or to where the compressed bytes are damaged. */
  async *#decompress(): AsyncGenerator<Buffer, void, void> {
    const source = Readable.from(this.#compressed());
    // Strictly at first: that finds out whether the end is missing. Then leniently, for what is there.
    const through =
      this.#compression === 'gzip'
        ? createGunzip({
            chunkSize: chunkBytes,
            finishFlush: this.isTorn ? constants.Z_SYNC_FLUSH : constants.Z_FINISH,
          })
        : createZstdDecompress({ chunkSize: chunkBytes });
    source.on('error', (error) => through.destroy(error));
    source.pipe(through);
    try {
      for await (const piece of through) yield piece as Buffer;
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.isTorn = true;
    } finally {
      source.destroy();
      through.destroy();
    }
  }
  async *#compressed(): AsyncGenerator<Buffer, void, void> {
    for (let at = 0; ;) {
      const piece = await readBytes(this.#file, at, at + chunkBytes);
      if (piece.length === 0) return;
      at += piece.length;
      yield piece;
    }
  }
}

/** Errors of the decompression itself, not of reading the file. */
function isDamage(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(?:Z_|ZSTD_|ERR_TRAILING_JUNK)/.test(code);
}
