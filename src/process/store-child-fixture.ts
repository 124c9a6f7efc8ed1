/** A process of a store in memory, for tests of what starts it. Its first argument says how it behaves. */
import { channelSocket } from '../store/channel-socket.ts';
import { runStoreChild } from '../store/child.ts';
import type { OpenStore } from '../store/child.ts';
import { channelDescriptor } from './store-process.ts';

const behaviour = process.argv[2];
const socket = channelSocket(channelDescriptor);
const asked = new Promise<void>((resolve) => process.on('message', () => resolve()));
process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));

/** Its number of records is what was inserted; `bytes` is its pid. The tag of what is inserted makes it end. */
function open(): Promise<OpenStore> {
  if (behaviour === 'unopened') return Promise.reject(new Error('the files are of a newer version'));
  let records = 0;
  let noteBroken: (error: Error) => void = () => undefined;
  const never = (signal: AbortSignal): Promise<never> =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  return Promise.resolve({
    broken: new Promise((resolve) => (noteBroken = resolve)),
    insert(batches, signal) {
      const tag = batches[0]?.tag;
      if (tag === 'killed') process.kill(process.pid, 'SIGKILL');
      if (tag === 'broken') noteBroken(new Error('the database is invalid'));
      if (tag === 'garbage') socket.write(Buffer.alloc(100, 0xff));
      if (tag !== 'kept') return never(signal);
      for (const { offsets } of batches) records += offsets.length;
      return Promise.resolve();
    },
    status: () =>
      Promise.resolve({
        records,
        bytes: process.pid,
        bytesMax: 0,
        oldestMs: undefined,
        newestMs: undefined,
        partitions: [],
        setAside: [],
      }),
    search: (_request, signal) => never(signal),
    histogram: (_request, signal) => never(signal),
    fields: (_request, signal) => never(signal),
    values: (_request, signal) => never(signal),
    export: async function* () {
      yield [];
      yield [];
    },
    tail: () => {
      throw new Error('no tail');
    },
    // One that hangs is killed.
    close: () => (behaviour === 'hanging' ? new Promise(() => undefined) : Promise.resolve()),
  });
}

const note = (what: unknown): Promise<void> =>
  new Promise((resolve) => {
    process.send?.(what, () => resolve());
  });
process.exit(await runStoreChild({ open, socket, asked, note }));
