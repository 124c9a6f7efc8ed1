/**
 * OpenSearch of one node, as the newest that Java 17 runs, without TLS and users: its own jars from Maven Central, put
 * together as the distribution has them. Each module lies in a directory of its own beside what describes it.
 */
import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { cacheDirectory } from './contract.ts';
import type { Service } from './contract.ts';
import { fetchJars } from './maven.ts';
import { ServerProcess } from './server-process.ts';

const version = '2.19.6';
const home = (): string => join(cacheDirectory(), `opensearch-${version}`);

const modules = [
  { name: 'transport-netty4', main: 'org.opensearch.transport.Netty4Plugin', jars: /^(?:transport-netty4|netty)-/ },
  { name: 'analysis-common', main: 'org.opensearch.analysis.common.CommonAnalysisPlugin', jars: /^analysis-common-/ },
] as const;

/** What the module for the network may do; the server forbids it to others. */
const networkPolicy = `grant {
  permission java.lang.RuntimePermission "getenv.*";
  permission java.lang.RuntimePermission "setContextClassLoader";
  permission java.lang.RuntimePermission "accessDeclaredMembers";
  permission java.lang.reflect.ReflectPermission "suppressAccessChecks";
  permission java.net.SocketPermission "*", "accept,connect";
};
`;

function arrange(directory: string): void {
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
      'opensearch.version': version,
      'java.version': '11',
      classname: main,
      'custom.foldername': '',
      'extended.plugins': '',
      'has.native.controller': 'false',
    };
    const lines = Object.entries(described).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(path, 'plugin-descriptor.properties'), lines.join(''));
    if (name === 'transport-netty4') writeFileSync(join(path, 'plugin-security.policy'), networkPolicy);
    for (const jar of jars.filter((one) => own.test(one))) renameSync(join(directory, jar), join(path, jar));
  }
  const others = jars.filter((jar) => !modules.some(({ jars: own }) => own.test(jar)));
  for (const jar of others) renameSync(join(directory, jar), join(directory, 'lib', jar));
}

function configure(directory: string, http: number, transport: number): void {
  const config = join(directory, 'config');
  mkdirSync(config, { recursive: true });
  mkdirSync(join(directory, 'tmp'), { recursive: true });
  writeFileSync(
    join(config, 'opensearch.yml'),
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

export const opensearch: Service = {
  name: 'opensearch',
  install: () =>
    fetchJars(
      home(),
      [
        `org.opensearch:opensearch:${version}`,
        `org.opensearch:opensearch-plugin-classloader:${version}`,
        `org.opensearch.plugin:transport-netty4-client:${version}`,
        `org.opensearch.plugin:analysis-common:${version}`,
        'org.apache.logging.log4j:log4j-core:2.25.4',
      ],
      arrange,
    ),
  async start(directory) {
    const port = await freePort();
    configure(directory, port, await freePort());
    const http = `http://127.0.0.1:${port}`;
    return ServerProcess.start({
      name: 'opensearch',
      program: 'java',
      args: [
        '-Xms256m',
        '-Xmx512m',
        '-XX:+UseSerialGC',
        '-XX:TieredStopAtLevel=1',
        '-Djava.security.manager=allow',
        `-Djava.io.tmpdir=${directory}/tmp`,
        `-Dopensearch.path.home=${home()}`,
        `-Dopensearch.path.conf=${directory}/config`,
        '-Dio.netty.noUnsafe=true',
        '-Dio.netty.noKeySetOptimization=true',
        '-Dlog4j2.disable.jmx=true',
        // Tests run as root in containers, which the server refuses; without its native library it does not see that.
        '-Djna.nosys=true',
        '-Djna.nounpack=true',
        '-Djna.boot.library.path=/nonexistent',
        '-cp',
        join(home(), 'lib', '*'),
        'org.opensearch.bootstrap.OpenSearch',
      ],
      directory,
      addresses: { http },
      isReady: async () => {
        const answer = await fetch(`${http}/_cluster/health`);
        return answer.ok && ((await answer.json()) as { status?: string }).status !== 'red';
      },
    });
  },
};
