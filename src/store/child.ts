/** What runs in the process of the store: it opens the store, answers the program, and ends with it. */
import type { Duplex } from 'node:stream';
import { OperatingError, errorText } from '../core/errors.ts';
import { Channel } from './channel.ts';
import { storeHandlers } from './remote.ts';
import type { ProgramStore } from './remote.ts';

/** A store that is open. */
export interface OpenStore extends ProgramStore {
  /** Resolves with the reason when it can no longer be used and the process has to begin anew. */
  readonly broken: Promise<Error>;
  /** Takes no more, writes out what lies in memory. */
  close(): Promise<void>;
}

/** What the child says of itself to the program. */
export type StoreNote =
  | { readonly kind: 'ready' }
  /** Why it ends, for people. */
  | { readonly kind: 'failed'; readonly text: string };

export interface StoreChildOptions {
  readonly open: () => Promise<OpenStore>;
  /** The channel's stream; other than the program nobody has its other end. */
  readonly socket: Duplex;
  /** Resolves when it is asked to end. */
  readonly asked: Promise<void>;
  /** Resolves once the note is on its way. */
  readonly note: (note: StoreNote) => Promise<void>;
}

/** How the process ends. */
const storeExits = {
  /** As it was asked to. */
  closed: 0,
  /** The program is gone, or wrote what is no frame. */
  alone: 1,
  /** Its files cannot be opened: of a newer version, not readable. */
  unopened: 3,
  /** DuckDB can no longer be used; a new process can. */
  broken: 4,
} as const;

/** Runs until it is asked to end, or has to; resolves with the exit code, see storeExits. */
export async function runStoreChild({ open, socket, asked, note }: StoreChildOptions): Promise<number> {
  let store: OpenStore;
  try {
    store = await open();
  } catch (error) {
    await note({
      kind: 'failed',
      text: error instanceof OperatingError ? error.message : `opening the store: ${errorText(error)}`,
    });
    return storeExits.unopened;
  }
  const channel = new Channel(socket, storeHandlers(store));
  await note({ kind: 'ready' });
  const end = await Promise.race([
    asked.then(() => 'asked' as const),
    channel.closed.then(() => 'alone' as const),
    store.broken,
  ]);
  if (end === 'asked') {
    // What was asked of it has to let go first.
    await channel.close();
    await store.close();
    return storeExits.closed;
  }
  if (end === 'alone') return storeExits.alone;
  await note({ kind: 'failed', text: errorText(end) });
  return storeExits.broken;
}
