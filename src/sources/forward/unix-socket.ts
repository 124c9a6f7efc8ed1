/** A socket in the file system that a server listens on. */
import { lstat, mkdir, unlink } from 'node:fs/promises';
import { connect } from 'node:net';
import type { Server } from 'node:net';
import { dirname } from 'node:path';
import { OperatingError, errorText, systemCode } from '../../core/errors.ts';

/** Connections the kernel may hold before they are accepted. */
const listenBacklog = 1024;

/**
 * Begins to listen; directories are made, and a socket that nobody listens on any more is taken away.
 * @throws OperatingError LISTEN_FAILED naming path, reason and the next step
 */
export async function listenUnix(server: Server, path: string, backlog = listenBacklog): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await clearPlace(path);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ path, backlog }, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    if (error instanceof OperatingError) throw error;
    throw failed(path, `${errorText(error)}; check path`, error);
  }
}

async function clearPlace(path: string): Promise<void> {
  const found = await lstat(path).catch((error: unknown) => {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (!found) return;
  if (!found.isSocket()) throw failed(path, 'another file has that name; write another path');
  if (await isAnswered(path)) throw failed(path, 'another program listens there; stop it, or write another path');
  await unlink(path);
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function failed(path: string, reason: string, cause?: unknown): OperatingError {
  return new OperatingError('LISTEN_FAILED', `listening for forward on ${path}: ${reason}`, { cause });
}
