/**
 * An Apache Kafka broker of one node (KRaft, no ZooKeeper) with four doors: `plain`, `sasl` (PLAIN, SCRAM-SHA-256 and
 * SCRAM-SHA-512), `tls` (asks for a client certificate), and one inside for its own controller. Its jars come from Maven
 * Central, which checks them by their SHA-1; kcat, Debian's client in C, reads and writes independently of us.
 */
import { execFile, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from '../free-port.ts';
import { cacheDirectory, type Running, type Service } from './contract.ts';
import { installPackage } from './packages.ts';
import { ServerProcess } from './server-process.ts';

const kafkaVersion = '4.1.1';
const scalaVersion = '2.13';
const pluginVersion = '3.8.1';
/** Any 16 bytes in base64: the cluster has one node, and its data directory is new. */
const clusterId = 'cG9zdDJsb2ctdGVzdHMtMQ';

/** Who may come in at the door `sasl`, and what the files in `certificates()` are locked with. */
export const kafkaUser = { name: 'collector', password: 'kafka-pass-1' } as const;

const run = promisify(execFile);
const jarsDirectory = (): string => join(cacheDirectory(), `kafka-${kafkaVersion}`);

const directories = new WeakMap<Running, string>();

/** PEM files for the door `tls` of a broker: `ca` vouches for both ends. */
export function certificates(broker: Running): { ca: string; cert: string; key: string } {
  const directory = directories.get(broker);
  if (directory === undefined) throw new Error('this is no broker that was started here');
  const path = (name: string): string => join(directory, 'tls', name);
  return { ca: path('ca.pem'), cert: path('client.pem'), key: path('client.key') };
}

/** The first log segment of a partition, for tests that damage it while the broker is stopped. */
export function segmentPath(broker: Running, topic: string, partition: number): string {
  const directory = directories.get(broker);
  if (directory === undefined) throw new Error('this is no broker that was started here');
  return join(directory, 'data', `${topic}-${partition}`, '00000000000000000000.log');
}

function openssl(directory: string, ...args: string[]): void {
  const made = spawnSync('openssl', args, { cwd: directory, encoding: 'utf8' });
  if (made.status !== 0) throw new Error(`openssl ${args.join(' ')} failed:\n${made.stderr}`);
}

function makeCertificates(directory: string): void {
  const tls = join(directory, 'tls');
  mkdirSync(tls, { recursive: true });
  const make = (name: string, subject: string, ...more: string[]): void => {
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const files = ['-keyout', `${name}.key`, '-out', `${name}.pem`];
    openssl(tls, 'req', '-x509', ...curve, ...files, '-subj', subject, ...more);
  };
  make('ca', '/CN=post2log tests');
  const byCa = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-addext', 'basicConstraints=CA:FALSE'];
  make('server', '/CN=localhost', ...byCa, '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
  make('client', '/CN=client', ...byCa);
}

interface Ports {
  readonly plain: number;
  readonly sasl: number;
  readonly tls: number;
  readonly controller: number;
}

function properties(directory: string, host: string, ports: Ports): string {
  const listeners = (names: readonly (keyof Ports)[]): string =>
    names.map((name) => `${name.toUpperCase()}://${host}:${ports[name]}`).join(',');
  const login = `username="${kafkaUser.name}" password="${kafkaUser.password}"`;
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return `process.roles=broker,controller
node.id=1
controller.quorum.voters=1@${host}:${ports.controller}
controller.listener.names=CONTROLLER
listeners=${listeners(['plain', 'sasl', 'tls', 'controller'])}
advertised.listeners=${listeners(['plain', 'sasl', 'tls'])}
listener.security.protocol.map=PLAIN:PLAINTEXT,SASL:SASL_PLAINTEXT,TLS:SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAIN
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required ${login} user_${kafkaUser.name}="${kafkaUser.password}";
listener.name.sasl.scram-sha-256.sasl.jaas.config=${scram}
listener.name.sasl.scram-sha-512.sasl.jaas.config=${scram}
listener.name.tls.ssl.keystore.type=PEM
listener.name.tls.ssl.keystore.location=${directory}/tls/server-all.pem
listener.name.tls.ssl.truststore.type=PEM
listener.name.tls.ssl.truststore.location=${directory}/tls/ca.pem
listener.name.tls.ssl.client.auth=required
log.dirs=${directory}/data
num.partitions=3
auto.create.topics.enable=false
message.max.bytes=1048588
# One node, and tests that do not wait for groups to gather or for transactions of killed programs to time out.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=4194304
`;
}

/** Fetches the broker and all it needs; a directory that is there is whole. */
async function fetchJars(): Promise<void> {
  const directory = jarsDirectory();
  if (existsSync(directory)) return;
  const work = `${directory}.part`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const artifact = `<groupId>org.apache.kafka</groupId><artifactId>kafka_${scalaVersion}</artifactId><version>${kafkaVersion}</version>`;
  writeFileSync(
    join(work, 'pom.xml'),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>post2log</groupId><artifactId>broker</artifactId><version>1</version><packaging>pom</packaging><dependencies><dependency>${artifact}</dependency></dependencies></project>`,
  );
  const goal = `org.apache.maven.plugins:maven-dependency-plugin:${pluginVersion}:copy-dependencies`;
  try {
    // -C: a jar whose checksum differs stops it.
    await run('mvn', ['-B', '-q', '-C', goal, `-DoutputDirectory=${join(work, 'jars')}`], { cwd: work });
  } catch (error) {
    throw new Error(`mvn could not fetch Kafka ${kafkaVersion} from Maven Central; run it again with a network`, {
      cause: error,
    });
  }
  renameSync(join(work, 'jars'), directory);
  rmSync(work, { recursive: true, force: true });
}

export const kafka: Service = {
  name: 'kafka',
  async install() {
    installPackage('openssl', 'openssl');
    installPackage('kcat', 'kcat');
    installPackage('java', 'openjdk-17-jre-headless');
    if (existsSync(jarsDirectory())) return;
    installPackage('mvn', 'maven');
    await fetchJars();
  },
  start: (directory) => startKafka(directory, '127.0.0.1'),
};

/** Clients are told `host` as the broker's address: one that all of them reach it under. */
export async function startKafka(directory: string, host: string): Promise<ServerProcess> {
  const ports = {
    plain: await freePort(),
    sasl: await freePort(),
    tls: await freePort(),
    controller: await freePort(),
  };
  makeCertificates(directory);
  const tls = join(directory, 'tls');
  openssl(tls, 'pkcs8', '-topk8', '-nocrypt', '-in', 'server.key', '-out', 'server-all.pem');
  const append = spawnSync('sh', ['-c', 'cat server.pem ca.pem >>server-all.pem'], { cwd: tls });
  if (append.status !== 0) throw new Error('making the certificate of the broker failed');
  const config = join(directory, 'server.properties');
  writeFileSync(config, properties(directory, host, ports));
  const jars = readdirSync(jarsDirectory()).map((name) => join(jarsDirectory(), name));
  // Small and quick to start: a test's broker has little to do.
  const java = ['-Xms64m', '-Xmx384m', '-XX:TieredStopAtLevel=1', '-cp', jars.join(':')];
  const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((kind) => [
    '--add-scram',
    `${kind}=[name=${kafkaUser.name},password=${kafkaUser.password}]`,
  ]);
  await run('java', [...java, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', config, ...scram]);
  const plain = `${host}:${ports.plain}`;
  const server = await ServerProcess.start({
    name: 'kafka',
    program: 'java',
    args: [...java, 'kafka.Kafka', config],
    directory,
    addresses: { plain, sasl: `${host}:${ports.sasl}`, tls: `${host}:${ports.tls}` },
    isReady: async () => (await run('kcat', ['-L', '-b', plain, '-m', '2'])).stdout.includes(' 1 brokers'),
  });
  directories.set(server, directory);
  return server;
}
