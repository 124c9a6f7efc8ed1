/** Makes and checks outputs of the Fluentd plugins from their options. */
import { constants } from 'node:zlib';
import type { BufferModel } from '../../config/model.ts';
import { checkPlaceholderKeys, compileChunkText } from '../../codecs/chunk-placeholders.ts';
import { ConfigError, errorText } from '../../core/errors.ts';
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
  const told = new Set<string>();
  const linesContext: Omit<LinesContext, 'divert'> = {
    clock: context.clock,
    buffer: context.buffer,
    badTime(key) {
      if (told.has(key)) return;
      told.add(key);
      context.log.warn(
        { output: context.id },
        `output ${context.id}: a value of ${key} is no time of the form wanted; such records get their own time`,
      );
    },
  };
  const preparation = preparationOf(options, documents);
  return new BulkOutput(settingsOf(options, context.buffer), context, async (signal, servers) => {
    const written = servers === '' ? options : { ...options, hosts: servers };
    const connection = { ...connectionOf(written), ...(place && { hosts: place.hosts }) };
    const cluster = await openCluster(connection, context, place?.signing);
    const conflicts = options.fieldConflicts === 'divert' ? new FieldConflicts() : undefined;
    const own = { ...linesContext, divert: conflicts };
    const lines =
      kind.isDynamic === true ? new DynamicLines(dynamicOf(options), documents, own) : new FluentdLines(documents, own);
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

function settingsOf(options: FluentdOptions, buffer: BufferModel): OutputSettings {
  const threshold = options.bulkMessageRequestThreshold;
  const ignored = ignoredStatuses(options.ignoreExceptions ?? []);
  return {
    gzipLevel: gzipLevels[options.compressionLevel],
    query: '',
    unrecoverable: new Set([...(options.unrecoverableErrorTypes ?? []), ...(options.unrecoverableRecordTypes ?? [])]),
    givesUpAfter: (status) => givesUp(ignored, status),
    triesBadRequests: false,
    logsRefusals: options.logEs400Reason ?? options.logOs400Reason,
    serversOf: hasChosenServers(options) ? serversOf(options, buffer) : undefined,
    bodyBytesMax: threshold < 0 ? bodyBytesDefault : threshold,
    asksVersion: options.verifyEsVersionAtStartup ?? options.verifyOsVersionAtStartup,
  };
}

/** Whether the keys of a chunk say which servers it goes to. */
function hasChosenServers({ host, hosts, cloudId }: Pick<FluentdOptions, 'host' | 'hosts' | 'cloudId'>): boolean {
  return cloudId === undefined && (hosts ?? host).includes('${');
}
/** A value of a record that stands for a server or a part of its name; anything else would lead the request elsewhere. */
const nameInHosts = /^[\w.-]+$/;

/** Source: fluent-plugin-elasticsearch 6.0, write: `hosts`, else `host`, with the placeholders of the chunk. */
function serversOf(options: FluentdOptions, buffer: BufferModel): NonNullable<OutputSettings['serversOf']> {
  const template = options.hosts ?? options.host;
  const problems: string[] = [];
  const fill = compileChunkText(template, buffer, (value) => {
    if (!nameInHosts.test(value)) problems.push(value);
    return value;
  });
  return (chunk) => {
    problems.length = 0;
    const { text } = fill(chunk);
    const [wrong] = problems;
    if (wrong !== undefined)
      return { refused: `OUTPUT_REFUSED: ${JSON.stringify(wrong)} in ${template} is no name of a server` };
    try {
      return writtenHosts({ ...options, hosts: text }).length > 0 ? text : { refused: '' };
    } catch (error) {
      return { refused: `OUTPUT_REFUSED: ${errorText(error)}` };
    }
  };
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
  if (hasChosenServers(options)) checkChosenServers(options, buffer, kind);
  else writtenHosts(options);
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

function checkChosenServers(options: FluentdOptions, buffer: BufferModel | undefined, kind: FluentdKind): void {
  const name = options.hosts === undefined ? 'host' : 'hosts';
  const template = options.hosts ?? options.host;
  if (kind.isDynamic === true && hasExpression(template))
    throw new Error(`${name} takes placeholders of chunk keys, and no expressions: write <buffer> with the key`);
  if (buffer) checkPlaceholderKeys(name, template, buffer);
  const asksVersion = options.verifyEsVersionAtStartup ?? options.verifyOsVersionAtStartup;
  if (asksVersion && (options.templateFile !== undefined || options.templates !== undefined))
    // As the plugin has it: which servers there are is known with their first records.
    throw new Error(
      `placeholders in ${name} beside templates need verify_es_version_at_startup false (or verify_os_version_at_startup)`,
    );
}
const hasExpression = (template: string): boolean =>
  /\$\{[^}]*[^-_.@$a-zA-Z0-9}][^}]*\}/.test(template.replaceAll(/\$\{tag\[-?\d+\]\}/g, ''));

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
