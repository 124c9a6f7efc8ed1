/**
 * One program per data directory, and no orphan of an earlier one still writing into it.
 *
 * `<dataDir>/locks/<role>.json` names the process that plays a role: {pid, startTicks, bootId}. `main` is taken
 * exclusively; every other role's file only says who to wait for. A process is gone when its pid is, when the pid
 * belongs to a process started at another time, or when the machine was booted since. Where data directories are shared
 * between containers, pids do not tell: `main` also listens on `<dataDir>/locks/main.sock`, and whoever answers there lives.
 */
import { randomBytes } from 'node:crypto';
import { link, readFile, readdir, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { createConnection, createServer } from 'node:net';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { makeDirectories } from '../core/directories.ts';
import { OperatingError, errorText, systemCode } from '../core/errors.ts';

interface Owner {
  readonly pid: number;
  readonly startTicks: string;
  readonly bootId: string;
}

/** How long orphans of a killed program may take to notice and exit: they do at once, so this only bounds a hung one. */
const orphanWaitMs = 10_000;
/** Linux's limit on socket paths is 108 bytes with the closing zero. */
const socketPathBytesMax = 107;

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

/** Field 22 of /proc/<pid>/stat: when the process started, in clock ticks since boot. Empty when there is none (or it is a zombie). */
async function startTicks(pid: number): Promise<string> {
  const stat = await readText(`/proc/${pid}/stat`);
  const rest = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return rest[0] === 'Z' ? '' : (rest[19] ?? '');
}

async function self(): Promise<Owner> {
  return {
    pid: process.pid,
    startTicks: await startTicks(process.pid),
    bootId: (await readText('/proc/sys/kernel/random/boot_id')).trim(),
  };
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (owner.bootId !== (await self()).bootId) return false;
  if (process.platform === 'linux')
    return owner.startTicks !== '' && (await startTicks(owner.pid)) === owner.startTicks;
  try {
    process.kill(owner.pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'pid' in value && 'startTicks' in value && 'bootId' in value)
      return value as Owner;
  } catch {
    // Half-written by a process that was killed: nobody's.
  }
  return undefined;
}

function answers(socketPath: string): Promise<boolean> {
  if (Buffer.byteLength(socketPath) > socketPathBytesMax) return Promise.resolve(false);
  return new Promise((resolve) => {
    const socket = createConnection(socketPath, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function unusable(directory: string, error: unknown): OperatingError {
  const reason = errorText(error);
  return new OperatingError(
    'DATA_DIR_UNUSABLE',
    `preparing data directory ${directory}: ${reason}; ${whoseVolume(error)}check its owner and mode, or set P2L_DATA_DIR to a directory this user can write`,
    { cause: error },
  );
}

/** Where the user may not write: who that is, and how a pod's volume becomes its own. */
function whoseVolume(error: unknown): string {
  if (!['EACCES', 'EPERM', 'EROFS'].includes(systemCode(error) ?? '')) return '';
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  return `this is user ${uid}, group ${gid}, which a pod's volume takes with securityContext fsGroup: ${gid}; `;
}

/** A held lock. */
export interface DataLock {
  release(): Promise<void>;
}

/**
 * Takes the data directory for this program, making it when missing, and waits until orphans of a killed one are gone.
 * @throws OperatingError DATA_DIR_LOCKED, DATA_DIR_UNUSABLE
 */
export async function lockDataDirectory(dataDirectory: string): Promise<DataLock> {
  const locks = join(dataDirectory, 'locks');
  const path = join(locks, 'main.json');
  const socketPath = join(locks, 'main.sock');
  try {
    await makeDirectories(locks, 0o700);
    await takeFile(path, socketPath, dataDirectory);
  } catch (error) {
    throw error instanceof OperatingError ? error : unusable(dataDirectory, error);
  }
  const server = await listenAlive(socketPath);
  await waitForOrphans(locks, dataDirectory);
  return {
    async release() {
      await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
      await rm(path, { force: true });
    },
  };
}

async function takeFile(path: string, socketPath: string, dataDirectory: string): Promise<void> {
  const mine = `${path}.${randomBytes(8).toString('hex')}`;
  await writeFile(mine, JSON.stringify(await self()), { mode: 0o600 });
  try {
    for (let tries = 0; ; tries++) {
      try {
        // link() fails when the name exists and shows the whole content at once when it does not.
        await link(mine, path);
        return;
      } catch (error) {
        if (systemCode(error) !== 'EEXIST' || tries > 5) throw error;
      }
      const text = await readText(path);
      const owner = parseOwner(text);
      if ((owner && (await isAlive(owner))) || (await answers(socketPath))) throw locked(dataDirectory, owner);
      const stale = `${mine}.stale`;
      await rename(path, stale).catch(() => undefined);
      // Somebody else may have taken the stale lock's place between our look and our rename: give it back.
      if ((await readText(stale)) !== text) await link(stale, path).catch(() => undefined);
      await rm(stale, { force: true });
    }
  } finally {
    await unlink(mine).catch(() => undefined);
  }
}

function locked(dataDirectory: string, owner: Owner | undefined): OperatingError {
  const who = owner ? ` (pid ${owner.pid})` : '';
  return new OperatingError(
    'DATA_DIR_LOCKED',
    `opening data directory ${dataDirectory}: another post2log${who} runs on it; stop that one, or set P2L_DATA_DIR to another directory`,
  );
}

async function listenAlive(socketPath: string): Promise<Server | undefined> {
  if (Buffer.byteLength(socketPath) > socketPathBytesMax) return undefined;
  await rm(socketPath, { force: true });
  const server = createServer((socket) => socket.destroy());
  server.unref();
  return new Promise((resolve) => {
    // File systems without sockets: the pid file alone protects then. Later on: a connection that could not be accepted.
    server.on('error', () => resolve(undefined));
    server.listen(socketPath, () => resolve(server));
  });
}

async function waitForOrphans(locks: string, dataDirectory: string): Promise<void> {
  const deadlineMs = performance.now() + orphanWaitMs;
  for (const name of await readdir(locks)) {
    if (!name.endsWith('.json') || name === 'main.json') continue;
    await waitForOrphan(join(locks, name), dataDirectory, deadlineMs);
    await rm(join(locks, name), { force: true });
  }
}

async function waitForOrphan(path: string, dataDirectory: string, deadlineMs: number): Promise<void> {
  const owner = parseOwner(await readText(path));
  while (owner && (await isAlive(owner))) {
    if (performance.now() > deadlineMs) throw locked(dataDirectory, owner);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/**
 * As noteRole(), once the process that played the role before is gone: one whose parent was killed exits at once, but may
 * hold its files for a moment longer. @throws OperatingError DATA_DIR_LOCKED where it does not go.
 */
export async function takeRole(dataDirectory: string, role: string): Promise<void> {
  await waitForOrphan(join(dataDirectory, 'locks', `${role}.json`), dataDirectory, performance.now() + orphanWaitMs);
  await noteRole(dataDirectory, role);
}

/** Notes that this process plays `role` under a supervisor that holds the lock. */
export async function noteRole(dataDirectory: string, role: string): Promise<void> {
  await writeFile(join(dataDirectory, 'locks', `${role}.json`), JSON.stringify(await self()), { mode: 0o600 });
}
