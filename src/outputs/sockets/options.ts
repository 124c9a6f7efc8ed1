/** What the outputs tcp, udp and syslog share: where they send to, how they say it, their forms in Fluent Bit's configurations. */
import { fluentbitJsonOptions, fluentbitJsonProperties } from '../../codecs/fluentbit_json.ts';
import type { PluginModel } from '../../config/model.ts';
import type { Difference } from '../../core/difference.ts';
import type { Location } from '../../core/errors.ts';
import { madeModel } from '../../core/fluentbit.ts';
import { boolean, choice, duration, integer, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { clientTlsOptions } from '../requests/client-tls.ts';

export const placeOptions = {
  host: text('Host to send to.', { default: '127.0.0.1' }),
  // Fluent Bit's net.connect_timeout.
  openTimeout: duration('How long a connection may take to open.', { default: 10_000 }),
} as const;

export const streamOptions = {
  ...placeOptions,
  port: integer(1, 65_535)('Port of the host.', { default: 5170 }),
  tls: boolean('Speaks TLS.', { default: false }),
  ...clientTlsOptions,
} as const;

/** `Format` and what belongs to it, of tcp and udp. */
export const formatProperties = {
  format: choice(['msgpack', 'json', 'json_lines', 'json_stream'])('The form of the records.', {
    default: 'msgpack',
    isLenient: true,
  }),
  rawMessageKey: text('Sends this text with the record’s values in it, such as $log, and a line feed.', {
    fluentbit: 'raw_message_key',
  }),
  ...fluentbitJsonProperties,
} as const;

/** The formatter for them. `isLine`: whether each record ends with a line feed. */
export function formatOf(
  properties: OptionValues<typeof formatProperties>,
  isLine: boolean,
  at: Location,
): PluginModel {
  const { format, rawMessageKey } = properties;
  if (rawMessageKey !== undefined) return madeModel('formatter', 'fluentbit_template', { template: rawMessageKey }, at);
  if (format === 'msgpack') return madeModel('formatter', 'fluentbit_msgpack', {}, at);
  return madeModel('formatter', 'fluentbit_json', { ...fluentbitJsonOptions(properties), isLine }, at);
}

export const streamDifferences: readonly Difference[] = [
  {
    peer: 'fluentbit',
    text: 'Takes a chunk for delivered once the kernel has its bytes, as nothing acknowledges them; so does this program. What the other end had not read when the connection broke is lost: use forward with acknowledgements, or http, where that matters.',
  },
];

export const datagramDifferences: readonly Difference[] = [
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Sends a chunk over and over when one of its records does not fit into a datagram. Here that record goes to the dead letters.',
  },
];

export function targetOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${host}:${port}`;
}
