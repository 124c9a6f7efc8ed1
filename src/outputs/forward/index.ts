/** The forward output: records to Fluentd, Fluent Bit or another post2log. Source: Fluentd 1.16 out_forward.rb. */
import { compileFluentbitTemplate } from '../../codecs/fluentbit-accessor.ts';
import type { SectionModel, BufferModel } from '../../config/model.ts';
import { definePlugin } from '../../core/plugin.ts';
import { forwardForm } from './fluentbit.ts';
import { forwardOptions, forwardSections } from './options.ts';
import type { DiscoveryOptions, ForwardConfig, ServerOptions } from './options.ts';
import { ForwardOutput } from './output.ts';

export const forwardOutput = definePlugin({
  kind: 'output',
  name: 'forward',
  summary: 'Sends records to Fluentd, Fluent Bit or another post2log, with load balancing and failover.',
  options: forwardOptions,
  sections: forwardSections,
  fluentbit: forwardForm,
  // Fluentd waits for a minute; a second makes chunks large enough, and records arrive while somebody still looks.
  buffer: { chunkKeys: ['tag'], flushMode: 'interval', flushIntervalMs: 1000 },
  example: `<match app.**>
  @type forward
  require_ack_response true
  <server>
    host collector.example.com
    port 24224
  </server>
</match>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Flushes once a minute where no buffer is written. Here: once a second.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'An acknowledgement that is lost makes a chunk arrive twice. Here `exactly_once true` says with each record which one it is, and another post2log stores it once; other servers pass over that option.',
      options: ['exactlyOnce'],
    },
    {
      peer: 'fluentd',
      text: 'Ends at the start when a server cannot be looked up or reached (verify_connection_at_startup). Here: its records wait until it can.',
      options: ['verifyConnectionAtStartup', 'ignoreNetworkErrorsAtStartup'],
    },
    {
      peer: 'fluentd',
      text: 'Writes times beyond 32 bits wrapped around. Here: as whole seconds, which servers take as well.',
    },
    {
      peer: 'fluentd',
      text: 'A service discovery file may be any YAML. Here: a list of maps with plain or quoted values.',
      options: ['path'],
    },
    {
      peer: 'fluentd',
      text: 'Speaks TLS 1.2 alone where no version is written. Here 1.2 and 1.3.',
      options: ['tlsVersion'],
    },
  ],
  target: (_options, sections) => targetOf(sections),
  check(config, buffer) {
    const problem = serverProblem(config) ?? optionProblem(config) ?? tlsProblem(config) ?? bufferProblem(buffer);
    if (problem !== undefined) throw new Error(problem);
  },
  create: (config, context) => new ForwardOutput(config, context),
});

/** All servers, or where they come from. */
function targetOf(sections: Readonly<Record<string, readonly SectionModel[]>>): string {
  const servers = (sections['server'] ?? []).map(({ options }) => {
    const { host, port } = options as ServerOptions;
    return `${host}:${port}`;
  });
  const others = (sections['service_discovery'] ?? []).map(({ options }) => {
    const { type, path, service, hostname } = options as DiscoveryOptions;
    return type === 'srv' ? `srv:${service}.${hostname}` : type === 'file' ? path : type;
  });
  return [...servers, ...others].join(',');
}

function serverProblem({ sections }: ForwardConfig): string | undefined {
  const discoveries = (sections['service_discovery'] ?? []).map(({ options }) => options as DiscoveryOptions);
  if ((sections['server'] ?? []).length === 0 && discoveries.length === 0)
    return 'there is no server: write <server> with a host, or <service_discovery>';
  for (const { type, service, hostname } of discoveries)
    if (type === 'srv' && (service === undefined || hostname === undefined))
      return '<service_discovery>: srv needs service and hostname';
  return undefined;
}

function optionProblem({ options }: ForwardConfig): string | undefined {
  if (options.dnsRoundRobin && options.heartbeatType === 'udp')
    return 'dns_round_robin needs heartbeat_type transport or none';
  if (options.sendKeepalivePacket && !options.keepalive) return 'send_keepalive_packet needs keepalive true';
  if (options.ackResponseTimeout < 1000) return 'ack_response_timeout must be at least 1 second';
  if (options.heartbeatInterval <= 0) return 'heartbeat_interval must be above 0';
  if (options.isTagTemplate) void compileFluentbitTemplate(options.tag ?? '');
  if (options.isTagTemplate && options.exactlyOnce)
    return 'exactly_once cannot be kept where the tag depends on the record; write a tag without $';
  return undefined;
}

function tlsProblem({ options }: ForwardConfig): string | undefined {
  if ((options.tlsClientCertPath === undefined) !== (options.tlsClientPrivateKeyPath === undefined))
    return 'tls_client_cert_path and tls_client_private_key_path must be given together';
  return undefined;
}

function bufferProblem(buffer: BufferModel | undefined): string | undefined {
  // A secondary writes the chunks of the output around it.
  return !buffer || buffer.chunkKeys.includes('tag')
    ? undefined
    : "the buffer's chunk keys must have tag: <buffer tag>";
}
