/** Options of the filter kubernetes_metadata, by name and default those of fluent-plugin-kubernetes_metadata_filter 3.7; use_journal of its 2.x. */
import { boolean, duration, integer, list, text } from '../../core/options.ts';
import { serviceAccountDirectory } from '../../kubernetes/shared.ts';

const podName = '(?<pod_name>[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)';
const ofPods = `(var\\.log\\.pods)\\.(?<namespace>[^_]+)_${podName}_(?<pod_uuid>[a-z0-9-]*)\\.(?<container_name>.+)\\..*\\.log$`;
const ofContainers = `(var\\.log\\.containers)\\.${podName}_(?<namespace>[^_]+)_(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\\.log$`;
const ofJournal =
  '^(?<name_prefix>[^_]+)_(?<container_name>[^\\._]+)(\\.(?<container_hash>[^_]+))?_(?<pod_name>[^_]+)_(?<namespace>[^_]+)_[^_]+_[^_]+$';

const watches = 'a watch that fails is begun again with growing waits, for ever';

export const options = {
  kubernetesUrl: text(
    'Address of the API. Default: what KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say; without these nobody is asked, and records get what the tag says.',
  ),
  apiVersion: text('Version of the API.', { fluentd: 'apiVersion', ignored: 'it is v1' }),
  clientCert: text('PEM file with a certificate to show to the API.'),
  clientKey: text('PEM file with the private key of that certificate.'),
  caFile: text('PEM file with the certificates that the API’s must come from. Default: ca.crt of secret_dir.'),
  verifySsl: boolean('Whether the API’s certificate is looked at.', { default: true }),
  sslPartialChain: boolean('Trusts an intermediate certificate in ca_file without the root above it.', {
    default: false,
  }),
  openTimeout: integer(1)('Seconds for a connection to open.', { default: 3 }),
  readTimeout: integer(1)('Seconds without a byte of the answer.', { default: 10 }),
  bearerTokenFile: text('File with the token of the service account. Default: token of secret_dir.'),
  secretDir: text('Where Kubernetes puts token and certificates.', { default: serviceAccountDirectory }),
  tagToKubernetesNameRegexp: text(
    'Expression whose groups namespace, pod_name, container_name, and docker_id or pod_uuid say which pod a tag is of.',
    { default: `(${ofPods}|${ofContainers})` },
  ),
  containerNameToKubernetesRegexp: text('The same of the name of a container in the journal.', { default: ofJournal }),
  useJournal: boolean(
    'Records come from the systemd journal: their fields CONTAINER_NAME and CONTAINER_ID_FULL say which pod it is.',
    { default: false },
  ),
  lookupFromK8sField: boolean(
    'Takes namespace_name, pod_name and container_name of the field kubernetes, and container_id of docker, where a record has all of them.',
    { default: true },
  ),
  watch: boolean('Watches the node’s pods, where its name is known.', { default: true }),
  nodeName: text('The node whose pods are watched. Default: what K8S_NODE_NAME says.'),
  cacheSize: integer()('Pods in memory.', {
    default: 1000,
    ignored: 'pods of some 4000 names are known at a time, in a few megabytes',
  }),
  cacheTtl: integer()('Seconds after which a pod that is not watched is asked for again; negative: never.', {
    default: 3600,
  }),
  ignoreNil: text('Whether nothing is remembered.', { ignored: 'what there is none of is asked for again' }),
  annotationMatch: list('Expressions; annotations whose name one of them matches are added.', { default: [] }),
  allowOrphans: boolean('Marks records of which neither pod nor namespace is known.', { default: true }),
  orphanedNamespaceName: text('Namespace of those.', { default: '.orphaned' }),
  orphanedNamespaceId: text('Id of that namespace.', { default: 'orphaned' }),
  skipLabels: boolean('Adds no labels.', { default: false }),
  skipPodLabels: boolean('Adds no labels of pods.', { default: false }),
  skipNamespaceLabels: boolean('Adds no labels of namespaces.', { default: false }),
  skipContainerMetadata: boolean('Adds nothing of the container’s image.', { default: false }),
  skipMasterUrl: boolean('Adds no master_url.', { default: false }),
  skipNamespaceMetadata: boolean('Adds nothing of the namespace, and does not ask for it.', { default: false }),
  includeOwnerrefsMetadata: boolean('Adds kind and name of what the pod belongs to.', { default: false }),
  statsInterval: text('Seconds between two lines of statistics.', { ignored: 'counts are among the metrics' }),
  watchRetryInterval: text('Seconds before a watch is begun again.', { ignored: watches }),
  watchRetryExponentialBackoffBase: text('What that grows by.', { ignored: watches }),
  watchRetryMaxTimes: text('How often it is begun again.', { ignored: watches }),
  wait: duration(
    'How long records wait for an API that does not answer, counted from when it stopped; then they go on with what the tag says, until it answers again. 0: not at all.',
    { default: 10_000 },
  ),
} as const;
