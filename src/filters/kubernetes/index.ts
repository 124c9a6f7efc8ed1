/** The `kubernetes` filter, Fluent Bit's. Source: Fluent Bit 5.1 filter_kubernetes. */
import { compileCapture } from '../../codecs/onigmo.ts';
import { fluentbitForm } from '../../core/fluentbit.ts';
import type { FluentbitWritten } from '../../core/fluentbit.ts';
import { boolean, text } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import { checkUrl } from '../../kubernetes/shared.ts';
import { KubernetesFilter } from './filter.ts';
import { options } from './options.ts';

const ofPodAssociation = 'of aws_use_pod_association, which is not supported';
const { regex: _, ...written } = options;

export const kubernetesFilter = definePlugin({
  kind: 'filter',
  name: 'kubernetes',
  summary:
    'Adds what the Kubernetes API knows of the pod that a record is of, and takes its log apart, the way Fluent Bit’s kubernetes does.',
  options,
  fluentbit: fluentbitForm({
    names: ['kubernetes'],
    options: Object.fromEntries(Object.keys(written).map((name) => [name, {}])),
    properties: {
      regexParser: text('Name of a parser of format regex, whose expression says which pod a tag is of.'),
      mergeParser: text('Name of the parser that takes log apart; without it log is JSON.'),
      awsUsePodAssociation: boolean('Asks an agent which service a pod belongs to. Not supported.', { default: false }),
      usePodAssociation: boolean('The older name of aws_use_pod_association.', { default: false }),
    },
    ignored: {
      buffer_size: 'answers are read whole, up to 64 MB',
      'tls.debug': 'TLS errors are said as they are',
      kube_namespace_file: 'the program needs not know which pod it is itself',
      dns_retries: 'records wait as Kube_Wait says, whatever keeps the API from answering',
      dns_wait_time: 'the API is asked again with growing waits, whatever keeps it from answering',
      cache_use_docker_id: 'the container’s id always decides, where the tag has it',
      aws_pod_association_host: ofPodAssociation,
      aws_pod_association_port: ofPodAssociation,
      aws_pod_association_endpoint: ofPodAssociation,
      aws_pod_service_map_ttl: ofPodAssociation,
      aws_pod_service_map_refresh_interval: ofPodAssociation,
      aws_pod_service_preload_cache_dir: ofPodAssociation,
      aws_pod_association_host_server_ca_file: ofPodAssociation,
      aws_pod_association_host_client_cert_file: ofPodAssociation,
      aws_pod_association_host_client_key_file: ofPodAssociation,
      aws_pod_association_host_tls_debug: ofPodAssociation,
      aws_pod_association_host_tls_verify: ofPodAssociation,
      set_platform: ofPodAssociation,
    },
    lower: (read) => {
      const { properties, error, at } = read;
      if (properties.awsUsePodAssociation || properties.usePodAssociation)
        error(at, 'aws_use_pod_association is not supported: leave it off');
      const { mergeParser } = properties;
      const parser =
        mergeParser === undefined ? undefined : read.parser(mergeParser, read.written('mergeParser') ?? at);
      const regex = properties.regexParser === undefined ? undefined : regexOf(read, properties.regexParser);
      return {
        ...(regex !== undefined && { options: { regex } }),
        ...(parser && { parser }),
        ...(read.options['k8sLoggingParser'] === true && { namedParsers: Object.fromEntries(read.parsers) }),
      };
    },
    example: `[FILTER]
    Name                kubernetes
    Match               kube.*
    Kube_Tag_Prefix     kube.var.log.containers.
    Merge_Log           On
    K8S-Logging.Parser  On
    K8S-Logging.Exclude On`,
  }),
  example: `<filter kube.**>
  @type kubernetes
  merge_log true
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Goes on at once without metadata while the API does not answer. Here records wait in the journal for up to Kube_Wait, counted from when it stopped answering, and then go on without.',
      options: ['kubeWait'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Keeps the metadata of a pod until its place in the cache is needed, also for another pod of the same name (a StatefulSet’s), unless Cache_Use_Docker_Id is on. Here the container’s id always decides, changes come by a watch where the node’s name is known, and a pod that is gone stays known for a day, also across a restart.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'With Use_Journal a record without CONTAINER_NAME is dropped. Here it goes on as it is.',
      options: ['useJournal'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'With Keep_Log off a log that is a number, a boolean, a list or null is lost. Here it stays.',
      options: ['keepLog'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Asks the API for whatever the tag says. Here what cannot be the name of a pod or a namespace is not asked for.',
    },
    {
      peer: 'fluentbit',
      verdict: 'unsupported',
      text: 'Knows aws_use_pod_association. Here it is an error.',
    },
  ],
  check({ options: values }) {
    if (values.kubeUrl !== undefined) checkUrl(values.kubeUrl, 'Kube_URL');
    if (values.regex !== undefined) compileCapture(values.regex);
  },
  create: (config, context) => new KubernetesFilter(config, context),
});

/** The expression of a named parser; Fluent Bit does not start where it is none of format regex. */
function regexOf(read: Pick<FluentbitWritten, 'parsers' | 'written' | 'error' | 'at'>, name: string) {
  const at = read.written('regexParser') ?? read.at;
  const found = read.parsers.get(name);
  const regex = found?.options['regex'];
  if (found?.options['format'] === 'regex' && typeof regex === 'string') return regex;
  const what = found ? `parser ${name} is not of format regex` : `there is no parser ${name}`;
  read.error(at, `Regex_Parser: ${what}; one with an expression for the tag was expected`);
  return undefined;
}
