/** How the data directory's bytes are shared out. */
import type { Settings } from '../config/env.ts';

export interface DataLimits {
  readonly journalBytes: number;
  /** Chunks that stay open for long, of all outputs. */
  readonly stagedBytes: number;
  readonly deadBytes: number;
  readonly storeBytes: number;
  /** Records stay in the journal at least this long, while space allows. */
  readonly keepMs: number;
}

/** The journal's share of P2L_DATA_LIMIT, that of staged chunks and of dead letters, and that of the store: what is left. */
const journalShare = 3 / 8;
const stagedShare = 1 / 8;
const deadShare = 1 / 8;
const storeShare = 3 / 8;

/** The limits that the variables ask for. Without P2L_DATA_LIMIT: P2L_STORAGE for the journal, a quarter of it for staged chunks, and half of P2L_FLUENTD_STORAGE for dead letters and store each. */
export function limitsOf(settings: Settings): DataLimits {
  const { dataLimitBytes, storageBytes, fluentdStorageBytes, storeLimitBytes, keepMs } = settings;
  if (dataLimitBytes === undefined)
    return {
      journalBytes: storageBytes,
      stagedBytes: Math.floor(storageBytes / 4),
      deadBytes: fluentdStorageBytes / 2,
      storeBytes: storeLimitBytes ?? fluentdStorageBytes / 2,
      keepMs,
    };
  return {
    journalBytes: Math.floor(dataLimitBytes * journalShare),
    stagedBytes: Math.floor(dataLimitBytes * stagedShare),
    deadBytes: Math.floor(dataLimitBytes * deadShare),
    storeBytes: storeLimitBytes ?? Math.floor(dataLimitBytes * storeShare),
    keepMs,
  };
}
