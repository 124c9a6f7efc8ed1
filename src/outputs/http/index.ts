/** The `http` output: chunks as the bodies of HTTP requests. Source: Fluentd 1.16 out_http.rb; compress and allowed_hosts 1.19. */
import { checkPlaceholderKeys } from '../../codecs/chunk-placeholders.ts';
import { OperatingError } from '../../core/errors.ts';
import { boolean, choice, integer, list, map, secret, snakeCase, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { OutputContext, Plugin, PluginConfig, SectionTable } from '../../core/plugin.ts';
import type { BufferModel } from '../../config/model.ts';
import { clientTlsOptions, clientTlsProblem } from '../requests/client-tls.ts';
import { headerProblem } from '../requests/headers.ts';
import { endpointProblem, shownEndpoint } from './address.ts';
import { httpForm } from './fluentbit.ts';
import { HttpOutput } from './output.ts';
import type { HttpBody } from './output.ts';
import { recordRequests } from './record-requests.ts';

/** Of every output that sends chunks as requests. */
export const httpOptions = {
  endpoint: text(
    'URL that chunks are sent to; may hold ${tag}, ${tag[1]}, ${field} and time formats of the chunk keys.',
    {
      required: true,
    },
  ),
  httpMethod: choice(['post', 'put'])('The method of its requests.', { default: 'post' }),
  proxy: text(
    'Proxy to go through, as http://user:password@host:port; default: HTTP_PROXY or http_proxy of the environment.',
  ),
  contentType: text('The Content-Type; without it that of the format.'),
  jsonArray: boolean('Sends one JSON array in place of a JSON object a line.', { default: false }),
  headers: map('Headers of each request.'),
  headersFromPlaceholders: map('Headers whose values hold placeholders of the chunk keys.'),
  compress: choice(['text', 'gzip', 'zstd'])('Compresses bodies.', { default: 'text' }),
  allowedHosts: list('Hosts that a placeholder in the host of the endpoint may come to; all when unset.'),
  // Net::HTTP's defaults.
  openTimeout: integer(1)('Seconds for a connection to open.', { default: 60 }),
  readTimeout: integer(1)('Seconds without a byte of the answer.', { default: 60 }),
  sslTimeout: integer(1)('Seconds for the TLS handshake; without it open_timeout.'),
  reuseConnections: boolean('Sends more than one request on a connection.', { default: true }),
  ...clientTlsOptions,
  errorResponseAsUnrecoverable: boolean('Hands what the server refuses to the secondary.', { default: true }),
  retryableResponseCodes: list(
    'Status codes, also as 5xx, after which a chunk is sent again; without it 408, 425, 429, 502, 503, 504.',
  ),
} as const;

export const httpSections = {
  auth: {
    summary: 'How requests prove who sends them',
    options: {
      method: choice(['basic', 'aws_sigv4'])(
        'The way: basic is user name and password, aws_sigv4 signs each request with the keys of AWS that the environment, the shared files, the pod or the machine gives.',
        { default: 'basic' },
      ),
      username: text('The user name of basic.'),
      password: secret('The password of basic.'),
      awsService: text('The AWS service of aws_sigv4, such as es, aoss or execute-api.'),
      awsRegion: text('The AWS region of aws_sigv4.'),
      awsRoleArn: text('The AWS role to assume for aws_sigv4; without it the keys found are used as they are.'),
    },
  },
} as const satisfies SectionTable;

const options = {
  ...httpOptions,
  bodyKey: text('Sends a request for each record, whose body is this value, such as $body; needs headers_key.'),
  headersKey: text('The map that holds the headers of such a request.'),
} as const;

export type HttpOutputOptions = OptionValues<typeof httpOptions>;
export type AuthOptions = OptionValues<(typeof httpSections)['auth']['options']>;
export type HttpOutputConfig = PluginConfig<typeof httpOptions>;

/** The plugin with the environment that names a proxy; tests give their own. */
export function httpOutputOver(env: Readonly<Record<string, string | undefined>>): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'http',
    summary: 'Sends chunks of records over HTTP: as NDJSON, a JSON array, or in any format.',
    options,
    sections: httpSections,
    defaultFormatter: 'json',
    fluentbit: httpForm,
    target: ({ endpoint }) => shownEndpoint(endpoint),
    example: `<match app.**>
  @type http
  endpoint https://logs.example.com/in/\${tag}
  compress gzip
  <auth>
    method basic
    username collector
    password secret
  </auth>
  <buffer tag>
    flush_interval 5s
  </buffer>
</match>`,
    differences: [
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Drops a chunk that is answered 429, 408, 425, 502 or 504. Here these say later, as 503 does: the chunk is sent again, after Retry-After where that is given. Codes that are written are taken as written.',
        options: ['retryableResponseCodes'],
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Drops a chunk for a record that the server refuses. Here a chunk that is answered 400, 413 or 422 is halved until that record is found; it alone goes to the secondary or the dead letters, as does a whole chunk after other errors.',
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'With `error_response_as_unrecoverable false` it logs that the server refused a chunk, and counts it as sent. Here such records go to the secondary or the dead letters as well.',
        options: ['errorResponseAsUnrecoverable'],
      },
      {
        peer: 'fluentd',
        text: 'Puts tags into the endpoint as they are. Here what a URL cannot hold is percent-encoded, and a value may not lead out of the path.',
      },
      {
        peer: 'fluentd',
        text: 'Speaks TLS 1.2 alone unless `tls_version` says otherwise. Here TLS 1.2 and 1.3.',
        options: ['tlsVersion'],
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'With `<auth> method aws_sigv4` it drops a chunk whose keys have expired or are not known. Here the keys are fetched anew and the chunk is sent again, and the log says what to check.',
        options: ['method'],
      },
    ],
    check(config, buffer) {
      const { bodyKey, headersKey } = config.options;
      if ((bodyKey === undefined) !== (headersKey === undefined))
        throw new Error('body_key and headers_key must be given together');
      if (bodyKey !== undefined && headersKey !== undefined) recordRequests(bodyKey, headersKey);
      checkHttp(config, buffer, env);
    },
    create: (config, context) => createHttp(config, context, env, bodyOf(config, context)),
  });
}

