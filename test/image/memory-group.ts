/**
 * A memory cgroup as a container engine makes one for each container: what `kubectl top` shows of it and what a limit is held
 * against. Version 2 where its memory controller is on, else version 1, in this machine's own /sys/fs/cgroup. Needs root.
 */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Names of the same things. */
const versions = [
  {
    name: 'cgroup v2',
    root: '/sys/fs/cgroup',
    mark: 'cgroup.controllers',
    limit: 'memory.max',
    usage: 'memory.current',
    inactive: 'inactive_file',
    reclaim: 'memory.reclaim',
    reclaimed: String(1024 ** 3),
  },
  {
    name: 'cgroup v1',
    root: '/sys/fs/cgroup/memory',
    mark: 'memory.usage_in_bytes',
    limit: 'memory.limit_in_bytes',
    usage: 'memory.usage_in_bytes',
    inactive: 'total_inactive_file',
    reclaim: 'memory.force_empty',
    reclaimed: '0',
  },
] as const;

export class MemoryGroup {
  readonly #version: (typeof versions)[number];
  readonly #path: string;

  /** `limitBytes`: as the chart sets it; Node sizes its heap by it. @throws Error where this machine has no memory controller */
  constructor(name: string, limitBytes: number) {
    const version = versions.find(({ root, mark }) => {
      const path = join(root, mark);
      return existsSync(path) && (mark !== 'cgroup.controllers' || /\bmemory\b/.test(readFileSync(path, 'utf8')));
    });
    if (!version) throw new Error('neither /sys/fs/cgroup nor /sys/fs/cgroup/memory has a memory controller');
    this.#version = version;
    this.#path = join(version.root, name);
    if (version.name === 'cgroup v2') writeFileSync(join(version.root, 'cgroup.subtree_control'), '+memory');
    mkdirSync(this.#path, { recursive: true });
    writeFileSync(join(this.#path, version.limit), String(limitBytes));
  }
  get version(): string {
    return this.#version.name;
  }
  /** A process that writes 0 to it is in the group from then on, with what it starts. */
  get entrance(): string {
    return join(this.#path, 'cgroup.procs');
  }
  /** All that is charged to it, file pages that nobody uses included. */
  get usageBytes(): number {
    return Number(readFileSync(join(this.#path, this.#version.usage), 'utf8'));
  }
  /** The kubelet's working set, which `kubectl top` prints and evictions go by: the usage without inactive file pages. */
  get workingSetBytes(): number {
    const stat = readFileSync(join(this.#path, 'memory.stat'), 'utf8');
    const inactive = new RegExp(`^${this.#version.inactive} (\\d+)$`, 'm').exec(stat)?.[1];
    return this.usageBytes - Number(inactive);
  }
  /** Has the kernel take back what it can, as it does when memory gets short. */
  reclaim(): void {
    try {
      writeFileSync(join(this.#path, this.#version.reclaim), this.#version.reclaimed);
    } catch {
      // Not as much as asked for, which is more than there is.
    }
  }
  /** Its processes have ended. */
  remove(): void {
    rmdirSync(this.#path);
  }
}
