/**
 * A container as processes of this machine: the pod's network, mounts and a process tree of its own, the user and the rights that the manifest
 * gives it. Its root is this machine's, laid over so that nothing written stays, with the program where the image has it. Not
 * done: limits of CPU and memory, seccomp.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ContainerLog } from './container-log.ts';
import type { Container, PodSpec, SecurityContext } from './manifests.ts';

/** What an image brings. */
export interface Image {
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Directories and files of this machine, by where the image has them. */
  readonly brings: Readonly<Record<string, string>>;
  readonly user: number;
}

export interface Runnable {
  readonly container: Container;
  readonly pod: PodSpec;
  readonly image: Image;
  readonly hostname: string;
  /** The network namespace. */
  readonly network: string;
  /** Lines of /etc/hosts. */
  readonly hosts: string;
  readonly environment: Readonly<Record<string, string>>;
  /** Where each volume lies. */
  readonly volumes: ReadonlyMap<string, string>;
  /** Files that a kubelet mounts for the service account; undefined: none. */
  readonly account: string | undefined;
  /** For its root; of this container alone. */
  readonly directory: string;
  readonly log: ContainerLog;
}

type Environment = Readonly<Record<string, string>>;

const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** The command that becomes process 1, once all is mounted. */
function commandOf({ container, image }: Runnable, environment: Environment): string[] {
  const fill = (words: readonly string[]): string[] =>
    words.map((word) => word.replaceAll(/\$\(([\w.-]+)\)/g, (found, name: string) => environment[name] ?? found));
  const { command, args } = container;
  return [...fill(command ?? image.entrypoint), ...fill(args ?? (command ? [] : image.command))];
}

/** Mounts, in the order in which they are made: outer before inner. */
function mountsOf({
  container,
  image,
  volumes,
  account,
  directory,
  hosts,
}: Runnable): { source: string; path: string; isReadOnly: boolean }[] {
  mkdirSync(directory, { recursive: true });
  const hostsPath = join(directory, 'hosts');
  writeFileSync(hostsPath, hosts);
  const own = (container.volumeMounts ?? []).map(({ name, mountPath, subPath, readOnly = false }) => {
    const volume = volumes.get(name);
    if (volume === undefined)
      throw new Error(`container ${container.name} mounts ${name}, which is no volume of its pod`);
    const source = subPath === undefined ? volume : join(volume, subPath);
    if (!existsSync(source)) mkdirSync(source, { recursive: true });
    return { source, path: mountPath, isReadOnly: readOnly };
  });
  const given = [
    ...Object.entries(image.brings).map(([path, source]) => ({ source, path, isReadOnly: true })),
    { source: hostsPath, path: '/etc/hosts', isReadOnly: false },
    ...(account === undefined
      ? []
      : [{ source: account, path: '/var/run/secrets/kubernetes.io/serviceaccount', isReadOnly: true }]),
  ];
  return [...given, ...own].toSorted((a, b) => a.path.length - b.path.length);
}

/** What is run as root in the new namespaces: mounts, then the program with the rights that it is given. */
function scriptOf(runnable: Runnable, command: readonly string[], environment: Environment): string {
  const { container, pod, image, directory, hostname } = runnable;
  const security: SecurityContext = { ...pod.securityContext, ...container.securityContext };
  const mounts = mountsOf(runnable);
  const work = quoted(join(directory, 'root'));
  const within = (path: string): string => quoted(join(directory, 'root/root', path));
  const isFile = (source: string): boolean => !statSync(source).isDirectory();
  const points = mounts.map(({ source, path }) =>
    isFile(source) ? `mkdir -p "$(dirname ${within(path)})"; touch ${within(path)}` : `mkdir -p ${within(path)}`,
  );
  const binds = mounts.map(({ source, path, isReadOnly }) =>
    [
      `mount --bind ${quoted(source)} ${within(path)}`,
      ...(isReadOnly ? [`mount -o remount,bind,ro ${within(path)}`] : []),
    ].join('\n'),
  );
  const assigned = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const rootMode = security.readOnlyRootFilesystem === true ? 'ro' : 'rw';
  return `set -eu
mount --make-rprivate /
hostname ${quoted(hostname)}
mkdir -p ${work}
mount -t tmpfs -o mode=755 container ${work}
cd ${work}
mkdir upper overlay root
mount -t overlay container -o lowerdir=/,upperdir=upper,workdir=overlay root
# /var/run leads to /run, which is laid anew: what a pod finds there is its own.
rm -rf root/var/run; mkdir -p root/var/run root/tmp
mount -t tmpfs -o mode=755 run root/run
mount -t tmpfs -o mode=1777,${rootMode} tmp root/tmp
mount -t tmpfs -o mode=755 hidden root/root
mount -t tmpfs -o mode=755 hidden root/var/log
${points.join('\n')}
mount -o remount,${rootMode} root
${binds.join('\n')}
mount --rbind /dev root/dev
mount -t proc proc root/proc
exec chroot root ${rightsOf(security, image)} env -i ${[...assigned, ...command].map(quoted).join(' ')}
`;
}

