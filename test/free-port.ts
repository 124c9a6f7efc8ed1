/** Ports for servers that tests and benches start. */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below those that systems give to connections and to servers that ask for any: nobody is given one of these meanwhile. */
const portMin = 15_000;
const portEnd = 32_768;
const triesMax = 100;

/** A free port of the loopback address. It is free when this returns; nobody keeps it. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < triesMax; tries++) {
    const port = randomInt(portMin, portEnd);
    if (await isFree(port)) return port;
  }
  throw new Error(`finding a free port: ${triesMax} from ${portMin} to ${portEnd} are in use`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(false) : reject(error),
    );
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
