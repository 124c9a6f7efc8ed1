/**
 * A container as processes of this machine: a mount and a process namespace of its own, in which it is process 1, and its
 * pod's network namespace; a root file system that is the image's or, where there is none, this machine's under an
 * overlay; volumes bound into it; a user without capabilities. Needs root, as a container engine does.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { atEnd, until } from '../program.ts';

export interface ContainerOptions {
  /** A directory for the mounts, which are gone with the container. */
  readonly scratch: string;
  /** Directory of its root file system; undefined: what this machine has. */
  readonly root: string | undefined;
  readonly isReadOnly: boolean;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly args: readonly string[];
  /** Path in the container → path here. */
  readonly mounts: Readonly<Record<string, string>>;
  /** Process that holds the pod's network namespace; undefined: this machine's. */
  readonly network: number | undefined;
  /** `cgroup.procs` of a group that it runs in; without it this process's. */
  readonly group?: string;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** Mounts everything at $root, then becomes the program. */
function setUp({ scratch, root, isReadOnly, user, env, workdir, args, mounts, group }: ContainerOptions): string {
  const places = Object.entries(mounts).filter(([at]) => at !== '/etc/hosts');
  return [
    'set -e',
    // The container's PATH may not have their places.
    'setpriv=$(command -v setpriv) && chroot=$(command -v chroot)',
    `scratch=${quote(scratch)} && mkdir -p $scratch && mount -t tmpfs none $scratch`,
    'mkdir $scratch/root $scratch/upper $scratch/work && root=$scratch/root',
    // An image's own directories may not have the places; the overlay makes them.
    `mount -t overlay none -o lowerdir=${quote(root ?? '/')},upperdir=$scratch/upper,workdir=$scratch/work $root`,
    `mkdir -p $root/proc $root/dev $root/sys $root/etc ${places.map(([at]) => `$root${quote(at)}`).join(' ')}`,
    'mount -t proc proc $root/proc && mount --rbind /dev $root/dev && mount --rbind /sys $root/sys',
    // Files of the pod: what the kubelet writes.
    'cp -f /etc/resolv.conf $root/etc/resolv.conf 2>/dev/null || true',
    ...places
      .filter(([at]) => at !== '/etc/hosts')
      .map(([at, from]) => `mount --bind ${quote(from)} $root${quote(at)}`),
    ...(mounts['/etc/hosts'] === undefined
      ? []
      : [`rm -rf $root/etc/hosts && cp ${quote(mounts['/etc/hosts'])} $root/etc/hosts`]),
    ...(group === undefined ? [] : [`echo 0 > ${quote(group)}`]),
    ...(isReadOnly ? ['mount -o remount,ro $root'] : []),
    `exec env -i ${Object.entries(env)
      .map(([name, value]) => quote(`${name}=${value}`))
      .join(
        ' ',
      )} $setpriv --no-new-privs --bounding-set=-all,+sys_chroot,+setuid,+setgid -- $chroot --userspec=${user.uid}:${user.gid} --groups= $root ${startOf(root, workdir, args)}`,
  ].join('\n');
}

/** chroot begins in /; where there is a shell it goes to the working directory. */
function startOf(root: string | undefined, workdir: string, args: readonly string[]): string {
  const words = args.map(quote).join(' ');
  return root === undefined ? `/bin/sh -c ${quote(`cd "$0" && exec "$@"`)} ${quote(workdir)} ${words}` : words;
}

export class Container {
  readonly #outer: ChildProcess;
  stdout = '';
  stderr = '';
  /** Exit code, or the signal that ended it. */
  readonly exited: Promise<number | string>;
  readonly startedMs = performance.now();

  constructor(outer: ChildProcess) {
    this.#outer = outer;
    outer.stdout?.on('data', (part: Buffer) => (this.stdout += part.toString()));
    outer.stderr?.on('data', (part: Buffer) => (this.stderr += part.toString()));
    this.exited = new Promise((resolve) => outer.on('close', (code, signal) => resolve(code ?? signal ?? 'gone')));
  }
  /** Its process 1, by its number here. */
  get pid(): number {
    const first = this.#first();
    if (first === undefined) throw new Error(`the container has no process: ${this.stderr}`);
    return first;
  }
  #first(): number | undefined {
    const outer = this.#outer.pid ?? 0;
    return [outer, ...childrenOf(outer)].flatMap(childrenOf).find(isFirst);
  }
  /** All its processes. */
  pids(): number[] {
    const found = [this.pid];
    for (let index = 0; index < found.length; index++) found.push(...childrenOf(found[index] ?? 0));
    return found;
  }
  kill(signal: NodeJS.Signals): void {
    process.kill(this.pid, signal);
  }
  /** Resolves when it has written `ready`; rejects with what it said when it ended instead. */
  async ready(): Promise<this> {
    const ended = this.exited.then((code) => Promise.reject(new Error(`ended with ${code}:\n${this.stderr}`)));
    await Promise.race([until('ready', () => /\bis ready\b/.test(this.stderr)), ended]);
    return this;
  }
  /** Kills what is left of it. */
  async end(): Promise<void> {
    // With its first process all others of the namespace end. That one does not end with its parent: it has changed its user.
    if (this.#outer.exitCode === null && this.#outer.signalCode === null) {
      const first = this.#first();
      if (first !== undefined) process.kill(first, 'SIGKILL');
      else this.#outer.kill('SIGKILL');
    }
    await this.exited;
  }
}

/** Starts one; it ends with the test. */
export function startContainer(context: TestContext, options: ContainerOptions): Container {
  const container = openContainer(options);
  atEnd(context, () => container.end());
  return container;
}

/** Starts one, to be ended by whoever started it. */
export function openContainer(options: ContainerOptions): Container {
  const inside = ['unshare', '--mount', '--pid', '--fork', '--kill-child', '--', '/bin/sh', '-c', setUp(options)];
  const words =
    options.network === undefined ? inside : ['nsenter', `--net=/proc/${options.network}/ns/net`, '--', ...inside];
  const [program = '', ...args] = words;
  return new Container(spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] }));
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Process 1 of a namespace below ours. */
function isFirst(pid: number): boolean {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  return /^NSpid:\s+.*\s1$/m.test(status);
}
