/** The `influxdb2` output: records as points of InfluxDB 2.x, over its own API. Source: fluent-plugin-influxdb-v2 with influxdb-client-ruby. */
import { checkPlaceholderKeys, compileChunkText } from '../codecs/chunk-placeholders.ts';
import { boolean, choice, integer, list, secret, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { OutputContext } from '../core/plugin.ts';
import { InfluxOutput } from './influxdb/output.ts';
import {
  checkTls,
  clientOf,
  ownOptions,
  sharedDifferences,
  timeoutOptions,
  tlsOf,
  tlsOptions,
} from './influxdb/options.ts';
import { queryText } from './influxdb/server.ts';

const options = {
  url: text('Where InfluxDB is: https://host:port.', { default: 'https://localhost:8086' }),
  token: secret('Token that may write into the bucket.', { required: true }),
  useSsl: boolean('Speaks TLS, as long as url begins with https.', { default: true }),
  verifyMode: integer(0, 1)('Whether the server’s certificate is looked at: 1, or 0 for not, as OpenSSL counts.'),
  bucket: text('Bucket, in which placeholders are filled in.', { required: true }),
  org: text('Organization, by name or id.', { required: true }),
  measurement: text('Measurement of all points, in which placeholders are filled in; without it the tag.'),
  tagKeys: list('Fields that become tags.', { default: [] }),
  tagFluentd: boolean('Adds the record’s tag as the tag `fluentd`.', { default: false }),
  fieldKeys: list('Fields that are written, and no others; all without it.', { default: [] }),
  fieldCastToFloat: boolean('Writes integers as floats.', { default: false }),
  timePrecision: choice(['s', 'ms', 'us', 'ns'])('Precision of times.', { default: 'ns' }),
  timeKey: text(
    'Field whose value is the point’s time, in units of the precision or as date and time in ISO 8601 form.',
  ),
  lineProtocolKey: text('Field whose text is written as it is, as line protocol; the record’s other fields are not.'),
  ...ownOptions,
  ...timeoutOptions,
  ...tlsOptions,
} as const;

type Options = OptionValues<typeof options>;

export const influxdb2Output = definePlugin({
  kind: 'output',
  name: 'influxdb2',
  summary: 'Writes records as points into a bucket of InfluxDB 2.x.',
  options,
  buffer: { chunkKeys: ['tag'] },
  target: ({ url, bucket }) => `${shownUrl(url)}/${bucket}`,
  example: `<match app.**>
  @type influxdb2
  url https://influxdb.example.com:8086
  token secret
  bucket logs
  org example
  tag_keys ["host"]
  time_precision ms
  <buffer tag>
    flush_interval 5s
  </buffer>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Counts nanoseconds as floats, which moves times by up to 128 of them. Here they are exact.',
      options: ['timePrecision'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Writes arrays in Ruby’s form without quotes, which the server refuses. Here they are JSON text.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Says nothing of a record without a field, or without line protocol. Here it is refused and counted.',
      options: ['lineProtocolKey'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Doubles backslashes in tags and measurements, which InfluxDB keeps doubled. Here they are written once.',
    },
    ...sharedDifferences('fluentd'),
  ],
  check({ options: written }, buffer) {
    checkTls(written);
    if (!urlOf(written))
      throw new Error(`url ${JSON.stringify(shownUrl(written.url))} is no URL such as https://localhost:8086`);
    if (written.exactlyOnce && written.lineProtocolKey !== undefined)
      throw new Error('exactly_once cannot hold with line_protocol_key, whose lines have times of their own');
    if (!buffer) return;
    if (written.measurement === undefined && !buffer.chunkKeys.includes('tag'))
      throw new Error('without measurement the chunk key tag is required: write <buffer tag>');
    for (const name of ['measurement', 'bucket'] as const) checkPlaceholderKeys(name, written[name] ?? '', buffer);
  },
  create: ({ options: values }, context) => make(values, context),
});

function urlOf({ url }: Options): URL | undefined {
  const parsed = URL.parse(url);
  return parsed && /^https?:$/.test(parsed.protocol) && parsed.hostname !== '' ? parsed : undefined;
}
/** Without a login that may stand in it. */
function shownUrl(url: string): string {
  return url.replace(/^([a-z][\w+.-]*:\/\/)[^/?#]*@/i, '$1').replace(/[/?#]+$/, '');
}

function make(options: Options, context: OutputContext): InfluxOutput {
  const { org, exactlyOnce, timePrecision, measurement, fieldKeys } = options;
  const url = urlOf(options) ?? new URL('https://localhost:8086');
  const isTls = url.protocol === 'https:' && options.useSsl;
  const fill = measurement === undefined ? undefined : compileChunkText(measurement, context.buffer);
  const bucket = compileChunkText(options.bucket, context.buffer);
  const base = url.pathname.replace(/\/+$/, '');
  const precision = exactlyOnce ? 'ns' : timePrecision;
  return new InfluxOutput(
    {
      server: {
        hosts: [url.hostname.replace(/^\[(.*)\]$/, '$1')],
        port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
        isTls,
        headers: { Authorization: `Token ${options.token}` },
        contentType: 'text/plain; charset=utf-8',
        isPacked: options.compress === 'gzip',
        writePath: (_, name) => `${base}/api/v2/write?${queryText({ bucket: name, org, precision })}`,
        client: clientOf(options, context),
        tls: () => (isTls ? tlsOf(options, options.verifyMode !== 0) : Promise.resolve({})),
      },
      lines: {
        form: {
          dialect: 'fluentd',
          tagKeys: new Set(options.tagKeys),
          hasAutoTags: false,
          tagsListKey: undefined,
          fieldKeys: fieldKeys.length === 0 ? undefined : new Set(fieldKeys),
          isSorted: true,
          integers: options.fieldCastToFloat ? 'float' : 'suffixed',
          nested: 'flatten',
          timeKey: options.timeKey,
          policyKey: undefined,
        },
        precision: timePrecision,
        isTimeRounded: true,
        movesEqualTimes: false,
        sequence: undefined,
        isExactlyOnce: exactlyOnce,
        isDiverting: options.onTypeConflict === 'divert',
        routeTag: options.tagFluentd ? 'fluentd' : undefined,
        lineKey: options.lineProtocolKey,
      },
      measurement: (chunk, tag) => fill?.(chunk).text ?? tag,
      bucket: (chunk) => bucket(chunk).text,
      policy: undefined,
      check: undefined,
      fieldsPath: () => undefined,
      otherApi: 'it has the API of 2.x from 1.8 on; write @type influxdb for older ones',
    },
    context,
  );
}
