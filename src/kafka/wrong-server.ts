/** Whether a broker's address is that of another server, which Kafka's protocol alone does not tell: it waits for an answer. */
import { OperatingError } from '../core/errors.ts';
import { firstBytes, protocolOf } from '../core/foreign-protocol.ts';

/** How long each server may take for its first byte; brokers answer this question at once. */
const limitMs = 2000;
/** ApiVersions, version 0, without a client id, and an empty line, behind which a server of HTTP answers that it is none. */
const hello = Buffer.from([0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff, 13, 10, 13, 10]);

interface Place {
  readonly host: string;
  readonly port: number;
}

/** Looks at all brokers. @throws OperatingError OUTPUT_UNREACHABLE where none of them can be one, and one of them says what it is */
export async function checkBrokers(brokers: readonly Place[], usesTls: boolean): Promise<void> {
  const found = await Promise.all(brokers.map((place) => problemOf(place, usesTls)));
  const named = found.find((one) => one !== undefined);
  if (named !== undefined && found.every((one) => one !== undefined))
    throw new OperatingError('OUTPUT_UNREACHABLE', named);
}

async function problemOf({ host, port }: Place, usesTls: boolean): Promise<string | undefined> {
  const bytes = await firstBytes(host, port, hello, limitMs);
  const at = `connecting to Kafka at ${host}:${port}`;
  const protocol = protocolOf(bytes);
  if (protocol === 'TLS')
    return usesTls ? undefined : `${at}: this port speaks TLS; set ssl_ca_cert or ssl_ca_certs_from_system`;
  if (protocol !== undefined) return `${at}: ${protocol} answers there, and no broker; check brokers`;
  if (usesTls && isBroker(bytes)) return `${at}: this port does not speak TLS; check brokers`;
  return undefined;
}

/** An answer of less than a megabyte to the call with our number. */
const isBroker = (bytes: Buffer): boolean => bytes.length >= 8 && bytes[0] === 0 && bytes.readInt32BE(4) === 1;
