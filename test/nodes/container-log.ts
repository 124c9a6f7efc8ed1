/** The file of one container's lines on its node, as containerd writes it, the kubelet rotates it and names lead to it. */
import { createHash, randomUUID } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** Rotated files that stay, the one being written aside: the kubelet's containerLogMaxFiles less one. */
const rotatedMax = 4;

/** What a runtime calls a new container. */
export function newContainerId(): string {
  return createHash('sha256').update(randomUUID()).digest('hex');
}

export interface LoggedContainer {
  readonly namespace: string;
  readonly pod: string;
  readonly uid: string;
  readonly container: string;
  /** As the runtime names it; 64 hexadecimal digits. */
  readonly id: string;
}

export class ContainerLog {
  readonly #path: string;
  readonly #bytesMax: number;
  /** Rotated once and not compressed yet: the kubelet leaves it so that readers come to its end. */
  #lastRotated: string | undefined;

  /** `root`: what is `/` to the node. The file is turned over from `bytesMax` on. */
  constructor(root: string, { namespace, pod, uid, container, id }: LoggedContainer, bytesMax = 10 * 1024 * 1024) {
    this.#bytesMax = bytesMax;
    const path = `/var/log/pods/${namespace}_${pod}_${uid}/${container}/0.log`;
    this.#path = join(root, path);
    mkdirSync(dirname(this.#path), { recursive: true });
    if (!existsSync(this.#path)) writeFileSync(this.#path, '', { mode: 0o640 });
    const names = join(root, 'var/log/containers');
    mkdirSync(names, { recursive: true });
    const name = join(names, `${pod}_${namespace}_${container}-${id}.log`);
    // It is there where its node had lost its power.
    rmSync(name, { force: true });
    symlinkSync(path, name);
  }
  write(lines: readonly string[], stream: 'stdout' | 'stderr' = 'stdout'): void {
    if (lines.length === 0) return;
    const time = new Date().toISOString().replace('Z', '000000Z');
    appendFileSync(this.#path, lines.map((line) => `${time} ${stream} F ${line}\n`).join(''));
    if (statSync(this.#path).size > this.#bytesMax) this.rotate();
  }
  /** Renamed with the time of day, a new file in its place, the one before compressed, the oldest gone. */
  rotate(): void {
    const directory = dirname(this.#path);
    if (this.#lastRotated !== undefined) {
      writeFileSync(`${this.#lastRotated}.gz`, gzipSync(readFileSync(this.#lastRotated)));
      rmSync(this.#lastRotated);
    }
    const stamp = new Date()
      .toISOString()
      .replaceAll(/[-:]/g, '')
      .replace('T', '-')
      .replace(/\.(\d+)Z/, '$1');
    this.#lastRotated = `${this.#path}.${stamp}`;
    renameSync(this.#path, this.#lastRotated);
    writeFileSync(this.#path, '', { mode: 0o640 });
    const rotated = readdirSync(directory)
      .filter((name) => name !== '0.log')
      .toSorted();
    for (const name of rotated.slice(0, -rotatedMax)) rmSync(join(directory, name));
  }
}
