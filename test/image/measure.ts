/** What a made image is and does: its size, and its program started in it as an engine would. */
import { spawnSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openContainer } from '../pod/container.ts';
import type { Container } from '../pod/container.ts';
import type { ImageConfig } from './dockerfile.ts';
import { MemoryGroup } from './memory-group.ts';

interface Figures {
  readonly bytes: number;
  readonly files: number;
  readonly packedBytes: number;
  /** From the start of the first process to `is ready`, the best of `starts`; and the CPU time of that, which others on the machine do not change. */
  readonly readyMs: number;
  readonly readyCpuMs: number;
  readonly starts: number;
  readonly idle: Idle;
  readonly isHealthy: boolean;
  /** `post2log generate k8s` prints something. */
  readonly hasManifests: boolean;
  /** Of the admin server's pages, those that it does not have: address and status. */
  readonly missingPages: readonly string[];
  /** Names of what its bill of materials lists. */
  readonly components: readonly string[];
  readonly exitCode: number | string;
  /** Processes that ended and were waited for by nobody. */
  readonly orphans: number;
  /** What it says to P2L_STORE=on before it ends; empty where it runs. */
  readonly storeSaid: string;
}

/** Memory some seconds after it was ready, from a cold page cache: each file page is its own. Of all its processes. */
interface Idle {
  readonly rssBytes: number;
  readonly pssBytes: number;
  readonly anonymousBytes: number;
  /** What `kubectl top` prints. */
  readonly workingSetBytes: number;
  /** All that is charged, with file pages that were read ahead and that nobody uses. */
  readonly usageBytes: number;
  /** PSS after the kernel took back what it could: what it needs at rest. */
  readonly keptBytes: number;
  readonly group: string;
}

const startsMin = 5;
/** Where the best is slow: something else may have the cores. */
const startsMax = 20;
/** After a start memory is given back for a while. */
const restMs = 8000;
/** What the chart gives a collector. */
const limitBytes = 512 * 1024 ** 2;

/** A collector: tails files, sends them on. */
const collector = `<source>
  @type tail
  format none
  path /var/log/app.log
  pos_file /var/log/app.log.pos
  tag app.log
</source>
<match **>
  @type forward
  <server>
    host 127.0.0.1
    port 24224
  </server>
</match>
`;

/** `directory`: for volumes; made, and removed afterwards. `readyMsMax`: a start that is as quick as that is quick enough. */
export async function measure(
  root: string,
  config: ImageConfig,
  directory: string,
  readyMsMax: number,
): Promise<Figures> {
  mkdirSync(directory, { recursive: true });
  const start = (name: string, env: Readonly<Record<string, string>>, group?: MemoryGroup): Container =>
    startIn(root, config, join(directory, name), env, group);
  const group = new MemoryGroup(`p2l-image-${process.pid}`, limitBytes);
  const size = sizeOf(root);
  try {
    // Another program may have the admin port of this machine.
    const asCollector = { FLUENTD_ARGS: '-c /etc/fluentd/fluentd.conf', P2L_ADMIN_PORT: '0' };
    const begun: { readyMs: number; readyCpuMs: number }[] = [];
    const best = (of: 'readyMs' | 'readyCpuMs'): number => Math.min(...begun.map((one) => one[of]));
    while (begun.length < startsMin || (best('readyMs') > readyMsMax && begun.length < startsMax)) {
      const container = start(`start-${begun.length}`, asCollector);
      await container.ready();
      begun.push({ readyMs: performance.now() - container.startedMs, readyCpuMs: cpuMsOf(container) });
      await container.end();
    }
    forgetPages(root);
    const container = await start('rest', asCollector, group).ready();
    await sleep(restMs);
    const idle = idleOf(container, group);
    group.reclaim();
    await sleep(restMs);
    const keptBytes = memoryOf(container, 'Pss');
    const health = inside(container, config, ['/usr/local/bin/post2log', 'health']);
    const printed = inside(container, config, ['/usr/local/bin/post2log', 'generate', 'k8s']);
    const missingPages = await missingPagesOf(container);
    const orphans = await orphansOf(container, config);
    container.kill('SIGTERM');
    const exitCode = await container.exited;
    return {
      ...size,
      readyMs: best('readyMs'),
      readyCpuMs: best('readyCpuMs'),
      starts: begun.length,
      idle: { ...idle, keptBytes },
      isHealthy: health.status === 0 && health.stdout.includes('"ready":true'),
      exitCode,
      missingPages,
      hasManifests: /^kind: /m.test(printed.stdout),
      components: componentsOf(root),
      orphans,
      storeSaid: await storeSaid(start('store', { P2L_STORE: 'on', P2L_PORT: '0', P2L_ADMIN_PORT: '0' })),
    };
  } finally {
    group.remove();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** As the Dockerfile's user, on a read-only root file system, with what its volumes are. */
function startIn(
  root: string,
  { env, user, workdir, entrypoint, command, volumes }: ImageConfig,
  directory: string,
  more: Readonly<Record<string, string>>,
  group: MemoryGroup | undefined,
): Container {
  const mounts = Object.fromEntries(
    [...volumes, '/var/log', '/etc/fluentd'].map((at) => [at, join(directory, at.replaceAll('/', '-'))]),
  );
  for (const path of Object.values(mounts)) {
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
  }
  writeFileSync(join(mounts['/etc/fluentd'] ?? '', 'fluentd.conf'), collector);
  // What is begun has the usual priority, also where this program gives way to others.
  const own = getPriority();
  setPriority(0);
  try {
    return openContainer({
      scratch: join(directory, 'root'),
      root,
      isReadOnly: true,
      user,
      env: { ...env, ...more },
      workdir,
      args: [...entrypoint, ...command],
      mounts,
      network: undefined,
      ...(group && { group: group.entrance }),
    });
  } finally {
    setPriority(own);
  }
}

function sizeOf(root: string): Pick<Figures, 'bytes' | 'files' | 'packedBytes'> {
  let [bytes, files] = [0, 0];
  const seen = new Set<number>();
  const look = (path: string): void => {
    for (const name of readdirSync(path)) {
      const found = lstatSync(join(path, name));
      if (found.isDirectory()) look(join(path, name));
      else if (found.isFile() && !seen.has(found.ino)) {
        seen.add(found.ino);
        bytes += found.size;
        files++;
      }
    }
  };
  look(root);
  const packed = spawnSync('/bin/sh', ['-c', 'tar -C "$0" -c . | gzip -6 | wc -c', root], { encoding: 'utf8' });
  return { bytes, files, packedBytes: Number(packed.stdout) };
}

/** Nothing of its files is in memory from then on; whoever reads them first is charged for them. */
function forgetPages(root: string): void {
  const script = 'sync -f "$0" && find "$0" -xdev -type f -exec dd if={} iflag=nocache count=0 status=none ";"';
  const { status, stderr } = spawnSync('/bin/sh', ['-c', script, root], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`forgetting pages of ${root}: ${stderr}`);
}

function idleOf(container: Container, group: MemoryGroup): Omit<Idle, 'keptBytes'> {
  return {
    rssBytes: memoryOf(container, 'Rss'),
    pssBytes: memoryOf(container, 'Pss'),
    anonymousBytes: memoryOf(container, 'Anonymous'),
    workingSetBytes: group.workingSetBytes,
    usageBytes: group.usageBytes,
    group: group.version,
  };
}

/** In user and kernel mode, of all its processes. */
function cpuMsOf(container: Container): number {
  // In hundredths of a second, behind the name, which may have blanks.
  const fields = container
    .pids()
    .map((pid) => readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/.*\) /, '').split(' '));
  return fields.reduce((sum, words) => sum + (Number(words[11]) + Number(words[12])) * 10, 0);
}

