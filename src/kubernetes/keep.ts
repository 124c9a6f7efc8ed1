/**
 * The file in which pods outlive a restart of the program, so that the last lines of one that is deleted meanwhile still get
 * its name. JSON: `{"version":1,"pods":[{"pod":{…},"goneAtMs":…}]}`. Written whole to `pods.json.new`, synced, renamed over
 * `pods.json`, the directory synced; one that cannot be read is as good as none.
 */
import { join } from 'node:path';
import type { Disk } from '../core/disk.ts';
import { errorText } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { fieldEntries } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';
import { replaceTextDurably } from '../core/whole-file.ts';
import type { Pod } from './contract.ts';
import type { Held } from './pods.ts';
import { readPod } from './read.ts';

/** What is larger was not written by us: the pods that fit into memory make less. */
const fileBytesMax = 64 * 1024 * 1024;

export interface Kept {
  readonly pod: Pod;
  readonly goneAtMs: number | undefined;
}

export class PodFile {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #log: Log;

  constructor(disk: Disk, directory: string, log: Log) {
    this.#disk = disk;
    this.#directory = directory;
    this.#log = log;
  }
  /** Never throws. */
  async read(): Promise<readonly Kept[]> {
    const path = join(this.#directory, 'pods.json');
    try {
      const found = await this.#disk.stat(path);
      if (!found) return [];
      if (found.size > fileBytesMax) throw new Error(`it has ${found.size} bytes`);
      return readKept((await this.#disk.readFile(path))?.toString('utf8') ?? '');
    } catch (error) {
      this.#log.warn(`reading known pods from ${path}: ${errorText(error)}; the API is asked for them again`);
      return [];
    }
  }
  /** Never throws: what could not be kept is asked for again. */
  async write(pods: Iterable<Held>): Promise<void> {
    const rows = [...pods].map(({ pod, goneAtMs }) => ({
      pod: asApi(pod),
      ...(goneAtMs !== undefined && { goneAtMs }),
    }));
    const path = join(this.#directory, 'pods.json');
    try {
      await this.#disk.makeDirectory(this.#directory);
      await replaceTextDurably(this.#disk, path, JSON.stringify({ version: 1, pods: rows }));
    } catch (error) {
      this.#log.warn(
        `writing known pods to ${path}: ${errorText(error)}; after a restart the API is asked for them again`,
      );
    }
  }
}

/** What a file of this form holds. Exported for its tests. @throws SyntaxError */
export function readKept(text: string): Kept[] {
  const parsed = JSON.parse(text) as { version?: unknown; pods?: unknown } | null;
  if (parsed?.version !== 1 || !Array.isArray(parsed.pods)) throw new SyntaxError('it is of another form');
  return parsed.pods.flatMap((row: { pod?: unknown; goneAtMs?: unknown } | null) => {
    const pod = readPod(row?.pod);
    return pod ? [{ pod, goneAtMs: typeof row?.goneAtMs === 'number' ? row.goneAtMs : undefined }] : [];
  });
}

/** A pod in the API's own form, so that one reader reads both. */
function asApi(pod: Pod): unknown {
  const status = (isInit: boolean) =>
    pod.containers
      .filter((one) => one.isInit === isInit)
      .map(({ name, image, imageId, containerId }) => ({ name, image, imageID: imageId, containerID: containerId }));
  const known = new Set(pod.containers.map(({ containerId }) => containerId?.replace(/^.*:\/\//, '')));
  // Earlier ids stand where the API has them too: as containers that ended, here without a name.
  const earlier = pod.containerIds
    .filter((id) => !known.has(id))
    .map((containerID) => ({ state: { terminated: { containerID } } }));
  return {
    metadata: {
      name: pod.name,
      namespace: pod.namespace,
      uid: pod.uid,
      labels: pod.labels && plain(pod.labels),
      annotations: pod.annotations && plain(pod.annotations),
      ownerReferences: pod.ownerReferences?.map(plain),
    },
    spec: { nodeName: pod.nodeName },
    status: {
      podIP: pod.podIp,
      containerStatuses: [...status(false), ...earlier],
      initContainerStatuses: status(true),
    },
  };
}

function plain(value: Fields | Value): unknown {
  if (value instanceof Map) return Object.fromEntries(fieldEntries(value).map(([key, inner]) => [key, plain(inner)]));
  return Array.isArray(value) ? value.map(plain) : value;
}
