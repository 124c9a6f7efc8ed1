/**
 * What the router, the dispatcher and those they serve agree on.
 *
 * A frame is routed whole, by the router of its generation. Everything the router made of it is an *emission*: records
 * for an output, or a refusal. Routing is pure, so a frame read again gives the same emissions in the same order; that
 * order numbers the emission ids.
 */
import type { Batch } from '../core/batch.ts';
import type { MatchModel, PluginModel } from '../config/model.ts';
import type { Log } from '../core/log.ts';
import type { Filter, Retagger } from '../core/plugin.ts';
import type { ReadResult } from '../journal/contract.ts';

/** Records for one output. The same record may be in several emissions to one output. */
export interface Emission {
  readonly output: string;
  readonly batch: Batch;
}

/** Records that no output gets, and why. */
export interface Refusal {
  /** `no_route`, `filtered`, `hop_limit`, a step's dropReason, or what a filter said when it rejected the record. */
  readonly reason: string;
  /** As it was when the record was refused, tag included. */
  readonly batch: Batch;
  /** True: the record goes to the dead letters. False: counting is enough (nobody asked for it, or a filter dropped it on purpose). */
  readonly isKept: boolean;
}

/** What became of one frame. */
export interface Routed {
  readonly emissions: readonly Emission[];
  readonly refusals: readonly Refusal[];
  /** A filter has to wait for something: there are no emissions and refusals yet. */
  readonly waiting?: Waiting;
}

/** A frame on its way. What filters and steps did with it before the one that waits is kept: they are not called again. */
export interface Waiting {
  /** Resolves when going on makes sense; never rejects. */
  readonly ready: Promise<unknown>;
  /** Goes on; it may have to wait again. */
  again(): Routed;
}

/** A compiled configuration. */
export interface Router {
  /** The outputs it can emit to, in the order in which a record may meet them. */
  readonly outputs: ReadonlySet<string>;
  /** Synchronous, pure apart from filters that print; never throws for what a record holds. Several frames may wait at a time. */
  route(batch: Batch): Routed;
}

/** What compileRouter needs from outside. `create*` throw only on programmer errors. */
export interface RouterParts {
  compileMatch(model: MatchModel): (tag: string) => boolean;
  createFilter(plugin: PluginModel): Filter;
  createRetagger(plugin: PluginModel): Retagger;
  readonly log: Log;
}

/** One frame as recipients get it: offsets [from, to) of a shard. */
export interface RoutedFrame {
  readonly shard: string;
  readonly from: number;
  readonly to: number;
  /** When the journal took it, ms since 1970. */
  readonly appendMs: number;
  /** Bytes that stay in memory as long as one of its records is held. */
  readonly bytes: number;
}

/**
 * Who gets routed frames: one for each output, and one that accounts for what the router refused. Each keeps its own
 * place in every shard. All calls are synchronous; the dispatcher makes them on every frame, so they must be cheap.
 */
export interface Recipient {
  readonly id: string;
  /** True for the recipient that takes refusals (and no emissions). */
  readonly takesRefusals: boolean;
  /** Frames of older generations are routed by this one for this recipient; 0: by their own. */
  readonly backfillGeneration: number;
  /** The next offset it wants from a shard. `firstOffset`: where it begins when it has never seen this shard. */
  next(shard: string, firstOffset: number): number;
  /** May it be given more? False while its queue is full. */
  hasRoom(): boolean;
  /**
   * Takes a frame that begins at or before next(shard); moves next(shard) to `frame.to`. Called when hasRoom() was true.
   * `batches`: its records in router order, undefined when there are none. Owns neither array.
   */
  accept(frame: RoutedFrame, batches: readonly Batch[] | undefined, refusals: readonly Refusal[]): void;
  /** Offsets whose frames are gone (see ReadResult.lost). Same rules as accept. */
  acceptLost(shard: string, lost: ReadResult['lost'][number]): void;
  /** A run of frames ended: whatever should leave at once may leave now. */
  endSlice(): void;
  /** The shard is no longer in the journal. */
  forget(shard: string): void;
  /** Replaces the listener that is told when room is there again. */
  onRoom(listener: () => void): void;
}
