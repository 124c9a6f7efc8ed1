/** Makes and checks outputs of the Fluentd plugins from their options. */
import { constants } from 'node:zlib';
import type { BufferModel } from '../../config/model.ts';
import { checkPlaceholderKeys } from '../../codecs/chunk-placeholders.ts';
import { ConfigError } from '../../core/errors.ts';
import type { OptionValues } from '../../core/options.ts';
import type { Output, OutputContext, PluginConfig } from '../../core/plugin.ts';
import { headerBytes, headerProblem } from '../requests/headers.ts';
import type { Signing } from './cluster.ts';
import { FieldConflicts } from './conflicts.ts';
import { openCluster, writtenHosts } from './connection.ts';
import type { ConnectionSettings } from './connection.ts';
import { DynamicLines, checkDynamic } from './dynamic-lines.ts';
import type { WrittenDynamic } from './dynamic-lines.ts';
import { FluentdLines } from './fluentd-lines.ts';
import type { LinesContext } from './fluentd-lines.ts';
import type { Host } from './hosts.ts';
import { givesUp, ignoredStatuses } from './ignored-exceptions.ts';
import { preparationOf } from './fluentd-preparation.ts';
import { BulkOutput } from './output.ts';
import { prepare } from './preparation.ts';
import type { OutputSettings } from './output.ts';
import type {
  dynamicOptions,
  elasticsearchDataStreamOptions,
  elasticsearchOptions,
  opensearchOptions,
  sections as sectionTable,
} from './options.ts';
import type { Server } from './server.ts';
import { documentSettings } from './settings.ts';
import type { DocumentSettings } from './settings.ts';

type Written = OptionValues<typeof elasticsearchOptions> | OptionValues<typeof opensearchOptions>;
/** What both option tables have, and what one of them has. */
export type FluentdOptions = OptionValues<typeof opensearchOptions> &
  Partial<OptionValues<typeof elasticsearchOptions>> &
  Partial<Omit<OptionValues<typeof elasticsearchDataStreamOptions>, 'useLegacyTemplate'>> &
  Partial<Pick<OptionValues<typeof dynamicOptions>, 'delimiter'>>;

/** Which of the plugins it is. */
export interface FluentdKind {
  readonly typeRule: 'elasticsearch' | 'opensearch';
  readonly dataStreamName?: string | undefined;
  readonly isDynamic?: boolean;
}
type Config = Pick<PluginConfig, 'sections' | 'at'> & { readonly options: Written };

/** http.max_content_length of these servers is 100 MB unless it is configured; and one request must not hold all memory. */
const bodyBytesDefault = 64 * 1024 * 1024;
const gzipLevels = {
  no_compression: undefined,
  best_speed: constants.Z_BEST_SPEED,
  best_compression: constants.Z_BEST_COMPRESSION,
  default_compression: constants.Z_DEFAULT_COMPRESSION,
} as const;

/** The servers, for the cursor's identity. */
export function targetOf(
  options: Pick<FluentdOptions, 'hosts' | 'host' | 'port' | 'indexName'> & Partial<FluentdOptions>,
): string {
  const { logstashFormat, logstashPrefix, indexName, cloudId, hosts, host, port } = options;
  const servers = cloudId ?? hosts?.replaceAll(/([a-z][\w+.-]*:\/\/)?[^,/]*@/gi, '$1') ?? `${host}:${port}`;
  return `${servers}/${logstashFormat === true ? logstashPrefix : indexName}`;
}

/** The servers and the stream. */
export function dataStreamTarget(
  options: Parameters<typeof targetOf>[0] & { readonly dataStreamName: string },
): string {
  return targetOf({ ...options, logstashFormat: false, indexName: options.dataStreamName });
}

/** `place`: servers that are written elsewhere than in the options, and how requests to them are signed. */
export function createFluentd(
  config: Config,
  context: OutputContext,
  kind: FluentdKind,
  place?: { readonly hosts: readonly Host[]; readonly signing: Signing },
): Output {
  const options = config.options as FluentdOptions;
  const documents = documentsOf(config, kind);
  const conflicts = options.fieldConflicts === 'divert' ? new FieldConflicts() : undefined;
  const told = new Set<string>();
  const linesContext: LinesContext = {
    clock: context.clock,
    buffer: context.buffer,
    divert: conflicts,
    badTime(key) {
      if (told.has(key)) return;
      told.add(key);
      context.log.warn(
        { output: context.id },
        `output ${context.id}: a value of ${key} is no time of the form wanted; such records get their own time`,
      );
    },
  };
  const lines =
    kind.isDynamic === true
      ? new DynamicLines(dynamicOf(options), documents, linesContext)
      : new FluentdLines(documents, linesContext);
  const preparation = preparationOf(options, documents);
  return new BulkOutput(settingsOf(options), context, async (signal) => {
    const connection = { ...connectionOf(options), ...(place && { hosts: place.hosts }) };
    const cluster = await openCluster(connection, context, place?.signing);
    return { cluster, lines, conflicts, preparation: prepare(preparation, cluster, context, signal) };
  });
}

function dynamicOf(options: FluentdOptions): FluentdOptions & WrittenDynamic {
  return { ...options, delimiter: options.delimiter ?? '.' };
}

function documentsOf({ options, sections }: Config, kind: FluentdKind): DocumentSettings {
  const metadata = sections['metadata']?.[0]?.options as
    OptionValues<(typeof sectionTable)['metadata']['options']> | undefined;
  const chunkIdKey = metadata?.includeChunkId === true ? metadata.chunkIdKey : undefined;
  return documentSettings(options, { ...kind, chunkIdKey });
}

