/** Fluent Bit's outputs `es` and `opensearch`: their options, and how outputs are made of them. Source: Fluent Bit 5.1 es.c, opensearch.c. */
import { constants } from 'node:zlib';
import type { BufferModel } from '../../config/model.ts';
import type { Difference } from '../../core/difference.ts';
import { ConfigError } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import { fluentbitForm, tlsProperties } from '../../core/fluentbit.ts';
import type { FluentbitForm } from '../../core/fluentbit.ts';
import { boolean, choice, integer, secret, text } from '../../core/options.ts';
import type { OptionTable, OptionValues } from '../../core/options.ts';
import type { Output, OutputContext } from '../../core/plugin.ts';
import { fluentbitAgent, fluentbitAwsOptions, fluentbitAwsProblem, fluentbitSigning } from './aws.ts';
import { FieldConflicts } from './conflicts.ts';
import { openCluster } from './connection.ts';
import { datedNames } from './dated-names.ts';
import type { ConnectionSettings } from './connection.ts';
import { FluentbitLines } from './fluentbit-lines.ts';
import { basePath, cloudHost, parseHosts } from './hosts.ts';
import type { Host } from './hosts.ts';
import { ownOptions } from './options.ts';
import { BulkOutput } from './output.ts';
import { prepare } from './preparation.ts';
import type { PreparationSettings } from './preparation.ts';

const diagnosis = 'what the server refuses stands in the dead letters, with its words';

export const fluentbitOptions = {
  host: text('Name or address of the server.', { default: '127.0.0.1' }),
  port: integer(1, 65_535)('Port of the server.', { default: 9200 }),
  index: text('The index; time formats may stand in it.', { default: 'fluent-bit' }),
  type: text('The type of documents, for servers that have types.', { default: '_doc' }),
  suppressTypeName: boolean('Sends no document type.', { default: false }),
  httpUser: text('User name.'),
  httpPasswd: secret('The password of that user.', { default: '' }),
  compress: choice(['gzip', 'none'])('Sends bodies gzipped.', { default: 'none' }),
  path: text('Path before all requests, for servers behind a proxy.'),
  pipeline: text('The ingest pipeline.'),
  logstashFormat: boolean('Writes to an index a day.', { default: false }),
  logstashPrefix: text('What the name of such an index begins with.', { default: 'logstash' }),
  logstashPrefixSeparator: text('What stands between it and the date.', { default: '-' }),
  logstashPrefixKey: text("A field, as `$a['b']`, whose value stands in place of that prefix."),
  logstashDateformat: text('The date in its name.', { default: '%Y.%m.%d' }),
  timeKey: text('The field for the time.', { default: '@timestamp' }),
  timeKeyFormat: text('How that time is written; its fraction and `Z` follow.', { default: '%Y-%m-%dT%H:%M:%S' }),
  timeKeyNanos: boolean('Writes nine digits of the fraction, not three.', { default: false }),
  includeTagKey: boolean('Adds the tag to each record.', { default: false }),
  tagKey: text('The field for the tag.', { default: 'flb-key' }),
  generateId: boolean('Makes ids of what documents hold, so that none is there twice.', { default: false }),
  idKey: text('The field whose text is the document’s id.'),
  writeOperation: text('What is done: create, index, update or upsert.', { default: 'create' }),
  replaceDots: boolean('Writes dots in names of fields as underscores.', { default: false }),
  currentTimeIndex: boolean('Takes the time of writing for that of the record.', { default: false }),
  bufferSize: text('How much of an answer is read.', { ignored: 'answers are read whole', default: '512k' }),
  traceOutput: boolean('Prints requests.', { ignored: diagnosis, default: false }),
  traceError: boolean('Prints answers.', { ignored: diagnosis, default: false }),
  workers: integer(0)('Threads that write.', { ignored: 'requests do not wait for a thread' }),
  ...tlsProperties,
  ...fluentbitAwsOptions,
  ...ownOptions,
} as const satisfies OptionTable;

