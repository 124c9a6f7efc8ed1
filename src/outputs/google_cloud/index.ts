/** The `google_cloud` output: records as entries of Cloud Logging. Source: fluent-plugin-google-cloud 0.13. */
import { hostname } from 'node:os';
import { compileCapture } from '../../codecs/onigmo.ts';
import { boolean, choice, integer, map, pattern, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { OutputContext, Plugin } from '../../core/plugin.ts';
import { version } from '../../core/version.ts';
import { EntryMaker } from './entry.ts';
import { Metadata } from './metadata.ts';
import { CloudLoggingOutput, defaultUrl, urlProblem } from './output.ts';
import type { Writer } from './output.ts';
import { findPlace } from './resource.ts';
import { TokenSource } from './token.ts';

const key = (what: string, fallback: string) =>
  text(`The field of a record that becomes ${what} of its entry.`, { default: fallback });
const google = (name: string): string => `logging.googleapis.com/${name}`;

const options = {
  useMetadataService: boolean('Asks the metadata service of the machine where this program runs.', { default: true }),
  useAwsAvailabilityZone: boolean('On EC2: the availability zone as location, in place of the region.', {
    default: true,
  }),
  projectId: text('Project to write to; without it that of the credentials, then that of the machine.'),
  zone: text('Zone of the machine; without it what the metadata service says.'),
  vmId: text('Id of the machine; without it what the metadata service says.'),
  vmName: text('Name of the machine; without it its host name.'),
  k8sClusterName: text('Cluster of records that name their container; without it what the metadata service says.'),
  k8sClusterLocation: text('Location of that cluster; without it what the metadata service says.'),
  httpRequestKey: key('the httpRequest', 'httpRequest'),
  insertIdKey: key('the insertId', google('insertId')),
  labelsKey: key('more labels', google('labels')),
  operationKey: key('the operation', google('operation')),
  sourceLocationKey: key('the sourceLocation', google('sourceLocation')),
  spanIdKey: key('the spanId', google('spanId')),
  traceKey: key('the trace', google('trace')),
  traceSampledKey: key('traceSampled', google('trace_sampled')),
  detectJson: boolean('Reads a record whose one text is a JSON object as that object.', { default: false }),
  detectSubservice: boolean('Finds out whether the machine belongs to GKE, App Engine or Dataproc.', { default: true }),
  subserviceName: text('The service that the machine belongs to, such as container.googleapis.com.'),
  requireValidTags: boolean('Refuses records with an empty tag, which else becomes _.', { default: false }),
  kubernetesTagRegexp: pattern('On GKE: finds pod_name, namespace_name and container_name in a tag.', {
    default: '\\.(?<pod_name>[^_]+)_(?<namespace_name>[^_]+)_(?<container_name>.+)$',
  }),
  labelMap: map('Fields that become labels in place of a part of the payload, with the label’s name.'),
  labels: map('Labels of all entries.'),
  coerceToUtf8: boolean('Replaces bytes that are not UTF-8; off: such a record is refused.', { default: true }),
  nonUtf8ReplacementString: text('What stands in place of such bytes.', { default: ' ' }),
  loggingApiUrl: text('URL of the service; without it that of Google.'),
  splitLogsByTag: boolean('Writes entries of different tags with different requests.', { default: false }),
  adjustInvalidTimestamps: boolean('Takes times more than a day ahead as of last year, or leaves them out.', {
    default: true,
  }),
  autoformatStackdriverTrace: boolean('Writes a trace of 32 hex digits with its project.', { default: true }),
  useGrpc: boolean('Writes over gRPC.', { ignored: 'entries are written over REST, which takes the same' }),
  grpcCompressionAlgorithm: choice(['none', 'gzip'])('Compression of gRPC.', { ignored: 'as use_grpc' }),
  partialSuccess: boolean('Entries are taken though others of the request are not.', { ignored: 'it is always on' }),
  enableMonitoring: boolean('Counts requests and entries.', { ignored: 'they are counted: /metrics' }),
  monitoringType: text('How they are counted.', { ignored: 'as enable_monitoring' }),
  metricsResource: text('The resource of those counts.', { ignored: 'as enable_monitoring' }),
  gcmServiceAddress: text('Where those counts are sent.', { ignored: 'as enable_monitoring' }),
  enableMetadataAgent: boolean('Asked an agent that is no more.', { ignored: 'the plugin has no use for it either' }),
  metadataAgentUrl: text('Where that agent was.', { ignored: 'as enable_metadata_agent' }),
  statuszPort: integer(0)('Port of a page about the plugin.', { ignored: 'the admin server shows how outputs stand' }),
} as const;

type GoogleCloudOptions = OptionValues<typeof options>;
type Env = Readonly<Record<string, string | undefined>>;

/** The plugin with the environment that says where credentials and services are; tests give their own. */
export function googleCloudOver(env: Env): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'google_cloud',
    summary: 'Writes records to Google Cloud Logging.',
    options,
    target: ({ projectId }) => projectId ?? '',
    example: `<match app.**>
  @type google_cloud
  project_id my-project
  labels {"team": "payments"}
  detect_json true
</match>`,
    differences: [
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Drops all entries of a request that is answered 401, 403, 404 or 429. Here they wait, and the log says what to do.',
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Drops entries that the service does not take, with a warning. Here these alone go to the secondary or the dead letters, with the service’s reason, or are sent again where that can help.',
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Sends entries and requests of any size, and drops what the service finds too large. Here requests are cut at its limits, and an entry beyond 256 KiB is split at its longest text.',
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Sends no insertId unless a record has one, so that what is sent again appears twice. Here an entry without one carries the id of its record, by which the service leaves out what it has.',
        options: ['insertIdKey'],
      },
      {
        peer: 'fluentd',
        text: 'On GKE names the resource of tags without more `gke_container` since 0.7, `container` before. Here `container`, under which Cloud Logging shows it.',
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'On GKE sends `log` as text and drops the other fields of the record. Here such a record is sent as JSON, whole; one that holds nothing but `log` as text.',
      },
      {
        peer: 'fluentd',
        text: 'Uses `logging_api_url` over gRPC alone. Here always; without it the variable CLOUDSDK_API_ENDPOINT_OVERRIDES_LOGGING, as Google’s own tools.',
        options: ['loggingApiUrl'],
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Fails to start where no project is known, or without a metadata service. Here it tries again until they are, and receives meanwhile.',
        options: ['projectId'],
      },
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Drops times, labels and parts of httpRequest that it cannot read. Here these stay in the payload.',
      },
    ],
    check({ options: values }) {
      compileCapture(values.kubernetesTagRegexp);
      const problem = urlProblem('logging_api_url', values.loggingApiUrl ?? defaultUrl(env));
      if (problem !== undefined) throw new Error(problem);
    },
    create: ({ options: values }, context) => makeOutput(values, context, env),
  });
}

