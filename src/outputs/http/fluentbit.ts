/** How Fluent Bit's configurations write `http`. Source: Fluent Bit 5.1 out_http/http.c. */
import { fluentbitJsonOptions, fluentbitJsonProperties } from '../../codecs/fluentbit_json.ts';
import { fluentbitForm, fluentbitWords, madeModel, madeSection, tlsProperties } from '../../core/fluentbit.ts';
import { choice, integer, secret, text } from '../../core/options.ts';

/** What Fluent Bit tries again; other answers from 400 to 499 say that the records are at fault. */
const retried = ['408', '425', '429', '3xx', '5xx'];

const jsonType = 'application/json';

export const httpForm = fluentbitForm({
  options: {
    httpMethod: {},
    proxy: {},
    compress: { default: 'text' },
    readTimeout: { name: 'http.response_timeout' },
  },
  properties: {
    host: text('Host to send to.', { default: '127.0.0.1' }),
    port: integer(1, 65_535)('Port of the host.', { default: 80 }),
    uri: text('Path of the requests.', { default: '/' }),
    format: choice(['json', 'json_lines', 'json_stream', 'msgpack'])('The form of the bodies.', { default: 'json' }),
    headerTag: text('A header that carries the tag.', { fluentbit: 'header_tag' }),
    httpUser: text('User name of basic authentication.', { fluentbit: 'HTTP_User' }),
    httpPasswd: secret('Password of basic authentication.', { default: '', fluentbit: 'HTTP_Passwd' }),
    ...fluentbitJsonProperties,
    ...tlsProperties,
  },
  repeated: { header: 'A header of each request: name and value.' },
  ignored: {
    allow_duplicated_headers: 'of headers with the same name the last one is sent',
    log_response_payload: 'what a server answers to what it refuses is in the log and with the dead letters',
    'http.read_idle_timeout': 'http.response_timeout is the time without a byte of the answer',
  },
  lower({ properties, pairs, at, error }) {
    const { host, port, uri, format, headerTag, httpUser, httpPasswd, tls } = properties;
    const headers: Record<string, string> = {};
    for (const { value, valueAt } of pairs) {
      const [name = '', ...rest] = fluentbitWords(value, { max: 1 }) ?? [];
      if (rest.length === 0) error(valueAt ?? at, `Header ${name}: a name and a value were expected`);
      else headers[name] = rest.join(' ');
    }
    const path = uri.startsWith('/') ? uri : `/${uri}`;
    const type =
      format === 'msgpack' ? 'application/msgpack' : format === 'json_lines' ? 'application/x-ndjson' : jsonType;
    const made =
      format === 'msgpack'
        ? madeModel('formatter', 'fluentbit_msgpack', {}, at)
        : madeModel(
            'formatter',
            'fluentbit_json',
            { ...fluentbitJsonOptions(properties), isLine: format === 'json_lines' },
            at,
          );
    return {
      options: {
        endpoint: `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}${path}`,
        contentType: type,
        jsonArray: format === 'json',
        retryableResponseCodes: retried,
        headers,
        ...(headerTag !== undefined && { headersFromPlaceholders: { [headerTag]: `\${tag}` } }),
        tlsCaCertPath: properties.tlsCaFile,
        tlsClientCertPath: properties.tlsCrtFile,
        tlsPrivateKeyPath: properties.tlsKeyFile,
        tlsPrivateKeyPassphrase: properties.tlsKeyPasswd,
        tlsVerifyMode: properties.tlsVerify ? 'peer' : 'none',
        tlsCiphers: properties.tlsCiphers,
      },
      sections:
        httpUser === undefined
          ? {}
          : { auth: [madeSection({ method: 'basic', username: httpUser, password: httpPasswd }, at)] },
      formatter: made,
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
