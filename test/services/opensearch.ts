/** The newest OpenSearch that Java 17 runs. */
import { searchServer } from './search-server.ts';

const version = '2.19.6';

export const opensearch = searchServer({
  name: 'opensearch',
  version,
  artifacts: [
    `org.opensearch:opensearch:${version}`,
    `org.opensearch:opensearch-plugin-classloader:${version}`,
    `org.opensearch.plugin:transport-netty4-client:${version}`,
    `org.opensearch.plugin:analysis-common:${version}`,
    'org.apache.logging.log4j:log4j-core:2.25.4',
  ],
  modules: [
    { name: 'transport-netty4', main: 'org.opensearch.transport.Netty4Plugin', jars: /^(?:transport-netty4|netty)-/ },
    {
      name: 'analysis-common',
      main: 'org.opensearch.analysis.common.CommonAnalysisPlugin',
      jars: /^analysis-common-/,
    },
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
});
