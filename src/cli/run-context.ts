/** What the processes of one program are given, and what they tell each other. */
import type { Settings } from '../config/env.ts';
import type { Log } from '../core/log.ts';

/** What every role is given. */
export interface RunContext {
  readonly configPath: string | undefined;
  readonly dataDir: string;
  readonly settings: Settings;
  readonly log: Log;
}

/** What a receiving process says of itself: the shards it writes now. */
export interface Announcement {
  readonly shard: string;
  readonly dead: string | undefined;
}

/** News of a durable end. */
export interface DurableNote {
  readonly shard: string;
  readonly durableOffset: number;
  /** Of the dead letters' journal. */
  readonly dead: boolean;
}
