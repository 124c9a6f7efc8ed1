/**
 * `scripts/services up|down|status [names…]`: servers that stay until they are stopped, on free loopback ports, below
 * `${P2L_SERVICES_CACHE:-~/.cache/post2log}/run/NAME`. Exit 1 when one could not be started or does not run, 2: arguments.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processBegin } from '../../bench/processes.ts';
import { services } from './all.ts';
import { cacheDirectory, type Service } from './contract.ts';

/** What `up` leaves behind for `down` and `status`. */
interface Noted {
  readonly addresses: Readonly<Record<string, string>>;
  /** `begin` tells the process from a later one of the same pid. */
  readonly processes: readonly { readonly pid: number; readonly begin: number | undefined }[];
}

/** What a server may take to flush when it is asked to end. */
const stopTimeoutMs = 20_000;

const directoryOf = (service: Service): string => join(cacheDirectory(), 'run', service.name);
const notePath = (service: Service): string => join(directoryOf(service), 'running.json');

function readNoted(service: Service): Noted | undefined {
  return existsSync(notePath(service)) ? (JSON.parse(readFileSync(notePath(service), 'utf8')) as Noted) : undefined;
}

/** Pids of it that still live. */
function living(noted: Noted | undefined): number[] {
  return (noted?.processes ?? [])
    .filter(({ pid, begin }) => begin !== undefined && processBegin(pid) === begin)
    .map(({ pid }) => pid);
}

function say(service: Service, noted: Noted | undefined): boolean {
  const pids = living(noted);
  const doors = Object.entries(noted?.addresses ?? {}).map(([name, address]) => `${name} ${address}`);
  console.log(
    pids.length === 0
      ? `${service.name}: not running`
      : `${service.name}: ${doors.join(', ')}; pid ${pids.join(' ')}; ${directoryOf(service)}`,
  );
  return pids.length > 0;
}

async function up(service: Service): Promise<boolean> {
  if (living(readNoted(service)).length === 0) {
    await service.install();
    rmSync(directoryOf(service), { recursive: true, force: true });
    mkdirSync(directoryOf(service), { recursive: true });
    const { addresses, pids } = await service.start(directoryOf(service));
    const noted: Noted = { addresses, processes: pids.map((pid) => ({ pid, begin: processBegin(pid) })) };
    writeFileSync(notePath(service), JSON.stringify(noted));
  }
  return say(service, readNoted(service));
}

async function down(service: Service): Promise<boolean> {
  const noted = readNoted(service);
  const endMs = performance.now() + stopTimeoutMs;
  for (const pid of living(noted)) process.kill(-pid, 'SIGTERM');
  while (living(noted).length > 0 && performance.now() < endMs) await delay(50);
  for (const pid of living(noted)) process.kill(-pid, 'SIGKILL');
  while (living(noted).length > 0) await delay(50);
  rmSync(directoryOf(service), { recursive: true, force: true });
  console.log(`${service.name}: stopped`);
  return true;
}

const actions: Readonly<Record<string, (service: Service) => boolean | Promise<boolean>>> = {
  up,
  down,
  status: (service) => say(service, readNoted(service)),
};

async function main([word = '', ...names]: readonly string[]): Promise<number> {
  const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
  const unknown = names.filter((name) => !services.some((service) => service.name === name));
  if (!action || unknown.length > 0) {
    const problem = action ? `no such service: ${unknown.join(', ')}` : `no such command: ${word || '(none)'}`;
    console.error(
      `${problem}\nusage: scripts/services up|down|status [${services.map(({ name }) => name).join('|')} …]`,
    );
    return 2;
  }
  let isAllWell = true;
  for (const service of services.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const isWell = await Promise.resolve(action(service)).catch((error: unknown) => {
      console.error(`${service.name}: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    });
    isAllWell &&= isWell;
  }
  return isAllWell ? 0 : 1;
}

// Exits by itself: what `up` started stays, and would otherwise be waited for.
process.exit(await main(process.argv.slice(2)));