/** `google_cloud` with the environment of the process. */
export const googleCloudOutput: Plugin = googleCloudOver(process.env);

function makeOutput(values: GoogleCloudOptions, context: OutputContext, env: Env): CloudLoggingOutput {
  const host = env['GCE_METADATA_HOST'] ?? '';
  const metadata = new Metadata(host === '' ? '169.254.169.254' : host);
  const token = new TokenSource({ env, metadata, clock: context.clock });
  const tagExpression = compileCapture(values.kubernetesTagRegexp);
  const find = async (): Promise<Writer> => {
    const place = await findPlace(
      {
        ...values,
        vmName: values.vmName ?? hostname(),
        // An empty name is as good as none.
        k8sClusterName: values.k8sClusterName || undefined,
        k8sClusterLocation: values.k8sClusterLocation || undefined,
        labels: values.labels ?? {},
      },
      metadata,
      () => token.projectId(),
    );
    const { projectId, platform, resource } = place;
    context.log.debug(`Cloud Logging: project ${projectId}, resource ${resource.type}, platform ${platform}`);
    const maker = new EntryMaker(values, place, tagExpression);
    return {
      projectId,
      entry: (input) => ({
        shared: '',
        group: values.splitLogsByTag ? input.tag : '',
        fields: maker.make(input),
      }),
    };
  };
  const api = {
    url: values.loggingApiUrl ?? defaultUrl(env),
    userAgent: `post2log/${version}`,
    compresses: false,
  };
  return new CloudLoggingOutput(context, { api, token, find });
}
