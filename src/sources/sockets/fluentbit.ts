/** How Fluent Bit's configurations write tcp, udp and syslog. Source: Fluent Bit 5.1 in_tcp, in_udp, in_syslog. */
import { fluentbitForm, madeModel, madeSection, serverTlsProperties, warnOfLoopback } from '../../core/fluentbit.ts';
import type { FluentbitWritten } from '../../core/fluentbit.ts';
import { choice, text } from '../../core/options.ts';
import type { OptionTable } from '../../core/options.ts';
import { fluentbitTransport } from '../requests/transport.ts';

const common = {
  bind: { name: ['Listen', 'Host'] },
  sourceAddressKey: {},
};
const asItComes = 'messages are taken as they come, up to 8 MiB each';
const oneThread = { workers: 'P2L_WORKERS says how many processes receive' };

const contentProperties = {
  format: choice(['json', 'none'])('What comes: JSON objects, or text up to a separator.', { default: 'json' }),
  separator: text('What stands between texts.', { default: '\n' }),
  parser: text('The [PARSER] that makes records of texts; without one a text is field log.'),
};

/** The parser and the framing of tcp and udp. */
function contentParts<P extends typeof contentProperties & OptionTable>(written: FluentbitWritten<P>) {
  const {
    format,
    separator,
    parser: name,
  } = written.properties as FluentbitWritten<typeof contentProperties>['properties'];
  const { at } = written;
  if (format === 'json')
    return {
      options: { framing: 'json' },
      parser: madeModel('parser', 'fluentbit', { format: 'json', arrayKey: 'msg' }, at),
    };
  const place = written.written('parser');
  const named = name !== undefined && place ? written.parser(name, place) : undefined;
  return {
    options: {
      framing: 'delimiter',
      // `\n` and the like are written with a backslash there.
      delimiter: unescaped(separator),
      skipEmptyMessages: true,
      ...(named && { unparsedKey: 'log' }),
    },
    parser: named ?? madeModel('parser', 'none', { messageKey: 'log' }, at),
  };
}

function unescaped(written: string): string {
  return written.replaceAll('\\n', '\n').replaceAll('\\r', '\r').replaceAll('\\t', '\t');
}

export const tcpForm = fluentbitForm({
  options: { ...common, port: {} },
  properties: { ...contentProperties, ...serverTlsProperties },
  ignored: { buffer_size: asItComes, chunk_size: asItComes, ...oneThread },
  lower(written) {
    const { tag, properties } = written;
    warnOfLoopback(written);
    const parts = contentParts(written);
    return {
      ...parts,
      options: { ...parts.options, tag },
      sections: fluentbitTransport(properties, written),
    };
  },
  example: `[INPUT]
    Name   tcp
    Tag    app
    Listen 127.0.0.1
    Port   5170
    Format json`,
});

export const udpForm = fluentbitForm({
  options: { ...common, port: { default: 5170 } },
  properties: contentProperties,
  ignored: { buffer_size: asItComes, chunk_size: asItComes, ...oneThread },
  lower(written) {
    warnOfLoopback(written);
    const parts = contentParts(written);
    return { ...parts, options: { ...parts.options, removeNewline: false, tag: written.tag } };
  },
  example: `[INPUT]
    Name   udp
    Tag    app
    Listen 127.0.0.1
    Port   5170
    Format json`,
});

export const syslogForm = fluentbitForm({
  options: { ...common, port: {}, rawMessageKey: {} },
  properties: {
    mode: choice(['unix_udp', 'unix_tcp', 'tcp', 'udp'])('How messages are carried.', { default: 'unix_udp' }),
    path: text('The Unix socket of mode unix_tcp.'),
    unixPerm: text('Its mode, in octal digits.'),
    parser: text('The [PARSER] that makes records of messages.'),
    format: choice(['newline', 'octet_counting'])('How messages follow each other in a stream.', {
      default: 'newline',
    }),
    receiveBufferSize: text('Kernel buffer for datagrams that were not taken yet.'),
    ...serverTlsProperties,
  },
  ignored: { buffer_chunk_size: asItComes, buffer_max_size: asItComes, ...oneThread },
  lower(lowered) {
    const { at, tag, properties, written, parser, error } = lowered;
    if (properties.mode === 'tcp' || properties.mode === 'udp') warnOfLoopback(lowered);
    const { mode, path, unixPerm, format } = properties;
    const place = written('parser');
    if (properties.parser === undefined || !place) error(at, 'syslog needs a Parser: the name of a [PARSER]');
    const named = properties.parser !== undefined && place ? parser(properties.parser, place) : undefined;
    if (mode === 'unix_udp')
      error(
        written('mode') ?? at,
        'Mode unix_udp (the default): datagrams over Unix sockets are not taken here; write Mode unix_tcp, udp or tcp',
      );
    if (mode === 'unix_tcp' && path === undefined) error(at, 'Mode unix_tcp needs a Path');
    const plain = { ...madeSection({}, at), argument: mode === 'udp' ? 'udp' : 'tcp' };
    return {
      options: {
        tag,
        plainTag: true,
        frameType: format === 'octet_counting' ? 'octet_count' : 'traditional',
        ...(mode === 'unix_tcp' && { path, pathMode: unixPerm }),
      },
      sections: { transport: [plain], ...fluentbitTransport(properties, lowered) },
      parser: named ?? madeModel('parser', 'none', { messageKey: 'log' }, at),
    };
  },
  // Without an example: it cannot run without a file that defines its parser.
});
