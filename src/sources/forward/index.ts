/** The forward source: records of Fluentd, Fluent Bit and other post2logs. Source: Fluentd 1.16 in_forward.rb. */
import { definePlugin } from '../../core/plugin.ts';
import { clientProblem } from '../sockets/clients.ts';
import { forwardForm } from './fluentbit.ts';
import { forwardOptions, forwardSections } from './options.ts';
import type { ClientOptions, ForwardConfig, SecurityOptions, TransportOptions } from './options.ts';
import { ForwardSource } from './source.ts';

export const forwardSource = definePlugin({
  kind: 'source',
  name: 'forward',
  summary: 'Takes records from Fluentd, Fluent Bit and other post2logs; acknowledges them once they are on disk.',
  isReplicated: true,
  options: forwardOptions,
  sections: forwardSections,
  fluentbit: forwardForm,
  example: `<source>
  @type forward
  port 24224
  bind 0.0.0.0
  <security>
    self_hostname collector.example.com
    shared_key change-me
  </security>
</source>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Listens on all addresses where `Listen` is not written. Here on 127.0.0.1 alone, with a warning.',
      options: ['bind'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Acknowledges a chunk when it is in its buffer, in memory or in files that are not synced. Here: when it is on disk.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Hands on entries that are no records (a text, nil, a time that is none). Here: they are refused, counted and kept in the dead letters, their neighbours are taken.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Reads packed entries that say `compressed: text` as records, and makes null of them. Here: refused and kept.',
    },
    {
      peer: 'fluentd',
      text: 'Holds messages, unpacked ones too, without a limit. Here: `memory_limit` and `decompression_size_limit`; what goes beyond closes the connection, and so does a minute without a byte in the middle of a message.',
      options: ['memoryLimit', 'decompressionSizeLimit'],
    },
    {
      peer: 'fluentd',
      text: 'Listens on all addresses. Here on 127.0.0.1, unless `bind` is written.',
      options: ['bind'],
    },
    {
      peer: 'fluentd',
      text: 'Speaks TLS 1.2 alone where no version is written. Here 1.2 and 1.3.',
      options: ['version', 'minVersion', 'maxVersion'],
    },
    {
      peer: 'fluentd',
      verdict: 'unsupported',
      text: 'Makes certificates by itself (`insecure`, `ca_cert_path`, `generate_…` in `<transport tls>`). Here: write cert_path and private_key_path.',
    },
  ],
  check(config) {
    const problem = optionProblem(config) ?? securityProblem(config) ?? transportProblem(config);
    if (problem !== undefined) throw new Error(problem);
  },
  create: (config, context) => new ForwardSource(config, context),
});

function optionProblem({ options }: ForwardConfig): string | undefined {
  if (options.tag === '') return 'tag is empty: write one, or leave it out';
  if (options.addTagPrefix === '') return 'add_tag_prefix is empty: write one, or leave it out';
  if (options.sourceHostnameKey !== undefined && options.resolveHostname === false)
    return 'source_hostname_key needs resolve_hostname true';
  if (options.sendKeepalivePacket && options.denyKeepalive)
    return 'send_keepalive_packet and deny_keepalive exclude each other';
  return undefined;
}

function securityProblem({ sections }: ForwardConfig): string | undefined {
  const section = sections['security']?.[0];
  if (!section) return undefined;
  const options = section.options as SecurityOptions;
  const clients = (section.sections?.['client'] ?? []).map((client) => client.options as ClientOptions);
  if (options.userAuth && !section.sections?.['user']) return '<security>: user_auth needs at least one <user>';
  if (!options.allowAnonymousSource && clients.length === 0)
    return '<security>: without <client> sections allow_anonymous_source false takes nobody';
  return clients.map(clientProblem).find((problem) => problem !== undefined);
}

function transportProblem({ sections }: ForwardConfig): string | undefined {
  const section = sections['transport']?.[0];
  if (!section) return undefined;
  if (section.argument === '' || section.argument === 'tcp') return undefined;
  if (section.argument !== 'tls') return `<transport ${section.argument}>: expected tcp or tls`;
  const options = section.options as TransportOptions;
  if (options.certPath === undefined) return '<transport tls>: cert_path is missing';
  if (options.privateKeyPath === undefined) return '<transport tls>: private_key_path is missing';
  if (options.clientCertAuth && options.caPath === undefined) return '<transport tls>: client_cert_auth needs ca_path';
  if ((options.minVersion === undefined) !== (options.maxVersion === undefined))
    return '<transport tls>: min_version and max_version must be given together';
  return undefined;
}
