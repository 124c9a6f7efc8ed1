/** How Fluent Bit's configurations write `http`. Source: Fluent Bit 5.1 out_http/http.c. */
import { gelfOptions, gelfProperties } from '../../codecs/fluentbit_gelf.ts';
import { fluentbitJsonOptions, fluentbitJsonProperties } from '../../codecs/fluentbit_json.ts';
import { fluentbitForm, fluentbitWords, madeModel, madeSection, tlsProperties } from '../../core/fluentbit.ts';
import type { FluentbitParts, FluentbitWritten } from '../../core/fluentbit.ts';
import { boolean, choice, integer, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { fluentbitClientTls } from '../requests/client-tls.ts';

/** What Fluent Bit tries again; other answers from 400 to 499 say that the records are at fault. */
const retriedStatuses = ['408', '425', '429', '3xx', '5xx'];

/** Where requests go and who sends them, of every output of Fluent Bit that speaks HTTP. */
export const requestProperties = {
  host: text('Host to send to.', { default: '127.0.0.1' }),
  httpUser: text('User name of basic authentication.', { fluentbit: 'HTTP_User' }),
  httpPasswd: secret('Password of basic authentication.', { default: '', fluentbit: 'HTTP_Passwd' }),
  ...tlsProperties,
} as const;

/** Options and sections of the output for them. `uri`: the path. */
export function requestParts(
  properties: OptionValues<typeof requestProperties>,
  port: number,
  uri: string,
  { at, written }: Pick<FluentbitWritten, 'at' | 'written'>,
): { readonly options: Readonly<Record<string, unknown>>; readonly sections: FluentbitParts['sections'] & object } {
  const { host, httpUser, httpPasswd, tls } = properties;
  const path = uri.startsWith('/') ? uri : `/${uri}`;
  return {
    options: {
      endpoint: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
      retryableResponseCodes: retriedStatuses,
      ...fluentbitClientTls(properties, written('tlsVerifyHostname') !== undefined),
    },
    sections:
      httpUser === undefined
        ? {}
        : { auth: [madeSection({ method: 'basic', username: httpUser, password: httpPasswd }, at)] },
  };
}

/** `Header name value`, as often as it stands there. */
export function headersOf({
  pairs,
  at,
  error,
}: Pick<FluentbitWritten, 'pairs' | 'at' | 'error'>): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const { key, value, valueAt } of pairs) {
    if (key !== 'header') continue;
    const [name = '', ...rest] = fluentbitWords(value, { max: 1 }) ?? [];
    if (rest.length === 0) error(valueAt ?? at, `Header ${name}: a name and a value were expected`);
    else headers[name] = rest.join(' ');
  }
  return headers;
}

/** Options of these outputs that are the same in their forms. */
export const requestOptions = { readTimeout: { name: 'http.response_timeout' }, proxy: {} } as const;

const jsonType = 'application/json';
const types = {
  json: jsonType,
  json_stream: jsonType,
  json_lines: 'application/x-ndjson',
  gelf: jsonType,
  msgpack: 'application/msgpack',
} as const;

export const httpForm = fluentbitForm({
  options: {
    ...requestOptions,
    httpMethod: {},
    compress: { default: 'text' },
    bodyKey: { name: 'body_key' },
    headersKey: { name: 'headers_key' },
  },
  properties: {
    ...requestProperties,
    port: integer(1, 65_535)('Port of the host.', { default: 80 }),
    uri: text('Path of the requests.', { default: '/' }),
    format: choice(['json', 'json_lines', 'json_stream', 'gelf', 'msgpack'])('The form of the bodies.', {
      default: 'json',
    }),
    headerTag: text('A header that carries the tag.', { fluentbit: 'header_tag' }),
    ...fluentbitJsonProperties,
    ...gelfProperties,
    awsAuth: boolean('Signs requests for AWS.', { default: false }),
    awsService: text('The AWS service, such as es or aoss.'),
    awsRegion: text('The AWS region.'),
    awsRoleArn: text('The AWS role to assume.'),
  },
  repeated: { header: 'A header of each request: name and value.' },
  ignored: {
    allow_duplicated_headers: 'of headers with the same name the last one is sent',
    log_response_payload: 'what a server answers to what it refuses is in the log and with the dead letters',
    'http.read_idle_timeout': 'http.response_timeout is the time without a byte of the answer',
  },
  lower(written) {
    const { properties, at, error } = written;
    const { format, headerTag, awsAuth } = properties;
    const { options, sections } = requestParts(properties, properties.port, properties.uri, written);
    if (awsAuth && properties.httpUser !== undefined)
      error(
        written.written('awsAuth') ?? at,
        'AWS_Auth and HTTP_User exclude each other: both are the header Authorization',
      );
    const { awsService, awsRegion, awsRoleArn } = properties;
    const headers = headersOf(written);
    const contentType = Object.keys(headers).find((name) => name.toLowerCase() === 'content-type');
    const aws = madeSection({ method: 'aws_sigv4', awsService, awsRegion, awsRoleArn }, at);
    return {
      options: {
        ...options,
        contentType: (contentType !== undefined && headers[contentType]) || types[format],
        jsonArray: format === 'json',
        headers: Object.fromEntries(Object.entries(headers).filter(([name]) => name !== contentType)),
        ...(headerTag !== undefined && { headersFromPlaceholders: { [headerTag]: `\${tag}` } }),
      },
      sections: awsAuth ? { auth: [aws] } : sections,
      formatter:
        format === 'msgpack'
          ? madeModel('formatter', 'fluentbit_msgpack', {}, at)
          : format === 'gelf'
            ? madeModel('formatter', 'fluentbit_gelf', gelfOptions(properties), at)
            : madeModel(
                'formatter',
                'fluentbit_json',
                { ...fluentbitJsonOptions(properties), isLine: format === 'json_lines' },
                at,
              ),
    };
  },
  example: `[OUTPUT]
    Name   http
    Match  *
    Host   logs.example.com
    Port   443
    URI    /in
    Format json_lines
    tls    on`,
});
