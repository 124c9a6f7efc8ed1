/** Fluentd's outputs as outputs of Fluent Bit. */
import { basename, dirname } from 'node:path';
import type { PluginModel } from '../model.ts';
import { plainText, securityProperties } from './fluentbit-sections.ts';
import type { FluentbitProperty, Translating } from './fluentbit-sections.ts';
import type { FluentbitSection } from './fluentbit-text.ts';

type Translate = (translating: Translating, model: PluginModel) => FluentbitSection | undefined;

const serverNames = { host: 'host', port: 'port', username: 'username', password: 'password' } as const;

/** The servers of a `forward` take turns there as they do here, but for their weights. */
function upstreamOf(translating: Translating, { sections, at }: PluginModel): string {
  const servers = sections['server'] ?? [];
  const { complaints } = translating;
  const standby = servers.find(({ options }) => options['standby'] === true);
  if (standby) complaints.refuse(standby.at, 'output forward: standby has no counterpart in Fluent Bit');
  if (new Set(servers.map(({ options }) => options['weight'])).size > 1)
    complaints.warn(at, 'output forward: weight has no counterpart in Fluent Bit; servers take turns evenly');
  complaints.warn(
    at,
    'output forward: Fluent Bit itself reads upstream_servers from a file of its own, whose path stands in upstream: move that section into one',
  );
  return translating.upstream(
    servers.map(({ options }, i) => [
      ['name', plainText(options['name'] ?? `server_${i + 1}`)] as const,
      ...plain(options, { ...serverNames, sharedKey: 'shared_key' }),
    ]),
  );
}

/** The section in place of an output, in a list that is empty where something was refused; undefined: its own form may do. */
export function outputSection(translating: Translating, model: PluginModel): readonly FluentbitSection[] | undefined {
  const translate = Object.hasOwn(translations, model.type) ? translations[model.type] : undefined;
  if (!translate) return undefined;
  const section = translate(translating, model);
  return section ? [section] : [];
}

const plain = (options: PluginModel['options'], names: Readonly<Record<string, string>>): FluentbitProperty[] =>
  Object.entries(names).flatMap(([name, key]) => {
    const value = options[name];
    return value === undefined || value === '' ? [] : [[key, plainText(value)] as const];
  });

const translations: Readonly<Record<string, Translate>> = {
  stdout: () => ({ name: 'stdout', properties: [['format', 'json_lines']] }),
  file({ complaints }, { options, at }) {
    const path = plainText(options['path']);
    if (path.includes('$') || path.includes('%') || path.includes('*'))
      return complaints.refuse(at, `output file: ${path}: Fluent Bit has no placeholders in names of files`);
    const suffix = options['addPathSuffix'] === false ? '' : plainText(options['pathSuffix'] ?? '');
    complaints.warn(
      at,
      'output file: Fluentd puts the time into the name of the file; the lines are JSON with the time in Fluent Bit',
    );
    return {
      name: 'file',
      properties: [
        ['path', dirname(path)],
        ['file', `${basename(path)}${suffix}`],
      ],
    };
  },
  forward(translating, model) {
    const servers = model.sections['server'] ?? [];
    const [server] = servers;
    if (!server || (model.sections['service_discovery'] ?? []).length > 0)
      return translating.complaints.refuse(
        model.at,
        'output forward: servers of a <service_discovery> are not written; name them in an upstream by hand',
      );
    const handled = ['timeAsInteger', 'requireAckResponse', 'compress', 'tag'];
    const own = translating.shared(model, 'forward', {
      handled: Object.keys(model.options).filter((name) => !handled.includes(name)),
    });
    const security = securityProperties(model.sections['security']?.[0]);
    const key = server.options['sharedKey'];
    return {
      name: 'forward',
      properties: [
        ...(servers.length > 1
          ? [['upstream', upstreamOf(translating, model)] as const]
          : plain(server.options, serverNames)),
        ...own,
        ...(servers.length === 1 && security.length === 0 && typeof key === 'string'
          ? [['shared_key', key] as const]
          : security),
      ],
    };
  },
  http({ complaints }, model) {
    const { options, sections, at } = model;
    const found = /^(https?):\/\/(\[[^\]]+\]|[^:/]+)(?::([^/]+))?(\/.*)?$/.exec(plainText(options['endpoint']));
    if (!found) return complaints.refuse(at, 'output http: the endpoint was not understood');
    const [, scheme, host = '', port, uri = '/'] = found;
    const auth = sections['auth']?.[0]?.options ?? {};
    const headers = Object.entries((options['headers'] ?? {}) as Record<string, string>).map(
      ([key, value]) => `${key} ${value}`,
    );
    if (options['httpMethod'] === 'put') complaints.refuse(at, 'output http: Fluent Bit sends POST only');
    complaints.warn(
      at,
      'output http: records get a field date in Fluent Bit, which Fluentd does not add; json_date_key false leaves it out there',
    );
    return {
      name: 'http',
      properties: [
        ['host', host],
        ['port', port ?? (scheme === 'https' ? '443' : '80')],
        ['uri', uri],
        ['format', options['jsonArray'] === true ? 'json' : 'json_lines'],
        ['json_date_key', 'false'],
        ...(scheme === 'https' ? [['tls', 'on'] as const] : []),
        ...(options['tlsVerifyMode'] === 'none' ? [['tls.verify', 'off'] as const] : []),
        ...(options['compress'] === 'gzip' ? [['compress', 'gzip'] as const] : []),
        ...plain(auth, { username: 'http_user', password: 'http_passwd' }),
        ...(headers.length > 0 ? [['header', headers] as const] : []),
      ],
    };
  },
  elasticsearch: (translating, model) => elasticsearch(translating, model, 'es', 'es'),
  opensearch: (translating, model) => elasticsearch(translating, model, 'fluentbit_opensearch', 'opensearch'),
  influxdb({ complaints }, model) {
    const { options, at } = model;
    if (Array.isArray(options['tagKeys']) && options['tagKeys'].length > 0) {
      const keys = options['tagKeys'].map(plainText).join(' ');
      return { name: 'influxdb', properties: [...influx(options), ['tag_keys', keys]] };
    }
    if (options['measurement'] !== undefined)
      complaints.refuse(at, 'output influxdb: in Fluent Bit the measurement is the tag');
    return { name: 'influxdb', properties: influx(options) };
  },
  kafka: (translating, model) => kafka(translating, model),
  kafka2: (translating, model) => kafka(translating, model),
  rdkafka2: (translating, model) => kafka(translating, model),
};