function rightsOf(security: SecurityContext, image: Image): string {
  const user = security.runAsUser ?? image.user;
  const group = security.runAsGroup ?? (security.runAsUser === undefined ? image.user : 0);
  const { add = [], drop = [] } = security.capabilities ?? {};
  // What a runtime leaves to root unless it is told otherwise, as far as the program could use it.
  const usual = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'NET_BIND_SERVICE'];
  const kept = [...(drop.includes('ALL') ? [] : usual.filter((one) => !drop.includes(one))), ...add];
  const set = ['-all', ...new Set(kept.map((one) => `+${one.toLowerCase()}`))].join(',');
  const groups = security.fsGroup === undefined ? '--clear-groups' : `--groups=${security.fsGroup}`;
  return `setpriv --reuid=${user} --regid=${group} ${groups} --no-new-privs --bounding-set=${set} --inh-caps=${user === 0 ? set : '-all'}`;
}

/** One start of a container. */
export class ContainerRun {
  readonly exited: Promise<{ readonly code: number | null; readonly signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  /** The last of what it wrote, for who looks for the reason of its end. */
  tail = '';

  constructor(runnable: Runnable) {
    const environment = {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      HOSTNAME: runnable.hostname,
      ...runnable.image.environment,
      ...runnable.environment,
    };
    const script = scriptOf(runnable, commandOf(runnable, environment), environment);
    writeFileSync(join(runnable.directory, 'start.sh'), script);
    const namespaces = ['unshare', '--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child=SIGKILL'];
    this.#child = spawn(
      'ip',
      ['netns', 'exec', runnable.network, ...namespaces, 'sh', join(runnable.directory, 'start.sh')],
      { stdio: ['ignore', 'pipe', 'pipe'], detached: true },
    );
    for (const stream of ['stdout', 'stderr'] as const) {
      const source = this.#child[stream];
      if (!source) continue;
      createInterface({ input: source }).on('line', (line) => {
        this.tail = `${this.tail}${line}\n`.slice(-4000);
        runnable.log.write([line], stream);
      });
    }
    this.exited = once(this.#child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
    }));
  }
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }
  /** Its process 1, as this machine counts; undefined before it is there and after its end. */
  get #first(): number | undefined {
    const { pid } = this.#child;
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
      return children === '' ? undefined : Number(children.split(' ')[0]);
    } catch {
      return undefined;
    }
  }
  /** SIGKILL to all of it; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.pid !== undefined && this.isRunning) process.kill(-this.#child.pid, 'SIGKILL');
    await this.exited;
  }
  /** SIGTERM to its process 1, SIGKILL after the grace time; true when it ended by itself. */
  async stop(graceMs: number): Promise<boolean> {
    const first = this.#first;
    if (first !== undefined) process.kill(first, 'SIGTERM');
    let isKilled = false;
    const timer = setTimeout(() => {
      isKilled = true;
      void this.kill();
    }, graceMs);
    await this.exited;
    clearTimeout(timer);
    return !isKilled;
  }
  /** A command in its namespaces, as an exec probe and `kubectl exec` run it. Its exit code. */
  async exec(command: readonly string[], timeoutMs: number): Promise<number | null> {
    const first = this.#first;
    if (first === undefined) return null;
    const child = spawn('nsenter', ['--target', String(first), '--all', '--root', '--wd', ...command], {
      stdio: 'ignore',
      timeout: timeoutMs,
    });
    const [code] = (await once(child, 'close')) as [number | null];
    return code;
  }
}
