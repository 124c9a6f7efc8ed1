/** What a kubelet lays out for a pod before its containers start: files of config maps, secrets and the pod itself, directories, variables. */
import { chmodSync, chownSync, mkdirSync, rmSync, symlinkSync, writeFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Container, EnvVar, FileSource, Rendered, Volume } from './manifests.ts';

/** What a pod knows of itself. */
export interface Identity {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly node: string;
  readonly address: string;
  readonly hostAddress: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface PodFiles {
  readonly identity: Identity;
  readonly objects: Pick<Rendered, 'configMaps' | 'secrets'>;
  /** The pod's own, gone with it. */
  readonly directory: string;
  /** What is `/` to the node. */
  readonly nodeRoot: string;
  /** Claims outlive the pod; each lies here by its name. */
  readonly claims: string;
  readonly fsGroup: number | undefined;
  /** `token`, `ca.crt` and `namespace` of the service account. */
  readonly account: ReadonlyMap<string, Buffer>;
}

/** Where each volume lies now. @throws where an object or a key is missing, as a pod would not start. */
export function layOut(volumes: readonly Volume[], pod: PodFiles): Map<string, string> {
  return new Map(volumes.map((volume) => [volume.name, place(volume, pod)]));
}

function place(volume: Volume, pod: PodFiles): string {
  const { hostPath, persistentVolumeClaim, emptyDir, projected } = volume;
  if (hostPath) {
    const path = join(pod.nodeRoot, hostPath.path);
    if (!existsSync(path) && hostPath.type?.startsWith('File')) writeFileSync(path, '');
    if (!existsSync(path)) mkdirSync(path, { recursive: true });
    return path;
  }
  if (persistentVolumeClaim) return directoryOf(join(pod.claims, persistentVolumeClaim.claimName), pod.fsGroup);
  const path = join(pod.directory, 'volumes', volume.name);
  if (emptyDir) return directoryOf(path, pod.fsGroup, 0o777);
  const files = (projected?.sources ?? [volume]).flatMap((source) => [...filesOf(source, pod)]);
  writeVersion(path, new Map(files), pod.fsGroup);
  return path;
}

/** A volume that may be written: its group may when there is a group. */
function directoryOf(path: string, group: number | undefined, mode = 0o755): string {
  mkdirSync(path, { recursive: true });
  if (group !== undefined) chownSync(path, 0, group);
  chmodSync(path, group === undefined ? mode : mode | 0o2070);
  return path;
}

/** As a kubelet writes them: a version's directory, a link to it, and links through that one, so that all change at once. */
function writeVersion(path: string, files: ReadonlyMap<string, Buffer>, group: number | undefined): void {
  const version = '..version-1';
  rmSync(path, { recursive: true, force: true });
  for (const [name, bytes] of files) {
    const file = join(path, version, name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes, { mode: 0o644 });
    if (group !== undefined) chownSync(file, 0, group);
  }
  mkdirSync(path, { recursive: true });
  symlinkSync(version, join(path, '..data'));
  for (const top of new Set([...files.keys()].map((name) => name.split('/')[0] ?? name)))
    symlinkSync(join('..data', top), join(path, top));
}

function* filesOf(source: FileSource, pod: PodFiles): Generator<[string, Buffer]> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap) yield* chosen(pod.objects.configMaps, 'config map', configMap.name, configMap);
  if (secret) yield* chosen(pod.objects.secrets, 'secret', secret.secretName ?? secret.name ?? '', secret);
  if (serviceAccountToken) yield [serviceAccountToken.path, pod.account.get('token') ?? Buffer.of()];
  for (const { path, fieldRef } of downwardAPI?.items ?? [])
    yield [path, Buffer.from(fieldRef ? fieldOf(fieldRef.fieldPath, pod.identity) : '')];
}

