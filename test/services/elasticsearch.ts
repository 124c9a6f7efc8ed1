/**
 * Elasticsearch: the last whose jars make a server without more, or of a later line where P2L_TEST_ELASTICSEARCH names its major
 * version, so that the same tests run against each. Its features under other licences are no part of the jars, nor are since 8
 * its modules beside the one for the network: data streams by name, lifecycle policies.
 */
import { fileURLToPath } from 'node:url';
import { installPackage } from './packages.ts';
import { searchServer } from './search-server.ts';
import type { SearchServer } from './search-server.ts';
import type { Service } from './contract.ts';

/** The line that starts by itself. */
const usual: SearchServer = {
  name: 'elasticsearch',
  version: '7.17.28',
  artifacts: ['org.elasticsearch:elasticsearch:7.17.28', 'org.elasticsearch.plugin:transport-netty4-client:7.17.28'],
  modules: [
    {
      name: 'transport-netty4',
      main: 'org.elasticsearch.transport.Netty4Plugin',
      jars: /^(?:transport-netty4|netty)-/,
    },
  ],
  networkPolicy: `grant codeBase "\${codebase.netty-common}" {
  permission java.io.FilePermission "/proc/sys/net/core/somaxconn", "read";
  permission java.net.SocketPermission "*", "accept,connect";
  permission java.lang.RuntimePermission "setContextClassLoader";
  permission java.lang.RuntimePermission "getClassLoader";
};
grant codeBase "\${codebase.netty-transport}" {
  permission java.net.SocketPermission "*", "accept,connect";
};
`,
  main: 'org.elasticsearch.bootstrap.Elasticsearch',
  prefix: 'es.',
};

/** A line that is started by a class of ours. */
function later(version: `${string}.${string}.${string}`, java?: number): SearchServer {
  return {
    name: 'elasticsearch',
    version,
    artifacts: [`org.elasticsearch:elasticsearch:${version}`, `org.elasticsearch.plugin:transport-netty4:${version}`],
    modules: [
      {
        name: 'transport-netty4',
        main: 'org.elasticsearch.transport.netty4.Netty4Plugin',
        jars: /^(?:transport-netty4|netty)-/,
      },
    ],
    main: fileURLToPath(new URL('ElasticsearchNode.java', import.meta.url)),
    prefix: 'es.',
    ...(java !== undefined && { java }),
  };
}

const lines: Readonly<Record<string, SearchServer>> = { 7: usual, 8: later('8.19.0'), 9: later('9.2.0', 21) };

function serverOf(major: string): Service {
  const line = lines[major];
  if (!line) throw new Error(`P2L_TEST_ELASTICSEARCH=${major}: expected one of ${Object.keys(lines).join(', ')}`);
  const service = searchServer(line);
  return major === '8'
    ? {
        ...service,
        async install() {
          // Java 17 with its compiler.
          installPackage('javac', 'openjdk-17-jdk-headless');
          await service.install();
        },
      }
    : service;
}

export const elasticsearch = serverOf(process.env['P2L_TEST_ELASTICSEARCH'] ?? '7');
