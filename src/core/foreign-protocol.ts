/** What answers at a port where something else was expected: named by the first bytes that it says. */
import { connect } from 'node:net';

/** Of an answer so much is looked at. */
const bytesMax = 64;

const beginnings: readonly (readonly [RegExp, string])[] = [
  [/^HTTP\//, 'HTTP'],
  // eslint-disable-next-line no-control-regex -- the first bytes of an alert or a handshake
  [/^[\x15\x16]\x03[\x00-\x04]/, 'TLS'],
  [/^\x92\xa4HELO/, 'Fluentd’s forward protocol, with a shared key'],
  [/^SSH-/, 'SSH'],
  [/^(?:-ERR|\+OK|-DENIED|-NOAUTH)/, 'Redis, or a mail server'],
  [/^(?:220|421|554)[ -]/, 'a mail or FTP server'],
  [/^AMQP/, 'AMQP'],
];

/** The protocol that speaks so; undefined: none that is known here. */
export function protocolOf(bytes: Uint8Array): string | undefined {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, bytesMax)).toString('latin1');
  return beginnings.find(([pattern]) => pattern.test(text))?.[1];
}

/** The first bytes that a server says to `hello`; none where it is silent for `limitMs`, closes, or is not there. */
export function firstBytes(host: string, port: number, hello: Uint8Array, limitMs: number): Promise<Buffer> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (bytes: Buffer): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(bytes.subarray(0, bytesMax));
    };
    const timer = setTimeout(() => end(Buffer.alloc(0)), limitMs);
    socket.once('connect', () => socket.write(hello));
    socket.once('data', end);
    socket.once('error', () => end(Buffer.alloc(0)));
    socket.once('close', () => end(Buffer.alloc(0)));
  });
}
