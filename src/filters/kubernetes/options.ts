/** Options of the filter kubernetes, by name and default those of Fluent Bit 5.1 filter_kubernetes/kubernetes.c (config_map). */
import { boolean, duration, integer, pattern, text } from '../../core/options.ts';
import { serviceAccountDirectory } from '../../kubernetes/shared.ts';

/** The tag behind its prefix: the name of a file in /var/log/containers. Source: kube_regex.h. */
export const tagPattern = String.raw`(?<pod_name>[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*)_(?<namespace_name>[^_]+)_(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\.log$`;
/** Docker's name of a container, as the systemd journal has it. Source: kube_regex.h. */
export const journalPattern = String.raw`^(?<name_prefix>[^_]+)_(?<container_name>[^\._]+)(\.(?<container_hash>[^_]+))?_(?<pod_name>[^_]+)_(?<namespace_name>[^_]+)_[^_]+_[^_]+$`;

export const options = {
  kubeUrl: text(
    'Address of the API, as https://host:port. Default: what KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT say, else https://kubernetes.default.svc.',
  ),
  kubeCaFile: text('PEM file with the certificates that the API’s must come from.', {
    default: `${serviceAccountDirectory}/ca.crt`,
  }),
  kubeCaPath: text('Directory of such files.'),
  kubeTokenFile: text('File with the token of the service account; read again as it changes.', {
    default: `${serviceAccountDirectory}/token`,
  }),
  kubeTokenCommand: text('Command that prints the token, in place of the file.'),
  kubeTokenTtl: duration('How long a token is used before it is read again.', { default: 600_000 }),
  tlsVerify: boolean('Whether the API’s certificate is looked at.', { default: true, fluentbit: 'tls.verify' }),
  tlsVerifyHostname: boolean('Whether that certificate must name the host.', {
    default: false,
    fluentbit: 'tls.verify_hostname',
  }),
  tlsVhost: text('Host name for SNI and for the certificate.', { fluentbit: 'tls.vhost' }),
  kubeTagPrefix: text('What stands before the part of the tag that says which pod it is; its length counts.', {
    default: 'kube.var.log.containers.',
  }),
  regex: pattern(
    'Expression whose groups pod_name, namespace_name, container_name and docker_id say which pod a tag (behind the prefix), or the name of a container of the journal, is of.',
  ),
  mergeLog: boolean('Takes the field log apart, and puts what it holds into the record.', { default: false }),
  mergeLogKey: text('The field that gets what log holds, as a map; without it the record itself does.'),
  mergeLogTrim: boolean('Cuts line feeds off the ends of merged values.', { default: true }),
  keepLog: boolean('Keeps log where it was merged.', { default: true }),
  k8sLoggingParser: boolean('Lets pods name a parser of their own: annotation fluentbit.io/parser.', {
    default: false,
    fluentbit: 'K8S-Logging.Parser',
  }),
  k8sLoggingExclude: boolean('Lets pods leave their records out: annotation fluentbit.io/exclude.', {
    default: false,
    fluentbit: 'K8S-Logging.Exclude',
  }),
  useJournal: boolean('Records come from the systemd journal: their field CONTAINER_NAME says which pod it is.', {
    default: false,
  }),
  labels: boolean('Adds the labels of the pod.', { default: true }),
  annotations: boolean('Adds the annotations of the pod.', { default: true }),
  ownerReferences: boolean('Adds what the pod belongs to.', { default: false }),
  namespaceLabels: boolean('Adds the labels of the namespace, in kubernetes_namespace.', { default: false }),
  namespaceAnnotations: boolean('Adds the annotations of the namespace, in kubernetes_namespace.', { default: false }),
  namespaceMetadataOnly: boolean('Adds nothing of the pod.', { default: false }),
  kubeMetaPreloadCacheDir: text(
    'Directory with files NAMESPACE_POD.meta and NAMESPACE.namespace_meta that go before the API.',
  ),
  dummyMeta: boolean('Adds a made-up map, for trying things out.', { default: false }),
  useTagForMeta: boolean('Takes what the tag says, and asks nobody.', { default: false }),
  useKubelet: boolean('Asks the kubelet of the node, not the API.', { default: false }),
  kubeletHost: text('Host of the kubelet.', { default: '127.0.0.1' }),
  kubeletPort: integer(1, 65_535)('Port of the kubelet.', { default: 10_250 }),
  kubeMetaCacheTtl: duration(
    'After this time a pod is asked for again, without anybody waiting for it; 0: never. Of pods that are not watched.',
    { default: 0 },
  ),
  kubeMetaNamespaceCacheTtl: duration('After this time a namespace is asked for again.', { default: 900_000 }),
  kubeNodeName: text(
    'The node whose pods are watched: one connection for all of them, and all filters. Default: what K8S_NODE_NAME or NODE_NAME says; without it each pod is asked for.',
  ),
  kubeWatch: boolean('Watches the node’s pods, where its name is known.', { default: true }),
  kubeWait: duration(
    'How long records wait for an API that does not answer, counted from when it stopped; then they go on without its data, until it answers again. 0: not at all.',
    { default: 10_000 },
  ),
} as const;
