/**
 * OpenSearch: the newest that Java 17 runs, or of another line where P2L_TEST_OPENSEARCH names its major version, so that the
 * same tests run against each (`P2L_TEST_OPENSEARCH=1 npm run test:integration -- opensearch`).
 */
import type { MavenArtifact } from './maven.ts';
import { searchServer } from './search-server.ts';
import type { SearchServer } from './search-server.ts';

/** What a line has of its own. */
interface Line {
  readonly version: string;
  readonly artifacts: readonly MavenArtifact[];
  readonly network: string;
  /** Left out where its jar is not published. */
  readonly analysis?: string;
  /** The first Java that runs it, where 17 does not. */
  readonly java?: number;
}

const lines: Readonly<Record<string, Line>> = {
  1: {
    version: '1.3.14',
    artifacts: ['org.apache.logging.log4j:log4j-core:2.17.1'],
    network: 'org.opensearch.transport.Netty4Plugin',
  },
  2: {
    version: '2.19.6',
    artifacts: ['org.opensearch.plugin:analysis-common:2.19.6', 'org.apache.logging.log4j:log4j-core:2.25.4'],
    network: 'org.opensearch.transport.Netty4Plugin',
    analysis: 'org.opensearch.analysis.common.CommonAnalysisPlugin',
  },
  3: {
    version: '3.9.0',
    artifacts: [
      'org.opensearch.plugin:analysis-common:3.9.0',
      'org.opensearch:opensearch-agent-bootstrap:3.9.0',
      'org.apache.logging.log4j:log4j-core:2.25.5',
    ],
    network: 'org.opensearch.transport.Netty4ModulePlugin',
    analysis: 'org.opensearch.analysis.common.CommonAnalysisModulePlugin',
    java: 21,
  },
};

function serverOf(major: string): SearchServer {
  const line = lines[major];
  if (!line) throw new Error(`P2L_TEST_OPENSEARCH=${major}: expected one of ${Object.keys(lines).join(', ')}`);
  const { version, artifacts, network, analysis, java } = line;
  return {
    name: 'opensearch',
    version,
    artifacts: [
      `org.opensearch:opensearch:${version}`,
      `org.opensearch:opensearch-plugin-classloader:${version}`,
      `org.opensearch.plugin:transport-netty4-client:${version}`,
      ...artifacts,
    ],
    modules: [
      { name: 'transport-netty4', main: network, jars: /^(?:transport-netty4|opensearch-netty4|netty)-/ },
      ...(analysis === undefined ? [] : [{ name: 'analysis-common', main: analysis, jars: /^analysis-common-/ }]),
    ],
    networkPolicy: `grant {
  permission java.lang.RuntimePermission "getenv.*";
  permission java.lang.RuntimePermission "setContextClassLoader";
  permission java.lang.RuntimePermission "accessDeclaredMembers";
  permission java.lang.reflect.ReflectPermission "suppressAccessChecks";
  permission java.net.SocketPermission "*", "accept,connect";
};
`,
    main: 'org.opensearch.bootstrap.OpenSearch',
    prefix: 'opensearch.',
    ...(java !== undefined && { java }),
  };
}

export const opensearch = searchServer(serverOf(process.env['P2L_TEST_OPENSEARCH'] ?? '2'));
