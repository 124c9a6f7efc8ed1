/**
 * Where records of the Fluentd plugin come from: the monitored resource and the labels of all entries, found out once, and
 * for a tag or record where it says more. Source: fluent-plugin-google-cloud 0.13, common.rb and out_google_cloud.rb.
 */
import { OperatingError } from '../../core/errors.ts';
import type { Metadata, Platform } from './metadata.ts';

export type Labels = Readonly<Record<string, string>>;

export interface MonitoredResource {
  readonly type: string;
  readonly labels: Labels;
}

/** Type names of resources. Until 0.6 the plugin named GKE's legacy one `container`, as Cloud Logging shows it, later `gke_container`. */
export const containerType = 'container';
const instanceType = 'gce_instance';
const ec2Type = 'aws_ec2_instance';
const dataflowType = 'dataflow_step';
const dataprocType = 'cloud_dataproc_cluster';
const mlType = 'ml_job';
export const appEngineType = 'gae_app';

export const containerService = 'container.googleapis.com';
const computeService = 'compute.googleapis.com';

const subservices: Readonly<Record<string, string>> = {
  'appengine.googleapis.com': appEngineType,
  [containerService]: containerType,
  'dataflow.googleapis.com': dataflowType,
  'cluster.dataproc.googleapis.com': dataprocType,
  'ml.googleapis.com': mlType,
};

/** What a machine's attributes hold where it belongs to a service. */
const attributesOf: readonly (readonly [string, readonly string[]])[] = [
  [appEngineType, ['gae_backend_name', 'gae_backend_version']],
  [containerType, ['cluster-name', 'cluster-location']],
  [dataprocType, ['dataproc-cluster-uuid', 'dataproc-cluster-name']],
];

/** Labels of records that belong to the resource for some services: service, type, names. */
export const resourceLabelsOf: Readonly<
  Record<string, { readonly service: string; readonly names: readonly string[] }>
> = {
  [dataflowType]: { service: 'dataflow.googleapis.com', names: ['region', 'job_name', 'job_id', 'step_id'] },
  [mlType]: { service: 'ml.googleapis.com', names: ['job_id', 'task_name'] },
};

export interface PlaceOptions {
  readonly useMetadataService: boolean;
  readonly useAwsAvailabilityZone: boolean;
  readonly projectId: string | undefined;
  readonly zone: string | undefined;
  readonly vmId: string | undefined;
  readonly vmName: string;
  readonly k8sClusterName: string | undefined;
  readonly k8sClusterLocation: string | undefined;
  readonly detectSubservice: boolean;
  readonly subserviceName: string | undefined;
  readonly labels: Labels;
}

/** What is the same for all entries of an output. */
export interface Place {
  readonly projectId: string;
  readonly platform: Platform;
  readonly resource: MonitoredResource;
  readonly labels: Labels;
  /** Of the Kubernetes cluster; undefined: nobody says. */
  readonly cluster: { readonly name: string | undefined; readonly location: string | undefined };
}

