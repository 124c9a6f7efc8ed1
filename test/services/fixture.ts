/** A service for the time of a test. */
import type { TestContext } from 'node:test';
import { atEnd, temporaryDirectory } from '../program.ts';
import type { Running, Service } from './contract.ts';

/** Installs the service where it is missing and starts one in a temporary directory; it is killed when the test ends. */
export async function startService(context: TestContext, service: Service): Promise<Running> {
  await service.install();
  const running = await service.start(await temporaryDirectory(context));
  // A test file that ends early (an uncaught error, a failed hook) must not leave a server behind.
  const kill = (): void => {
    for (const pid of running.pids) process.kill(-pid, 'SIGKILL');
  };
  process.once('exit', kill);
  atEnd(context, async () => {
    process.off('exit', kill);
    await running.kill();
  });
  return running;
}
