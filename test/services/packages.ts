/** Programs that come from the system's packages. */
import { spawnSync } from 'node:child_process';

/** True when `program` is on the PATH. */
function isOnPath(program: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${program}`]).status === 0;
}

/** Installs Debian's `packageName` unless `program` is there. What a package starts by itself is kept from starting. @throws with what to do. */
export function installPackage(program: string, packageName: string): void {
  if (isOnPath(program)) return;
  const isRoot = process.getuid?.() === 0;
  if (!isRoot || !isOnPath('apt-get'))
    throw new Error(
      `${program} is not on the PATH: install the package ${packageName} (as root: apt-get install ${packageName})`,
    );
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', packageName]]) {
    const run = spawnSync('apt-get', ['-qq', ...args], {
      encoding: 'utf8',
      // RUNLEVEL=1: the package's script asks for a start of the system's service, which policy then refuses.
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
    });
    if (run.status !== 0) throw new Error(`apt-get ${args.join(' ')} failed:\n${run.stderr}`);
  }
  if (!isOnPath(program)) throw new Error(`the package ${packageName} was installed, but brought no ${program}`);
}
