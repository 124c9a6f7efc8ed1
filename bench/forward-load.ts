/** Both ends of forward for the `forward` scenario: a load that sends packets and waits for acknowledgements, and a taker that acknowledges. */
import { createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { realClock } from '../src/core/clock.ts';
import { MsgpackFramer, MsgpackScanner } from '../src/core/msgpack-scan.ts';
import { MsgpackWriter, decodeMsgpack, encodeMsgpack } from '../src/core/msgpack.ts';
import { getField, isFields } from '../src/core/record.ts';
import type { Fields } from '../src/core/record.ts';
import { ForwardClient } from '../src/outputs/forward/client.ts';

/** A record of about 200 bytes of JSON, as containers log. */
export function benchRecord(n: number): Fields {
  return {
    n,
    level: n % 50 === 0 ? 'error' : 'info',
    message: `GET /api/items/${n % 1000} answered 200 in ${(n * 7) % 900} ms`,
    host: `web-${n % 12}.example`,
    bytes: (n * 7919) % 100_000,
    ratio: (n % 1000) / 1024,
    ok: true,
    trace: `${(n * 2654435761) % 4294967296}`.padStart(24, '0'),
  };
}

/** Records of one packet: some 200 kB, as Fluent Bit and small Fluentd chunks are. */
export const packetRecords = 1000;

function packetEntries(): Buffer {
  const writer = new MsgpackWriter();
  for (let n = 0; n < packetRecords; n++) {
    writer.shortArray(2);
    writer.eventTime(1_709_618_828, n);
    writer.value(benchRecord(n));
  }
  return writer.take();
}

const never = new AbortController().signal;
const second = 1000;

/** Packets under way on a connection: the next one is there when one is acknowledged. */
const windowPackets = 4;

/** Sends `records` over so many connections; resolves with the seconds until the last acknowledgement. */
export async function sendPackets(port: number, records: number, connections: number): Promise<number> {
  const entries = new Uint8Array(packetEntries());
  const parts = (chunk: string): Buffer[] => [
    encodeMsgpack(['bench.forward', entries, { size: packetRecords, compressed: 'text', chunk }]),
  ];
  const timeouts = {
    connectTimeoutMs: second * 5,
    sendTimeoutMs: second * 60,
    ackTimeoutMs: second * 60,
    hardTimeoutMs: second * 5,
  };
  const settings = {
    clock: realClock,
    keepAlivePacket: false,
    tls: undefined,
    isSelfSignedAllowed: false,
    ...timeouts,
  };
  const place = { address: '127.0.0.1', port, name: undefined };
  const clients = await Promise.all(
    Array.from({ length: connections }, () => ForwardClient.open(place, undefined, settings, never)),
  );
  let left = Math.ceil(records / packetRecords);
  const began = performance.now();
  await Promise.all(
    clients.map(async (client, i) => {
      const chunk = `chunk-${i}`;
      const bytes = parts(chunk);
      let open = 0;
      while (left > 0 || open > 0) {
        while (left > 0 && open < windowPackets) {
          left--;
          open++;
          await client.send(bytes);
        }
        await client.acknowledged(chunk);
        open--;
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  for (const client of clients) client.end();
  return seconds;
}

/** Takes packets, acknowledges them and counts their records by the `size` that they say. */
export class PacketTaker {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  records = 0;
  bytes = 0;

  constructor() {
    this.#server = createServer((socket) => this.#take(socket));
  }
  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }
  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => this.#sockets.delete(socket));
    const framer = new MsgpackFramer(256 * 1024 * 1024);
    socket.on('data', (bytes: Buffer) => {
      framer.add(bytes);
      for (let packet = framer.next(); packet; packet = framer.next()) this.#packet(packet, socket);
    });
  }
  #packet(packet: Buffer, socket: Socket): void {
    const scanner = new MsgpackScanner(packet);
    scanner.count();
    scanner.skip();
    scanner.skip();
    const option = scanner.isAtEnd ? null : decodeMsgpack(packet.subarray(scanner.at));
    if (!isFields(option)) return;
    this.records += Number(getField(option, 'size') ?? 0);
    this.bytes += packet.length;
    const chunk = getField(option, 'chunk');
    if (chunk !== undefined) socket.write(encodeMsgpack({ ack: chunk }));
  }
}