function memoryOf(container: Container, what: 'Rss' | 'Pss' | 'Anonymous'): number {
  const line = new RegExp(`^${what}:\\s+(\\d+) kB`, 'm');
  const kilobytes = container.pids().map((pid) => line.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]);
  return kilobytes.reduce((sum, one) => sum + Number(one) * 1024, 0);
}

/** Runs a command in it, as `docker exec` does. */
function inside({ pid }: Container, { env, user }: ImageConfig, command: readonly string[]) {
  const words = ['--mount', '--pid', '--root', '--wd', `--setuid=${user.uid}`, `--setgid=${user.gid}`];
  return spawnSync('nsenter', [`--target=${pid}`, ...words, '--', ...command], { env: { ...env }, encoding: 'utf8' });
}

/** A byte of each file that a page shows, and of what it is for. */
const pages: Readonly<Record<string, RegExp>> = {
  '/': /<!doctype html>/i,
  '/docs/': /swagger-ui-bundle\.js/,
  '/docs/static/swagger-ui-bundle.js': /SwaggerUIBundle/,
  '/docs/static/swagger-ui-standalone-preset.js': /SwaggerUIStandalonePreset/,
  '/docs/static/swagger-ui.css': /\.swagger-ui/,
  '/docs/static/favicon-16x16.png': /PNG/,
  '/openapi.json': /"\/api\/search"/,
};

async function missingPagesOf({ stderr }: Container): Promise<string[]> {
  const url = /admin\s+(http:\/\/\S+?)\/docs/.exec(stderr)?.[1] ?? '';
  const looked = Object.entries(pages).map(async ([path, expected]) => {
    const answer = await fetch(`${url}${path}`);
    return answer.ok && expected.test(await answer.text()) ? [] : [`${path} ${answer.status}`];
  });
  return (await Promise.all(looked)).flat();
}

function componentsOf(root: string): string[] {
  const text = readFileSync(join(root, 'usr/share/doc/post2log/sbom.cdx.json'), 'utf8');
  const bill = JSON.parse(text) as { bomFormat: string; components: { name: string; purl: string }[] };
  return bill.components.filter(({ purl }) => bill.bomFormat === 'CycloneDX' && purl !== '').map(({ name }) => name);
}

/** Leaves a process without a parent there, which ends a moment later, and counts what nobody waited for. */
async function orphansOf(container: Container, config: ImageConfig): Promise<number> {
  const script =
    "require('node:child_process').spawn(process.execPath, ['-e', 'setTimeout(() => 0, 300)'], { detached: true, stdio: 'ignore' }).unref();";
  const made = inside(container, config, ['/usr/local/bin/node', '-e', script]);
  if (made.status !== 0) throw new Error(`making an orphan: ${made.stderr}`);
  await sleep(2000);
  return container.pids().filter((pid) => /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))).length;
}

async function storeSaid(container: Container): Promise<string> {
  try {
    await container.ready();
    return '';
  } catch {
    return container.stderr.trim();
  } finally {
    await container.end();
  }
}
