/** `relay.ts LISTEN TARGET`: passes connections on; each side is HOST:PORT or the path of a socket, which leads from one network namespace into another. */
import { connect, createServer, type ListenOptions, type Socket } from 'node:net';

function sideOf(text: string): { path: string } | { host: string; port: number } {
  if (text.includes('/')) return { path: text };
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon), port: Number(text.slice(colon + 1)) };
}

const [, , listen = '', target = ''] = process.argv;
if (target === '') {
  console.error('usage: relay.ts LISTEN TARGET, each HOST:PORT or /path/of/a/socket');
  process.exit(2);
}
const to = sideOf(target);
const from: ListenOptions = sideOf(listen);
createServer((client) => {
  const server: Socket = connect(to);
  // Whatever ends one side ends the other; what went wrong is the clients' to say.
  client.on('error', () => server.destroy()).on('close', () => server.destroy());
  server.on('error', () => client.destroy()).on('close', () => client.destroy());
  client.pipe(server).pipe(client);
}).listen(from);
