/** What endings.test.ts ends: starts a server that nobody needs, and waits. */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { endWithUs } from './endings.ts';
import { ServerProcess, killServers } from './services/server-process.ts';

// `never`: it never answers, so that whoever starts it waits.
const isReady = process.argv[2] !== 'never';
endWithUs(killServers);
const directory = mkdtempSync(join(tmpdir(), 'p2l-endings-'));
void ServerProcess.start({
  name: 'sleep',
  program: 'sh',
  args: ['-c', 'echo $$ > pid; exec sleep 600'],
  directory,
  addresses: {},
  isReady: () => Promise.resolve(isReady),
});
console.log(directory);
setInterval(() => undefined, 1000);
