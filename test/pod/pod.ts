/**
 * A pod of a manifest, run as processes of this machine: volumes are directories, ConfigMaps and Secrets files, variables come from
 * where the manifest says, and containers share a network namespace in which names of hosts lead to servers of the test. What
 * the kubelet does with a pod is done here in few words; what a container does is the real program.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { root as checkout } from '../files.ts';
import { imageConfig, parseDockerfile } from '../image/dockerfile.ts';
import type { ImageConfig } from '../image/dockerfile.ts';
import { atEnd, temporaryDirectory } from '../program.ts';
import { startContainer } from './container.ts';
import type { Container } from './container.ts';

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly secretKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
    readonly configMapKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
    readonly fieldRef?: { readonly fieldPath: string };
  };
}
interface Security {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly readOnlyRootFilesystem?: boolean;
}
export interface ContainerSpec {
  readonly name: string;
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly Variable[];
  readonly restartPolicy?: string;
  readonly securityContext?: Security;
  readonly volumeMounts?: readonly { readonly name: string; readonly mountPath: string }[];
}
export interface PodSpec {
  readonly containers: readonly ContainerSpec[];
  readonly initContainers?: readonly ContainerSpec[];
  readonly terminationGracePeriodSeconds?: number;
  readonly securityContext?: Security;
  readonly volumes?: readonly {
    readonly name: string;
    readonly emptyDir?: object;
    readonly configMap?: { readonly name: string };
    readonly secret?: { readonly secretName: string };
  }[];
}
export interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly stringData?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template?: { readonly spec: PodSpec } };
}

/** The documents of manifest files. */
export function readManifests(...paths: readonly string[]): Manifest[] {
  return paths.flatMap((path) =>
    parseAllDocuments(readFileSync(path, 'utf8')).map((document) => document.toJS() as Manifest),
  );
}

/** How an image of ours is run, by its tag; other images say nothing. */
function configOf(image: string): ImageConfig {
  const stages = parseDockerfile(readFileSync(join(checkout, 'deploy/images/Dockerfile'), 'utf8'));
  const isOurs = /(?:^|\/)post2log(?::|@|$)/.test(image);
  return imageConfig(stages, !isOurs ? 'none' : image.endsWith('-slim') ? 'slim' : 'full');
}

export interface PodOptions {
  readonly manifests: readonly Manifest[];
  /** Values of downward API fields. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Names and addresses in the pod's network → socket of the test that answers there: `host:port`. */
  readonly servers?: Readonly<Record<string, string>>;
  /** Root file system of our image, as `npm run image` makes it; undefined: this machine's, with the checkout's program in it. */
  readonly image?: string | undefined;
}

export class Pod {
  readonly spec: PodSpec;
  readonly directory: string;
  readonly #context: TestContext;
  readonly #options: PodOptions;
  readonly #network: number;