/** What `es` has and `opensearch` has not. */
export const esOptions = {
  ...fluentbitOptions,
  httpApiKey: secret('An API key, in base64.'),
  cloudId: text('The id of an Elastic Cloud deployment.'),
  cloudAuth: secret('User and password for it, with a colon between.'),
} as const satisfies OptionTable;

type Values = OptionValues<typeof fluentbitOptions> & Partial<OptionValues<typeof esOptions>>;

/** Their form in Fluent Bit's configurations: all options, under their names there. */
export function formOf(name: string, options: OptionTable, example: string): FluentbitForm {
  return fluentbitForm({
    names: [name],
    options: Object.fromEntries(Object.keys(options).map((key) => [key, {}])),
    example,
  });
}

export const fluentbitDifferences: readonly Difference[] = [
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Takes an answer for good as soon as one document was taken, and loses those beside it that were refused or came too fast; `opensearch` sends all of them again. Here each document counts for itself.',
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Drops what it tried once more in vain. Here records wait until the server takes them, unless Retry_Limit is written; then they go to the dead letters.',
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Sends a body that the server finds too large (413) again until its tries are over. Here it is halved until what is too large is found; that alone is refused.',
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Takes a certificate for any name unless `tls.verify_hostname` is on. Here the name must be the server’s, unless `tls.verify` is off.',
    options: ['tlsVerifyHostname'],
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Gives a record whose Id_Key is missing or no text the id of the record before it, which one of them then overwrites. Here it gets an id from the server.',
    options: ['idKey'],
  },
];

export function targetOf({ host, port, logstashFormat, logstashPrefix, index, cloudId }: Values): string {
  return `${cloudId ?? `${host}:${port}`}/${logstashFormat ? logstashPrefix : index}`;
}

/** @throws Error saying what is wrong and what to do */
export function checkFluentbit(options: Values, at: Location): void {
  const operations = ['create', 'index', 'update', 'upsert'];
  const operation = options.writeOperation.toLowerCase();
  if (!operations.includes(operation))
    throw new Error(
      `Write_Operation ${JSON.stringify(options.writeOperation)} is none; expected one of ${operations.join(', ')}`,
    );
  if (operation.startsWith('up') && options.idKey === undefined && !options.generateId)
    throw new Error('Id_Key must be set when Write_Operation is update or upsert');
  const problem = fluentbitAwsProblem(options);
  if (problem !== undefined) throw new Error(problem);
  hostsOf(options);
  preparationOf(options);
  const limit = onceLimit(options);
  if (options.exactlyOnce && limit !== undefined)
    throw new ConfigError([{ at, text: `Exactly_Once ${limit}`, severity: 'warning' }]);
}

/** Where exactly_once cannot hold; undefined: it does. */
function onceLimit({ idKey, writeOperation, logstashFormat, index, currentTimeIndex }: Values): string | undefined {
  if (idKey !== undefined) return 'has no effect beside Id_Key: documents have the ids of the records';
  if (!/^(?:create|index)$/i.test(writeOperation)) return `has no effect with Write_Operation ${writeOperation}`;
  if (currentTimeIndex || (!logstashFormat && index.includes('%')))
    return 'holds only while the name of the index stays the same, which follows the time of writing: write Logstash_Format';
  return undefined;
}

export function createFluentbit(options: Values, context: OutputContext, kind: 'es' | 'opensearch'): Output {
  const conflicts = options.fieldConflicts === 'divert' ? new FieldConflicts() : undefined;
  const hasFreeIds = options.idKey === undefined && /^(?:create|index)$/i.test(options.writeOperation);
  const documents = { ...options, exactlyOnce: options.exactlyOnce && hasFreeIds };
  const lines = new FluentbitLines(documents, kind, context.clock, conflicts);
  const settings = {
    gzipLevel: options.compress === 'gzip' ? constants.Z_DEFAULT_COMPRESSION : undefined,
    query:
      options.pipeline === undefined || options.pipeline === ''
        ? ''
        : `?pipeline=${encodeURIComponent(options.pipeline)}`,
    unrecoverable: new Set<string>(),
    givesUpAfter: () => false,
    triesBadRequests: triesBadRequests(context.buffer),
    logsRefusals: false,
    bodyBytesMax: bodyBytesMax,
    asksVersion: options.indexRetention !== undefined || options.kubernetesTemplate,
  };
  const preparation = preparationOf(options);
  return new BulkOutput(settings, context, async (signal) => {
    const cluster = await openCluster(connectionOf(options), context, fluentbitSigning(options, context.clock));
    return { cluster, lines, conflicts, preparation: prepare(preparation, cluster, context, signal) };
  });
}

