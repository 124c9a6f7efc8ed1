/** The `fluentbit_loki` output: records as streams of Grafana Loki. Source: Fluent Bit 5.1 out_loki. */
import { readFileSync } from 'node:fs';
import { compileFluentbitAccessor } from '../codecs/fluentbit-accessor.ts';
import { compileLoki } from '../codecs/loki-streams.ts';
import { errorText } from '../core/errors.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import { boolean, choice, integer, list, secret, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { shownEndpoint } from './http/address.ts';
import { headersOf, requestOptions, requestParts, requestProperties } from './http/fluentbit.ts';
import type { RequestOf } from './http/groups.ts';
import { checkHttp, createHttp, httpOptions, httpSections } from './http/index.ts';
import { headerProblem } from './requests/headers.ts';

const lineOptions = {
  labels: list('Labels of the streams: name=value, name=$key or $key. Default: job=fluent-bit.', { default: [] }),
  labelKeys: list("Fields that are labels: $key, $key['sub'].", { default: [], fluentbit: 'label_keys' }),
  structuredMetadata: list('Structured metadata, written as labels are.', {
    default: [],
    fluentbit: 'structured_metadata',
  }),
  structuredMetadataMapKeys: list('Maps whose entries are structured metadata.', {
    default: [],
    fluentbit: 'structured_metadata_map_keys',
  }),
  removeKeys: list('Fields that the line has not.', { default: [], fluentbit: 'remove_keys' }),
  lineFormat: choice(['json', 'key_value'])('The form of the lines.', { default: 'json', fluentbit: 'line_format' }),
  dropSingleKey: choice(['off', 'on', 'raw'])(
    'Whether the line of a record with one field left is the value of that; raw: a text without quotation marks.',
    { default: 'off', fluentbit: 'drop_single_key' },
  ),
  tenantIdKey: text('The field that names the tenant of a record, such as $tenant; others have that of tenant_id.', {
    fluentbit: 'tenant_id_key',
  }),
  autoKubernetesLabels: boolean('Adds all labels of the pod.', {
    default: false,
    fluentbit: 'auto_kubernetes_labels',
  }),
} as const;

const options = { ...httpOptions, ...lineOptions } as const;
const { dropSingleKey: _dropSingleKey, ...sameInFluentbit } = lineOptions;

/** Loki answers 400 to what it will never take; with all else it may take the records later. */
const retriedStatuses = ['3xx', '5xx', '401', '403', '404', '407', '408', '425', '429'];

