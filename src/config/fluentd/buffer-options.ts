/** What a Fluentd `<buffer>` can say (fluent/plugin/{output,buffer,buf_file}.rb), and its v0.12 spellings. */
import { boolean, bytes, choice, duration, integer, number, text } from '../../core/options.ts';
import type { OptionTable, OptionValues } from '../../core/options.ts';

const noPolling = 'accepted without effect: chunks are written when they are due, nothing polls';
const noFiles = 'accepted without effect: waiting records stay in the journal';

/** Options of `<buffer>`. None has a default: only what is written changes how the output works by itself. */
export const bufferOptions = {
  timekey: duration('Span of record time that goes into one chunk'),
  timekeyWait: duration('How long after its span a chunk waits for late records'),
  timekeyUseUtc: boolean('Whether spans are cut in UTC'),
  timekeyZone: text('Time zone in which spans are cut'),
  flushMode: choice(['default', 'lazy', 'interval', 'immediate'])('When chunks are written'),
  flushInterval: duration('Age at which a chunk is written'),
  flushThreadCount: integer(1, 1000)('Chunks written at a time'),
  flushAtShutdown: boolean('Whether open chunks are written at a stop, as far as outputs take them within P2L_GRACE'),
  flushThreadInterval: number('Pause of the flush thread', { ignored: noPolling }),
  flushThreadBurstInterval: number('Pause of the flush thread between chunks', { ignored: noPolling }),
  delayedCommitTimeout: duration('How long a chunk waits for its commit', {
    ignored: 'accepted without effect: an output answers for its chunk, or the chunk is tried again',
  }),
  overflowAction: choice(['throw_exception', 'block', 'drop_oldest_chunk'])('What to do when the buffer is full'),
  retryForever: boolean('Whether to retry without limit'),
  retryTimeout: duration('Time after which a chunk goes to the secondary or the dead letters'),
  retryMaxTimes: integer(0)('Retries after which a chunk goes to the secondary or the dead letters'),
  retrySecondaryThreshold: number('Part of retry_timeout after which the secondary takes over'),
  retryType: choice(['exponential_backoff', 'periodic'])('How waits grow'),
  retryWait: duration('Wait before the first retry'),
  retryExponentialBackoffBase: number('Factor by which waits grow'),
  retryMaxInterval: duration('Longest wait'),
  retryRandomize: boolean('Whether waits are varied a little'),
  chunkLimitSize: bytes('Largest chunk'),
  chunkLimitRecords: integer(1)('Most records in a chunk'),
  chunkFullThreshold: number('Part of the limits at which a chunk counts as full'),
  totalLimitSize: bytes('Most bytes of records that may wait for the output'),
  queueLimitLength: integer(0)('So many times chunk_limit_size may wait for the output'),
  queuedChunksLimitSize: integer(0)('So many chunks may wait to be written before younger ones are left to grow'),
  compress: choice(['text', 'gzip', 'zstd'])('How chunks are packed that are staged on disk'),
  decompressionSizeLimit: bytes('Largest chunk after decompression', {
    ignored: 'accepted without effect: only what was packed here is unpacked, and its size is known',
  }),
  disableChunkBackup: boolean('Whether records that the target refuses are dropped instead of kept as dead letters'),
  path: text('Where chunks are kept', { ignored: noFiles }),
  pathSuffix: text('How names of chunk files end', { ignored: noFiles }),
  filePermission: text('Mode of chunk files', { ignored: noFiles }),
  dirPermission: text('Mode of their directory', { ignored: noFiles }),
  slowFlushLogThreshold: number('Seconds after which a write is called slow'),
} as const satisfies OptionTable;

export type BufferValues = Partial<OptionValues<typeof bufferOptions>>;

/** Fluentd's buffer plugins; all are the journal here. */
export const bufferTypes: readonly string[] = ['memory', 'file', 'file_single', 'memory2', 'file2'];

/** v0.12 parameters of outputs, written flat, and what they became in `<buffer>` (compat_parameters.rb). */
export const flatBufferNames: ReadonlyMap<string, string> = new Map([
  ['buffer_type', '@type'],
  ['buffer_path', 'path'],
  ['num_threads', 'flush_thread_count'],
  ['flush_interval', 'flush_interval'],
  ['try_flush_interval', 'flush_thread_interval'],
  ['queued_chunk_flush_interval', 'flush_thread_burst_interval'],
  ['disable_retry_limit', 'retry_forever'],
  ['retry_limit', 'retry_max_times'],
  ['retry_wait', 'retry_wait'],
  ['max_retry_wait', 'retry_max_interval'],
  ['buffer_chunk_limit', 'chunk_limit_size'],
  ['buffer_queue_limit', 'queue_limit_length'],
  ['buffer_queue_full_action', 'overflow_action'],
  ['flush_at_shutdown', 'flush_at_shutdown'],
  ['time_slice_wait', 'timekey_wait'],
  ['time_slice_format', 'timekey'],
  ['timezone', 'timekey_zone'],
]);