/** @throws Error saying what is wrong and what to do */
function preparationOf(options: Values): PreparationSettings {
  const { logstashFormat, logstashPrefix, logstashPrefixSeparator, logstashDateformat, index, type } = options;
  const [, start = '', date = ''] = /^([^%]*)(.*)$/s.exec(index) ?? [];
  const prefix = logstashFormat ? `${logstashPrefix}${logstashPrefixSeparator}` : start;
  const dateformat = logstashFormat ? logstashDateformat : date;
  if (options.indexRetention !== undefined) {
    if (dateformat === '' || prefix === '' || index.includes('$'))
      throw new Error('Index_Retention needs names with a date: Logstash_Format, or an Index such as app-%Y.%m.%d');
    datedNames(prefix, dateformat);
  }
  return {
    templates: { overwrites: false, isLegacy: true, typeName: type },
    template: undefined,
    others: {},
    kubernetes: options.kubernetesTemplate ? prefix : undefined,
    rollover: undefined,
    dataStream: undefined,
    retention:
      options.indexRetention === undefined
        ? undefined
        : { retentionMs: options.indexRetention, prefix, dateformat, isUtc: true },
    forgetsAfterMs: undefined,
  };
}

/** http.max_content_length of these servers is 100 MB unless it is configured. */
const bodyBytesMax = 64 * 1024 * 1024;
/** Fluent Bit waits for an answer without end; a minute is what a busy server may need. */
const requestTimeoutMs = 60_000;
const resurrectAfterMs = 60_000;

/** With a limit written, a request that is refused is tried as often as that says; without one it would be for ever. */
function triesBadRequests({ retry }: BufferModel): boolean {
  return retry.triesMax !== undefined;
}

function hostsOf({ host, port, path, tls, cloudId, cloudAuth, httpUser, httpPasswd }: Values): Host[] {
  const login = httpUser === undefined ? cloudAuth : `${httpUser}:${httpPasswd}`;
  if (cloudId !== undefined) return [cloudHost(cloudId, login)];
  return parseHosts(host, { port, isTls: tls, base: basePath(path), login });
}

function connectionOf(options: Values): ConnectionSettings {
  const { httpApiKey, httpUser } = options;
  return {
    hosts: hostsOf(options),
    requestTimeoutMs,
    resurrectAfterMs,
    headers: {
      ...(httpApiKey !== undefined && httpUser === undefined && { Authorization: `ApiKey ${httpApiKey}` }),
      ...(options.awsAuth && { 'User-Agent': fluentbitAgent }),
    },
    tls: {
      verifies: options.tlsVerify,
      verifiesName: options.tlsVerify,
      ca: options.tlsCaFile,
      caDirectory: options.tlsCaPath,
      cert: options.tlsCrtFile,
      key: options.tlsKeyFile,
      passphrase: options.tlsKeyPasswd,
      servername: options.tlsVhost,
      ciphers: options.tlsCiphers,
      minVersion: tlsVersion(options.tlsMinVersion) ?? 'TLSv1.2',
      maxVersion: tlsVersion(options.tlsMaxVersion) ?? 'TLSv1.3',
    },
  };
}

function tlsVersion(written: string | undefined): 'TLSv1.2' | 'TLSv1.3' | undefined {
  const version = /1\.([23])$/.exec(written ?? '')?.[1];
  return version === undefined ? undefined : version === '2' ? 'TLSv1.2' : 'TLSv1.3';
}
