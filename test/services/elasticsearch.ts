/** The last Elasticsearch whose jars make a server without more. Its features under other licences are no part of them. */
import { searchServer } from './search-server.ts';

const version = '7.17.28';

export const elasticsearch = searchServer({
  name: 'elasticsearch',
  version,
  artifacts: [
    `org.elasticsearch:elasticsearch:${version}`,
    `org.elasticsearch.plugin:transport-netty4-client:${version}`,
  ],
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
});
