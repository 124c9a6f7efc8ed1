/** The `udp` source: a message in each datagram. Source: Fluentd 1.16 in_udp.rb. */
import { boolean, bytes, bytesFrom, integer, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { DatagramListener } from './sockets/datagrams.ts';
import { compileExtract, extractSection } from './sockets/extract.ts';
import { udpForm } from './sockets/fluentbit.ts';
import { cutterOf, framingOptions } from './sockets/framing.ts';
import { HostNames } from './sockets/host-names.ts';
import { textIntake } from './sockets/texts.ts';
import {
  datagramBytesMax,
  datagramDifferences,
  receiveBufferOf,
  socketDifferences,
  socketOptions,
  socketTransport,
} from './sockets/options.ts';
import { SocketSource } from './sockets/source.ts';

const options = {
  tag: text("The records' tag.", { required: true }),
  port: integer(0, 65_535)('Port to listen on.', { default: 5160 }),
  ...socketOptions,
  sourceHostnameKey: text("A field for the sender's host name, which is looked up.", {
    fluentd: ['source_hostname_key', 'source_host_key'],
  }),
  messageLengthLimit: bytesFrom(1)('Longest message, in bytes; a longer one is refused.', {
    default: datagramBytesMax,
    fluentd: ['message_length_limit', 'body_size_limit'],
  }),
  removeNewline: boolean('Takes a line end off the end of each message.', { default: true }),
  receiveBufferSize: bytes('Kernel buffer for datagrams that were not taken yet (SO_RCVBUF).'),
  delimiter: text('What stands between messages of one datagram; without it a datagram is one message.'),
  ...framingOptions,
};

export const udpSource = definePlugin({
  kind: 'source',
  name: 'udp',
  summary: 'Takes a message from each datagram.',
  isReplicated: true,
  usesParser: true,
  options,
  sections: { transport: socketTransport, extract: extractSection },
  example: `<source>
  @type udp
  tag app.metrics
  port 5160
  <parse>
    @type json
  </parse>
</source>`,
  fluentbit: udpForm,
  differences: [...socketDifferences, ...datagramDifferences],
  check({ sections, parser }) {
    if (!parser) throw new Error('a section <parse> is required but missing');
    const kind = sections['transport']?.[0]?.argument ?? '';
    if (kind !== '' && kind !== 'udp') throw new Error(`<transport ${kind}>: expected udp; use source tcp for streams`);
    compileExtract(sections['extract']?.[0]);
  },
  create({ options: given, sections, parser }, context) {
    const what = `udp source ${context.id}`;
    const intake = textIntake(what, given, { sections, parser }, context);
    return new SocketSource(intake, async () => {
      const listening = {
        what,
        bind: given.bind,
        port: given.port,
        messageBytesMax: given.messageLengthLimit,
        receiveBufferBytes: given.receiveBufferSize ?? receiveBufferOf(sections['transport']?.[0]),
        isChomped: given.removeNewline,
        cutter:
          given.delimiter === undefined && given.framing === 'delimiter'
            ? undefined
            : () => cutterOf(given, given.delimiter ?? ''),
        hostNames: given.sourceHostnameKey === undefined ? undefined : new HostNames(context.clock),
      };
      return new DatagramListener(context, listening, intake);
    });
  },
});
