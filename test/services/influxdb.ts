/** InfluxDB 1.x, as Debian packages it (1.6). */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import type { Service } from './contract.ts';
import { installPackage } from './packages.ts';
import { ServerProcess } from './server-process.ts';

/** Everything below the directory, nothing beyond loopback, nothing reported home. */
function configuration(directory: string, httpPort: number, backupPort: number): string {
  return `reporting-enabled = false
bind-address = "127.0.0.1:${backupPort}"

[meta]
  dir = "${directory}/meta"

[data]
  dir = "${directory}/data"
  wal-dir = "${directory}/wal"
  query-log-enabled = false
  # A test may use one tag value for each of its records.
  max-values-per-tag = 0
  max-series-per-database = 0

[monitor]
  store-enabled = false

[http]
  bind-address = "127.0.0.1:${httpPort}"
  log-enabled = false
`;
}

export const influxdb: Service = {
  name: 'influxdb',
  install: () => Promise.resolve(installPackage('influxd', 'influxdb')),
  async start(directory) {
    const path = join(directory, 'influxdb.conf');
    const port = await freePort();
    await writeFile(path, configuration(directory, port, await freePort()));
    const http = `http://127.0.0.1:${port}`;
    return ServerProcess.start({
      name: 'influxdb',
      program: 'influxd',
      args: ['run', '-config', path],
      directory,
      addresses: { http },
      isReady: async () => (await fetch(`${http}/ping`)).status === 204,
    });
  },
};
