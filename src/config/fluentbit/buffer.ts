/**
 * How an output's chunks are cut and retried: by tag, written every `Flush` seconds. What waits is in the journal, so storage
 * options have no effect but one: a limit for an output drops its oldest records once the journal is full.
 */
import type { Location } from '../../core/errors.ts';
import type { FluentbitParts } from '../../core/fluentbit.ts';
import type { Lowering } from '../fluentd/lowering.ts';
import { defaultBuffer } from '../model.ts';
import type { BufferModel } from '../model.ts';
import type { OutputValues } from './common.ts';
import type { Service } from './service.ts';

// Fluent Bit closes a chunk of records at 2 MB (FLB_INPUT_CHUNK_FS_MAX_SIZE).
const chunkBytesMax = 2_048_000;

/** The buffer of an output with these properties. Notes and mistakes are told where `at` is. */
export function outputBuffer(
  lowering: Lowering,
  at: Location,
  common: OutputValues,
  { chunkKeys = ['tag'], isImmediate = false }: FluentbitParts,
  service: Service,
): BufferModel {
  const triesMax = retryLimit(lowering, at, common.retryLimit);
  if (common.totalLimit !== undefined && !/^(?:off|false|no|0)$/i.test(common.totalLimit))
    lowering.noteOnce(
      at,
      'storage.total_limit_size: when the journal is full, its oldest records are dropped for this output and counted as refused, unless another output needs them too',
    );
  return {
    ...defaultBuffer,
    chunkKeys,
    chunkBytesMax,
    flushMode: isImmediate ? 'immediate' : 'interval',
    flushIntervalMs: service.flushMs,
    concurrency: Math.max(1, common.workers ?? 1),
    retry: {
      ...defaultBuffer.retry,
      ...(service.retryBaseMs !== undefined && { waitMs: service.retryBaseMs }),
      ...(service.retryCapMs !== undefined && { waitMsMax: Math.max(service.retryCapMs, service.retryBaseMs ?? 0) }),
      ...(triesMax !== undefined && { triesMax }),
    },
    overflow:
      common.totalLimit !== undefined && !/^(?:off|false|no|0)$/i.test(common.totalLimit) ? 'drop_oldest' : 'block',
  };
}

/** Retries after the first try; undefined: until delivered, which is the default here (Fluent Bit gives up after one). */
function retryLimit(lowering: Lowering, at: Location, written: string | undefined): number | undefined {
  if (written === undefined) {
    lowering.noteOnce(
      at,
      'retries go on until delivered (the default Retry_Limit of 1 does not apply; write it to limit them)',
      'better',
    );
    return undefined;
  }
  if (/^(?:no_limits|false|off)$/i.test(written)) return undefined;
  if (/^no_retries$/i.test(written)) return 0;
  const count = Number.parseInt(written, 10);
  if (count > 0) return count;
  lowering.warn(
    at,
    `Retry_Limit: found "${written}", expected a number above 0, no_limits or no_retries; Fluent Bit reads it as 1`,
  );
  return 1;
}
