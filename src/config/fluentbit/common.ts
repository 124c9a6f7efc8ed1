/** Properties that Fluent Bit has for every plugin of a kind. Source: Fluent Bit 5.1 flb_input.c, flb_filter.c, flb_output.c. */
import { boolean, bytes, choice, duration, integer, list, number, text } from '../../core/options.ts';
import type { OptionTable, OptionValues } from '../../core/options.ts';
import type { PluginKind } from '../../core/plugin.ts';

const oneLog = 'the own log has one level, P2L_LOGLEVEL or Log_Level of [SERVICE]';
const journalWaits = 'what waits is in the journal, on disk; its size follows from P2L_DATA_LIMIT';
const noThreads = 'a source is never blocked by another one';

const every = {
  alias: text('Names the instance, in metrics and for its place in the journal.'),
  logLevel: choice(['off', 'error', 'warn', 'warning', 'info', 'debug', 'trace'])('Log level of the plugin.', {
    ignored: oneLog,
  }),
  logSuppressInterval: duration('Time within which lines of the log are not repeated.', {
    ignored: 'a line is said once, and again when something changes',
  }),
} satisfies OptionTable;

const routed = {
  match: text('The tags whose records it gets; * stands for any text.'),
  matchRegex: text('The same as a regular expression, which has to match from the beginning of the tag.'),
} satisfies OptionTable;

/** Of `[INPUT]`. */
const inputProperties = {
  ...every,
  tag: text("The records' tag. Default: plugin and ordinal, such as tail.0."),
  memBufLimit: bytes('Memory for records that wait.', { ignored: journalWaits, isLenient: false }),
  storageType: choice(['memory', 'filesystem', 'memrb'])('Where records wait.', {
    fluentbit: 'storage.type',
    ignored: journalWaits,
  }),
  storagePause: boolean('Whether it waits when there are too many chunks.', {
    fluentbit: 'storage.pause_on_chunks_overlimit',
    ignored: journalWaits,
  }),
  routable: boolean('Whether its records are handed to outputs.', { default: true }),
  threaded: boolean('Whether it runs in a thread of its own.', { ignored: noThreads }),
  ringCapacity: integer(1)('Size of its ring buffer.', {
    fluentbit: 'thread.ring_buffer.capacity',
    ignored: noThreads,
  }),
  ringWindow: integer(1)('Window of its ring buffer.', { fluentbit: 'thread.ring_buffer.window', ignored: noThreads }),
  rateWindow: duration('Window for its rates.', { fluentbit: 'rate_window', ignored: 'rates are in /metrics' }),
} satisfies OptionTable;

/** Of `[FILTER]`. */
const filterProperties = { ...every, ...routed } satisfies OptionTable;

const noNetwork = 'this output opens no connection';

/** Of `[OUTPUT]`. */
const outputProperties = {
  ...every,
  ...routed,
  retryLimit: text('Retries, or no_limits, or no_retries. Default here: until delivered.'),
  workers: integer(0, 1000)('Chunks written at a time.', { isLenient: true }),
  totalLimit: text('Room for what waits for this output.', { fluentbit: 'storage.total_limit_size' }),
  host: text('Host to connect to.', { ignored: noNetwork }),
  port: integer(0, 65_535)('Port to connect to.', { ignored: noNetwork }),
  ipv6: boolean('Whether IPv6 is used.', { ignored: 'addresses are taken as they come' }),
} satisfies OptionTable;

export type InputValues = Partial<OptionValues<typeof inputProperties>>;
export type RoutedValues = Partial<OptionValues<typeof filterProperties>>;
export type OutputValues = Partial<OptionValues<typeof outputProperties>>;

/** The table of a kind. Parsers have none. */
export function commonProperties(kind: PluginKind): OptionTable {
  if (kind === 'source') return inputProperties;
  if (kind === 'output') return outputProperties;
  return kind === 'filter' || kind === 'step' || kind === 'join' ? filterProperties : {};
}

