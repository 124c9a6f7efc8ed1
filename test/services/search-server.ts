/**
 * OpenSearch and Elasticsearch of one node, without TLS and users: their own jars from Maven Central, put together as the
 * distributions have them. Each module lies in a directory of its own beside what describes it.
 */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { cacheDirectory } from './contract.ts';
import type { Service } from './contract.ts';
import { fetchJars } from './maven.ts';
import type { MavenArtifact } from './maven.ts';
import { ServerProcess } from './server-process.ts';

interface Module {
  readonly name: string;
  /** Its class that the server loads. */
  readonly main: string;
  /** Its own jars among all. */
  readonly jars: RegExp;
}

/** What tells the two programs apart. */
export interface SearchServer {
  readonly name: 'opensearch' | 'elasticsearch';
  readonly version: string;
  readonly artifacts: readonly MavenArtifact[];
  readonly modules: readonly Module[];
  /** What the module for the network may do, where the server forbids it to others. */
  readonly networkPolicy?: string;
  /** The class that starts it, or the path of a source file with one, which needs a JDK. */
  readonly main: string;
  /** What its own system properties begin with. */
  readonly prefix: string;
  /** The first Java that runs it, where the usual one does not; it knows no security manager. */
  readonly java?: number;
}

function arrange({ name: brand, version, modules, networkPolicy, java = 11 }: SearchServer, directory: string): void {
  const jars = readdirSync(directory);
  mkdirSync(join(directory, 'lib'));
  mkdirSync(join(directory, 'plugins'));
  for (const { name, main, jars: own } of modules) {
    const path = join(directory, 'modules', name);
    mkdirSync(path, { recursive: true });
    const described = {
      name,
      description: name,
      version,
      [`${brand}.version`]: version,
      'java.version': String(java),
      classname: main,
      ...(brand === 'opensearch' && { 'custom.foldername': '' }),
      'extended.plugins': '',
      'has.native.controller': 'false',
    };
    const lines = Object.entries(described).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(path, 'plugin-descriptor.properties'), lines.join(''));
    if (name === 'transport-netty4' && networkPolicy !== undefined)
      writeFileSync(join(path, 'plugin-security.policy'), networkPolicy);
    for (const jar of jars.filter((one) => own.test(one))) renameSync(join(directory, jar), join(path, jar));
  }
  const others = jars.filter((jar) => !modules.some(({ jars: own }) => own.test(jar)));
  for (const jar of others) renameSync(join(directory, jar), join(directory, 'lib', jar));
}

function configure(brand: SearchServer['name'], directory: string, http: number, transport: number): void {
  const config = join(directory, 'config');
  mkdirSync(config, { recursive: true });
  mkdirSync(join(directory, 'tmp'), { recursive: true });
  writeFileSync(
    join(config, `${brand}.yml`),
    `cluster.name: post2log-tests
node.name: one
discovery.type: single-node
network.host: 127.0.0.1
http.port: ${http}
transport.port: ${transport}
path.data: ${directory}/data
path.logs: ${directory}/logs
# The disk of a machine that runs tests may be nearly full.
cluster.routing.allocation.disk.threshold_enabled: false
`,
  );
  writeFileSync(
    join(config, 'log4j2.properties'),
    `status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = [%d{ISO8601}][%-5p][%-25c{1.}] %m%n
rootLogger.level = info
rootLogger.appenderRef.console.ref = console
`,
  );
}

/** The command of a Java: of JAVA_HOME where the usual one is too old. @throws with what to do */
function javaFor({ name, version, java }: SearchServer): string {
  if (java === undefined) return 'java';
  const home = process.env['JAVA_HOME'];
  if (home === undefined)
    throw new Error(`${name} ${version} needs Java ${java} or newer: set JAVA_HOME to where it is`);
  return join(home, 'bin', 'java');
}

export function searchServer(server: SearchServer): Service {
  const { name, version, artifacts, main, prefix } = server;
  const home = (): string => join(cacheDirectory(), `${name}-${version}`);
  return {
    name,
    install: () => fetchJars(home(), artifacts, (jars) => arrange(server, jars)),
    async start(directory) {
      const port = await freePort();
      configure(name, directory, port, await freePort());
      const http = `http://127.0.0.1:${port}`;
      return ServerProcess.start({
        name,
        program: javaFor(server),
        args: [
          '-Xms256m',
          '-Xmx512m',
          '-XX:+UseSerialGC',
          '-XX:TieredStopAtLevel=1',
          ...(server.java === undefined ? ['-Djava.security.manager=allow'] : []),
          `-Djava.io.tmpdir=${directory}/tmp`,
          `-D${prefix}path.home=${home()}`,
          `-D${prefix}path.conf=${directory}/config`,
          '-Dio.netty.noUnsafe=true',
          '-Dio.netty.noKeySetOptimization=true',
          '-Dlog4j2.disable.jmx=true',
          // Tests run as root in containers, which the server refuses; without its native library it does not see that.
          '-Djna.nosys=true',
          '-Djna.nounpack=true',
          '-Djna.boot.library.path=/nonexistent',
          '-cp',
          join(home(), 'lib', '*'),
          main,
        ],
        // Where Elasticsearch would put native code.
        env: { LIBFFI_TMPDIR: join(directory, 'tmp') },
        directory,
        addresses: { http },
        isReady: async () => {
          const answer = await fetch(`${http}/_cluster/health`);
          return answer.ok && ((await answer.json()) as { status?: string }).status !== 'red';
        },
      });
    },
  };
}
