/**
 * Options of the Elasticsearch and OpenSearch outputs. Names, defaults and odd cases: fluent-plugin-elasticsearch 6.0 and
 * fluent-plugin-opensearch 1.1 (the same plugin before the two servers parted).
 */
import { boolean, bytesFrom, choice, duration, integer, list, map, secret, text } from '../../core/options.ts';
import type { OptionTable } from '../../core/options.ts';
import type { SectionTable } from '../../core/plugin.ts';

const tlsVersions = ['SSLv23', 'TLSv1', 'TLSv1_1', 'TLSv1_2', 'TLSv1_3'] as const;
const noClient = 'there is no client library to choose: requests are made by this program';

/** Where the servers are and how to speak to them. */
const connection = {
  host: text('Name or address of the server; placeholders of chunk keys may stand in it.', { default: 'localhost' }),
  port: integer(1, 65_535)('Port of the server.', { default: 9200 }),
  scheme: choice(['http', 'https'])('How the server is spoken to.', { default: 'http' }),
  hosts: text(
    'Several servers, as host:port or URLs between commas; each request goes to the next that answers. Placeholders of chunk keys may stand in it.',
  ),
  path: text('Path before all requests, for servers behind a proxy.'),
  user: text('User name; `%{name}` where it holds characters that a URL must escape.'),
  password: secret('The password of that user.'),
  requestTimeout: duration('How long an answer may take.', { default: 5000 }),
  sslVerify: boolean('Whether the server’s certificate is looked at.', { default: true }),
  caFile: text('PEM file with the certificates that the server’s must come from.'),
  clientCert: text('PEM file with a certificate to show to the server.'),
  clientKey: text('PEM file with the private key of that certificate.'),
  clientKeyPass: secret('Passphrase of that key.'),
  sslVersion: choice(tlsVersions)('The version of TLS for servers that speak no newer one.', {
    ignored: 'TLS 1.2 and 1.3 are spoken unless ssl_min_version and ssl_max_version say otherwise',
  }),
  sslMinVersion: choice(tlsVersions)('The oldest version of TLS that is spoken.'),
  sslMaxVersion: choice(tlsVersions)('The newest version of TLS that is spoken.'),
  customHeaders: map('Headers of each request.'),
  compressionLevel: choice(['no_compression', 'best_speed', 'best_compression', 'default_compression'])(
    'Sends bodies gzipped.',
    { default: 'no_compression' },
  ),
  bulkMessageRequestThreshold: bytesFrom(-1)('Bytes after which a request ends and the next begins; -1: none.', {
    default: -1,
  }),
  resurrectAfter: duration('How long a server that failed is left alone while others answer.', { default: 60_000 }),
  reloadConnections: boolean('Whether the servers of the cluster are looked for again and again.', {
    default: true,
    ignored: 'requests go to the servers that are written',
  }),
  reloadOnFailure: boolean('Whether they are looked for after a failure.', {
    default: false,
    ignored: 'requests go to the servers that are written; after a failure to the next of them',
  }),
  reloadAfter: integer(-1)('After how many requests they are looked for.', {
    default: -1,
    ignored: 'requests go to the servers that are written',
  }),
  reconnectOnError: boolean('Whether a new connection is opened after an error.', {
    default: false,
    ignored: 'a connection on which a request failed is never used again',
  }),
  snifferClassName: text('The class that looks for servers.', { ignored: noClient }),
  selectorClassName: text('The class that chooses a server.', { ignored: noClient }),
  httpBackend: choice(['excon', 'typhoeus'])('The HTTP library.', { default: 'excon', ignored: noClient }),
  httpBackendExconNonblock: boolean('How that library waits.', { default: true, ignored: noClient }),
  validateClientVersion: boolean('Whether library and server must be of one version.', {
    default: false,
    ignored: noClient,
  }),
  preferOjSerializer: boolean('The library that writes JSON.', { default: false, ignored: noClient }),
  withTransporterLog: boolean('Whether the library logs its requests.', { default: false, ignored: noClient }),
} as const satisfies OptionTable;