/** Of those, what is accepted without effect by its beginning. */
export const ignoredPrefixes: Readonly<Record<string, string>> = {
  'tls.debug': 'what goes wrong with TLS is in the log',
  'tls.windows.': 'Windows only',
  'net.': 'connections are kept and closed as they are needed',
  rate_gate: 'accepted without effect: sources wait only when the journal is full',
};

const later = 'accepted without effect: the journal is synced before anything is acknowledged';

/** Of `[SERVICE]`. */
export const serviceProperties = {
  flush: number('Seconds after which what waits is written.', { default: 1 }),
  grace: integer(-1)('Seconds that a stop may take.', {
    ignored: 'how long a stop may take says P2L_GRACE',
    isLenient: true,
  }),
  daemon: boolean('Whether it runs in the background.', { ignored: 'the service manager does that' }),
  logFile: text('Where the own log goes.', { ignored: 'the own log goes to standard error' }),
  logLevel: choice(['off', 'error', 'warn', 'warning', 'info', 'debug', 'trace'])('Level of the own log.'),
  parsersFile: list('Files with parsers.'),
  pluginsFile: list('Files with plugins to load.'),
  streamsFile: list('Files with stream tasks.'),
  httpServer: boolean('Whether there is a server for metrics and health, beside the admin server.', {
    default: false,
    fluentbit: 'HTTP_Server',
    isLenient: true,
  }),
  httpListen: text('Address of that server. Loopback unless written; Fluent Bit listens on all addresses.', {
    fluentbit: 'HTTP_Listen',
  }),
  httpPort: integer(0, 65_535)('Port of that server.', { default: 2020, fluentbit: 'HTTP_Port' }),
  healthCheck: boolean('Whether that server tells of failures, at /api/v1/health.', { default: false }),
  hcErrorsCount: integer()('More records than this that were refused are a failure.', {
    default: 5,
    fluentbit: 'HC_Errors_Count',
  }),
  hcRetryFailureCount: integer()('More records than this whose retries are used up are one.', {
    default: 5,
    fluentbit: 'HC_Retry_Failure_Count',
  }),
  hcPeriod: integer(1)('Seconds in which they count.', { default: 60, fluentbit: 'HC_Period' }),
  hotReload: boolean('Whether /api/v2/reload reads the configuration anew; SIGHUP and POST /api/reload always do.', {
    default: false,
  }),
  storageMetrics: boolean('Whether that server has /api/v1/storage.', { default: false, fluentbit: 'storage.metrics' }),
  schedulerBase: number('Seconds before the first retry.', { fluentbit: 'scheduler.base' }),
  schedulerCap: number('Longest wait between two.', { fluentbit: 'scheduler.cap' }),
  storagePath: text('Where records wait.', { fluentbit: 'storage.path', ignored: journalWaits }),
  storageSync: text('How they are synced.', { fluentbit: 'storage.sync', ignored: later }),
  storageChecksum: boolean('Whether they have a checksum.', { fluentbit: 'storage.checksum', ignored: later }),
  multilineBufferLimit: text('Longest record of several lines, in powers of 1024; 2 MiB where none is written.', {
    fluentbit: 'multiline_buffer_limit',
  }),
  corostack: integer()('Stack of a coroutine.', { fluentbit: 'Coro_Stack_Size', ignored: 'there are no coroutines' }),
} satisfies OptionTable;
export type ServiceValues = Partial<OptionValues<typeof serviceProperties>>;

/** Of `[SERVICE]`, what is accepted without effect by its beginning. */
export const ignoredServicePrefixes: Readonly<Record<string, string>> = {
  'storage.': journalWaits,
  'dns.': 'names are looked up as the system does',
  'flush.adaptive': 'chunks are written when they are due',
  'hot_reload.': 'a configuration with a mistake leaves the one that runs in place',
  'json.': 'JSON keeps non-ASCII text as it is',
  'sp.': 'there are no stream tasks',
  'windows.': 'Windows only',
  'security.': 'OpenSSL is what Node brings',
  'http_server.': 'HTTP/1.1 is spoken, by one thread',
  enable_chunk_trace: 'post2log tap shows records on their way',
};
