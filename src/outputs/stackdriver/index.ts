/** The `stackdriver` output: records as entries of Cloud Logging, as Fluent Bit writes them. Source: Fluent Bit 5.1 out_stackdriver. */
import { readFile } from 'node:fs/promises';
import type { ConnectionOptions } from 'node:tls';
import { compileCapture } from '../../codecs/onigmo.ts';
import type { Difference } from '../../core/difference.ts';
import { OperatingError, errorText } from '../../core/errors.ts';
import { fluentbitForm } from '../../core/fluentbit.ts';
import { stringifyJson } from '../../core/json.ts';
import { boolean, choice, list, pattern, secret, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { OutputContext, Plugin } from '../../core/plugin.ts';
import { version } from '../../core/version.ts';
import { Metadata } from '../google_cloud/metadata.ts';
import { CloudLoggingOutput, defaultUrl, urlProblem } from '../google_cloud/output.ts';
import type { Writer } from '../google_cloud/output.ts';
import { TokenSource } from '../google_cloud/token.ts';
import { EntryMaker } from './entry.ts';
import { ResourceFinder, pairsOf, resourceProblem } from './resource.ts';

const google = (name: string): string => `logging.googleapis.com/${name}`;
const key = (what: string, fallback: string) =>
  text(`The field of a record that becomes ${what} of its entry.`, { default: fallback });

const options = {
  googleServiceCredentials: text('Credentials file; without it GOOGLE_APPLICATION_CREDENTIALS of the environment.'),
  metadataServer: text('URL of the metadata service; without it METADATA_SERVER of the environment.'),
  serviceAccountEmail: text('Service account to write as; without a key the metadata service gives its tokens.'),
  serviceAccountSecret: secret('Private key of that account.'),
  exportToProjectId: text('Project to write to; without it that of the credentials or of the machine.'),
  projectIdKey: key('the project', google('projectId')),
  resource: text('Type of the monitored resource, such as global, gce_instance, generic_node or k8s_container.', {
    default: 'global',
  }),
  severityKey: key('the severity', google('severity')),
  autoformatStackdriverTrace: boolean('Writes traces with their project.', { default: false }),
  traceKey: key('the trace', google('trace')),
  spanIdKey: key('the spanId', google('spanId')),
  traceSampledKey: key('traceSampled', google('traceSampled')),
  logNameKey: key('the log name', google('logName')),
  httpRequestKey: key('the httpRequest', google('http_request')),
  k8sClusterName: text('Cluster of Kubernetes resources.'),
  k8sClusterLocation: text('Location of that cluster.'),
  location: text('Location of generic resources.'),
  namespace: text('Namespace of generic resources.'),
  nodeId: text('Id of a generic_node.'),
  job: text('Job of a generic_task.'),
  taskId: text('Task of a generic_task.'),
  compress: choice(['gzip'])('Compresses requests.'),
  labels: list('Labels of all entries, as name=value.'),
  labelsKey: key('more labels', google('labels')),
  tagPrefix: text('What stands before the names in tags; without it the type of resource and a dot.'),
  stackdriverAgent: text('The User-Agent; without it post2log and its version.'),
  customK8sRegex: pattern('Finds pod_name, namespace_name, container_name or node_name in a tag.', {
    default:
      '(?<pod_name>[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*)_(?<namespace_name>[^_]+)_(?<container_name>.+)-(?<docker_id>[a-z0-9]{64})\\.log$',
  }),
  resourceLabels: list("Labels of the resource, as name=value or name=$key['a'] for a text of the record."),
  textPayloadKey: text('The field that becomes the text of an entry, where nothing else is left in the record.'),
  cloudLoggingBaseUrl: text('URL of the service; without it that of Google.'),
  tlsVerify: boolean('Whether the service’s certificate is looked at.', { default: true, fluentbit: 'tls.verify' }),
  tlsCaFile: text('PEM file with the certificates that the service’s must come from.', { fluentbit: 'tls.ca_file' }),
} as const;

type StackdriverOptions = OptionValues<typeof options>;
type Env = Readonly<Record<string, string | undefined>>;

const inFluentbit = Object.fromEntries(Object.keys(options).map((name) => [name, {}]));

const differences: readonly Difference[] = [
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Drops the chunk after a 4xx answer, with the entries that were taken or could be. Here entries that the service names are refused alone, others are sent again, and after 401, 403, 404 and 429 all wait.',
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Takes the resource of a chunk from its first record, and tries a chunk again in which it finds none. Here each record has its own, and one without is refused alone.',
    options: ['resource', 'resourceLabels'],
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Drops records whose insertId is no text, chunks whose labels are no map, and fields of the entry that it cannot read. Here they are written, and what cannot be read stays in the payload.',
    options: ['labelsKey', 'severityKey', 'traceKey'],
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Sends no insertId unless a record has one, so that what is sent again appears twice. Here an entry without one carries the id of its record.',
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Removes `stream` from every record. Here it goes where it names the log of a Kubernetes resource, and stays otherwise.',
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Sends entries and requests of any size. Here requests are cut at the service’s limits, and an entry beyond 256 KiB is split at its longest text.',
  },
  {
    peer: 'fluentbit',
    verdict: 'better',
    text: 'Writes `cacheHit` as `cacheLookup` says, and parts of httpRequest, operation and sourceLocation that a record has not as empty. Here each as the record says, the others not at all, which the service takes for the same.',
    options: ['httpRequestKey'],
  },
];