export const fluentbitLokiOutput = definePlugin({
  kind: 'output',
  name: 'fluentbit_loki',
  summary: 'Sends records to Grafana Loki.',
  options,
  sections: httpSections,
  target: ({ endpoint }) => shownEndpoint(endpoint),
  buffer: { flushMode: 'interval', flushIntervalMs: 1000 },
  fluentbit: fluentbitForm({
    names: ['loki'],
    options: {
      ...requestOptions,
      ...Object.fromEntries(Object.keys(sameInFluentbit).map((name) => [name, {}])),
      compress: { default: 'text' },
    },
    properties: {
      ...requestProperties,
      port: integer(1, 65_535)('Port of the host.', { default: 3100 }),
      uri: text('Path of the requests.', { default: '/loki/api/v1/push' }),
      tenantId: text('The tenant, as header X-Scope-OrgID.', { fluentbit: 'tenant_id' }),
      dropSingleKey: choice(['off', 'on', 'raw', 'false', 'true', 'no', 'yes'])(
        'Whether the line of a record with one field left is the value of that; raw: a text without quotation marks.',
        { default: 'off', fluentbit: 'drop_single_key' },
      ),
      bearerToken: secret('A token in place of user and password.', { fluentbit: 'bearer_token' }),
      labelMapPath: text('A JSON file that says which fields are labels.', { fluentbit: 'label_map_path' }),
    },
    repeated: { header: 'A header of each request: name and value.' },
    ignored: {
      buffer_size: 'of an answer so much is kept as a person reads',
      tenant_id_key_error_handling: 'each request counts for itself: only what failed is sent again',
    },
    lower(written) {
      const { properties, at, error } = written;
      const { tenantId, bearerToken, httpUser, labelMapPath } = properties;
      const mapped = labelMapPath === undefined ? [] : mappedLabels(labelMapPath);
      if (typeof mapped === 'string') error(written.written('labelMapPath') ?? at, `label_map_path ${mapped}`);
      const { options: made, sections } = requestParts(properties, properties.port, properties.uri, written);
      const headers = {
        ...(bearerToken !== undefined && httpUser === undefined && { Authorization: `Bearer ${bearerToken}` }),
        ...headersOf(written),
        ...(tenantId !== undefined && { 'X-Scope-OrgID': tenantId }),
      };
      const { dropSingleKey: drop } = properties;
      const dropSingleKey = drop === 'raw' ? 'raw' : ['on', 'true', 'yes'].includes(drop) ? 'on' : 'off';
      const labels = [written.options['labels'] ?? [], typeof mapped === 'string' ? [] : mapped].flat();
      return {
        sections,
        options: { ...made, headers, dropSingleKey, labels, retryableResponseCodes: retriedStatuses },
      };
    },
    example: `[OUTPUT]
    Name       loki
    Match      *
    Host       loki.example.com
    Labels     job=app
    Label_Keys $level`,
  }),
  example: '',
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Drops a chunk that Loki answers 400, as it does when one line is too old. Here the chunk is halved until that line is found; it alone goes to the dead letters.',
    },
  ],
  check(config, buffer) {
    checkHttp(config, buffer, process.env);
    compileLoki(config.options);
    if (config.options.tenantIdKey !== undefined) tenantOf(config.options.tenantIdKey);
  },
  create(config, context) {
    const { formatter, opening, closing } = compileLoki(config.options);
    const { tenantIdKey } = config.options;
    const requestOf = tenantIdKey === undefined ? undefined : tenantOf(tenantIdKey);
    const body = {
      formatter,
      contentType: 'application/json',
      opening,
      between: ',',
      closing,
      ...(requestOf && { requestOf }),
    };
    return createHttp(config, context, process.env, body);
  },
});

/** Labels of a file such as `{"kubernetes":{"pod_name":"pod"}}`: `pod=$kubernetes['pod_name']`; or what is wrong with it. */
function mappedLabels(path: string): string[] | string {
  try {
    const text = readFileSync(path, 'utf8');
    if (text.length > labelMapBytesMax) return `${path}: it has more than ${labelMapBytesMax} bytes`;
    return labelsIn(JSON.parse(text) as unknown, []);
  } catch (error) {
    return `${path}: ${errorText(error)}; a JSON file with an object of fields and their labels was expected`;
  }
}

/** More labels than this no Loki takes. */
const labelMapBytesMax = 1024 * 1024;

function labelsIn(map: unknown, way: readonly string[]): string[] {
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw new Error(`${way.join('.') || 'the file'} is neither a label's name nor an object`);
  return Object.entries(map).flatMap(([key, label]) => {
    const path = [...way, key];
    if (typeof label !== 'string') return labelsIn(label, path);
    const [first = '', ...steps] = path;
    return [`${label}=$${first}${steps.map((step) => `['${step.replaceAll("'", "''")}']`).join('')}`];
  });
}

/** Each tenant gets requests of its own. */
function tenantOf(key: string): RequestOf {
  const accessor = compileFluentbitAccessor(key);
  return (batch, row) => {
    const tenant = accessor.get(batch.fields(row));
    const headers: Record<string, string> = typeof tenant === 'string' ? { 'X-Scope-OrgID': tenant } : {};
    const problem = headerProblem('X-Scope-OrgID', headers['X-Scope-OrgID'] ?? '');
    return problem === undefined ? { headers } : { reason: problem };
  };
}
