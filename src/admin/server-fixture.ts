/** An admin server for tests, on a free port and a socket of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLog } from '../core/log.ts';
import type { AdminBackend } from './backend.ts';
import { startAdminServer } from './server.ts';
import type { AdminOptions } from './server.ts';

/** Runs one while `use` runs; `directory` is its own and empty. */
export async function withAdminServer(
  backend: AdminBackend,
  options: Partial<AdminOptions>,
  use: (url: string, directory: string, socketPath: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'p2l-admin-'));
  const socketPath = join(directory, 'post2log.sock');
  const fixed = { host: '127.0.0.1', port: 0, token: undefined, socketPath };
  const server = await startAdminServer({ ...fixed, ...options }, backend, silentLog());
  try {
    await use(server.url ?? '', directory, socketPath);
  } finally {
    await server.close();
    await rm(directory, { recursive: true });
  }
}
