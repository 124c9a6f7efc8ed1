/**
 * The program's standard output. Output plugins and the stdout filter share it, so that no line is ever cut by another.
 * Only what stdout plugins print goes there.
 */
import { write } from 'node:fs';
import { systemCode } from './errors.ts';

export interface TextStream {
  /** Writes all bytes behind what was given before. Rejects with Node's system error (EPIPE) and forgets these bytes. */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** Bytes given and not written yet. */
  readonly pendingBytes: number;
}

/** Writes some of the bytes; resolves with how many. */
type WriteSome = (bytes: Uint8Array) => Promise<number>;

/** How long to wait when a non-blocking pipe is full: short against what a person sees, long against a spin. */
const fullPipeDelayMs = 5;

/** A stream over anything that may take only a part of what it is given, or be full for a while (EAGAIN). Exported for tests. */
export function textStream(writeSome: WriteSome, pause: () => Promise<void> = pauseAwhile): TextStream {
  let pendingBytes = 0;
  let queue = Promise.resolve();
  const writeAll = async (bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void> => {
    let rest = bytes;
    while (rest.length > 0) {
      signal?.throwIfAborted();
      try {
        rest = rest.subarray(await writeSome(rest));
      } catch (error) {
        if (systemCode(error) !== 'EAGAIN') throw error;
        await pause();
      }
    }
  };
  return {
    get pendingBytes() {
      return pendingBytes;
    },
    write(bytes, signal) {
      pendingBytes += bytes.length;
      const written = queue.then(() => writeAll(bytes, signal));
      const settled = written.finally(() => {
        pendingBytes -= bytes.length;
      });
      queue = settled.catch(() => undefined);
      return settled;
    },
  };
}

function pauseAwhile(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, fullPipeDelayMs);
  });
}

/** File descriptor 1. Written from the thread pool: a reader that stands still stops its plugin and nothing else. */
export const standardOutput: TextStream = textStream(
  (bytes) =>
    new Promise((resolve, reject) => {
      write(1, bytes, 0, bytes.length, null, (error, written) => {
        if (error) reject(error);
        else resolve(written);
      });
    }),
);
