/**
 * Does what a Dockerfile says without Docker, in the same order: each stage is a root file system in which its steps run under
 * chroot. A stage from an image of Node runs on this machine's Debian under an overlay, with the Node of package-lock.json in
 * it; what the steps make of it is what Docker would make, as far as that Debian is the same release. A stage from nothing, or
 * from such a one, is a directory. Needs root and a mount namespace of its own (`unshare --mount`).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cacheDirectory } from '../services/contract.ts';
import type { Stage } from './dockerfile.ts';
import { replaced } from './dockerfile.ts';

export interface StepsOptions {
  readonly stages: readonly Stage[];
  /** What COPY takes files from. */
  readonly context: string;
  /** Where roots are made; on a disk with some GB. */
  readonly directory: string;
  /** The Node of the lock file. */
  readonly node: string;
  readonly log: (text: string) => void;
}

interface Made {
  readonly root: string;
  readonly env: Record<string, string>;
}

/** Makes the stages that `target` needs; gives the directory of its root file system. @throws Error naming the step that failed */
export function makeImage(options: StepsOptions, target: string): string {
  const made = new Map<string, Made>();
  const make = (name: string): Made => {
    const known = made.get(name);
    if (known) return known;
    const stage = options.stages.find((one) => one.name === name);
    if (!stage) throw new Error(`there is no stage ${name}`);
    for (const { text } of stage.instructions) {
      const from = /--from=(\S+)/.exec(text)?.[1];
      if (from !== undefined) make(from);
    }
    const begun = begin(options, stage, make);
    made.set(name, begun);
    runStage(options, stage, begun, made);
    return begun;
  };
  return make(target).root;
}

function begin({ directory, node, stages }: StepsOptions, { base, name }: Stage, make: (name: string) => Made): Made {
  const root = join(directory, name);
  if (stages.some((one) => one.name === base)) {
    const from = make(base);
    execFileSync('cp', ['-a', from.root, root]);
    return { root, env: { ...from.env } };
  }
  mkdirSync(root, { recursive: true });
  if (base === 'scratch') return { root, env: {} };
  const [upper, work] = [join(directory, `${name}.upper`), join(directory, `${name}.work`)];
  for (const path of [upper, work]) mkdirSync(path);
  mount('-t', 'overlay', 'none', '-o', `lowerdir=/,upperdir=${upper},workdir=${work}`, root);
  mount('-t', 'proc', 'proc', join(root, 'proc'));
  mount('--rbind', '/dev', join(root, 'dev'));
  // What npm got once need not be got again. (A package that was changed on the way is found by the lock file's sums.)
  const npmCache = join(cacheDirectory(), 'npm');
  mkdirSync(npmCache, { recursive: true });
  mkdirSync(join(root, 'root/.npm'), { recursive: true });
  mount('--bind', npmCache, join(root, 'root/.npm'));
  const inside = join(root, 'usr/local/bin/node');
  cpSync(node, inside);
  chmodSync(inside, 0o755);
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return { root, env: { PATH: path, HOME: '/root', DEBIAN_FRONTEND: 'noninteractive', ...proxies() } };
}

/** How this machine reaches others, where it is told. */
function proxies(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) =>
    /_proxy$|^npm_config_|^NODE_EXTRA_CA_CERTS$|^SSL_CERT/i.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, process.env[name] ?? '']));
}

function runStage(options: StepsOptions, stage: Stage, { root, env }: Made, made: ReadonlyMap<string, Made>): void {
  let workdir = '/';
  for (const { name, text, line } of stage.instructions) {
    const step = `Dockerfile:${line}: ${name} ${text.slice(0, 100)}`;
    const startMs = performance.now();
    if (name === 'ENV')
      for (const [, key = '', a, b] of text.matchAll(/(\w+)=(?:"([^"]*)"|(\S*))/g)) env[key] = a ?? b ?? '';
    if (name === 'WORKDIR') {
      workdir = text;
      // Made for the image's user where there is one; ours exist by then.
      mkdirSync(join(root, text), { recursive: true });
    }
    if (name === 'RUN') inRoot(root, workdir, env, text, step);
    if (name === 'COPY') copy(options, root, workdir, replaced(text, env), made, step);
    if (name === 'RUN' || name === 'COPY')
      options.log(`${stage.name} ${((performance.now() - startMs) / 1000).toFixed(1).padStart(6)} s  ${step}`);
  }
}

function inRoot(
  root: string,
  workdir: string,
  env: Readonly<Record<string, string>>,
  text: string,
  step: string,
): void {
  const script = `cd ${workdir} && ${text}`;
  const { status, stdout, stderr } = spawnSync('chroot', [root, '/bin/sh', '-c', script], {
    env: { ...env },
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  });
  if (status !== 0) throw new Error(`${step}\n${stdout.slice(-4000)}\n${stderr.slice(-4000)}`);
}

/** COPY: the contents of a folder, or files; from a stage with their owners, from the checkout as root's. */
function copy(
  { context }: StepsOptions,
  root: string,
  workdir: string,
  text: string,
  made: ReadonlyMap<string, Made>,
  step: string,
): void {
  const words = text.split(' ');
  const options = words.filter((word) => word.startsWith('--'));
  const paths = words.filter((word) => !word.startsWith('--'));
  const from = options.find((word) => word.startsWith('--from='))?.slice('--from='.length);
  const owner = options.find((word) => word.startsWith('--chown='))?.slice('--chown='.length);
  if (options.length > (from === undefined ? 0 : 1) + (owner === undefined ? 0 : 1))
    throw new Error(`${step}: unknown option`);
  const base = from === undefined ? context : (made.get(from)?.root ?? '');
  const written = paths.at(-1) ?? '';
  const target = join(root, written.startsWith('/') ? written : join(workdir, written));
  for (const path of paths.slice(0, -1)) {
    const source = join(base, path);
    if (!existsSync(source)) throw new Error(`${step}: there is no ${source}`);
    const isFolder = statSync(source).isDirectory();
    mkdirSync(isFolder || written.endsWith('/') ? target : join(target, '..'), { recursive: true });
    execFileSync('cp', [
      '-a',
      ...(from === undefined ? ['--no-preserve=ownership'] : []),
      isFolder ? `${source}/.` : source,
      target,
    ]);
  }
  if (owner !== undefined) execFileSync('chown', ['-R', owner, target]);
}

function mount(...args: readonly string[]): void {
  execFileSync('mount', args);
}
