/** The forward source: records of Fluentd, Fluent Bit and other post2logs. Source: Fluentd 1.16 in_forward.rb. */
import { definePlugin } from '../../core/plugin.ts';
import { AddressSet } from '../postback/client-address.ts';
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
  example: `<source>
  @type forward
  port 24224
  bind 0.0.0.0
  <security>
    self_hostname collector.example.com
    shared_key change-me
  </security>
</source>`,
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
  for (const { host, network } of clients) {
    if (host !== undefined && network !== undefined) return '<client>: write host or network, not both';
    if (host === undefined && network === undefined) return '<client>: host or network is missing';
    try {
      if (network !== undefined) AddressSet.check([network]);
    } catch (error) {
      return `<client>: network ${(error as Error).message}`;
    }
  }
  return undefined;
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
