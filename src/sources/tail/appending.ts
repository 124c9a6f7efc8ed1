/** Appends of a source that can wait: what is in a file stays there. */
import { codecs } from '../../core/batch.ts';
import type { EncodedRecords } from '../../core/batch.ts';
import { sleep } from '../../core/clock.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { PackedRecords } from '../../core/packed-records.ts';
import type { AppendRequest, SourceContext } from '../../core/plugin.ts';

/** How long to wait before an append that was not taken is tried again. */
const retryMs = 200;

/** For appends that carry only state. */
export const noRecords: EncodedRecords = { codec: codecs.json, payloads: [], exact: [], seconds: [], nanos: [] };

export type AppendAnswer = 'taken' | 'too large' | 'closed';

/** Appends, and waits while the journal is full. `closed`: the program stops, and nothing was taken. */
export async function appendPatiently(
  context: SourceContext,
  request: AppendRequest,
  isStopping: () => boolean,
  what: string,
): Promise<AppendAnswer> {
  for (let tries = 0; ; tries++)
    try {
      await context.append(request);
      return 'taken';
    } catch (error) {
      if (!(error instanceof OperatingError)) throw error;
      if (error.code === 'RECORD_TOO_LARGE') return 'too large';
      if (!error.retryable || error.code === 'JOURNAL_CLOSED' || isStopping()) return 'closed';
      if (tries === 0) context.log.warn(`${what}: ${errorText(error)}; reading waits for it.`);
      await sleep(context.clock, retryMs);
    }
}

/** Records [from, to). */
export function sliceRecords(records: EncodedRecords, from: number, to: number): EncodedRecords {
  if (records instanceof PackedRecords) return records.slice(from, to);
  const { codec, payloads, exact, seconds, nanos } = records;
  const part = <T>(list: readonly T[]): T[] => list.slice(from, to);
  return { codec, payloads: part(payloads), exact: part(exact), seconds: part(seconds), nanos: part(nanos) };
}
