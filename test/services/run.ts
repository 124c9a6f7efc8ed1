/**
 * `scripts/services up|down|status [names…]`: servers that stay until they are stopped, on free loopback ports, below
 * `${P2L_SERVICES_CACHE:-~/.cache/post2log}/run/NAME`. `scripts/services get [names…]`: what tests need that no package brings,
 * servers and tools, fetched or built and started not at all. Exit 1 when one could not be got or started or does not run, 2: arguments.
 */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { processBegin } from '../../bench/processes.ts';
import { services } from './all.ts';
import { cacheDirectory, type Service } from './contract.ts';
import { schemas } from './kubernetes-schemas.ts';
import { helm, kubeconform, skaffold } from './kubernetes-tools.ts';

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

/** What `get` has: servers, and tools that are no servers. */
interface Part {
  readonly name: string;
  install(): Promise<void>;
}

async function get(part: Part): Promise<boolean> {
  await part.install();
  console.log(`${part.name}: there`);
  return true;
}

interface Action<Kind extends Part> {
  readonly parts: readonly Kind[];
  readonly run: (part: Kind) => boolean | Promise<boolean>;
}

function onServices(run: Action<Service>['run']): () => Promise<number> {
  return () => each({ parts: services, run });
}

const words: readonly string[] = process.argv.slice(3);

const actions: Readonly<Record<string, () => Promise<number>>> = {
  up: onServices(up),
  down: onServices(down),
  status: onServices((service) => say(service, readNoted(service))),
  get: () => each<Part>({ parts: [...services, helm, kubeconform, schemas, skaffold], run: get }),
};

/** Does it to each part that is named, or to all. */
async function each<Kind extends Part>({ parts, run }: Action<Kind>): Promise<number> {
  const unknown = words.filter((name) => !parts.some((part) => part.name === name));
  if (unknown.length > 0) {
    console.error(`no such name: ${unknown.join(', ')}; there are ${parts.map(({ name }) => name).join(', ')}`);
    return 2;
  }
  let isAllWell = true;
  for (const part of parts.filter(({ name }) => words.length === 0 || words.includes(name))) {
    const isWell = await Promise.resolve(run(part)).catch((error: unknown) => {
      console.error(`${part.name}: ${error instanceof Error ? error.message : String(error)}`);
      return false;
    });
    isAllWell &&= isWell;
  }
  return isAllWell ? 0 : 1;
}

async function main(word = ''): Promise<number> {
  const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
  if (action) return action();
  const names = services.map(({ name }) => name).join('|');
  console.error(`no such command: ${word || '(none)'}\nusage: scripts/services up|down|status|get [${names} …]`);
  return 2;
}

// Exits by itself: what `up` started stays, and would otherwise be waited for.
process.exit(await main(process.argv[2]));
