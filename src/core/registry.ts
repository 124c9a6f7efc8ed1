/** The registry: all plugins by kind and name. */
import { OperatingError, errorText } from './errors.ts';
import type { Plugin, PluginKind } from './plugin.ts';

/** The names under which configurations know a plugin. */
export interface PluginNames {
  readonly kind: PluginKind;
  readonly name: string;
  readonly aliases?: readonly string[];
  /** In Fluent Bit's configurations; undefined: they cannot name it. */
  readonly fluentbit?: readonly string[];
}

/** A plugin whose file is loaded when somebody asks for it. */
export interface LazyPlugin extends PluginNames {
  /** Gives the same one each time. */
  load(): Plugin;
}

export class Registry {
  readonly #byName = new Map<string, LazyPlugin>();
  readonly #byFluentbitName = new Map<string, LazyPlugin>();
  readonly #all: LazyPlugin[] = [];

  constructor(plugins: Iterable<Plugin | LazyPlugin> = []) {
    for (const plugin of plugins) this.add(plugin);
  }
  /** Adds a plugin under its name and aliases; a name that is taken already is a programmer error of the later one. */
  add(added: Plugin | LazyPlugin): void {
    const plugin = isPlugin(added) ? loaded(added) : added;
    for (const name of [plugin.name, ...(plugin.aliases ?? [])]) {
      const key = `${plugin.kind}:${name}`;
      if (this.#byName.has(key))
        throw new OperatingError(
          'PLUGIN_LOAD',
          `adding ${plugin.kind} plugin ${name}: the name is taken already; rename it`,
        );
      this.#byName.set(key, plugin);
    }
    for (const name of fluentbitNames(plugin)) {
      const key = `${fluentbitKind(plugin.kind)}:${name}`;
      if (this.#byFluentbitName.has(key))
        throw new OperatingError(
          'PLUGIN_LOAD',
          `adding ${plugin.kind} plugin ${plugin.name}: its Fluent Bit name ${name} is taken already; rename it`,
        );
      this.#byFluentbitName.set(key, plugin);
    }
    this.#all.push(plugin);
  }
  /** True where there is one of that kind and name; does not load it. */
  has(kind: PluginKind, name: string): boolean {
    return this.#byName.has(`${kind}:${name}`);
  }
  get<K extends PluginKind>(kind: K, name: string): Extract<Plugin, { kind: K }> | undefined {
    return this.#byName.get(`${kind}:${name}`)?.load() as Extract<Plugin, { kind: K }> | undefined;
  }
  /** The plugin that a section of that kind names in Fluent Bit's configurations; filters are filters, joins and steps. */
  getFluentbit(kind: PluginKind, name: string): Plugin | undefined {
    return this.#byFluentbitName.get(`${fluentbitKind(kind)}:${name.toLowerCase()}`)?.load();
  }
  /** Every name of a kind in Fluent Bit's configurations, sorted. */
  fluentbitNames(kind: PluginKind): string[] {
    const plugins = this.#all.filter((plugin) => fluentbitKind(plugin.kind) === fluentbitKind(kind));
    return plugins.flatMap(fluentbitNames).sort();
  }
  /** The names of all plugins, in order of registration. */
  all(): readonly PluginNames[] {
    return this.#all;
  }
  /** Every name and alias of a kind, sorted, for "did you mean". */
  names(kind: PluginKind): string[] {
    const names = this.#all
      .filter((plugin) => plugin.kind === kind)
      .flatMap((plugin) => [plugin.name, ...(plugin.aliases ?? [])]);
    return names.sort();
  }
  /** Takes over what another registry has and this one lacks: plugins a new configuration loaded. */
  useFrom(other: Registry): void {
    for (const plugin of other.#all) if (!this.has(plugin.kind, plugin.name)) this.add(plugin);
  }
  /** Loads a third-party package: every export made by definePlugin is added, and given back. @throws OperatingError PLUGIN_LOAD */
  async load(packageName: string, resolveFrom: string): Promise<readonly Plugin[]> {
    let exported: Record<string, unknown>;
    try {
      const { createRequire } = await import('node:module');
      const { pathToFileURL } = await import('node:url');
      const path = createRequire(resolveFrom).resolve(packageName);
      exported = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
    } catch (error) {
      throw new OperatingError(
        'PLUGIN_LOAD',
        `loading plugin package ${packageName}: ${errorText(error)}; run npm install ${packageName} beside the configuration`,
        { cause: error },
      );
    }
    const plugins = Object.values(exported).filter(isPlugin);
    if (plugins.length === 0)
      throw new OperatingError(
        'PLUGIN_LOAD',
        `loading plugin package ${packageName}: it exports nothing made by definePlugin`,
      );
    for (const plugin of plugins) this.add(plugin);
    return plugins;
  }
}

function loaded(plugin: Plugin): LazyPlugin {
  const { kind, name, aliases, fluentbit } = plugin;
  return {
    kind,
    name,
    ...(aliases && { aliases }),
    ...(fluentbit && { fluentbit: fluentbit.names ?? [name] }),
    load: () => plugin,
  };
}

/** Its names in Fluent Bit's configurations, in lower case; none where it cannot be named there. */
function fluentbitNames({ fluentbit = [] }: PluginNames): string[] {
  return fluentbit.map((name) => name.toLowerCase());
}

/** Fluent Bit knows no steps and no joins: what gives records new tags, or joins them, is a `[FILTER]` there. */
function fluentbitKind(kind: PluginKind): PluginKind {
  return kind === 'step' || kind === 'join' ? 'filter' : kind;
}

/** True for what definePlugin made. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && 'isPost2logPlugin' in value && value.isPost2logPlugin === true;
}