type Objects = ReadonlyMap<string, ReadonlyMap<string, Buffer>>;
interface Choice {
  readonly items?: readonly { readonly key: string; readonly path: string }[];
  readonly optional?: boolean;
}
function* chosen(
  objects: Objects,
  kind: string,
  name: string,
  { items, optional = false }: Choice,
): Generator<[string, Buffer]> {
  const data = objects.get(name);
  if (!data && optional) return;
  if (!data) throw new Error(`there is no ${kind} ${name}`);
  if (!items) yield* data;
  for (const { key, path } of items ?? []) {
    const bytes = data.get(key);
    if (bytes) yield [path, bytes];
    else if (!optional) throw new Error(`${kind} ${name} has no key ${key}`);
  }
}

// ------------------------------------------------------------------------------------------------- variables

function fieldOf(path: string, identity: Identity): string {
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed) return identity[keyed[1] as 'labels' | 'annotations'][keyed[2] ?? ''] ?? '';
  const pairs = (values: Readonly<Record<string, string>>): string =>
    Object.entries(values)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
      .join('\n');
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': identity.name,
    'metadata.namespace': identity.namespace,
    'metadata.uid': identity.uid,
    'metadata.labels': pairs(identity.labels),
    'metadata.annotations': pairs(identity.annotations),
    'spec.nodeName': identity.node,
    'spec.serviceAccountName': identity.serviceAccount,
    'status.podIP': identity.address,
    'status.podIPs': identity.address,
    'status.hostIP': identity.hostAddress,
  };
  const value = fields[path];
  if (value === undefined) throw new Error(`a pod has no field ${path}`);
  return value;
}

const unitBytes: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  m: 1e-3,
};

/** A limit as a whole number of its divisor, rounded up. */
function resourceOf({ resource, divisor = '1' }: { resource: string; divisor?: string }, container: Container): string {
  const [of = '', name = ''] = resource.split('.');
  const written = container.resources?.[of as 'limits' | 'requests']?.[name] ?? '0';
  const number = (text: string): number => {
    const [, digits = '0', unit = ''] = /^([\d.]+)(\D*)$/.exec(text) ?? [];
    return Number(digits) * (unitBytes[unit] ?? 1);
  };
  return String(Math.ceil(number(String(written)) / (number(divisor) || 1)));
}

/** Undefined where something optional is missing. */
function valueOf({ name, value, valueFrom }: EnvVar, container: Container, pod: PodFiles): string | undefined {
  if (valueFrom === undefined) return value ?? '';
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = valueFrom;
  if (fieldRef) return fieldOf(fieldRef.fieldPath, pod.identity);
  if (resourceFieldRef) return resourceOf(resourceFieldRef, container);
  const ref = configMapKeyRef ?? secretKeyRef;
  if (!ref) throw new Error(`variable ${name} comes from nowhere`);
  const kind = configMapKeyRef ? 'config map' : 'secret';
  const objects = configMapKeyRef ? pod.objects.configMaps : pod.objects.secrets;
  const found = objects.get(ref.name)?.get(ref.key);
  if (found === undefined && ref.optional !== true)
    throw new Error(`variable ${name}: ${kind} ${ref.name} has no key ${ref.key}`);
  return found?.toString();
}

/** A container's variables; `$(NAME)` in values stands for one before it. */
export function variables(
  container: Container,
  pod: PodFiles,
  given: Readonly<Record<string, string>>,
): Record<string, string> {
  const values: Record<string, string> = { ...given };
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    const data = configMapRef
      ? pod.objects.configMaps.get(configMapRef.name)
      : pod.objects.secrets.get(secretRef?.name ?? '');
    for (const [key, bytes] of data ?? []) values[key] = bytes.toString();
  }
  for (const variable of container.env ?? []) {
    const value = valueOf(variable, container, pod);
    if (value !== undefined) values[variable.name] = expanded(value, values);
  }
  return values;
}

/** `$(NAME)` of a known name; `$$(` is `$(`. */
export function expanded(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(/\$\$|\$\(([\w.-]+)\)/g, (found, name?: string) =>
    name === undefined ? '$' : (values[name] ?? found),
  );
}
