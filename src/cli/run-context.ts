/** What the processes of one program are given, and what they tell each other. */
import type { Settings } from '../config/env.ts';
import type { Log } from '../core/log.ts';
import type { Generation } from '../process/generations.ts';

/** What every role is given. */
export interface RunContext {
  readonly configPath: string | undefined;
  readonly dataDir: string;
  readonly settings: Settings;
  readonly log: Log;
}

/** What a receiving process says of itself. */
export interface Announcement {
  /** The generation it runs or begins with; undefined: it waits to be told one, and writes nothing. */
  readonly generation: number | undefined;
  /** Shards of the journal that it has not ended. */
  readonly shards: readonly string[];
  /** The same of the dead letters. */
  readonly dead: readonly string[];
}

/** What a receiving process begins with. */
export interface RunningNote {
  readonly generation: Generation;
  readonly workers: number;
  /** Its share of what may still be written. */
  readonly leftBytes: number;
}

/** News of a durable end. */
export interface DurableNote {
  readonly shard: string;
  readonly durableOffset: number;
  /** Of the dead letters' journal. */
  readonly dead: boolean;
}
