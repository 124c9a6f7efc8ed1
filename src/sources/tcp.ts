/** The `tcp` source: messages over TCP or TLS, separated by a delimiter. Source: Fluentd 1.16 in_tcp.rb. */
import { bytesFrom, integer, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { transportProblem, transportSection, transportTls } from './requests/transport.ts';
import { allowedClients, securityProblem, securitySection } from './sockets/clients.ts';
import { compileExtract, extractSection } from './sockets/extract.ts';
import { tcpForm } from './sockets/fluentbit.ts';
import { cutterOf, framingOptions } from './sockets/framing.ts';
import { HostNames } from './sockets/host-names.ts';
import { textIntake } from './sockets/texts.ts';
import {
  socketDifferences,
  socketOptions,
  streamDifferences,
  streamTextBytesMax,
  streamOptions,
} from './sockets/options.ts';
import { SocketSource } from './sockets/source.ts';
import { StreamListener } from './sockets/stream.ts';

const options = {
  tag: text("The records' tag.", { required: true }),
  port: integer(0, 65_535)('Port to listen on.', { default: 5170 }),
  ...socketOptions,
  ...streamOptions,
  sourceHostnameKey: text("A field for the sender's host name, which is looked up.", {
    fluentd: ['source_hostname_key', 'source_host_key'],
  }),
  delimiter: text('What stands between messages.', { default: '\n' }),
  messageLengthLimit: bytesFrom(1)('Longest message, in bytes; a longer one is refused.', {
    default: streamTextBytesMax,
  }),
  ...framingOptions,
};

export const tcpSource = definePlugin({
  kind: 'source',
  name: 'tcp',
  summary: 'Takes messages over TCP or TLS, each up to a delimiter.',
  isReplicated: true,
  usesParser: true,
  options,
  sections: { transport: transportSection, security: securitySection, extract: extractSection },
  example: `<source>
  @type tcp
  tag app.events
  port 5170
  <parse>
    @type json
  </parse>
</source>`,
  fluentbit: tcpForm,
  differences: [...socketDifferences, ...streamDifferences],
  check(config) {
    const { options: given, sections, parser } = config;
    if (!parser) throw new Error('a section <parse> is required but missing');
    if (given.delimiter === '')
      throw new Error('delimiter is empty: write what stands between messages, such as "\\n"');
    const problem = transportProblem(sections['transport']?.[0]) ?? securityProblem(sections['security']?.[0]);
    if (problem !== undefined) throw new Error(problem);
    compileExtract(sections['extract']?.[0]);
  },
  create({ options: given, sections, parser }, context) {
    const what = `tcp source ${context.id}`;
    const intake = textIntake(what, given, { sections, parser }, context);
    return new SocketSource(intake, async () => {
      const listening = {
        what,
        bind: given.bind,
        port: given.port,
        connectionsMax: given.connectionsMax,
        idleTimeoutMs: given.idleTimeout,
        keepAlive: given.sendKeepalivePacket,
        tls: transportTls(sections['transport']?.[0]),
        clients: await allowedClients(sections['security']?.[0]),
        hostNames: given.sourceHostnameKey === undefined ? undefined : new HostNames(context.clock),
        cutter: () => cutterOf(given, given.delimiter),
      };
      return new StreamListener(context, listening, intake);
    });
  },
});
