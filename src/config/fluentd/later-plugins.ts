/**
 * Plugins that configurations of Fluentd name and that later versions of this program will have. `check` goes on over
 * them and says so, `run` refuses. A row goes when its plugin comes; a test sees to that.
 */
import { definePlugin } from '../../core/plugin.ts';
import type { Plugin, PluginKind } from '../../core/plugin.ts';

/** Names of one plugin that comes later. */
export interface LaterPlugins {
  readonly kind: Exclude<PluginKind, 'step' | 'join'>;
  /** A plugin's name, then others for the same. */
  readonly names: readonly string[];
}

const later = (kind: LaterPlugins['kind'], ...names: readonly string[]): LaterPlugins => ({ kind, names });

/** Name and other names of each, by kind. */
export const laterPlugins: readonly LaterPlugins[] = [
  later('source', 'exec'),
  later('source', 'prometheus_tail_monitor'),
  later('parser', 'grok', 'multiline_grok'),
  later('parser', 'kubernetes', 'multiline_kubernetes'),
  later('filter', 'geoip'),
  later('output', 'exec'),
  later('output', 'loki'),
  later('output', 's3'),
  later('output', 'splunk_hec'),
];

const standIns = new Map<string, Plugin>();

/** What stands for a plugin that comes later in a model that is only shown; undefined for a name that is not known. */
export function laterPlugin(kind: PluginKind, name: string): Plugin | undefined {
  if (!laterPlugins.some((row) => row.kind === kind && row.names.includes(name))) return undefined;
  const key = `${kind}:${name}`;
  const known = standIns.get(key) ?? standIn(kind, name);
  standIns.set(key, known);
  return known;
}

/** Whether a plugin only stands for one that comes later. */
export function isLater(plugin: Plugin): boolean {
  return standIns.get(`${plugin.kind}:${plugin.name}`) === plugin;
}

function standIn(kind: PluginKind, name: string): Plugin {
  if (kind === 'join') throw new TypeError('a join stands for no plugin that comes later');
  const create = (): never => {
    throw new TypeError(`${kind} ${name} is not in this version`);
  };
  const summary = 'Comes with a later version.';
  return definePlugin({ kind, name, summary, options: {}, example: '', create });
}
