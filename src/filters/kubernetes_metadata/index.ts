/** The `kubernetes_metadata` filter. Source: fluent-plugin-kubernetes_metadata_filter 3.7. */
import { compileCapture, compileOnigmo } from '../../codecs/onigmo.ts';
import { definePlugin } from '../../core/plugin.ts';
import { checkUrl } from '../../kubernetes/shared.ts';
import { KubernetesMetadataFilter } from './filter.ts';
import { options } from './options.ts';

export const kubernetesMetadataFilter = definePlugin({
  kind: 'filter',
  name: 'kubernetes_metadata',
  summary: 'Adds what the Kubernetes API knows of the pod that a record is of, in the fields docker and kubernetes.',
  options,
  example: `<filter kubernetes.**>
  @type kubernetes_metadata
  skip_labels false
  watch true
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Marks records as orphans while the API does not answer, in a namespace that is not theirs. Here records wait in the journal for up to wait, counted from when it stopped answering, and then go on with what the tag says; only what the API says it has none of makes an orphan.',
      options: ['wait'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Puts the id of the container that runs now over the one in the tag. Here that of the tag stays: it is the one whose log this is.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Gives records of a pod the orphans’ namespace where the namespace may not be read. Here they keep what is known of the pod, and the log says which RBAC rule is missing.',
    },
    {
      peer: 'fluentd',
      text: 'Without K8S_NODE_NAME watches all pods of the cluster, and always all namespaces. Here nothing is watched then, and each pod is asked for once; namespaces are asked for, and again after cache_ttl.',
      options: ['watch'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Ends the program where the API cannot be reached at the start, or a watch failed ten times. Here it is tried again, for ever.',
    },
    {
      peer: 'fluentd',
      verdict: 'unsupported',
      text: 'Knows test_api_adapter, a Ruby class in place of the API.',
    },
  ],
  check({ options: values }) {
    if (values.kubernetesUrl !== undefined) checkUrl(values.kubernetesUrl, 'kubernetes_url');
    compileCapture(values.tagToKubernetesNameRegexp);
    compileCapture(values.containerNameToKubernetesRegexp);
    for (const source of values.annotationMatch) compileOnigmo(source);
  },
  create: ({ options: values }, context) => new KubernetesMetadataFilter(values, context),
});