function influx(options: PluginModel['options']): FluentbitProperty[] {
  return [
    ...plain(options, { host: 'host', port: 'port', dbname: 'database', user: 'http_user', password: 'http_passwd' }),
    ...(options['useSsl'] === true ? [['tls', 'on'] as const] : []),
    ...(options['verifySsl'] === false ? [['tls.verify', 'off'] as const] : []),
    // Fluentd adds none.
    ['sequence_tag', 'off'],
  ];
}

function elasticsearch(translating: Translating, model: PluginModel, target: string, name: string): FluentbitSection {
  const { options, at } = model;
  const written = new Set([
    'host',
    'port',
    'path',
    'logstashFormat',
    'logstashPrefix',
    'logstashPrefixSeparator',
    'logstashDateformat',
    'includeTagKey',
    'tagKey',
    'idKey',
    'suppressTypeName',
    'writeOperation',
    'pipeline',
    'cloudId',
    'cloudAuth',
    'removeKeys',
    'flattenHashes',
    'targetIndexKey',
    'parentKey',
    'routingKey',
    'templateName',
    'hosts',
    'ignoreExceptions',
  ]);
  const properties = translating.shared(model, target, {
    handled: Object.keys(options).filter((option) => !written.has(option)),
  });
  if (options['logstashFormat'] !== true)
    translating.complaints.warn(at, `output ${name}: Fluent Bit adds @timestamp to every document`);
  const tls = options['scheme'] === 'https';
  return {
    name,
    properties: [
      ...properties,
      ...plain(options, { indexName: 'index', user: 'http_user', password: 'http_passwd', typeName: 'type' }).filter(
        ([key, value]) =>
          !(key === 'type' && (value === '_doc' || value === 'fluentd')) &&
          !(key === 'index' && value === 'fluent-bit'),
      ),
      ...(tls ? [['tls', 'on'] as const] : []),
      ...(tls && options['sslVerify'] === false ? [['tls.verify', 'off'] as const] : []),
      ...plain(options, { caFile: 'tls.ca_file', clientCert: 'tls.crt_file', clientKey: 'tls.key_file' }),
    ],
  };
}

function kafka({ complaints }: Translating, { options, at }: PluginModel): FluentbitSection {
  const { brokers, defaultTopic, topic, requiredAcks, compressionCodec } = options;
  const list = Array.isArray(brokers) ? brokers.map(plainText).join(',') : plainText(brokers);
  const named = defaultTopic ?? topic;
  if (named === undefined)
    complaints.refuse(at, 'output kafka: the topic is the tag in Fluentd; Fluent Bit needs default_topic');
  for (const name of ['username', 'sslCaCert', 'partitionKey', 'headers', 'principal'] as const)
    if (options[name] !== undefined) complaints.refuse(at, `output kafka: ${name}: write it as rdkafka.* by hand`);
  complaints.warn(at, 'output kafka: records get a field @timestamp in Fluent Bit');
  return {
    name: 'kafka',
    properties: [
      ['brokers', list],
      ...(named === undefined ? [] : [['topics', plainText(named)] as const]),
      ...(requiredAcks === undefined ? [] : [['rdkafka.request.required.acks', plainText(requiredAcks)] as const]),
      ...(typeof compressionCodec === 'string' ? [['rdkafka.compression.codec', compressionCodec] as const] : []),
    ],
  };
}
