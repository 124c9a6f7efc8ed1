/** A service for the time of a test. */
import type { TestContext } from 'node:test';
import { endWithUs } from '../endings.ts';
import { atEnd, temporaryDirectory } from '../program.ts';
import type { Running, Service } from './contract.ts';
import { killServers } from './server-process.ts';

/** Installs the service where it is missing and starts one in a temporary directory; it is killed when the test ends. */
export async function startService(context: TestContext, service: Service): Promise<Running> {
  await service.install();
  // A test file that ends early (an uncaught error, a failed hook, a signal) must not leave a server behind.
  endWithUs(killServers);
  const running = await service.start(await temporaryDirectory(context));
  atEnd(context, () => running.kill());
  return running;
}
