/**
 * `node:http`, not imported: an import reads every export of it, and the one called WebSocket loads an HTTP client and its
 * parser in WebAssembly that nobody here uses, 14 MB and 70 ms of CPU at the start (Node 24, measured).
 */
import type { Server } from 'node:http';

export const http = process.getBuiltinModule('node:http');

/** Listens no more and ends all connections; resolves when that is done. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => void server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
