/** What the chart renders, read as far as a kubelet and a scheduler read it. */
import { execFileSync } from 'node:child_process';
import { parseAllDocuments } from 'yaml';

type Text = Readonly<Record<string, string>>;
/** `cpu: 1` is a number. */
type Quantities = Readonly<Record<string, string | number>>;

export interface Metadata {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Text;
  readonly annotations?: Text;
}
interface KeyOf {
  readonly name: string;
  readonly key: string;
  readonly optional?: boolean;
}
export interface EnvVar {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly resourceFieldRef?: { readonly resource: string; readonly divisor?: string };
    readonly configMapKeyRef?: KeyOf;
    readonly secretKeyRef?: KeyOf;
  };
}
export interface Mount {
  readonly name: string;
  readonly mountPath: string;
  readonly subPath?: string;
  readonly readOnly?: boolean;
}
export interface Probe {
  readonly httpGet?: {
    readonly path?: string;
    readonly port: number | string;
    readonly httpHeaders?: readonly { name: string; value: string }[];
  };
  readonly tcpSocket?: { readonly port: number | string };
  readonly exec?: { readonly command: readonly string[] };
  readonly initialDelaySeconds?: number;
  readonly periodSeconds?: number;
  readonly timeoutSeconds?: number;
  readonly failureThreshold?: number;
}
export interface SecurityContext {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly fsGroup?: number;
  readonly readOnlyRootFilesystem?: boolean;
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] };
}
export interface Container {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly EnvVar[];
  readonly envFrom?: readonly { readonly configMapRef?: { name: string }; readonly secretRef?: { name: string } }[];
  readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
  readonly volumeMounts?: readonly Mount[];
  readonly securityContext?: SecurityContext;
  readonly resources?: { readonly limits?: Quantities; readonly requests?: Quantities };
  readonly restartPolicy?: 'Always';
  readonly lifecycle?: { readonly preStop?: { readonly sleep?: { readonly seconds: number } } };
  readonly startupProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly livenessProbe?: Probe;
}
interface KeyToPath {
  readonly key: string;
  readonly path: string;
}
interface DownwardItem {
  readonly path: string;
  readonly fieldRef?: { readonly fieldPath: string };
}
export interface FileSource {
  readonly configMap?: { readonly name: string; readonly items?: readonly KeyToPath[]; readonly optional?: boolean };
  readonly secret?: {
    readonly secretName?: string;
    readonly name?: string;
    readonly items?: readonly KeyToPath[];
    readonly optional?: boolean;
  };
  readonly downwardAPI?: { readonly items: readonly DownwardItem[] };
  readonly serviceAccountToken?: { readonly path: string };
}
export interface Volume extends FileSource {
  readonly name: string;
  readonly emptyDir?: object;
  readonly hostPath?: { readonly path: string; readonly type?: string };
  readonly persistentVolumeClaim?: { readonly claimName: string };
  readonly projected?: { readonly sources: readonly FileSource[] };
}
export interface PodSpec {
  readonly containers: readonly Container[];
  readonly initContainers?: readonly Container[];
  readonly volumes?: readonly Volume[];
  readonly securityContext?: SecurityContext;
  readonly serviceAccountName?: string;
  readonly automountServiceAccountToken?: boolean;
  readonly nodeSelector?: Text;
  readonly terminationGracePeriodSeconds?: number;
  readonly hostNetwork?: boolean;
  readonly enableServiceLinks?: boolean;
  readonly hostAliases?: readonly { readonly ip: string; readonly hostnames: readonly string[] }[];
}
export interface Workload {
  readonly kind: 'StatefulSet' | 'DaemonSet' | 'Deployment';
  readonly metadata: Metadata;
  readonly spec: {
    readonly replicas?: number;
    readonly serviceName?: string;
    readonly template: { readonly metadata: Partial<Metadata>; readonly spec: PodSpec };
    readonly volumeClaimTemplates?: readonly { readonly metadata: Metadata }[];
  };
}
export interface Service {
  readonly metadata: Metadata;
  readonly spec: {
    readonly selector?: Text;
    readonly clusterIP?: string;
    readonly publishNotReadyAddresses?: boolean;
    readonly ports: readonly {
      readonly name?: string;
      readonly port: number;
      readonly targetPort?: number | string;
      readonly nodePort?: number;
    }[];
  };
}
/** Any object, as the API server takes it. */
export interface RawObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
  readonly [field: string]: unknown;
}

export interface Rendered {
  readonly workloads: readonly Workload[];
  readonly services: readonly Service[];
  /** Data by name of the object, as bytes. */
  readonly configMaps: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
  readonly secrets: ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
  /** Service accounts, roles and their bindings. */
  readonly access: readonly RawObject[];
}

const workloadKinds = ['StatefulSet', 'DaemonSet', 'Deployment'];
const accessKinds = ['ServiceAccount', 'ClusterRole', 'ClusterRoleBinding', 'Role', 'RoleBinding'];

export function readManifests(yaml: string): Rendered {
  const objects = parseAllDocuments(yaml).flatMap((document) => {
    const [error] = document.errors;
    if (error) throw error;
    const object = document.toJS() as RawObject | null;
    return object === null ? [] : [object];
  });
  const of = (...kinds: readonly string[]): RawObject[] => objects.filter(({ kind }) => kinds.includes(kind));
  return {
    workloads: of(...workloadKinds) as unknown as Workload[],
    services: of('Service') as unknown as Service[],
    configMaps: new Map(of('ConfigMap').map((one) => [one.metadata.name, dataOf(one)])),
    secrets: new Map(of('Secret').map((one) => [one.metadata.name, dataOf(one)])),
    access: of(...accessKinds),
  };
}

/** `data` of a Secret is base64, that of a ConfigMap is text. */
function dataOf(object: RawObject): Map<string, Buffer> {
  const part = (name: string, encoding: BufferEncoding): [string, Buffer][] =>
    Object.entries((object[name] ?? {}) as Text).map(([key, text]) => [key, Buffer.from(text, encoding)]);
  const plain =
    object.kind === 'Secret' ? [...part('data', 'base64'), ...part('stringData', 'utf8')] : part('data', 'utf8');
  return new Map([...plain, ...part('binaryData', 'base64')]);
}

/** Helm asks no cluster here, and not every build of it takes a new one for granted. */
const kubeVersion = '1.34.0';

/** `helm template RELEASE CHART -n NAMESPACE -f VALUES…`. */
export function renderChart(
  helm: string,
  options: { release: string; namespace: string; chart: string; values: readonly string[] },
): Rendered {
  const { release, namespace, chart, values } = options;
  const args = [
    'template',
    release,
    chart,
    '--namespace',
    namespace,
    '--kube-version',
    kubeVersion,
    ...values.flatMap((path) => ['--values', path]),
  ];
  return readManifests(execFileSync(helm, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 }));
}
