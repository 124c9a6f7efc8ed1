/** What lowering carries along: the registry, all that is wrong so far, and what `check` tells besides. */
import { nearest } from '../../core/errors.ts';
import type { ConfigProblem, Location } from '../../core/errors.ts';
import type { Plugin, PluginKind } from '../../core/plugin.ts';
import type { Verdict } from '../../core/difference.ts';
import type { Registry } from '../../core/registry.ts';
import type { Dialect } from '../dialect.ts';
import { hasTorn } from './element.ts';
import type { Section } from './element.ts';
import { laterPlugin } from './later-plugins.ts';

/**
 * How something that is written compares with what Fluentd makes of it: `same`, the verdicts of a difference, or
 * `ignored`: accepted without effect.
 */
export type Comparison = 'same' | Verdict | 'ignored';

/** Something `check` says about a plugin or section: how it was mapped, what has no effect here. `at`: whose it is. */
export interface ConfigNote {
  readonly at: Location;
  readonly comparison: Comparison;
  readonly text: string;
  /** Whose it is: `output file`. Others at the same place may leave it out. */
  readonly of?: string;
}

/** Collects problems and notes, finds plugins, and keeps ids unique. */
export class Lowering {
  readonly registry: Registry;
  /** Sets `exactly_once true` on every output that has the option and does not say otherwise (P2L_EXACTLY_ONCE). */
  readonly exactlyOnce: boolean;
  /** Values that only begin like what was expected are errors (P2L_STRICT_CONFIG_VALUE, `<system> strict_config_value`). */
  isStrict: boolean;
  /** Plugins of third-party packages by package name, for `@type post2log-plugin-x`. */
  packages: ReadonlyMap<string, readonly Plugin[]> = new Map();
  /** What the configuration is written in. */
  dialect: Dialect = 'fluentd';
  readonly problems: ConfigProblem[] = [];
  readonly notes: ConfigNote[] = [];
  readonly #ids = new Map<string, Location>();
  readonly #values = new Map<string, Location>();

  constructor(registry: Registry, settings: { exactlyOnce?: boolean; strictConfigValue?: boolean } = {}) {
    this.registry = registry;
    this.exactlyOnce = settings.exactlyOnce ?? false;
    this.isStrict = settings.strictConfigValue ?? false;
  }
  error(at: Location, text: string): void {
    this.problems.push({ at, text });
  }
  /** Does `work` over a section. What it reports is left out where the section is torn: that is reported, and the rest would mislead. */
  over<T>(section: Section, work: () => T): T {
    const before = this.problems.length;
    const result = work();
    if (hasTorn(section)) this.problems.splice(before);
    return result;
  }
  /** As error(), for what is met more than once. */
  errorOnce(at: Location, text: string): void {
    if (!this.#isSaid(at, text)) this.error(at, text);
  }
  warnOnce(at: Location, text: string): void {
    if (!this.#isSaid(at, text)) this.warn(at, text);
  }
  #isSaid(at: Location, text: string): boolean {
    return this.problems.some((said) => said.text === text && said.at?.line === at.line && said.at.file === at.file);
  }
  warn(at: Location, text: string): void {
    this.problems.push({ at, text, severity: 'warning' });
  }
  /** Notes what is true of every plugin of its kind, at the first one. */
  noteOnce(at: Location, text: string, comparison?: Comparison, of?: string): void {
    if (!this.notes.some((note) => note.text === text)) this.note(at, text, comparison, of);
  }
  note(at: Location, text: string, comparison: Comparison = 'different', of?: string): void {
    this.notes.push({ at, comparison, text, ...(of !== undefined && { of }) });
  }
  /** The plugin of that kind and name, or after reporting it what stands for one that comes later; undefined after reporting that there is none. */
  plugin<K extends PluginKind>(kind: K, type: string, at: Location): Extract<Plugin, { kind: K }> | undefined {
    const found = this.find(kind, type) ?? this.later(kind, type, at);
    if (!found) this.unknownType([kind], type, at);
    return found;
  }
  /** What stands for a plugin that comes with a later version, after reporting it. */
  later<K extends PluginKind>(kind: K, type: string, at: Location): Extract<Plugin, { kind: K }> | undefined {
    const found = laterPlugin(kind, type);
    if (found) this.problems.push({ at, text: `${kind} ${type}: known, not in this version yet`, severity: 'later' });
    return found as Extract<Plugin, { kind: K }> | undefined;
  }
  /** The plugin of that kind and name, or the only one of its kind in the package of that name. */
  find<K extends PluginKind>(kind: K, type: string): Extract<Plugin, { kind: K }> | undefined {
    const known = this.registry.get(kind, type);
    if (known) return known;
    const exported = this.packages.get(type)?.filter((plugin) => plugin.kind === kind);
    return exported?.length === 1 ? (exported[0] as Extract<Plugin, { kind: K }>) : undefined;
  }
  /** Reports that no plugin of these kinds has the name; the first kind is the one that is named. */
  unknownType(kinds: readonly PluginKind[], type: string, at: Location): void {
    const names = kinds.flatMap((kind) => this.registry.names(kind)).toSorted();
    const near = nearest(type, names);
    const all = names.length > 0 && names.length <= 20 ? ` (there are ${names.join(', ')})` : '';
    this.error(at, `unknown ${kinds[0] ?? 'source'} plugin ${type}${near ? `; did you mean ${near}?` : all}`);
  }
  /** Claims a value that only one plugin of a name may have; gives the place of the one that has it already. */
  claimValue(owner: string, value: string, at: Location): Location | undefined {
    const key = `${owner}\n${value}`;
    const taken = this.#values.get(key);
    if (!taken) this.#values.set(key, at);
    return taken;
  }
  /** Claims an `@id`; reports one that is taken. */
  claimId(id: string, at: Location): void {
    const taken = this.#ids.get(id);
    if (id.startsWith('@')) this.error(at, `@id ${id}: ids that begin with @ are reserved`);
    else if (taken) this.error(at, `@id ${id} is taken already (${taken.file}:${taken.line}); ids must be unique`);
    else this.#ids.set(id, at);
  }
  hasId(id: string): boolean {
    return this.#ids.has(id);
  }
}
