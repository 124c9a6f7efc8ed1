/** What is read of a file: the file itself, through one open descriptor. Compressed ones: archive.ts. */
import { open } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { headBytesMax, headOf, idOf } from './position.ts';
import type { FileId, Head } from './position.ts';

/** Read at a time while a hole is passed over. */
const scanBytes = 1024 * 1024;

/** How a file stands at a moment. */
export interface Seen {
  readonly id: FileId;
  /** Bytes that can be read; of a compressed file those that were compressed. */
  readonly size: number;
  /** When it was last written, in milliseconds since 1970 by the clock of its file system. */
  readonly modifiedMs: number;
  /** A name leads to it. */
  readonly hasName: boolean;
}

export interface Contents {
  seen(): Promise<Seen>;
  /** Reads up to `length` bytes that stand at `position`; fewer only at the end. */
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }>;
  close(): Promise<void>;
}

export class PlainFile implements Contents {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }
  static async open(path: string): Promise<PlainFile> {
    return new PlainFile(await open(path, 'r'));
  }
  async seen(): Promise<Seen> {
    const found = await this.#handle.stat({ bigint: true });
    return {
      id: idOf(found),
      size: Number(found.size),
      modifiedMs: Number(found.mtimeNs) / 1e6,
      hasName: found.nlink > 0n,
    };
  }
  read(buffer: Buffer, offset: number, length: number, position: number): Promise<{ readonly bytesRead: number }> {
    return this.#handle.read(buffer, offset, length, position);
  }
  close(): Promise<void> {
    return this.#handle.close();
  }
}

/** What stands for the first bytes of a file of which `bytes` were read. */
export async function readHead(contents: Contents, bytes: number): Promise<Head> {
  return headOf(await readBytes(contents, 0, Math.min(bytes, headBytesMax)));
}

/** Bytes [from, to), as far as they are there. */
export async function readBytes(contents: Contents, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.max(0, to - from));
  const { bytesRead } = await contents.read(buffer, 0, buffer.length, from);
  return buffer.subarray(0, bytesRead);
}

/** Does the file hold, up to a position, what was read before? `foot` is what stands right before the position. */
export async function holdsSame(
  contents: Contents,
  known: { readonly head: Head; readonly foot?: Head | undefined; readonly position: number },
): Promise<boolean> {
  const { head, foot, position } = known;
  if (head.bytes > 0 && (await readHead(contents, head.bytes)).hash !== head.hash) return false;
  if (!foot || foot.bytes === 0) return true;
  return headOf(await readBytes(contents, position - foot.bytes, position)).hash === foot.hash;
}

/**
 * Where what was written begins in a file that was cut: at its head, unless who writes it does not append and went on at
 * the offset that he had. What lies before is a hole then, which reads as NULs. `readTo`: how far it was read before.
 */
export async function holeEnd(contents: Contents, readTo: number): Promise<number> {
  const { size } = await contents.seen();
  const isHole = async (from: number, to: number): Promise<boolean> =>
    firstWritten(await readBytes(contents, from, to)) < 0;
  if (readTo === 0 || size <= readTo || !(await isHole(0, Math.min(readTo, headBytesMax)))) return 0;
  if (!(await isHole(Math.max(0, readTo - headBytesMax), readTo))) return 0;
  for (let at = readTo; at < size; at += scanBytes) {
    const written = firstWritten(await readBytes(contents, at, Math.min(size, at + scanBytes)));
    if (written >= 0) return at + written;
  }
  return size;
}

function firstWritten(bytes: Buffer): number {
  return bytes.findIndex((byte) => byte !== 0);
}