/** `http` with the environment of the process. */
export const httpOutput: Plugin = httpOutputOver(process.env);

/** An output that sends such bodies, for plugins with forms of their own. */
export function createHttp(
  { options, sections }: Pick<HttpOutputConfig, 'options' | 'sections'>,
  context: OutputContext,
  env: Readonly<Record<string, string | undefined>>,
  body: HttpBody,
): HttpOutput {
  return new HttpOutput({ options, sections }, context, proxyOf(options, env), body);
}

/** Fluentd’s forms: records one behind the other, or in an array as `[{…}\n,{…}\n]`. */
function bodyOf(
  { options: { jsonArray, contentType, bodyKey, headersKey }, formatter }: PluginConfig<typeof options>,
  context: OutputContext,
): HttpBody {
  if (bodyKey !== undefined && headersKey !== undefined) return recordRequests(bodyKey, headersKey);
  const inner = context.formatter(formatter ?? 'json');
  return {
    formatter: inner,
    contentType: contentType ?? (jsonArray ? 'application/json' : inner.contentType),
    ...(jsonArray && { opening: '[', between: ',', closing: ']' }),
  };
}

function proxyOf({ proxy }: HttpOutputOptions, env: Readonly<Record<string, string | undefined>>): URL | undefined {
  const written = proxy ?? env['HTTP_PROXY'] ?? env['http_proxy'];
  if (written === undefined || written === '') return undefined;
  const url = URL.parse(written.includes('://') ? written : `http://${written}`);
  // Checked before; the environment may have changed since.
  if (!url) throw new OperatingError('PLUGIN_LOAD', 'the proxy of output http is no URL');
  return url;
}

/** @throws Error saying what is wrong and what to do */
export function checkHttp(
  config: HttpOutputConfig,
  buffer: BufferModel | undefined,
  env: Readonly<Record<string, string | undefined>>,
): void {
  const problem = problemOf(config, buffer, env);
  if (problem !== undefined) throw new Error(problem);
}

function problemOf(
  { options: values, sections: own, formatter }: HttpOutputConfig,
  buffer: BufferModel | undefined,
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const written = values.proxy ?? env['HTTP_PROXY'] ?? env['http_proxy'] ?? '';
  const proxy = URL.parse(written.includes('://') ? written : `http://${written}`);
  if (written !== '' && proxy?.protocol !== 'http:') return 'proxy must be a URL such as http://proxy.example.com:3128';
  if (values.jsonArray && formatter !== undefined && !['json', 'fluentbit_json'].includes(formatter.type))
    return `json_array needs the format json, not ${formatter.type}`;
  const auth = own['auth']?.[0]?.options as AuthOptions | undefined;
  if (auth?.method === 'aws_sigv4')
    for (const name of ['awsService', 'awsRegion'] as const)
      if ((auth[name] ?? '') === '') return `<auth> method aws_sigv4 needs ${snakeCase(name)}`;
  const tlsProblem = clientTlsProblem(values);
  if (tlsProblem !== undefined) return tlsProblem;
  const code = values.retryableResponseCodes?.find((one) => !/^[1-5](?:\d\d|xx)$/.test(one));
  if (code !== undefined) return `retryable_response_codes: ${JSON.stringify(code)} is no HTTP status code`;
  const texts = [values.headers ?? {}, values.headersFromPlaceholders ?? {}].flatMap((one) => Object.entries(one));
  for (const [name, value] of texts) {
    const problem = headerProblem(name, value);
    if (problem !== undefined) return problem;
  }
  if (buffer) {
    checkPlaceholderKeys('endpoint', values.endpoint, buffer);
    for (const [name, value] of Object.entries(values.headersFromPlaceholders ?? {}))
      checkPlaceholderKeys(`headers_from_placeholders: ${name}`, value, buffer);
  }
  return endpointProblem(values.endpoint);
}
