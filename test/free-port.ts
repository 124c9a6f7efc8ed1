/** Ports for servers that tests and benches start. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import type { ListenOptions, Server } from 'node:net';

/** Below those that systems give to connections and to servers that ask for any: nobody is given one of these meanwhile. */
const portMin = 15_000;
const portEnd = 32_768;
const triesMax = 100;

/** A free port of the loopback address, which nobody keeps; no other call gives it while this process lives, in whichever process of tests. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = randomInt(portMin, portEnd);
    if ((await reserve(port)) && (await isFree(port))) return port;
  }
  throw new Error(`finding a free port: ${triesMax} from ${portMin} to ${portEnd} are in use`);
}

/** Takes a port's name among Linux's abstract sockets, which go with their process; true where it was nobody's. */
function reserve(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(true);
  return listens({ path: `\0post2log-test-port-${port}` }, (server) => server.unref());
}
function isFree(port: number): Promise<boolean> {
  return listens({ port, host: '127.0.0.1' }, (server) => new Promise((resolve) => server.close(resolve)));
}
/** False where the place is taken; `then` has what listens there. */
function listens(place: ListenOptions, then: (server: Server) => unknown): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(place, () => resolve(Promise.resolve(then(server)).then(() => true)));
  });
}