  private constructor(context: TestContext, options: PodOptions, directory: string, network: number) {
    const spec = options.manifests.find(({ kind }) => kind === 'Deployment')?.spec?.template?.spec;
    if (!spec) throw new Error('there is no Deployment');
    this.spec = spec;
    this.directory = directory;
    this.#context = context;
    this.#options = options;
    this.#network = network;
  }
  /** Its network and its volumes; no container yet. */
  static async create(context: TestContext, options: PodOptions): Promise<Pod> {
    const directory = await temporaryDirectory(context);
    chmodSync(directory, 0o755);
    const network = await holdNetwork(context, directory, options.servers ?? {});
    const pod = new Pod(context, options, directory, network);
    for (const { name, configMap, secret } of pod.spec.volumes ?? []) {
      const path = pod.volume(name);
      mkdirSync(path);
      // As the kubelet makes an emptyDir: anybody's.
      chmodSync(path, 0o777);
      const files = configMap
        ? pod.#data('ConfigMap', configMap.name)
        : secret
          ? pod.#data('Secret', secret.secretName)
          : {};
      for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text, { mode: 0o644 });
    }
    return pod;
  }
  /** The volume's directory here. */
  volume(name: string): string {
    return join(this.directory, name);
  }
  container(name: string): ContainerSpec {
    const found = [...(this.spec.initContainers ?? []), ...this.spec.containers].find((one) => one.name === name);
    if (!found) throw new Error(`the pod has no container ${name}`);
    return found;
  }
  /** Starts a container as its manifest says. `args`: in place of its image's program; `env`: beside the manifest's. */
  start(
    name: string,
    { args, env = {} }: { args?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
  ): Container {
    const spec = this.container(name);
    const image = configOf(spec.image);
    const security = { ...this.spec.securityContext, ...spec.securityContext };
    const isOurs = image.entrypoint.length > 0;
    const root = isOurs ? this.#options.image : undefined;
    const program = root === undefined ? withoutInit(image.entrypoint) : image.entrypoint;
    return startContainer(this.#context, {
      scratch: join(this.directory, `root-${spec.name}`),
      root,
      isReadOnly: security.readOnlyRootFilesystem === true,
      user: { uid: security.runAsUser ?? image.user.uid, gid: security.runAsGroup ?? image.user.gid },
      env: {
        PATH: process.env['PATH'] ?? '',
        ...(root === undefined ? {} : { PATH: '/usr/local/bin:/usr/bin' }),
        ...image.env,
        ...(root === undefined && { PATH: process.env['PATH'] ?? '' }),
        ...this.#variables(spec),
        ...env,
      },
      workdir: image.workdir,
      args: args ?? [...(spec.command ?? program), ...(spec.args ?? (spec.command ? [] : image.command))],
      mounts: this.#mounts(spec, image),
      network: this.#network,
    });
  }

  #mounts(spec: ContainerSpec, image: ImageConfig): Record<string, string> {
    const own: Record<string, string> = {};
    // An engine gives an image's own volumes a place even where nobody named one.
    for (const path of image.volumes) {
      own[path] = join(this.directory, `image-volume-${spec.name}`);
      mkdirSync(own[path], { recursive: true });
      chmodSync(own[path], 0o777);
    }
    const named = (spec.volumeMounts ?? []).map(({ name, mountPath }) => [mountPath, this.volume(name)] as const);
    return { ...own, ...Object.fromEntries(named), '/etc/hosts': join(this.directory, 'hosts') };
  }
  #variables(spec: ContainerSpec): Record<string, string> {
    const found: Record<string, string> = {};
    for (const { name, value, valueFrom } of spec.env ?? []) {
      if (value !== undefined) found[name] = value;
      const { secretKeyRef, configMapKeyRef, fieldRef } = valueFrom ?? {};
      if (secretKeyRef) found[name] = this.#key('Secret', secretKeyRef);
      if (configMapKeyRef) found[name] = this.#key('ConfigMap', configMapKeyRef);
      // The API server answers for a field it has; one that it has not is empty.
      if (fieldRef) found[name] = this.#options.fields?.[fieldRef.fieldPath] ?? '';
    }
    return found;
  }
  #key(kind: string, { name, key }: { readonly name: string; readonly key: string }): string {
    const value = this.#data(kind, name)[key];
    if (value === undefined) throw new Error(`CreateContainerConfigError: couldn't find key ${key} in ${kind} ${name}`);
    return value;
  }
  #data(kind: string, name: string): Readonly<Record<string, string>> {
    const found = this.#options.manifests.find((one) => one.kind === kind && one.metadata.name === name);
    if (!found) throw new Error(`CreateContainerConfigError: ${kind} ${name} not found`);
    return { ...found.data, ...found.stringData };
  }
}

/** This machine has no tini: the program is process 1 itself. */
function withoutInit(entrypoint: readonly string[]): string[] {
  const at = entrypoint.indexOf('--');
  return entrypoint.slice(at + 1).map((word) => (word.includes('post2log') ? join(checkout, 'bin/post2log') : word));
}

/** A network namespace, held by a process, in which names lead to sockets of the test. */
async function holdNetwork(
  context: TestContext,
  directory: string,
  servers: Readonly<Record<string, string>>,
): Promise<number> {
  const holder = spawn('unshare', ['--net', '--', '/bin/sh', '-c', 'ip link set lo up; echo up; exec sleep infinity'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  atEnd(context, async () => void holder.kill('SIGKILL'));
  await new Promise((resolve, reject) => {
    holder.stdout.once('data', resolve);
    holder.once('exit', () => reject(new Error('no network namespace can be made here; this needs root')));
  });
  const pid = holder.pid ?? 0;
  const inside = ['nsenter', `--net=/proc/${pid}/ns/net`, '--'];
  const names: string[] = [];
  for (const [address, socket] of Object.entries(servers)) {
    const colon = address.lastIndexOf(':');
    const host = address.slice(0, colon);
    const isAddress = /^[\d.]+$/.test(host);
    if (isAddress) spawnSync('nsenter', [...inside.slice(1), 'ip', 'addr', 'add', `${host}/32`, 'dev', 'lo']);
    else names.push(host);
    const listen = `${isAddress ? host : '127.0.0.1'}:${address.slice(colon + 1)}`;
    const relay = spawn(
      'nsenter',
      [...inside.slice(1), process.execPath, join(checkout, 'deploy/examples/kubernetes/relay.ts'), listen, socket],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    atEnd(context, async () => void relay.kill('SIGKILL'));
  }
  writeFileSync(join(directory, 'hosts'), `127.0.0.1 localhost ${names.join(' ')}\n`);
  return pid;
}
