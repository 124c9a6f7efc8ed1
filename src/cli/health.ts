/** `post2log health`: asks the running program whether it lives, or is ready. */
import { askRunning } from './remote.ts';

/** Prints what it says. @throws OperatingError where it does not answer, or is not ready, with its reasons */
export async function askHealth(dataDirectory: string, isLive: boolean): Promise<void> {
  const path = isLive ? '/healthz' : '/readyz';
  const said = await askRunning(dataDirectory, 'GET', path, undefined, (text) => text);
  process.stdout.write(`${String(said)}\n`);
}