function settingsOf(options: FluentdOptions): OutputSettings {
  const threshold = options.bulkMessageRequestThreshold;
  const ignored = ignoredStatuses(options.ignoreExceptions ?? []);
  return {
    gzipLevel: gzipLevels[options.compressionLevel],
    contentType: contentTypeOf,
    query: '',
    unrecoverable: new Set([...(options.unrecoverableErrorTypes ?? []), ...(options.unrecoverableRecordTypes ?? [])]),
    givesUpAfter: (status) => givesUp(ignored, status),
    triesBadRequests: false,
    bodyBytesMax: threshold < 0 ? bodyBytesDefault : threshold,
    asksVersion: options.verifyEsVersionAtStartup ?? options.verifyOsVersionAtStartup,
  };
}

/** Elasticsearch 9 is spoken to as its own clients do. */
function contentTypeOf(server: Server | undefined): string {
  const isNew = server?.kind === 'elasticsearch' && server.major >= 9;
  return isNew ? 'application/vnd.elasticsearch+x-ndjson; compatible-with=9' : 'application/x-ndjson';
}

function connectionOf(options: FluentdOptions): ConnectionSettings {
  const { apiKey, customHeaders, sslMinVersion, sslMaxVersion } = options;
  return {
    hosts: writtenHosts(options),
    requestTimeoutMs: options.requestTimeout,
    resurrectAfterMs: options.resurrectAfter,
    headers: {
      ...Object.fromEntries(Object.entries(customHeaders ?? {}).map(([name, value]) => [name, headerBytes(value)])),
      ...(apiKey !== undefined && { Authorization: `ApiKey ${Buffer.from(apiKey).toString('base64')}` }),
    },
    tls: {
      verifies: options.sslVerify,
      ca: options.caFile,
      cert: options.clientCert,
      key: options.clientKey,
      passphrase: options.clientKeyPass,
      minVersion: secureVersion(sslMinVersion ?? 'TLSv1_2'),
      maxVersion: secureVersion(sslMaxVersion ?? 'TLSv1_3'),
    },
  };
}

function secureVersion(
  written: NonNullable<FluentdOptions['sslMinVersion']>,
): 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3' {
  const versions = {
    SSLv23: 'TLSv1',
    TLSv1: 'TLSv1',
    TLSv1_1: 'TLSv1.1',
    TLSv1_2: 'TLSv1.2',
    TLSv1_3: 'TLSv1.3',
  } as const;
  return versions[written];
}

/** @throws Error saying what is wrong and what to do */
export function checkFluentd(config: Config, buffer: BufferModel | undefined, kind: FluentdKind): void {
  const options = config.options as FluentdOptions;
  preparationOf(options, documentsOf(config, kind));
  if (`${options.host}${options.hosts ?? ''}`.includes('${'))
    throw new Error('host and hosts take no placeholders: write an output for each server');
  writtenHosts(options);
  for (const [name, value] of Object.entries(options.customHeaders ?? {})) {
    const problem = headerProblem(name, value);
    if (problem !== undefined) throw new Error(`custom_headers: ${problem}`);
  }
  if ((options.sslMinVersion === undefined) !== (options.sslMaxVersion === undefined))
    throw new Error('ssl_min_version and ssl_max_version must be given together');
  if ((options.clientCert === undefined) !== (options.clientKey === undefined))
    throw new Error('client_cert and client_key must be given together');
  if (kind.isDynamic === true) checkDynamic(dynamicOf(options));
  if (buffer) checkNames(options, buffer, kind);
  const limit = onceLimit(options, kind);
  if (options.exactlyOnce && limit !== undefined)
    throw new ConfigError([{ at: config.at, text: `exactly_once ${limit}`, severity: 'warning' }]);
}

/** Where exactly_once cannot hold; undefined: it does. */
function onceLimit(options: FluentdOptions, kind: FluentdKind): string | undefined {
  if (options.idKey !== undefined) return 'has no effect beside id_key: documents have the ids of the records';
  if (!/^(?:index|create)$/.test(options.writeOperation))
    return `has no effect with write_operation ${options.writeOperation}`;
  const isRolled =
    kind.dataStreamName !== undefined ||
    options.enableIlm === true ||
    /^(?:true|yes)$/i.test(options.rolloverIndex ?? '');
  if (isRolled)
    return 'holds until the index behind the name is rolled over: a record that is sent again after that is there twice';
  return undefined;
}

function checkNames(options: FluentdOptions, buffer: BufferModel, kind: FluentdKind): void {
  const names = {
    index_name: options.indexName,
    logstash_prefix: options.logstashPrefix,
    logstash_dateformat: options.logstashDateformat,
    type_name: options.typeName,
    pipeline: options.pipeline,
    data_stream_name: kind.dataStreamName,
  };
  const written = Object.entries(names).filter((pair): pair is [string, string] => pair[1] !== undefined);
  const isFilled = written.some(
    ([, value]) => value.includes('${') || (buffer.chunkKeys.includes('time') && value.includes('%')),
  );
  if (!isFilled && !buffer.chunkKeys.includes('tag') && !buffer.chunkKeys.includes('_index'))
    throw new Error("'tag' or '_index' in chunk_keys is required: write <buffer tag>");
  if (kind.isDynamic === true) return;
  for (const [name, value] of written) checkPlaceholderKeys(name, value, buffer);
}
