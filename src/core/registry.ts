/** The registry: all plugins by kind and name. */
import { OperatingError, errorText } from './errors.ts';
import type { Plugin, PluginKind } from './plugin.ts';

export class Registry {
  readonly #byName = new Map<string, Plugin>();
  readonly #byFluentbitName = new Map<string, Plugin>();
  readonly #all: Plugin[] = [];

  constructor(plugins: Iterable<Plugin> = []) {
    for (const plugin of plugins) this.add(plugin);
  }
  /** Adds a plugin under its name and aliases; a name that is taken already is a programmer error of the later one. */
  add(plugin: Plugin): void {
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
  get<K extends PluginKind>(kind: K, name: string): Extract<Plugin, { kind: K }> | undefined {
    return this.#byName.get(`${kind}:${name}`) as Extract<Plugin, { kind: K }> | undefined;
  }
  /** The plugin that a section of that kind names in Fluent Bit's configurations; filters are filters, joins and steps. */
  getFluentbit(kind: PluginKind, name: string): Plugin | undefined {
    return this.#byFluentbitName.get(`${fluentbitKind(kind)}:${name.toLowerCase()}`);
  }
  /** Every name of a kind in Fluent Bit's configurations, sorted. */
  fluentbitNames(kind: PluginKind): string[] {
    const plugins = this.#all.filter((plugin) => fluentbitKind(plugin.kind) === fluentbitKind(kind));
    return plugins.flatMap(fluentbitNames).sort();
  }
  /** All plugins in order of registration. */
  all(): readonly Plugin[] {
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
    for (const plugin of other.all()) if (!this.get(plugin.kind, plugin.name)) this.add(plugin);
  }
  /** Loads a third-party package: every export made by definePlugin is added. @throws OperatingError PLUGIN_LOAD */
  async load(packageName: string, resolveFrom: string): Promise<void> {
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
  }
}

/** Its names in Fluent Bit's configurations, in lower case; none where it cannot be named there. */
function fluentbitNames(plugin: Plugin): string[] {
  return plugin.fluentbit ? (plugin.fluentbit.names ?? [plugin.name]).map((name) => name.toLowerCase()) : [];
}

/** Fluent Bit knows no steps and no joins: what gives records new tags, or joins them, is a `[FILTER]` there. */
function fluentbitKind(kind: PluginKind): PluginKind {
  return kind === 'step' || kind === 'join' ? 'filter' : kind;
}

function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && 'isPost2logPlugin' in value && value.isPost2logPlugin === true;
}