/** Finds out where this program runs. @throws OperatingError OUTPUT_UNREACHABLE where something that is needed cannot be told yet */
export async function findPlace(
  options: PlaceOptions,
  metadata: Metadata,
  projectOfCredentials: () => Promise<string | undefined>,
): Promise<Place> {
  const platform = options.useMetadataService ? await metadata.platform() : 'other';
  const ofGce = async (path: string): Promise<string | undefined> =>
    platform === 'gce' ? metadata.value(path) : undefined;
  const document = platform === 'ec2' ? await metadata.ec2Document() : {};
  const ofEc2 = (key: string): string | undefined => (typeof document[key] === 'string' ? document[key] : undefined);
  const projectId = options.projectId ?? (await projectOfCredentials()) ?? (await ofGce('project/project-id'));
  if (projectId === undefined)
    throw new OperatingError(
      'OUTPUT_UNREACHABLE',
      'Cloud Logging: no project is known: the metadata service did not answer, and the credentials name none; write project_id',
    );
  const awsLocation = ofEc2(options.useAwsAvailabilityZone ? 'availabilityZone' : 'region');
  const zone =
    options.zone ??
    (await ofGce('instance/zone'))?.replace(/^.*\//, '') ??
    (awsLocation === undefined ? undefined : `aws:${awsLocation}`);
  const vmId = options.vmId ?? (await ofGce('instance/id')) ?? ofEc2('instanceId');
  const type = await typeOf(options, platform, metadata);
  const own = { type, zone, vmId, account: ofEc2('accountId') };
  const resource = { type, labels: await labelsOf(own, ofGce) };
  // Asked for only on GKE: elsewhere there are no such attributes.
  const isGke = platform === 'gce' && (await hasAttributes(metadata, ['cluster-name', 'cluster-location']));
  const cluster = {
    name: options.k8sClusterName ?? (isGke ? await metadata.value('instance/attributes/cluster-name') : undefined),
    location:
      options.k8sClusterLocation ?? (isGke ? await metadata.value('instance/attributes/cluster-location') : undefined),
  };
  return { projectId, platform, resource, labels: commonLabels(options, own), cluster };
}

async function typeOf(options: PlaceOptions, platform: Platform, metadata: Metadata): Promise<string> {
  if (platform === 'ec2') return ec2Type;
  if (platform === 'other') return instanceType;
  if (options.subserviceName !== undefined) return subservices[options.subserviceName] ?? instanceType;
  if (!options.detectSubservice) return instanceType;
  for (const [type, names] of attributesOf) if (await hasAttributes(metadata, names)) return type;
  return instanceType;
}

async function hasAttributes(metadata: Metadata, names: readonly string[]): Promise<boolean> {
  const attributes = new Set((await metadata.value('instance/attributes/')).split(/\s+/));
  return names.every((name) => attributes.has(name));
}

interface Machine {
  readonly type: string;
  readonly zone: string | undefined;
  readonly vmId: string | undefined;
  readonly account: string | undefined;
}

async function labelsOf(
  { type, zone, vmId, account }: Machine,
  ofGce: (path: string) => Promise<string | undefined>,
): Promise<Labels> {
  const attribute = async (name: string): Promise<string> => (await ofGce(`instance/attributes/${name}`)) ?? '';
  if (type === appEngineType)
    return { module_id: await attribute('gae_backend_name'), version_id: await attribute('gae_backend_version') };
  if (type === dataprocType)
    return {
      cluster_uuid: await attribute('dataproc-cluster-uuid'),
      cluster_name: await attribute('dataproc-cluster-name'),
      region: await attribute('dataproc-region'),
    };
  if (vmId === undefined || zone === undefined) return {};
  if (type === instanceType) return { instance_id: vmId, zone };
  if (type === containerType) return { instance_id: vmId, zone, cluster_name: await attribute('cluster-name') };
  if (type === ec2Type)
    return { instance_id: vmId, region: zone, ...(account !== undefined && { aws_account: account }) };
  return {};
}

function commonLabels({ labels, vmName }: PlaceOptions, { type, vmId, zone }: Machine): Labels {
  const hosted = new Set([appEngineType, dataflowType, dataprocType, mlType]);
  if (hosted.has(type))
    return {
      ...labels,
      ...(vmId !== undefined && { [`${computeService}/resource_id`]: vmId }),
      [`${computeService}/resource_name`]: vmName,
      ...(zone !== undefined && { [`${computeService}/zone`]: zone }),
    };
  if (type === instanceType || type === containerType)
    return { ...labels, [`${computeService}/resource_name`]: vmName };
  if (type === ec2Type) return { ...labels, ['ec2.amazonaws.com/resource_name']: vmName };
  return labels;
}

/**
 * The resource that a record's local_resource_id names (`k8s_container.namespace.pod.container`); undefined: it names none, or
 * nobody knows which cluster it is in.
 */
export function localResource(id: string, { cluster }: Place): MonitoredResource | undefined {
  if (cluster.name === undefined || cluster.location === undefined) return undefined;
  const own = { cluster_name: cluster.name, location: cluster.location };
  const container = /^k8s_container\.([0-9a-z-]+)\.([.0-9a-z-]+)\.([0-9a-z-]+)$/.exec(id);
  if (container) {
    const [, namespace = '', pod = '', name = ''] = container;
    const labels = { namespace_name: namespace, pod_name: pod, container_name: name, ...own };
    return { type: 'k8s_container', labels };
  }
  const pod = /^k8s_pod\.([0-9a-z-]+)\.([.0-9a-z-]+)$/.exec(id);
  if (pod) return { type: 'k8s_pod', labels: { namespace_name: pod[1] ?? '', pod_name: pod[2] ?? '', ...own } };
  const node = /^k8s_node\.([0-9a-z-]+)$/.exec(id);
  return node ? { type: 'k8s_node', labels: { node_name: node[1] ?? '', ...own } } : undefined;
}

/** Labels of the machine that the entries of Kubernetes resources do not carry. */
export function withoutMachine(labels: Labels): Labels {
  const { [`${computeService}/resource_name`]: _, ...others } = labels;
  return others;
}
