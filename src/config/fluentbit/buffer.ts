/**
 * How an output's chunks are cut and retried: by tag, written every `Flush` seconds. What waits is in the journal, so storage
 * options have no effect but one: a limit for an output drops its oldest records once more waits for it.
 */
import type { Location } from '../../core/errors.ts';
import type { FluentbitParts } from '../../core/fluentbit.ts';
import type { Lowering } from '../fluentd/lowering.ts';
import { defaultBuffer } from '../model.ts';
import type { BufferModel } from '../model.ts';
import type { OutputValues } from './common.ts';
import type { Service } from './service.ts';
import { readKind } from './values.ts';

// Fluent Bit closes a chunk of records once it has 2 MB (FLB_INPUT_CHUNK_FS_MAX_SIZE).
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
  const backlogBytesMax = totalLimit(lowering, at, common.totalLimit);
  return {
    ...defaultBuffer,
    chunkKeys,
    chunkBytesMax,
    mayExceedBytes: true,
    flushMode: isImmediate ? 'immediate' : 'interval',
    flushIntervalMs: service.flushMs,
    concurrency: Math.max(1, common.workers ?? 1),
    retry: {
      ...defaultBuffer.retry,
      ...(service.retryBaseMs !== undefined && { waitMs: service.retryBaseMs }),
      ...(service.retryCapMs !== undefined && { waitMsMax: Math.max(service.retryCapMs, service.retryBaseMs ?? 0) }),
      ...(triesMax !== undefined && { triesMax }),
    },
    overflow: backlogBytesMax === undefined ? 'block' : 'drop_oldest',
    ...(backlogBytesMax !== undefined && { backlogBytesMax }),
  };
}

/** Bytes that may wait for the output; undefined: no limit. */
function totalLimit(lowering: Lowering, at: Location, written: string | undefined): number | undefined {
  if (written === undefined || /^(?:off|false|no|0)$/i.test(written)) return undefined;
  const read = readKind('bytes', written);
  const size = 'value' in read ? read.value : undefined;
  if (typeof size !== 'number' || size <= 0) {
    lowering.error(at, `storage.total_limit_size: found "${written}", expected a size such as 500M, or off`);
    return undefined;
  }
  lowering.note(
    at,
    `storage.total_limit_size: when more than ${size} bytes wait for this output, or the journal is full, its oldest records are dropped and counted as refused`,
  );
  return size;
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
