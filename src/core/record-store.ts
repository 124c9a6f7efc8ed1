/**
 * What the output `store` hands to the store. Defined here because neither may import the other.
 */

/**
 * Records of one frame under one tag, as parallel arrays with one entry a record. Everything in it survives structured
 * clone. Rows are ascending in (offset, ordinal).
 */
export interface StoredBatch {
  /** Shard of the journal, or the stream of origins (core/origin.ts) in whose offsets the batch counts. */
  readonly shard: string;
  /** Id of the source instance, such as `postback`. */
  readonly source: string;
  readonly tag: string;
  /** When the journal took them, ms since 1970. */
  readonly appendMs: number;
  /**
   * Offsets [from, to) of the shard that are done with this batch, records that were not for the store included;
   * undefined: only its rows are, each for its ordinal.
   */
  readonly span: { readonly from: number; readonly to: number } | undefined;
  /** In place of `span`, for batches of a stream of origins: offsets [low, high) that are done with it for an ordinal, its rows' included. */
  readonly covered?: readonly { readonly ordinal: number; readonly low: number; readonly high: number }[];
  /** Every offset of the shard below it is done for this output, whatever its ordinal: what was kept for them may be forgotten. */
  readonly doneBelow: number;
  readonly offsets: Float64Array;
  /** Which emission of its record each one is (`<shard>-<offset>.<ordinal>`), -1: the only one. Undefined: all are -1. */
  readonly ordinals: Int32Array | undefined;
  /** Seconds since 1970, whole, may be negative. */
  readonly seconds: Float64Array;
  readonly nanos: Uint32Array;
  /** JSON objects without line breaks, one behind the other: record i is payload[bounds[i], bounds[i + 1]). */
  readonly payload: Uint8Array;
  readonly bounds: Uint32Array;
}

/** The way into the store. */
export interface RecordStore {
  /**
   * Resolves once all of them are durable in the store, together with the note that they are: given again after a crash,
   * they change nothing.
   * @throws OperatingError STORE_UNAVAILABLE, STORE_FULL, STORE_WRITE (all retryable): none of them was taken, or, where
   * the store died meanwhile, perhaps all were.
   */
  insert(batches: readonly StoredBatch[], signal: AbortSignal): Promise<void>;
}

/** How an output gets at the store, which runs only while somebody holds it. */
export interface StoreAccess {
  /** Starts the store where it does not run; does not wait for it. */
  hold(): HeldStore;
}

export interface HeldStore extends RecordStore {
  /** Call it once; where nobody holds the store any more it ends a while later. */
  release(): void;
}
