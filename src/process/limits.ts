/** How the data directory's bytes are shared out. */
import type { Settings } from '../config/env.ts';

export interface DataLimits {
  readonly journalBytes: number;
  readonly deadBytes: number;
  /** Records stay in the journal at least this long, while space allows. */
  readonly keepMs: number;
}

/** The journal's share of P2L_DATA_LIMIT; the rest is for dead letters (an eighth), staged chunks and the store. */
const journalShare = 1 / 2;
const deadShare = 1 / 8;

/** The limits that the variables ask for. Without P2L_DATA_LIMIT: P2L_STORAGE, and half of P2L_FLUENTD_STORAGE for dead letters. */
export function limitsOf({ dataLimitBytes, storageBytes, fluentdStorageBytes, keepMs }: Settings): DataLimits {
  if (dataLimitBytes === undefined) return { journalBytes: storageBytes, deadBytes: fluentdStorageBytes / 2, keepMs };
  return {
    journalBytes: Math.floor(dataLimitBytes * journalShare),
    deadBytes: Math.floor(dataLimitBytes * deadShare),
    keepMs,
  };
}
