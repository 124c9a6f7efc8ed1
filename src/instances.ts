/** Makes running plugins of models: every `create` in the program is called here. */
import { join } from 'node:path';
import { OperatingError, errorText } from './core/errors.ts';
import type { Clock } from './core/clock.ts';
import type { Joiner, JoinerOutlet } from './core/joiner.ts';
import type { Log } from './core/log.ts';
import type { Metrics } from './core/metrics.ts';
import type {
  EndpointContext,
  Filter,
  Formatter,
  Output,
  OutputContext,
  Parser,
  Plugin,
  PluginConfig,
  PluginContext,
  PluginKind,
  Retagger,
  Source,
  SourceContext,
} from './core/plugin.ts';
import type { Registry } from './core/registry.ts';
import type { PluginModel } from './config/model.ts';

/** What all plugins of a process share. */
export interface Surroundings {
  readonly registry: Registry;
  readonly log: Log;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** The data directory, for what plugins share; undefined: nothing of it is kept. */
  readonly dataDir?: string;
}

export class Instances {
  readonly #around: Surroundings;
  readonly #shared = new Map<string, unknown>();

  constructor(around: Surroundings) {
    this.#around = around;
  }
  /** The context that every plugin gets; its log lines carry the plugin's name. */
  context(name: string): PluginContext {
    const { log, clock, metrics } = this.#around;
    return {
      log: log.child({ plugin: name }),
      clock,
      metrics,
      parser: (model) => this.parser(model),
      formatter: (model) => this.formatter(model),
      shared: (key, make) => this.#share(key, make),
    };
  }
  #share<T>(key: string, make: (directory: string | undefined) => T): T {
    if (!this.#shared.has(key)) {
      const { dataDir } = this.#around;
      this.#shared.set(key, make(dataDir === undefined ? undefined : join(dataDir, 'shared', encodeURIComponent(key))));
    }
    return this.#shared.get(key) as T;
  }
  /** The program stops: what plugins share comes to its end. Never throws. */
  async end(): Promise<void> {
    const ends = [...this.#shared.values()].filter(isEnding).map((one) => one.end());
    for (const result of await Promise.allSettled(ends))
      if (result.status === 'rejected') this.#around.log.error(`stopping: ${errorText(result.reason)}`);
    this.#shared.clear();
  }
  parser(model: PluginModel | string): Parser {
    const { plugin, config, name } = this.#resolve('parser', model);
    return plugin.create(config, this.context(name));
  }
  formatter(model: PluginModel | string): Formatter {
    const { plugin, config, name } = this.#resolve('formatter', model);
    return plugin.create(config, this.context(name));
  }
  filter(model: PluginModel): Filter {
    const { plugin, config, name } = this.#resolve('filter', model);
    return plugin.create(config, this.context(name));
  }
  retagger(model: PluginModel): Retagger {
    const { plugin, config, name } = this.#resolve('step', model);
    if (!plugin.create) throw new OperatingError('PLUGIN_LOAD', `making step ${name}: the router does it itself`);
    return plugin.create(config, this.context(name));
  }
  output(model: PluginModel, own: Omit<OutputContext, keyof PluginContext>): Output {
    const { plugin, config, name } = this.#resolve('output', model);
    return plugin.create(config, { ...this.context(name), ...own });
  }
  joiner(model: PluginModel, outlet: JoinerOutlet): Joiner {
    const { plugin, config, name } = this.#resolve('join', model);
    return plugin.create(config, this.context(name), outlet);
  }
  source(model: PluginModel, own: Omit<SourceContext, keyof PluginContext>): Source {
    const { plugin, config, name } = this.#resolve('source', model);
    return plugin.create(config, { ...this.context(name), ...own });
  }
  endpoint(model: PluginModel, own: Omit<EndpointContext, keyof PluginContext>): Source {
    const { plugin, config, name } = this.#resolve('source', model);
    if (!plugin.endpoint)
      throw new OperatingError('PLUGIN_LOAD', `making source ${name}: it tells nothing of the program`);
    return plugin.endpoint(config, { ...this.context(name), ...own });
  }
  /** True for filters that hand records on as they are and only show them. */
  isObserver(model: PluginModel): boolean {
    return this.#around.registry.get('filter', model.type)?.isObserver === true;
  }
  /** True for sources that every receiving process runs. */
  isReplicated(model: PluginModel): boolean {
    return this.#around.registry.get('source', model.type)?.isReplicated === true;
  }

  #resolve<K extends PluginKind>(
    kind: K,
    model: PluginModel | string,
  ): { plugin: Extract<Plugin, { kind: K }>; config: PluginConfig; name: string } {
    const name = typeof model === 'string' ? model : model.type;
    const plugin = this.#around.registry.get(kind, name);
    if (!plugin)
      throw new OperatingError(
        'PLUGIN_LOAD',
        `making ${kind} ${name}: no such plugin; a stored configuration may name a plugin package that is no longer installed`,
      );
    const config: PluginConfig =
      typeof model === 'string'
        ? { options: defaultOptions(plugin), sections: {}, at: { file: '(default)', line: 1, column: 1 } }
        : model;
    return { plugin, config, name };
  }
}

/** The options of a plugin that nobody configured. */
function defaultOptions(plugin: Plugin): Record<string, unknown> {
  return Object.fromEntries(Object.entries(plugin.options).map(([name, spec]) => [name, spec.schema.parse(undefined)]));
}

function isEnding(shared: unknown): shared is { end(): Promise<void> } {
  return typeof shared === 'object' && shared !== null && 'end' in shared && typeof shared.end === 'function';
}
