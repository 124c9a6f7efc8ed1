/** The `udp` output: each record a datagram. Source: Fluent Bit 5.1 out_udp. */
import { fluentbitForm } from '../core/fluentbit.ts';
import { boolean, integer } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { Datagrams } from './sockets/datagrams.ts';
import { datagramDifferences, formatOf, formatProperties, placeOptions, targetOf } from './sockets/options.ts';
import { datagramOutput } from './sockets/output.ts';

export const udpOutput = definePlugin({
  kind: 'output',
  name: 'udp',
  summary: 'Sends each record as a UDP datagram, which nobody acknowledges: MessagePack, JSON, or in any format.',
  options: {
    host: placeOptions.host,
    port: integer(1, 65_535)('Port of the host.', { default: 5170 }),
    jsonArray: boolean('Sends each record as a JSON array of one.', { default: false }),
  },
  defaultFormatter: 'json',
  target: targetOf,
  buffer: { flushMode: 'interval', flushIntervalMs: 1000 },
  fluentbit: fluentbitForm({
    options: { host: {}, port: {} },
    properties: formatProperties,
    lower: ({ properties, at }) => ({
      options: { jsonArray: properties.format === 'json' && properties.rawMessageKey === undefined },
      formatter: formatOf(properties, true, at),
    }),
    example: `[OUTPUT]
    Name   udp
    Match  *
    Host   127.0.0.1
    Port   5170
    Format json_lines`,
  }),
  example: `<match app.**>
  @type udp
  host 127.0.0.1
  port 5170
</match>`,
  differences: datagramDifferences,
  create({ options: { host, port, jsonArray }, formatter }, context) {
    return datagramOutput(context.formatter(formatter ?? 'json'), new Datagrams(host, port), jsonArray);
  },
});