/** The plugin with the environment that says where credentials and services are; tests give their own. */
export function stackdriverOver(env: Env): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'stackdriver',
    summary: 'Writes records to Google Cloud Logging, as Fluent Bit does.',
    options,
    target: ({ resource, exportToProjectId }) => exportToProjectId ?? resource,
    buffer: { flushIntervalMs: 1000 },
    fluentbit: fluentbitForm({
      options: inFluentbit,
      ignored: {
        tls: 'the URL of the service says whether TLS is spoken',
        'tls.debug': 'as above',
        'net.*': 'connections are kept as long as they work',
      },
      example: `[OUTPUT]
    Name                 stackdriver
    Match                kube.*
    Resource             k8s_container
    k8s_cluster_name     shop
    k8s_cluster_location europe-west1
    Labels               team=payments`,
    }),
    example: `<match app.**>
  @type stackdriver
  resource global
  labels team=payments
</match>`,
    differences,
    check({ options: values }) {
      pairsOf('labels', values.labels);
      const problem =
        resourceProblem(values) ??
        urlProblem('cloud_logging_base_url', values.cloudLoggingBaseUrl ?? defaultUrl(env)) ??
        accountProblem(values);
      if (problem !== undefined) throw new Error(problem);
      compileCapture(values.customK8sRegex);
    },
    create: ({ options: values }, context) => makeOutput(values, context, env),
  });
}

/** `stackdriver` with the environment of the process. */
export const stackdriverOutput: Plugin = stackdriverOver(process.env);

function accountProblem({ serviceAccountEmail, serviceAccountSecret }: StackdriverOptions): string | undefined {
  return serviceAccountSecret !== undefined && serviceAccountEmail === undefined
    ? 'service_account_secret needs service_account_email'
    : undefined;
}

function makeOutput(values: StackdriverOptions, context: OutputContext, env: Env): CloudLoggingOutput {
  const { serviceAccountEmail: email, serviceAccountSecret: privateKey } = values;
  const hosts = [values.metadataServer, env['METADATA_SERVER'], env['GCE_METADATA_HOST'], 'metadata.google.internal'];
  const metadata = new Metadata(hosts.find((host) => host !== undefined && host !== '') ?? '');
  const token = new TokenSource({
    credentialsFile: values.googleServiceCredentials,
    account: email === undefined ? undefined : { email, privateKey },
    env,
    metadata,
    clock: context.clock,
  });
  const expression = compileCapture(values.customK8sRegex);
  const find = async (): Promise<Writer> => {
    const written = await token.projectId();
    const projectId = written ?? (await metadata.value('project/project-id'));
    // With credentials of its own Fluent Bit asks the machine nothing.
    const isMachine = written === undefined && values.resource === 'gce_instance';
    const zone = isMachine ? (await metadata.value('instance/zone')).replace(/^.*\//, '') : undefined;
    const instanceId = isMachine ? await metadata.value('instance/id') : undefined;
    const finder = new ResourceFinder(values, { projectId, zone, instanceId }, expression);
    const exportTo = values.exportToProjectId ?? projectId;
    const maker = new EntryMaker(values, { projectId, exportTo, labels: pairsOf('labels', values.labels) });
    return {
      projectId: exportTo,
      entry: (input) => {
        const { type, labels } = finder.find(input.tag, input.fields);
        const shared = `"resource":${stringifyJson({ type, labels: { ...labels } })}`;
        return { shared, group: '', fields: maker.make(input) };
      },
    };
  };
  const api = {
    url: values.cloudLoggingBaseUrl ?? defaultUrl(env),
    userAgent: values.stackdriverAgent ?? `post2log/${version}`,
    compresses: values.compress === 'gzip',
  };
  return new CloudLoggingOutput(context, { api, token, find, tls: () => tlsOf(values) });
}

async function tlsOf({ tlsVerify, tlsCaFile }: StackdriverOptions): Promise<ConnectionOptions> {
  if (tlsCaFile === undefined) return { rejectUnauthorized: tlsVerify };
  try {
    return { rejectUnauthorized: tlsVerify, ca: await readFile(tlsCaFile) };
  } catch (error) {
    throw new OperatingError('OUTPUT_UNREACHABLE', `reading tls.ca_file ${tlsCaFile}: ${errorText(error)}`, {
      cause: error,
    });
  }
}
