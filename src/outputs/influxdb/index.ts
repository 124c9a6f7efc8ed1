/**
 * The `influxdb` output: records as points of InfluxDB 1.x. Source: fluent-plugin-influxdb 2.1.0 with influxdb-ruby 0.8.1,
 * whose requests it makes byte for byte.
 */
import { checkPlaceholderKeys, compileChunkText } from '../../codecs/chunk-placeholders.ts';
import { boolean, choice, integer, list, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { OutputContext } from '../../core/plugin.ts';
import { InfluxOutput, checkDatabase } from './output.ts';
import { checkTls, clientOf, ownOptions, sharedDifferences, timeoutOptions, tlsOf, tlsOptions } from './options.ts';
import { queryText } from './server.ts';

const options = {
  host: text('Host of InfluxDB; several separated by commas: the next one is tried when one does not answer.', {
    default: 'localhost',
  }),
  port: integer(1, 65_535)('Port of its HTTP API.', { default: 8086 }),
  dbname: text('Database, which must exist.', { default: 'fluentd' }),
  measurement: text('Measurement of all points, in which placeholders are filled in; without it the tag.'),
  user: text('User name.', { default: 'root' }),
  password: secret('Its password.', { default: 'root' }),
  retry: integer()('How often a connection is tried again.', {
    ignored: 'chunks are sent again as the buffer section says',
  }),
  timeKey: text(
    'Field whose value is the point’s time, in units of the precision or as date and time in ISO 8601 form.',
    {
      default: 'time',
    },
  ),
  timePrecision: choice(['h', 'm', 's', 'ms', 'u', 'ns'])('Precision of times.', { default: 's' }),
  useSsl: boolean('Speaks TLS.', { default: false }),
  verifySsl: boolean('Whether the server’s certificate is looked at.', { default: true }),
  autoTags: boolean('Makes every text a tag.', { default: false }),
  tagKeys: list('Fields that become tags.', { default: [] }),
  sequenceTag: text('Tag that counts, from 0, records of the same time that follow each other.'),
  retentionPolicyKey: text('Field whose value is the point’s retention policy.'),
  defaultRetentionPolicy: text('Retention policy of points whose record names none.'),
  castNumberToFloat: boolean('Writes integers as floats.', { default: false }),
  ...ownOptions,
  ...timeoutOptions,
  ...tlsOptions,
} as const;

type Options = OptionValues<typeof options>;

export const influxdbOutput = definePlugin({
  kind: 'output',
  name: 'influxdb',
  summary: 'Writes records as points into a database of InfluxDB 1.x.',
  options,
  buffer: { chunkKeys: ['tag'] },
  target: ({ host, port, dbname }) => `${host}:${port}/${dbname}`,
  example: `<match app.**>
  @type influxdb
  host influxdb.example.com
  dbname logs
  user collector
  password secret
  tag_keys ["host", "status"]
  time_precision ms
  <buffer tag>
    flush_interval 5s
  </buffer>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops a record in which any value is null or an empty text. Here null values are left out, empty texts are written as such, and a record is refused only where no field is left.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Writes objects and arrays in Ruby’s form without quotes, which the server refuses. Here they are JSON text.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Ends at its start when the database does not exist. Here its chunks wait until it is created; `check --probe` and `/readyz` say so.',
      options: ['dbname'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Writes a time that is a text as it is, which the server refuses. Here one in ISO 8601 form is converted, and another value is kept as a field with `_` behind its name.',
      options: ['timeKey'],
    },
    {
      peer: 'fluentd',
      text: 'Once a record names another retention policy, all that follow in its chunk are sent one by one. Here those of one policy are sent together.',
      options: ['retentionPolicyKey'],
    },
    {
      peer: 'fluentd',
      text: 'Takes `measurement` as it is. Here placeholders in it are filled in.',
      options: ['measurement'],
    },
    ...sharedDifferences('fluentd'),
  ],
  check({ options: written }, buffer) {
    checkTls(written);
    if (hostsOf(written).length === 0) throw new Error('host names no host');
    if (!buffer) return;
    if (!buffer.chunkKeys.includes('tag')) throw new Error('chunk key tag is required: write <buffer tag>');
    if (written.measurement !== undefined) checkPlaceholderKeys('measurement', written.measurement, buffer);
  },
  create: ({ options: values }, context) => make(values, context),
});

function hostsOf({ host }: Options): string[] {
  return host
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
}

function make(options: Options, context: OutputContext): InfluxOutput {
  const { dbname, user, password, exactlyOnce, timePrecision, measurement, sequenceTag } = options;
  const login = { u: user, p: password };
  const fill = measurement === undefined ? undefined : compileChunkText(measurement, context.buffer);
  return new InfluxOutput(
    {
      server: {
        hosts: hostsOf(options),
        port: options.port,
        isTls: options.useSsl,
        headers: {},
        contentType: 'application/octet-stream',
        isPacked: options.compress === 'gzip',
        writePath: (rp) =>
          `/write?${queryText({ db: dbname, precision: exactlyOnce ? 'ns' : timePrecision, rp, ...login })}`,
        client: clientOf(options, context),
        tls: () => tlsOf(options, options.verifySsl),
      },
      lines: {
        form: {
          dialect: 'fluentd',
          tagKeys: new Set(options.tagKeys),
          hasAutoTags: options.autoTags,
          tagsListKey: undefined,
          fieldKeys: undefined,
          isSorted: false,
          integers: options.castNumberToFloat ? 'float' : 'suffixed',
          nested: 'json',
          timeKey: options.timeKey,
          policyKey: options.retentionPolicyKey,
        },
        precision: timePrecision,
        isTimeRounded: false,
        movesEqualTimes: false,
        sequence: sequenceTag === undefined ? undefined : { tag: sequenceTag, counts: 'time' },
        isExactlyOnce: exactlyOnce,
        isDiverting: options.onTypeConflict === 'divert',
        routeTag: undefined,
        lineKey: undefined,
      },
      measurement: (chunk, tag) => fill?.(chunk).text ?? tag,
      bucket: () => undefined,
      policy: options.defaultRetentionPolicy,
      check: (server, signal) =>
        checkDatabase(server, `/query?${queryText({ q: 'SHOW DATABASES', ...login })}`, dbname, signal),
      fieldsPath: (name) => `/query?${queryText({ q: `SHOW FIELD KEYS FROM ${quoted(name)}`, db: dbname, ...login })}`,
      otherApi: 'write @type influxdb2 with token, bucket and org',
    },
    context,
  );
}

/** A name in InfluxQL. */
function quoted(name: string): string {
  return `"${name.replaceAll(/["\\\n]/g, (char) => (char === '\n' ? String.raw`\n` : `\\${char}`))}"`;
}
