/** The `unix` source: what forward takes, on a socket in the file system. Source: Fluentd 1.16 in_unix.rb. */
import { bytesFrom, integer, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { forwardOptions } from './forward/options.ts';
import type { ForwardConfig } from './forward/options.ts';
import { ForwardSource } from './forward/source.ts';

const options = {
  path: text('The socket. Directories on the way to it are made.', { default: '/var/run/fluent/fluent.sock' }),
  backlog: integer(1)('Connections the kernel may hold before they are accepted.'),
  tag: text('Tag of all records, in place of the one that was sent.'),
  decompressionSizeLimit: bytesFrom(1)('Most bytes that a compressed message may unpack to.', {
    default: 256 * 1024 * 1024,
  }),
  memoryLimit: bytesFrom(1024 * 1024)('Bytes of messages held at a time; beyond it connections wait.', {
    default: 256 * 1024 * 1024,
  }),
};

/** What is not written here is as in forward. */
const others = Object.fromEntries(
  Object.entries(forwardOptions).map(([name, spec]) => [name, spec.schema.safeParse(undefined).data]),
);

export const unixSource = definePlugin({
  kind: 'source',
  name: 'unix',
  summary: 'Takes records in the forward protocol, MessagePack or JSON, on a Unix socket of this machine.',
  options,
  example: `<source>
  @type unix
  path /var/run/fluent/fluent.sock
</source>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Takes away whatever lies at its path. Here only a socket on which nobody listens any more; another file, or the socket of a running program, is an error.',
      options: ['path'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Never acknowledges. Here a message that asks for it is acknowledged once its records are on disk.',
    },
  ],
  create({ options: values, at }, context) {
    const config = { options: { ...others, ...values }, sections: {}, at } as unknown as ForwardConfig;
    return new ForwardSource(config, context, values.path);
  },
});
