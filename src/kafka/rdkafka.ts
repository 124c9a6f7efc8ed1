/**
 * Properties of librdkafka, as Fluentd's rdkafka plugins and Fluent Bit take them, in place of options of their own. Source:
 * librdkafka 2.6 CONFIGURATION.md.
 */
import { compressions } from './compression.ts';
import type { Compression } from './compression.ts';
import { saslMechanisms } from './connect.ts';
import type { ClusterSettings, SaslSettings, TlsSettings } from './connect.ts';
import { parseAddress } from './cluster.ts';
import { rdkafkaPartitioners } from './partitioners.ts';
import type { RdkafkaPartitioner } from './partitioners.ts';

/** What properties come to. */
export interface RdkafkaSettings {
  readonly cluster: ClusterSettings;
  readonly partitioner: RdkafkaPartitioner;
  readonly compression: Compression;
  readonly acks: -1 | 0 | 1;
  readonly ackTimeoutMs: number;
  /** Largest batch; a property of the producer. */
  readonly batchBytesMax: number | undefined;
  readonly sendRetries: number | undefined;
  readonly isIdempotent: boolean;
  /** Undefined: no transactions; they are asked for by naming a transactional id, and get one of ours. */
  readonly isTransactional: boolean;
  readonly groupId: string | undefined;
  readonly sessionTimeoutMs: number;
  readonly begins: 'earliest' | 'latest';
  readonly fetchWaitMs: number;
  readonly fetchBytesMin: number;
  readonly partitionBytesMax: number;
}

/** Properties with an effect here, by their names and older names. */
const names: Readonly<Record<string, string>> = {
  'bootstrap.servers': 'bootstrap.servers',
  'metadata.broker.list': 'bootstrap.servers',
  'client.id': 'client.id',
  'security.protocol': 'security.protocol',
  'sasl.mechanisms': 'sasl.mechanism',
  'sasl.mechanism': 'sasl.mechanism',
  'sasl.username': 'sasl.username',
  'sasl.password': 'sasl.password',
  'ssl.ca.location': 'ssl.ca.location',
  'ssl.certificate.location': 'ssl.certificate.location',
  'ssl.key.location': 'ssl.key.location',
  'ssl.key.password': 'ssl.key.password',
  'ssl.endpoint.identification.algorithm': 'ssl.endpoint.identification.algorithm',
  'enable.ssl.certificate.verification': 'enable.ssl.certificate.verification',
  'compression.codec': 'compression.codec',
  'compression.type': 'compression.codec',
  partitioner: 'partitioner',
  'request.required.acks': 'acks',
  acks: 'acks',
  'request.timeout.ms': 'request.timeout.ms',
  'socket.timeout.ms': 'socket.timeout.ms',
  'socket.connection.setup.timeout.ms': 'socket.connection.setup.timeout.ms',
  'batch.size': 'batch.size',
  'message.send.max.retries': 'retries',
  retries: 'retries',
  'enable.idempotence': 'enable.idempotence',
  'transactional.id': 'transactional.id',
  'group.id': 'group.id',
  'session.timeout.ms': 'session.timeout.ms',
  'auto.offset.reset': 'auto.offset.reset',
  'fetch.wait.max.ms': 'fetch.wait.max.ms',
  'fetch.min.bytes': 'fetch.min.bytes',
  'max.partition.fetch.bytes': 'max.partition.fetch.bytes',
  'fetch.message.max.bytes': 'max.partition.fetch.bytes',
};

/** Properties that tune what is not there, or is done in any case. */
const tuning: readonly RegExp[] = [
  /^(?:queue\.buffering|queued|linger|batch\.num|sticky|topic\.metadata|metadata\.max|statistics|log|socket\.(?!timeout|connection))\b/,
  /^(?:reconnect|retry)\.backoff/,
  /^(?:message\.(?:max|copy|timeout)|delivery\.timeout|max\.in\.flight|receive\.message|max\.poll|heartbeat\.interval|coordinator\.query)/,
  /^(?:debug|api\.version|broker\.(?:address|version)|connections\.max|enable\.(?:auto|partition|random|metrics|gapless|sparse)|auto\.commit|fetch\.(?:max|error|queue)|check\.crcs|isolation\.level|group\.(?:instance|protocol)|partition\.assignment|client\.(?:rack|dns)|allow\.auto|internal|compression\.level|max\.in|transaction\.timeout)/,
];

/** Names as they are checked, for a configuration's errors. */
export function rdkafkaProblem(properties: Readonly<Record<string, string>>): string | undefined {
  for (const [name, value] of Object.entries(properties)) {
    if (names[name] === undefined && !tuning.some((pattern) => pattern.test(name)))
      return `property ${name} of librdkafka is not known here`;
    const problem = valueProblem(names[name] ?? '', value);
    if (problem !== undefined) return `property ${name}: ${problem}`;
  }
  const found = canonical(properties);
  if ((found.get('ssl.certificate.location') === undefined) !== (found.get('ssl.key.location') === undefined))
    return 'ssl.certificate.location and ssl.key.location must be given together';
  const isSasl = /SASL/i.test(found.get('security.protocol') ?? '');
  if (isSasl && (found.get('sasl.username') === undefined || found.get('sasl.password') === undefined))
    return `security.protocol ${found.get('security.protocol')} needs sasl.username and sasl.password`;
  return undefined;
}

