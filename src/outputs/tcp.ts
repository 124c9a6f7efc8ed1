/** The `tcp` output: chunks on a connection, in any form. Source: Fluent Bit 5.1 out_tcp. */
import { fluentbitForm, tlsProperties } from '../core/fluentbit.ts';
import { boolean } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { clientTls, clientTlsProblem, fluentbitClientTls } from './requests/client-tls.ts';
import { formatOf, formatProperties, streamDifferences, streamOptions, targetOf } from './sockets/options.ts';
import { streamOutput } from './sockets/output.ts';
import { Stream } from './sockets/stream.ts';

export const tcpOutput = definePlugin({
  kind: 'output',
  name: 'tcp',
  summary: 'Sends chunks of records on a TCP or TLS connection: MessagePack, JSON, or in any format.',
  options: {
    ...streamOptions,
    jsonArray: boolean('Sends each chunk as one JSON array.', { default: false }),
  },
  defaultFormatter: 'json',
  target: targetOf,
  buffer: { flushMode: 'interval', flushIntervalMs: 1000 },
  fluentbit: fluentbitForm({
    options: { host: {}, port: {}, openTimeout: { name: 'net.connect_timeout' } },
    properties: { ...formatProperties, ...tlsProperties },
    lower: ({ properties, written, at }) => ({
      options: {
        tls: properties.tls,
        jsonArray: properties.format === 'json' && properties.rawMessageKey === undefined,
        ...fluentbitClientTls(properties, written('tlsVerifyHostname') !== undefined),
      },
      formatter: formatOf(properties, properties.format === 'json_lines', at),
    }),
    example: `[OUTPUT]
    Name   tcp
    Match  *
    Host   127.0.0.1
    Port   5170
    Format json_lines`,
  }),
  example: `<match app.**>
  @type tcp
  host 127.0.0.1
  port 5170
</match>`,
  differences: streamDifferences,
  check({ options }) {
    const problem = clientTlsProblem(options);
    if (problem !== undefined) throw new Error(problem);
  },
  create({ options, formatter }, context) {
    const { host, port, openTimeout: openTimeoutMs } = options;
    const tls = options.tls ? () => clientTls(options) : undefined;
    const stream = new Stream({ host, port, openTimeoutMs, tls, clock: context.clock });
    return streamOutput(context.formatter(formatter ?? 'json'), stream, options.jsonArray ? 'array' : 'rows');
  },
});
