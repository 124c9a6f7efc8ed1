/** Plugins from npm packages that a configuration names: `<system> plugins`, or a `@type` that is or stands for a package. */
import { createRequire } from 'node:module';
import { errorText } from '../core/errors.ts';
import type { ConfigProblem, Location } from '../core/errors.ts';
import type { Plugin, PluginKind } from '../core/plugin.ts';
import type { Registry } from '../core/registry.ts';
import type { Section } from './fluentd/element.ts';
import { attribute, sectionsNamed } from './fluentd/element.ts';

/** Plugins by the package they came from. */
export type Packages = ReadonlyMap<string, readonly Plugin[]>;

const prefix = 'post2log-plugin-';
const kinds: readonly PluginKind[] = ['source', 'parser', 'formatter', 'filter', 'step', 'join', 'output'];
// A registry outlives a reload of the configuration; a package is added to it only once.
const loaded = new WeakMap<Registry, Map<string, readonly Plugin[]>>();

/** A package that is wanted, and under which name configurations may use it. */
interface Wanted {
  readonly packageName: string;
  readonly at: Location;
}

/**
 * Loads what `root` asks for into the registry. `resolveFrom`: absolute path of the configuration file; packages are
 * looked for from its directory upwards. Problems say what could not be loaded.
 */
export async function loadPackages(
  root: Section,
  registry: Registry,
  resolveFrom: string,
  problems: ConfigProblem[],
): Promise<Packages> {
  const packages = loaded.get(registry) ?? new Map<string, readonly Plugin[]>();
  loaded.set(registry, packages);
  for (const { packageName, at } of wantedPackages(root, registry, resolveFrom)) {
    if (packages.has(packageName)) continue;
    try {
      packages.set(packageName, await registry.load(packageName, resolveFrom));
    } catch (error) {
      problems.push({ at, text: errorText(error) });
    }
  }
  return packages;
}

function* wantedPackages(root: Section, registry: Registry, resolveFrom: string): Generator<Wanted> {
  for (const system of sectionsNamed(root, 'system')) {
    const listed = attribute(system, 'plugins');
    for (const name of (listed?.value.text ?? '').split(/[\s,"[\]]+/).filter((part) => part !== ''))
      yield { packageName: name, at: listed?.value.at ?? system.at };
  }
  for (const type of types(root)) {
    const name = type.value.text;
    if (kinds.some((kind) => registry.has(kind, name))) continue;
    if (name.startsWith(prefix) || /^@[^/\s]+\/[^/\s]+$/.test(name)) yield { packageName: name, at: type.value.at };
    else if (isInstalled(`${prefix}${name}`, resolveFrom)) yield { packageName: `${prefix}${name}`, at: type.value.at };
  }
}

function* types(section: Section): Generator<NonNullable<ReturnType<typeof attribute>>> {
  for (const inner of section.sections) {
    const type = attribute(inner, '@type', 'type');
    if (type && !type.value.isBroken && /^[@\w][\w@/.-]*$/.test(type.value.text)) yield type;
    yield* types(inner);
  }
}

function isInstalled(packageName: string, resolveFrom: string): boolean {
  try {
    createRequire(resolveFrom).resolve(packageName);
    return true;
  } catch {
    return false;
  }
}
