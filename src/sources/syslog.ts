/**
 * The `syslog` source: syslog messages over UDP, TCP or TLS. The tag gets facility and severity. Source: Fluentd 1.16
 * in_syslog.rb.
 */
import { boolean, bytesFrom, choice, integer, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig, SourceContext } from '../core/plugin.ts';
import { deleteField, getField, setField } from '../core/record.ts';
import type { Fields } from '../core/record.ts';
import { transportProblem, transportTls } from './requests/transport.ts';
import { syslogForm } from './sockets/fluentbit.ts';
import { DatagramListener } from './sockets/datagrams.ts';
import { DelimiterCutter, OctetCutter } from './sockets/frames.ts';
import { HostNames } from './sockets/host-names.ts';
import { Intake } from './sockets/intake.ts';
import type { IntakeOptions } from './sockets/intake.ts';
import {
  datagramBytesMax,
  datagramDifferences,
  receiveBufferOf,
  socketDifferences,
  socketOptions,
  socketTransport,
  streamDifferences,
  streamTextBytesMax,
  streamOptions,
} from './sockets/options.ts';
import { SocketSource } from './sockets/source.ts';
import { StreamListener } from './sockets/stream.ts';

const options = {
  tag: text('Prefix of the tag, which is TAG.FACILITY.SEVERITY.', { required: true }),
  port: integer(0, 65_535)('Port to listen on.', { default: 5140 }),
  ...socketOptions,
  ...streamOptions,
  protocolType: choice(['tcp', 'udp'])('How messages are carried; newer configurations write <transport>.'),
  frameType: choice(['traditional', 'octet_count'])(
    'How messages follow each other in a stream: up to a delimiter, or behind their length.',
    { default: 'traditional' },
  ),
  delimiter: text('What stands between messages of a stream.', { default: '\n' }),
  messageLengthLimit: bytesFrom(1)('Longest message of a datagram, in bytes; a longer one is refused.', {
    default: datagramBytesMax,
  }),
  severityKey: text('A field for the severity, such as `err`.', { fluentd: ['severity_key', 'priority_key'] }),
  facilityKey: text('A field for the facility, such as `daemon`.'),
  includeSourceHost: boolean("Adds the sender's address; newer configurations write source_address_key.", {
    default: false,
  }),
  sourceHostKey: text('Its field, with include_source_host.', { default: 'source_host' }),
  resolveHostname: boolean("Looks up the sender's host name, for source_hostname_key."),
  plainTag: boolean('Leaves facility and severity out of the tag, and the priority to the parser.', { default: false }),
  rawMessageKey: text('A field for the message as it came.'),
  path: text('A Unix socket to listen on, for streams, in place of bind and port.'),
  pathMode: text('Its mode, in octal digits.'),
  emitUnmatchedLines: boolean('Makes a record with field unmatched_line and tag TAG.unmatched of what is no syslog.', {
    default: false,
  }),
};
type Values = OptionValues<typeof options>;
type Config = Pick<PluginConfig<typeof options>, 'options' | 'sections' | 'parser'>;

/** By number (RFC 5424, table 1), named as Fluentd names them. */
const facilities =
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert at local0 local1 local2 local3 local4 local5 local6 local7'.split(
    ' ',
  );
const severities = ['emerg', 'alert', 'crit', 'err', 'warn', 'notice', 'info', 'debug'];

export const syslogSource = definePlugin({
  kind: 'source',
  name: 'syslog',
  summary: 'Takes syslog messages of RFC 3164 and RFC 5424 over UDP, TCP or TLS.',
  isReplicated: true,
  usesParser: true,
  defaultParser: 'syslog',
  parserDefaults: { withPriority: true },
  options,
  sections: { transport: socketTransport },
  fluentbit: syslogForm,
  example: `<source>
  @type syslog
  tag system
  port 5140
  <transport tcp>
  </transport>
  <parse>
    message_format auto
  </parse>
</source>`,
  differences: [
    ...socketDifferences,
    ...streamDifferences,
    ...datagramDifferences,
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Has no tag for a priority beyond 191, and drops the message. Here it is refused, counted and kept.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Goes on reading behind a length that is none, until memory is used up. Here the connection is closed and the refusal counted (`bad_frame`).',
      options: ['frameType'],
    },
  ],
  check(config) {
    const problem = problemOf(config);
    if (problem !== undefined) throw new Error(problem);
  },
  create(config, context) {
    const { options: given, sections } = config;
    const intake = new Intake(context, intakeOptions(config, context));
    const hostNames = given.sourceHostnameKey === undefined ? undefined : new HostNames(context.clock);
    const common = { what: `syslog source ${context.id}`, bind: given.bind, port: given.port, hostNames };
    const pathMode = given.pathMode === undefined ? undefined : Number.parseInt(given.pathMode, 8);
    const transport = sections['transport']?.[0];
    return new SocketSource(intake, async () => {
      if (carrierOf(config) === 'udp') {
        const { messageLengthLimit: messageBytesMax } = given;
        const receiveBufferBytes = receiveBufferOf(transport);
        return new DatagramListener(
          context,
          { ...common, messageBytesMax, receiveBufferBytes, isChomped: true },
          intake,
        );
      }
      const limits = { connectionsMax: given.connectionsMax, idleTimeoutMs: given.idleTimeout };
      const stream = { keepAlive: given.sendKeepalivePacket, tls: transportTls(transport), clients: undefined };
      return new StreamListener(
        context,
        { ...common, path: given.path, pathMode, ...limits, ...stream, cutter: () => cutterOf(given) },
        intake,
      );
    });
  },
});

