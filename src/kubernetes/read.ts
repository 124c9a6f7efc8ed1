/** What the API answers, as pods and namespaces. It may be anything: what has not the form expected is left out, or gives none. */
import { fieldsFromEntries } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import type { ContainerStatus, Namespace, Pod } from './contract.ts';

type Json = Readonly<Record<string, unknown>>;

/** A field that is an object; empty where it is not. */
export function objectIn(value: unknown, key: string): Json {
  return asObject(value === null || typeof value !== 'object' ? undefined : (value as Json)[key]) ?? {};
}
function asObject(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}
/** A field that is a text with something in it. */
export function textIn(value: unknown, key: string): string | undefined {
  const found = asObject(value)?.[key];
  return typeof found === 'string' && found !== '' ? found : undefined;
}
function listIn(value: Json, key: string): readonly unknown[] {
  const found = value[key];
  return Array.isArray(found) ? found : [];
}

/** A pod as the API describes it; undefined where that is no pod. */
export function readPod(value: unknown): Pod | undefined {
  const metadata = objectIn(value, 'metadata');
  const name = textIn(metadata, 'name');
  const namespace = textIn(metadata, 'namespace');
  if (name === undefined || namespace === undefined) return undefined;
  const status = objectIn(value, 'status');
  const owners = metadata['ownerReferences'];
  const statuses = [
    ...listIn(status, 'containerStatuses').map((one) => [one, false] as const),
    ...listIn(status, 'initContainerStatuses').map((one) => [one, true] as const),
    ...listIn(status, 'ephemeralContainerStatuses').map((one) => [one, false] as const),
  ];
  return {
    namespace,
    name,
    uid: textIn(metadata, 'uid') ?? '',
    nodeName: textIn(objectIn(value, 'spec'), 'nodeName'),
    podIp: textIn(status, 'podIP'),
    labels: fieldsIn(metadata, 'labels'),
    annotations: fieldsIn(metadata, 'annotations'),
    ownerReferences: Array.isArray(owners) ? owners.map(asValue) : undefined,
    containers: statuses.flatMap(([one, isInit]) => readContainer(one, isInit) ?? []),
    containerIds: [...new Set(statuses.flatMap(([one]) => idsOf(one)))],
  };
}

function readContainer(value: unknown, isInit: boolean): ContainerStatus | undefined {
  const name = textIn(value, 'name');
  if (name === undefined) return undefined;
  return {
    name,
    image: textIn(value, 'image'),
    imageId: textIn(value, 'imageID'),
    containerId: textIn(value, 'containerID'),
    isInit,
  };
}

/** Of the container that runs, and of those before it that ended. */
function idsOf(value: unknown): string[] {
  const ended = ['state', 'lastState'].map((key) =>
    textIn(objectIn(objectIn(value, key), 'terminated'), 'containerID'),
  );
  return [textIn(value, 'containerID'), ...ended].flatMap((id) => (id === undefined ? [] : withoutScheme(id)));
}

/** `docker://3f1c…` without what stands before the id. */
export function withoutScheme(id: string): string {
  return id.replace(/^[-_a-zA-Z0-9]+:\/\//, '');
}

/** A namespace as the API describes it; undefined where that is none. */
export function readNamespace(value: unknown): Namespace | undefined {
  const metadata = objectIn(value, 'metadata');
  const name = textIn(metadata, 'name');
  if (name === undefined) return undefined;
  const created = Date.parse(textIn(metadata, 'creationTimestamp') ?? '');
  return {
    name,
    uid: textIn(metadata, 'uid') ?? '',
    createdSeconds: Number.isNaN(created) ? undefined : created / 1000,
    labels: fieldsIn(metadata, 'labels'),
    annotations: fieldsIn(metadata, 'annotations'),
  };
}

/** A list of pods, the version it is of, and where it goes on; undefined where it is no list. */
export function readPodList(
  value: unknown,
):
  | { readonly pods: readonly Pod[]; readonly version: string | undefined; readonly next: string | undefined }
  | undefined {
  const list = asObject(value)?.['items'];
  // A list without items is written as null by some servers.
  if (!Array.isArray(list) && (list !== null || value === null)) return undefined;
  const metadata = objectIn(value, 'metadata');
  return {
    pods: (list ?? []).flatMap((one: unknown) => readPod(one) ?? []),
    version: textIn(metadata, 'resourceVersion'),
    next: textIn(metadata, 'continue'),
  };
}

function fieldsIn(value: Json, key: string): Fields | undefined {
  const found = asObject(value[key]);
  return found && (asValue(found) as Fields);
}

/** Parsed JSON as a record's value. */
function asValue(value: unknown): Value {
  if (Array.isArray(value)) return value.map(asValue);
  const object = asObject(value);
  if (object) return fieldsFromEntries(Object.entries(object).map(([key, inner]) => [key, asValue(inner)]));
  return typeof value === 'string' ? value.toWellFormed() : (value as null | boolean | number);
}

/** What kept pods and namespaces are read back with, from the program's own file: the same forms as above, in JSON. */
export function isName(text: string): boolean {
  return text.length <= longestName && /^[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?$/.test(text);
}
/** DNS subdomains, which the names of pods are. */
const longestName = 253;
