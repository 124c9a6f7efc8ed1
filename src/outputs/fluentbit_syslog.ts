/** The `fluentbit_syslog` output: records as syslog messages. Source: Fluent Bit 5.1 out_syslog. */
import { rowFormatter } from '../codecs/rows.ts';
import { compileSyslogText } from '../codecs/syslog-text.ts';
import { fluentbitForm, tlsProperties } from '../core/fluentbit.ts';
import { boolean, bytes, choice, integer, list, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Formatter } from '../core/plugin.ts';
import { clientTls, clientTlsProblem, fluentbitClientTls } from './requests/client-tls.ts';
import { Datagrams } from './sockets/datagrams.ts';
import { datagramDifferences, streamDifferences, streamOptions, targetOf } from './sockets/options.ts';
import { datagramOutput, streamOutput } from './sockets/output.ts';
import { Stream } from './sockets/stream.ts';

const options = {
  ...streamOptions,
  port: integer(1, 65_535)('Port of the host.', { default: 514 }),
  mode: choice(['udp', 'tcp', 'tls'])('How messages are carried: each in a datagram, or each on a line.', {
    default: 'udp',
  }),
  format: choice(['rfc5424', 'rfc3164'])('Their form.', { default: 'rfc5424', fluentbit: 'Syslog_Format' }),
  maxsize: bytes('Longest message; what is longer is cut. Default: 2048 with rfc5424, 1024 with rfc3164.', {
    default: 0,
    fluentbit: 'Syslog_Maxsize',
  }),
  severityKey: text('The field with the severity: 0 to 7, or a word such as err.', {
    fluentbit: 'Syslog_Severity_Key',
  }),
  severityPreset: integer(0, 7)('Where it has none.', { default: 6, fluentbit: 'Syslog_Severity_Preset' }),
  facilityKey: text('The field with the facility: 0 to 23, or a word such as daemon.', {
    fluentbit: 'Syslog_Facility_Key',
  }),
  facilityPreset: integer(0, 23)('Where it has none.', { default: 1, fluentbit: 'Syslog_Facility_Preset' }),
  hostnameKey: text('The field with the host name.', { fluentbit: 'Syslog_Hostname_Key' }),
  hostnamePreset: text('Where it has none.', { fluentbit: 'Syslog_Hostname_Preset' }),
  appnameKey: text('The field with the application’s name.', { fluentbit: 'Syslog_Appname_Key' }),
  appnamePreset: text('Where it has none.', { fluentbit: 'Syslog_Appname_Preset' }),
  procidKey: text('The field with the process id.', { fluentbit: 'Syslog_Procid_Key' }),
  procidPreset: text('Where it has none.', { fluentbit: 'Syslog_Procid_Preset' }),
  msgidKey: text('The field with the message’s id.', { fluentbit: 'Syslog_Msgid_Key' }),
  msgidPreset: text('Where it has none.', { fluentbit: 'Syslog_Msgid_Preset' }),
  sdKeys: list('Fields whose maps are structured data.', { default: [] }),
  messageKey: text('The field with the text; without it messages have none.', { fluentbit: 'Syslog_Message_Key' }),
  allowLongerSdId: boolean('Lets names in structured data be longer than 32 characters.', {
    default: false,
    fluentbit: 'allow_longer_sd_id',
  }),
} as const;
type Options = OptionValues<typeof options>;

/** What its form in Fluent Bit's configurations writes in another way. */
const { tls: _tls, sdKeys: _keys, mode: _mode, openTimeout: _openTimeout, ...plain } = options;
const plainNames = Object.keys(plain).filter((name) => !name.startsWith('tls'));

export const fluentbitSyslogOutput = definePlugin({
  kind: 'output',
  name: 'fluentbit_syslog',
  summary: 'Sends records as syslog messages of RFC 5424 or RFC 3164, over UDP, TCP or TLS.',
  options,
  target: targetOf,
  buffer: { flushMode: 'interval', flushIntervalMs: 1000 },
  fluentbit: fluentbitForm({
    names: ['syslog'],
    options: {
      ...Object.fromEntries(plainNames.map((name) => [name, {}])),
      openTimeout: { name: 'net.connect_timeout' },
    },
    properties: {
      mode: choice(['udp', 'tcp', 'tls', 'dtls'])('How messages are carried.', { default: 'udp' }),
      ...tlsProperties,
    },
    repeated: { syslog_sd_key: 'A field whose map is structured data.' },
    lower({ properties, pairs, at, written, error }) {
      const { mode, tls } = properties;
      const place = written('mode') ?? at;
      if (mode === 'dtls') error(place, 'Mode dtls is not supported: Node has no DTLS; write Mode tls');
      if (mode === 'udp' && tls) error(place, 'Mode udp with tls on: datagrams are not encrypted; write Mode tls');
      return {
        options: {
          mode: mode === 'dtls' || (mode === 'tcp' && tls) ? 'tls' : mode,
          sdKeys: pairs.map(({ value }) => value),
          ...fluentbitClientTls(properties, written('tlsVerifyHostname') !== undefined),
        },
      };
    },
    example: `[OUTPUT]
    Name               syslog
    Match              *
    Host               logs.example.com
    Port               6514
    Mode               tls
    Syslog_Format      rfc5424
    Syslog_Message_Key log`,
  }),
  example: `<match app.**>
  @type fluentbit_syslog
  host 127.0.0.1
  message_key log
</match>`,
  differences: [...streamDifferences, ...datagramDifferences],
  check({ options: values }) {
    const problem = clientTlsProblem(values);
    if (problem !== undefined) throw new Error(problem);
  },
  create({ options: values }, context) {
    const { host, port, mode, openTimeout: openTimeoutMs } = values;
    if (mode === 'udp') return datagramOutput(messageFormatter(values, ''), new Datagrams(host, port));
    const tls = mode === 'tls' || values.tls ? () => clientTls(values) : undefined;
    return streamOutput(
      messageFormatter(values, '\n'),
      new Stream({ host, port, openTimeoutMs, tls, clock: context.clock }),
      'rows',
    );
  },
});

function messageFormatter(values: Options, end: string): Formatter {
  const usual = values.format === 'rfc3164' ? 1024 : 2048;
  const message = compileSyslogText({
    ...values,
    allowsLongerIds: values.allowLongerSdId,
    bytesMax: values.maxsize === 0 ? usual : values.maxsize,
  });
  return rowFormatter('text/plain', (batch, row, out) => {
    out.bytes(message(batch.fields(row), batch.seconds(row), batch.nanos(row)));
    out.text(end);
  });
}