/** What of a record goes where. */
const documents = {
  indexName: text('The index; placeholders of chunk keys and time formats may stand in it.', { default: 'fluentd' }),
  logstashFormat: boolean('Writes to an index a day, and adds @timestamp.', { default: false }),
  logstashPrefix: text('What the name of such an index begins with.', { default: 'logstash' }),
  logstashPrefixSeparator: text('What stands between it and the date.', { default: '-' }),
  logstashDateformat: text('The date in its name.', { default: '%Y.%m.%d' }),
  utcIndex: boolean('Whether that date is that of UTC.', { default: true }),
  targetIndexKey: text('A field, or a path with dots, whose value is the index; it is taken out of the record.'),
  includeTimestamp: boolean('Adds @timestamp without logstash_format.', { default: false }),
  timeKey: text('The field that @timestamp is made from where a record has it.'),
  timeKeyFormat: text('How the time in that field is written.'),
  timeKeyExcludeTimestamp: boolean('Leaves @timestamp out where it would come from time_key.', { default: false }),
  timePrecision: integer(0, 9)('Digits of the fraction in @timestamp.', { default: 9 }),
  timeParseErrorTag: text('The tag under which times that cannot be read are reported.', {
    ignored: 'such a record gets its own time, and a line in the log tells of it',
  }),
  includeTagKey: boolean('Adds the tag to each record.', { default: false }),
  tagKey: text('The field for the tag.', { default: 'tag' }),
  idKey: text('The field, or record accessor, whose value is the document’s id.'),
  parentKey: text('The field whose value is the id of the document’s parent.'),
  routingKey: text('The field whose value routes the document.'),
  removeKeys: text('Fields to leave out, between commas.'),
  removeKeysOnUpdate: text('Fields to leave out of an update, between commas.', { default: '' }),
  removeKeysOnUpdateKey: text('The field that holds a list of fields to leave out of an update.'),
  flattenHashes: boolean('Writes nested fields as one level, their names joined.', { default: false }),
  flattenHashesSeparator: text('What joins the names.', { default: '_' }),
  suppressTypeName: boolean('Sends no document type.', { default: false }),
  writeOperation: text('What is done: index, create, update or upsert.', { default: 'index' }),
  suppressDocWrap: boolean('Sends updates as they are, not wrapped in `doc`.', { default: false }),
  emitErrorForMissingId: boolean('Whether a record without its id is an error.', {
    default: false,
    ignored: 'a record that cannot be written for want of an id always goes to the secondary or the dead letters',
  }),
  pipeline: text('The ingest pipeline; placeholders of chunk keys may stand in it.'),
  includeIndexInUrl: boolean('Names the index in the address of a request, not in its lines.', { default: false }),
  targetIndexAffinity: boolean('Updates a document in the index that holds it, with logstash_format and id_key.', {
    default: false,
  }),
} as const satisfies OptionTable;

/** What is made on the server before records come. */
const templates = {
  templateName: text('The index template to make.'),
  templateFile: text('The JSON file with that template.'),
  templateOverwrite: boolean('Writes it also where it is there already.', { default: false }),
  customizeTemplate: map('Texts in the file, and what to put in their place.'),
  templates: map('Several templates: names and files.'),
  useLegacyTemplate: boolean('Makes templates of the old kind (`_template`).', { default: true }),
  indexDatePattern: text('Date in the name of the first index behind a rollover alias.', { default: 'now/d' }),
  indexSeparator: text('What stands between the parts of that name.', { default: '-' }),
  applicationName: text('A part of that name.', { default: 'default' }),
  maxRetryPuttingTemplate: integer(0)('How often making a template is tried again.', {
    default: 10,
    ignored: 'it is tried until it is made, and records wait',
  }),
  failOnPuttingTemplateRetryExceed: boolean('Whether the program ends then.', {
    default: true,
    ignored: 'it is tried until it is made, and records wait',
  }),
  catchTransportExceptionOnRetry: boolean('Which errors are tried again.', {
    default: true,
    ignored: 'all errors of the connection are',
  }),
  truncateCachesInterval: duration('How often templates are looked for again.'),
} as const satisfies OptionTable;

/** What becomes of what the server does not take. */
const failures = {
  retryTag: text('The tag under which records that are to be written again are emitted.', {
    ignored: 'they are written again from where they wait',
  }),
  unrecoverableErrorTypes: list(
    'Types of errors after which a record is not written again. What the server calls temporary is, unless it is written here.',
  ),
  ignoreExceptions: list('Classes of errors after which a chunk is not written again.'),
  exceptionBackup: boolean('Whether such a chunk is kept.', {
    default: true,
    ignored: 'its records always go to the secondary or the dead letters',
  }),
} as const satisfies OptionTable;

/** What this program adds. */
export const ownOptions = {
  exactlyOnce: boolean(
    'Writes each record once, whatever breaks: it is created under an id of its own, and one that is there already was written before.',
    { default: false },
  ),
  indexRetention: duration(
    'How long records are kept, such as 30d: indices of days that are longer ago are deleted; a data stream gets a policy.',
  ),
  fieldConflicts: choice(['refuse', 'divert'])(
    'What becomes of a record with a field that the index holds as another type: refused with the server’s words, or that field is written as text into one of its name and `__str`.',
    { default: 'refuse' },
  ),
  kubernetesTemplate: boolean(
    'Makes an index template for the indices that are written: names under `kubernetes` are found exactly, words in `log` one by one.',
    { default: false },
  ),
} as const satisfies OptionTable;

const common = { ...connection, ...documents, ...templates, ...failures, ...ownOptions } as const;

