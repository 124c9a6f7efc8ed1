/** The process of the store: see store/child.ts. Whoever delivers starts it, see process/store-process.ts. */
import { ignoreSignals } from '../process/link.ts';
import { limitsOf } from '../process/limits.ts';
import { takeRole } from '../process/lock.ts';
import { channelDescriptor, storeRole } from '../process/store-process.ts';
import { trimAfterStart } from '../process/trim.ts';
import { channelSocket } from '../store/channel-socket.ts';
import { runStoreChild } from '../store/child.ts';
import type { StoreNote } from '../store/child.ts';
import { openStore } from '../store/open.ts';
import type { RunContext } from './run-context.ts';

/** Ends at once, whatever runs in other threads: what the store has said yes to is durable. */
function die(): void {
  process.kill(process.pid, 'SIGKILL');
}

function send(note: StoreNote): Promise<void> {
  return new Promise((resolve) => {
    if (process.connected && process.send) process.send(note, () => resolve());
    else resolve();
  });
}

/** Runs until whoever delivers says close; ends the process. */
export async function runStore({ dataDir, settings, log }: RunContext): Promise<never> {
  ignoreSignals();
  // DuckDB makes files for everybody to read.
  process.umask(0o077);
  process.on('disconnect', die);
  // The event was before anybody listened where the parent died while this process was loading.
  if (!process.connected) die();
  const asked = new Promise<void>((resolve) => process.on('message', () => resolve()));
  const { storeMemoryBytes, storeKeepMs } = settings;
  const open = async () => {
    // An earlier one whose parent was killed may still be about to go.
    await takeRole(dataDir, storeRole);
    const store = await openStore({
      dataDir,
      log,
      memoryBytesMax: storeMemoryBytes,
      bytesMax: limitsOf(settings).storeBytes,
      keepMs: storeKeepMs,
    });
    trimAfterStart();
    return store;
  };
  const socket = channelSocket(channelDescriptor);
  process.exit(await runStoreChild({ open, socket, asked, note: send }));
}
