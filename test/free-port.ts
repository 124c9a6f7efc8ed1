/** Ports for servers that tests and benches start. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { ListenOptions, Server } from 'node:net';

/** Below those that systems give to connections and to servers that ask for any: nobody is given one of these meanwhile. */
const portMin = 15_000;
const portEnd = 32_768;
const triesMax = 100;

/** A free port of the loopback address. Nobody listens there when this returns, and nobody else is given it while this process lives. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = randomInt(portMin, portEnd);
    if ((await isKept(port)) && (await isFree(port))) return port;
  }
  throw new Error(`finding a free port: ${triesMax} from ${portMin} to ${portEnd} are in use`);
}

/**
 * Keeps a port for this process: Linux gives a name without a file, whose end it sees to, to one process alone. Elsewhere
 * ports are not kept.
 */
async function isKept(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const keeper = await listening({ path: `\0post2log-test-port-${port}` });
  keeper?.unref();
  return keeper !== undefined;
}

async function isFree(port: number): Promise<boolean> {
  const server = await listening({ host: '127.0.0.1', port });
  if (!server) return false;
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** A server there; undefined where there is one. */
function listening(options: ListenOptions): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(options, () => resolve(server));
  });
}