export const elasticsearchOptions = {
  ...common,
  cloudId: text('The id of an Elastic Cloud deployment.'),
  cloudAuth: secret('User and password for it, with a colon between.'),
  apiKey: secret('An API key, as id:key.'),
  typeName: text('The type of documents, for servers that have types.', { default: 'fluentd' }),
  targetTypeKey: text('A field, or a path with dots, whose value is the type; it is taken out of the record.'),
  contentType: choice(['application/json', 'application/x-ndjson'])('The media type of bulk requests.', {
    default: 'application/json',
    ignored: 'bulk requests are application/x-ndjson',
  }),
  rolloverIndex: text('Makes an index behind an alias that the server rolls over.', { default: 'false' }),
  deflectorAlias: text('That alias.'),
  enableIlm: boolean('Makes a lifecycle policy and a rollover alias.', { default: false }),
  ilmPolicyId: text('The name of that policy.', { default: 'logstash-policy' }),
  ilmPolicy: text('The policy, as JSON.'),
  ilmPolicies: text('Several policies by name, as JSON.'),
  ilmPolicyOverwrite: boolean('Writes it also where it is there already.', { default: false }),
  indexPrefix: text('The old name of logstash_prefix.', {
    warnWritten: 'it has no effect since version 4 of the plugin; write logstash_prefix or index_name',
    ignored: 'it has no effect since version 4 of the plugin',
  }),
  verifyEsVersionAtStartup: boolean('Asks the server for its version before the first write.', { default: true }),
  defaultElasticsearchVersion: integer(1)('The version that is taken for granted otherwise.', { default: 5 }),
  maxRetryGetEsVersion: integer(0)('How often it is asked again.', {
    default: 15,
    ignored: 'it is asked until it answers, and records wait',
  }),
  failOnDetectingEsVersionRetryExceed: boolean('Whether the program ends then.', {
    default: true,
    ignored: 'it is asked until it answers, and records wait',
  }),
  logEs400Reason: boolean('Whether the log tells, too, why the server refused records.', {
    default: false,
    fluentd: 'log_es_400_reason',
  }),
} as const satisfies OptionTable;

export const opensearchOptions = {
  ...common,
  unrecoverableRecordTypes: list('Types of errors after which a record is not written again.', {
    default: ['json_parse_exception'],
  }),
  emitErrorLabelEvent: boolean('Whether refused records go to the label @ERROR.', {
    default: true,
    ignored: 'they go to the secondary or the dead letters',
  }),
  verifyOsVersionAtStartup: boolean('Asks the server for its version before the first write.', { default: true }),
  defaultOpensearchVersion: integer(1)('The version that is taken for granted otherwise.', { default: 1 }),
  maxRetryGetOsVersion: integer(0)('How often it is asked again.', {
    default: 15,
    ignored: 'it is asked until it answers, and records wait',
  }),
  failOnDetectingOsVersionRetryExceed: boolean('Whether the program ends then.', {
    default: true,
    ignored: 'it is asked until it answers, and records wait',
  }),
  logOs400Reason: boolean('Whether the log tells, too, why the server refused records.', {
    default: false,
    fluentd: 'log_os_400_reason',
  }),
} as const satisfies OptionTable;

export const dynamicOptions = {
  ...elasticsearchOptions,
  delimiter: text('What stands between the parts of a tag.', { default: '.' }),
} as const satisfies OptionTable;

const newTemplates = {
  useLegacyTemplate: boolean('Makes templates of the old kind (`_template`).', {
    default: false,
    ignored: 'data streams have templates of the new kind',
  }),
  dataStreamName: text('The data stream; placeholders of chunk keys may stand in it.', { required: true }),
  dataStreamTemplateName: text('The name of its template; without it that of the stream and `_template`.'),
} as const satisfies OptionTable;

export const elasticsearchDataStreamOptions = {
  ...elasticsearchOptions,
  ...newTemplates,
  dataStreamIlmName: text('The name of its lifecycle policy; without it that of the stream and `_policy`.'),
  dataStreamIlmPolicy: text('That policy, as JSON.'),
  dataStreamIlmPolicyOverwrite: boolean('Writes it also where it is there already.', { default: false }),
  dataStreamTemplateUseIndexPatternsWildcard: boolean('Whether the template counts for all names that begin so.', {
    default: true,
  }),
} as const satisfies OptionTable;

export const opensearchDataStreamOptions = { ...opensearchOptions, ...newTemplates } as const satisfies OptionTable;

export const sections = {
  metadata: {
    summary: 'What of the chunk is added to its records',
    options: {
      includeChunkId: boolean('Adds the id of the chunk.', { default: false }),
      chunkIdKey: text('The field for it.', { default: 'chunk_id' }),
    },
  },
} as const satisfies SectionTable;
