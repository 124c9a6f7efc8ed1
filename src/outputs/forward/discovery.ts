/** Where servers come from: the configuration, a file, DNS. Source: Fluentd 1.16 sd_static, sd_file.rb, sd_srv.rb. */
import { Resolver } from 'node:dns/promises';
import { readFile } from 'node:fs/promises';
import type { Clock, Timer } from '../../core/clock.ts';
import { errorText } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { SectionModel } from '../../config/model.ts';
import type { DiscoveryOptions, ServerOptions } from './options.ts';
import { parseServerList } from './server-list.ts';
import type { ServerModel } from './server-node.ts';

/** How often a file is looked at, as Fluentd does. */
const fileIntervalMs = 3000;

/** A place that is asked for servers, again and again. */
interface Asked {
  readonly title: string;
  readonly intervalMs: number;
  /** @throws Error */
  ask(): Promise<readonly ServerModel[]>;
  found: readonly ServerModel[];
}

export class Discovery {
  readonly #fixed: readonly ServerModel[];
  readonly #asked: readonly Asked[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #timers = new Map<Asked, Timer>();
  #isStopped = false;

  constructor(sections: Readonly<Record<string, readonly SectionModel[]>>, clock: Clock, log: Log) {
    this.#clock = clock;
    this.#log = log;
    const discoveries = sections['service_discovery'] ?? [];
    this.#fixed = [
      ...(sections['server'] ?? []),
      ...discoveries.flatMap((section) => section.sections?.['service'] ?? []),
    ].map(({ options }) => fixedServer(options as ServerOptions));
    this.#asked = discoveries.flatMap(({ options }) => asked(options as DiscoveryOptions));
  }
  get servers(): readonly ServerModel[] {
    return [...this.#fixed, ...this.#asked.flatMap(({ found }) => found)];
  }
  /** Asks all for the first time. @throws Error */
  async load(): Promise<void> {
    for (const one of this.#asked) one.found = await one.ask();
  }
  /** Asks again and again; tells when anything changed. A place that does not answer keeps what it had. */
  watch(onChange: () => void): void {
    for (const one of this.#asked) this.#arm(one, onChange);
  }
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers.values()) timer.cancel();
  }
  #arm(one: Asked, onChange: () => void): void {
    if (this.#isStopped) return;
    this.#timers.set(
      one,
      this.#clock.after(one.intervalMs, () => void this.#again(one, onChange)),
    );
  }
  async #again(one: Asked, onChange: () => void): Promise<void> {
    try {
      const found = await one.ask();
      // An empty answer would leave no server at all.
      const hasChanged = found.length > 0 && JSON.stringify(found) !== JSON.stringify(one.found);
      if (hasChanged && !this.#isStopped) {
        one.found = found;
        onChange();
      }
    } catch (error) {
      this.#log.warn(`${one.title}: ${errorText(error)}; the servers stay as they were`);
    }
    this.#arm(one, onChange);
  }
}

function fixedServer({ host, port, name, weight, standby, sharedKey, username, password }: ServerOptions): ServerModel {
  return { host, port, name, weight, standby, sharedKey, username, password };
}

function asked(options: DiscoveryOptions): Asked[] {
  if (options.type === 'static') return [];
  if (options.type === 'srv')
    return [
      {
        title: `looking up servers of ${srvName(options)}`,
        intervalMs: options.interval,
        ask: () => askDns(options),
        found: [],
      },
    ];
  const { path } = options;
  const ask = async (): Promise<readonly ServerModel[]> => {
    try {
      return parseServerList(await readFile(path, 'utf8'), path.endsWith('.json'));
    } catch (error) {
      throw new Error(`reading servers from ${path}: ${errorText(error)}`, { cause: error });
    }
  };
  return [{ title: 'service discovery', intervalMs: fileIntervalMs, ask, found: [] }];
}

function srvName({ service = '', proto, hostname = '' }: DiscoveryOptions): string {
  return `_${service}._${proto}.${hostname}`;
}

async function askDns(options: DiscoveryOptions): Promise<readonly ServerModel[]> {
  const { dnsServerHost, dnsLookup, sharedKey, username, password } = options;
  const resolver = new Resolver();
  if (dnsServerHost !== undefined) resolver.setServers([dnsServerHost]);
  const found = await resolver.resolveSrv(srvName(options));
  found.sort((a, b) => a.priority - b.priority);
  return Promise.all(
    found.map(async ({ name, port, weight }) => {
      const host = dnsLookup ? ((await resolver.resolve4(name).catch(() => resolver.resolve6(name)))[0] ?? name) : name;
      return { host, port, name, weight, standby: false, sharedKey, username, password };
    }),
  );
}