/** Values that are words, and what is a number. */
const words: Readonly<Record<string, readonly string[]>> = {
  'security.protocol': ['plaintext', 'ssl', 'sasl_plaintext', 'sasl_ssl'],
  'sasl.mechanism': saslMechanisms.map((one) => one.toLowerCase()),
  'compression.codec': [...compressions, 'inherit'],
  partitioner: rdkafkaPartitioners,
  'enable.idempotence': ['true', 'false'],
  'enable.ssl.certificate.verification': ['true', 'false'],
  'ssl.endpoint.identification.algorithm': ['none', 'https'],
  'auto.offset.reset': ['smallest', 'earliest', 'beginning', 'largest', 'latest', 'end'],
  acks: ['-1', '0', '1', 'all'],
};
function valueProblem(name: string, value: string): string | undefined {
  const known = words[name];
  if (known && !known.includes(value.trim().toLowerCase()))
    return `${JSON.stringify(value)} was found, and one of ${known.join(', ')} expected`;
  if (/(?:\.ms|\.bytes|\.size|^retries)$/.test(name) && !/^\d{1,15}$/.test(value.trim()))
    return `${JSON.stringify(value)} was found, and a whole number expected`;
  return undefined;
}

function canonical(properties: Readonly<Record<string, string>>): Map<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of Object.entries(properties)) if (names[name]) found.set(names[name], value.trim());
  return found;
}

/** Settings of properties that rdkafkaProblem() found nothing wrong with; librdkafka's defaults. */
export function rdkafkaSettings(
  properties: Readonly<Record<string, string>>,
  brokers: readonly string[],
): RdkafkaSettings {
  const found = canonical(properties);
  const number = (name: string, fallback: number): number => Number(found.get(name) ?? fallback);
  const servers = found.get('bootstrap.servers')?.split(',');
  const acks = found.get('acks') ?? '-1';
  const codec = (found.get('compression.codec') ?? 'none').toLowerCase();
  return {
    cluster: {
      brokers: (servers ?? brokers).map((one) => one.trim()).filter((one) => one !== ''),
      clientId: found.get('client.id') ?? 'rdkafka',
      connectTimeoutMs: number('socket.connection.setup.timeout.ms', 30_000),
      requestTimeoutMs: number('socket.timeout.ms', 60_000),
      tls: tlsIn(found),
      sasl: saslIn(found),
    },
    partitioner: (found.get('partitioner') ?? 'consistent_random') as RdkafkaPartitioner,
    compression: compressions.find((one) => one === codec) ?? 'none',
    acks: acks === '0' ? 0 : acks === '1' ? 1 : -1,
    ackTimeoutMs: number('request.timeout.ms', 30_000),
    batchBytesMax: found.has('batch.size') ? number('batch.size', 0) : undefined,
    sendRetries: found.has('retries') ? Math.min(1000, number('retries', 0)) : undefined,
    isIdempotent: found.get('enable.idempotence')?.toLowerCase() === 'true',
    isTransactional: found.has('transactional.id'),
    groupId: found.get('group.id'),
    sessionTimeoutMs: number('session.timeout.ms', 45_000),
    begins: /smallest|earliest|beginning/.test(found.get('auto.offset.reset') ?? '') ? 'earliest' : 'latest',
    fetchWaitMs: number('fetch.wait.max.ms', 500),
    fetchBytesMin: number('fetch.min.bytes', 1),
    partitionBytesMax: number('max.partition.fetch.bytes', 1_048_576),
  };
}

function tlsIn(found: ReadonlyMap<string, string>): TlsSettings | undefined {
  if (!/ssl/i.test(found.get('security.protocol') ?? '')) return undefined;
  const ca = found.get('ssl.ca.location');
  return {
    caPaths: ca === undefined || ca === 'probe' ? [] : [ca],
    trustsSystem: ca === undefined,
    certPath: found.get('ssl.certificate.location'),
    keyPath: found.get('ssl.key.location'),
    passphrase: found.get('ssl.key.password'),
    verifiesHostname: found.get('ssl.endpoint.identification.algorithm')?.toLowerCase() !== 'none',
    verifies: found.get('enable.ssl.certificate.verification')?.toLowerCase() !== 'false',
  };
}

function saslIn(found: ReadonlyMap<string, string>): SaslSettings | undefined {
  if (!/sasl/i.test(found.get('security.protocol') ?? '')) return undefined;
  const wanted = (found.get('sasl.mechanism') ?? 'PLAIN').toUpperCase();
  const mechanism = saslMechanisms.find((one) => one === wanted) ?? 'PLAIN';
  return { mechanism, username: found.get('sasl.username') ?? '', password: found.get('sasl.password') ?? '' };
}

/** What is wrong with addresses of brokers; undefined: nothing. */
export function brokersProblem(brokers: readonly string[]): string | undefined {
  if (brokers.length === 0) return 'there is no broker: write brokers host:port';
  for (const broker of brokers) {
    const { host, port } = parseAddress(broker);
    if (/[\s/,]/.test(host) || host === '' || port < 1 || port > 65_535)
      return `broker ${JSON.stringify(broker)} is no host:port`;
  }
  return undefined;
}
