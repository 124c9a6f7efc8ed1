/** Fluent Bit's `influxdb` output, for InfluxDB 1.x and 2.x. Source: Fluent Bit 5.1 plugins/out_influxdb; the properties for prefixes and lists of tags from its documentation. */
import { fluentbitForm, fluentbitWords, tlsProperties } from '../core/fluentbit.ts';
import { boolean, integer, list, map, secret, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { OutputContext } from '../core/plugin.ts';
import { InfluxOutput } from './influxdb/output.ts';
import { clientOf, ownOptions, sharedDifferences, timeoutOptions } from './influxdb/options.ts';
import { queryText } from './influxdb/server.ts';
import { clientTls, fluentbitClientTls } from './requests/client-tls.ts';

// The server's certificate must name `host`, as always with these clients.

const options = {
  host: text('Host of InfluxDB.', { default: '127.0.0.1' }),
  port: integer(1, 65_535)('Port of its HTTP API.', { default: 8086 }),
  database: text('Database of InfluxDB 1.x, which must exist.', { default: 'fluentbit' }),
  bucket: text('Bucket of InfluxDB 2.x; with it the API of 2.x is spoken.'),
  org: text('Organization of the bucket.', { default: 'fluent' }),
  uri: text('Path and query of write requests, in place of those of the API.'),
  httpUser: text('User name for basic authentication.'),
  httpPasswd: secret('Its password.', { default: '' }),
  httpToken: secret('Token for InfluxDB 2.x.'),
  httpHeaders: map('Headers of each request.', { default: {} }),
  sequenceTag: text('Tag that counts the records; `off` for none.', { default: '_seq' }),
  autoTags: boolean('Makes every text a tag.', { default: false }),
  tagKeys: list('Fields that become tags.', { default: [] }),
  tagsListEnabled: boolean('Makes tags of the fields that a list in the record itself names.', { default: false }),
  tagsListKey: text('Field with that list.', { default: 'tags' }),
  addIntegerSuffix: boolean('Writes integers as such; without it every number is a float.', { default: false }),
  stripPrefix: text('What is cut off from the beginning of the tag to make the measurement.', { default: '' }),
  ...ownOptions,
  ...timeoutOptions,
  ...tlsProperties,
} as const;

type Options = OptionValues<typeof options>;

export const fluentbitInfluxdbOutput = definePlugin({
  kind: 'output',
  name: 'fluentbit_influxdb',
  summary: 'Writes records as points into InfluxDB 1.x or 2.x, in the form of Fluent Bit.',
  options,
  buffer: { chunkKeys: ['tag'] },
  target: ({ host, port, database, bucket }) => `${host}:${port}/${bucket ?? database}`,
  example: '',
  fluentbit: fluentbitForm({
    names: ['influxdb'],
    options: {
      host: {},
      port: {},
      database: {},
      bucket: {},
      org: {},
      uri: {},
      httpUser: { name: 'HTTP_User' },
      httpPasswd: { name: 'HTTP_Passwd' },
      httpToken: { name: 'HTTP_Token' },
      sequenceTag: {},
      autoTags: {},
      tagsListEnabled: {},
      tagsListKey: {},
      addIntegerSuffix: {},
      stripPrefix: {},
      exactlyOnce: {},
      onTypeConflict: {},
      compress: {},
      ...Object.fromEntries(Object.keys(tlsProperties).map((name) => [name, {}])),
    },
    properties: { tagKeys: text('Fields that become tags, with blanks between them.', { fluentbit: 'Tag_Keys' }) },
    repeated: { http_header: 'A header of each request: its name, a blank, its value.' },
    lower(written) {
      const { tagKeys } = written.properties;
      const headers = written.pairs.map(({ value, at }) => {
        const [name, content] = fluentbitWords(value, { max: 1 }) ?? [];
        if (name === undefined || content === undefined)
          written.error(at, `HTTP_Header ${value}: expected a name, a blank and a value`);
        return [name ?? '', content ?? ''];
      });
      return {
        options: {
          httpHeaders: Object.fromEntries(headers) as Record<string, string>,
          tagKeys: tagKeys === undefined ? [] : (fluentbitWords(tagKeys, { isQuoted: false }) ?? []),
        },
      };
    },
    example: `[OUTPUT]
    Name       influxdb
    Match      app.*
    Host       influxdb.example.com
    Database   logs
    Tag_Keys   host status
    Add_Integer_Suffix On`,
  }),
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Writes a tag for an empty text, for which the server refuses the point. Here it is left out.',
      options: ['autoTags', 'tagKeys'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Writes six digits of a fraction, whatever it is. Here all of them where six would change it.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Drops a record without a field with a warning. Here it is refused and counted.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Stays at sequence number 1 after 99,999 records. Here it begins again at 0.',
      options: ['sequenceTag'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Writes the tag as measurement without escapes, so that a blank or comma in it changes the point. Here they are escaped.',
    },
    ...sharedDifferences('fluentbit'),
  ],
  check({ options: written }) {
    if (written.uri !== undefined && !written.uri.startsWith('/'))
      throw new Error("'uri' value must start with a forward slash '/'");
    if (written.exactlyOnce && written.uri !== undefined && !/[?&]precision=n(?:s|&|$)/.test(written.uri))
      throw new Error('exactly_once needs nanoseconds: write precision=ns into uri');
    if ((written.tlsCrtFile === undefined) !== (written.tlsKeyFile === undefined))
      throw new Error('tls.crt_file and tls.key_file must be given together');
  },
  create: ({ options: values }, context) => make(values, context),
});

function writePath({ uri, bucket, org, database }: Options): string {
  if (uri !== undefined) return uri.replaceAll(/[^\x21-\x7e]+/g, encodeURIComponent);
  // As they are written there, where a URL can hold that.
  const value = (name: string): string => (/^[\w.~:/@-]*$/.test(name) ? name : queryText({ '': name }).slice(1));
  return bucket === undefined
    ? `/write?db=${value(database)}&precision=n`
    : `/api/v2/write?org=${value(org)}&bucket=${value(bucket)}&precision=ns`;
}

function authorization({ httpToken, httpUser, httpPasswd }: Options): Readonly<Record<string, string>> {
  if (httpToken !== undefined) return { Authorization: `Token ${httpToken}` };
  if (httpUser === undefined) return {};
  return { Authorization: `Basic ${Buffer.from(`${httpUser}:${httpPasswd}`).toString('base64')}` };
}

function make(options: Options, context: OutputContext): InfluxOutput {
  const { sequenceTag, exactlyOnce, stripPrefix, bucket } = options;
  const path = writePath(options);
  return new InfluxOutput(
    {
      server: {
        hosts: [options.host],
        port: options.port,
        isTls: options.tls,
        headers: { 'User-Agent': 'Fluent-Bit', ...authorization(options), ...options.httpHeaders },
        contentType: undefined,
        isPacked: options.compress === 'gzip',
        writePath: () => path,
        client: clientOf(options, context),
        tls: async () => (options.tls ? clientTls(fluentbitClientTls(options, true)) : {}),
      },
      lines: {
        form: {
          dialect: 'fluentbit',
          tagKeys: new Set(options.tagKeys),
          hasAutoTags: options.autoTags,
          tagsListKey: options.tagsListEnabled ? options.tagsListKey : undefined,
          fieldKeys: undefined,
          isSorted: false,
          integers: options.addIntegerSuffix ? 'suffixed' : 'plain',
          nested: 'skip',
          timeKey: undefined,
          policyKey: undefined,
        },
        precision: 'ns',
        isTimeRounded: false,
        movesEqualTimes: !exactlyOnce,
        sequence: sequenceTag === 'off' || sequenceTag === '' ? undefined : { tag: sequenceTag, counts: 'endless' },
        isExactlyOnce: exactlyOnce,
        isDiverting: options.onTypeConflict === 'divert',
        routeTag: undefined,
        lineKey: undefined,
      },
      measurement: (_, tag) => (tag.startsWith(stripPrefix) ? tag.slice(stripPrefix.length) : tag),
      bucket: () => bucket,
      policy: undefined,
      check: undefined,
      fieldsPath: (name) =>
        bucket === undefined && options.uri === undefined && !/["\\]/.test(name)
          ? `/query?${queryText({ q: `SHOW FIELD KEYS FROM "${name}"`, db: options.database })}`
          : undefined,
      otherApi: 'write Bucket, Org and HTTP_Token for InfluxDB 2.x, Database for 1.x',
    },
    context,
  );
}