function carrierOf({ options: given, sections }: Config): string {
  const argument = sections['transport']?.[0]?.argument ?? '';
  return given.protocolType ?? (argument === '' ? 'udp' : argument);
}

function cutterOf({ frameType, delimiter }: Values): DelimiterCutter | OctetCutter {
  if (frameType === 'octet_count') return new OctetCutter(streamTextBytesMax);
  return new DelimiterCutter(delimiter, streamTextBytesMax);
}

function problemOf(config: Config): string | undefined {
  const { options: given, sections } = config;
  const transport = sections['transport']?.[0];
  if (transport?.argument !== 'udp') {
    const problem = transportProblem(transport);
    if (problem !== undefined) return problem;
  }
  const isDatagram = carrierOf(config) === 'udp';
  if (given.path !== undefined && carrierOf(config) !== 'tcp')
    return 'path is for <transport tcp>: streams alone go over Unix sockets here';
  if (given.pathMode !== undefined && !/^[0-7]{3,4}$/.test(given.pathMode))
    return `path_mode: found ${given.pathMode}, expected octal digits such as 0660`;
  if (given.delimiter === '') return 'delimiter is empty: write what stands between messages, such as "\\n"';
  if (isDatagram && given.sendKeepalivePacket)
    return 'send_keepalive_packet is for <transport tcp> and <transport tls>';
  if (given.includeSourceHost && given.sourceAddressKey !== undefined)
    return 'include_source_host and source_address_key exclude each other; write source_address_key';
  if (given.sourceHostnameKey !== undefined && given.resolveHostname === false)
    return 'source_hostname_key needs resolve_hostname true';
  return undefined;
}

function intakeOptions({ options: given, parser, ...config }: Config, context: SourceContext): IntakeOptions {
  const isDatagram = carrierOf({ options: given, parser, ...config }) === 'udp';
  return {
    what: `syslog source ${context.id}`,
    tag: given.tag,
    parser: context.parser(parser ?? 'syslog'),
    sourceAddressKey: given.includeSourceHost ? given.sourceHostKey : given.sourceAddressKey,
    sourceHostnameKey: given.sourceHostnameKey,
    messageBytesMax: isDatagram ? given.messageLengthLimit : streamTextBytesMax,
    unmatched: given.emitUnmatchedLines ? { tag: `${given.tag}.unmatched`, key: 'unmatched_line' } : undefined,
    rawMessageKey: given.rawMessageKey,
    skipsEmpty: given.plainTag,
    // A parser that reads the priority leaves it in field pri; for others it is taken off here.
    ...(!given.plainTag && parser?.options['withPriority'] !== true && { open: takePriority }),
    complete(fields, time, found) {
      if (given.plainTag) return { tag: given.tag, fields, time };
      const priority = found ?? takeNumber(fields, 'pri');
      if (priority === undefined) return { problem: 'no priority such as <13> at its start' };
      const facility = facilities[priority >> 3];
      if (facility === undefined) return { problem: `priority ${priority} is beyond 191` };
      const severity = severities[priority & 7] as string;
      if (given.severityKey !== undefined) setField(fields, given.severityKey, severity);
      if (given.facilityKey !== undefined) setField(fields, given.facilityKey, facility);
      return { tag: `${given.tag}.${facility}.${severity}`, fields, time };
    },
  };
}

function takePriority(message: Buffer): ReturnType<NonNullable<IntakeOptions['open']>> {
  const found = /^<(\d{1,9})>/.exec(message.toString('latin1', 0, 12));
  if (!found) return { problem: 'no priority such as <13> at its start' };
  return { text: message.subarray(found[0].length), priority: Number(found[1]) };
}

function takeNumber(fields: Fields, key: string): number | undefined {
  const value = getField(fields, key);
  deleteField(fields, key);
  return typeof value === 'number' ? value : undefined;
}
