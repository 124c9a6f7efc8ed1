/** Lowers one section that configures a plugin: [INPUT], [FILTER], [OUTPUT], [PARSER]. */
import { ConfigError, errorText, isError, nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import type { FluentbitForm, FluentbitNode, FluentbitParts } from '../../core/fluentbit.ts';
import { spellings } from '../../core/options.ts';
import type { Plugin } from '../../core/plugin.ts';
import type { BufferModel, PluginModel } from '../model.ts';
import { patternPlace } from '../pattern-place.ts';
import { boundsText } from '../fluentd/values.ts';
import { commonProperties } from './common.ts';
import { compare } from './comparison.ts';
import { lastProperty } from './element.ts';
import type { Section } from './element.ts';
import { readSection } from './form.ts';
import type { Owner, Reading, ReadSection } from './form.ts';
import { fluentbitPlugins } from './later-plugins.ts';

/** What lowering a plugin needs besides: the parsers that are defined. */
export interface Surroundings extends Reading {
  parser(name: string, at: Location): PluginModel | undefined;
  multilineParser(name: string, at: Location): PluginModel | undefined;
  /** All that are defined and had no errors. */
  parsers(): ReadonlyMap<string, PluginModel>;
  upstream(name: string, at: Location): readonly FluentbitNode[] | undefined;
  /** Bytes of the longest record that multiline parsers join. */
  readonly joinedBytesMax: number;
}

/** A lowered plugin, and what was read for every plugin of its kind. */
export interface LoweredPlugin {
  readonly model: PluginModel;
  readonly spec: Plugin;
  readonly common: Readonly<Record<string, unknown>>;
  readonly places: ReadonlyMap<string, Location>;
  readonly parts: FluentbitParts;
}

/** How sections of a kind are called there. */
const headers: Readonly<Record<string, string>> = {
  source: 'INPUT',
  filter: 'FILTER',
  output: 'OUTPUT',
  parser: 'PARSER',
};
/** And plugins, in texts. */
const words: Readonly<Record<string, string>> = { source: 'input', step: 'filter' };

/** The plugin that `Name` says; undefined after reporting that it is missing or unknown. */
export function pluginOf(
  around: Surroundings,
  kind: 'source' | 'filter' | 'output',
  section: Section,
): Plugin | undefined {
  const { lowering, variables } = around;
  const written = lastProperty(section, 'name');
  if (!written) {
    lowering.error(section.at, `[${headers[kind]}] has no Name: the name of a plugin was expected`);
    return undefined;
  }
  const name = variables.put(written.value, written.valueAt);
  const found = lowering.registry.getFluentbit(kind, name);
  if (found) return found;
  const word = words[kind] ?? kind;
  if (fluentbitPlugins[kind].includes(name.toLowerCase())) {
    lowering.problems.push({
      at: written.valueAt,
      text: `${word} ${name}: known, not in this version yet`,
      severity: 'later',
    });
    return undefined;
  }
  const names = lowering.registry.fluentbitNames(kind);
  const near = nearest(name.toLowerCase(), names);
  const all = names.length <= 20 ? ` (there are ${names.join(', ')})` : '';
  lowering.error(
    written.valueAt,
    `unknown ${word} plugin ${name}${near === undefined ? all : `; did you mean ${near}?`}`,
  );
  return undefined;
}

/** Lowers the section of a plugin; undefined when it had errors, which are reported. `instance`: `tail.0`, or the name of a parser. */
export function lowerPlugin(
  around: Surroundings,
  spec: Plugin,
  section: Section,
  instance: string,
  buffer?: (common: Readonly<Record<string, unknown>>, parts: FluentbitParts) => BufferModel,
): LoweredPlugin | undefined {
  const { lowering } = around;
  const form = spec.fluentbit ?? {};
  const word = words[spec.kind] ?? spec.kind;
  // A parser goes by the name that its section gives it.
  const owned = spec.kind === 'parser' ? instance : (form.names?.[0] ?? spec.name);
  const owner: Owner = { title: `${word} ${owned}`, at: section.at };
  const errorsBefore = lowering.problems.filter(isError).length;
  const read = readSection(around, owner, section, {
    kind: spec.kind,
    form,
    options: spec.options,
    common: commonProperties(spec.kind),
  });
  if (spec.kind === 'source' && 'tag' in spec.options && read.options['tag'] === undefined)
    read.options['tag'] = read.common['tag'] ?? instance;
  const parts = lowerParts(around, form, spec, owner, read, instance);
  const options = mergedOptions(around, owner, spec, read, parts);
  if (lowering.problems.filter(isError).length > errorsBefore) return undefined;
  const model: PluginModel = {
    kind: spec.kind,
    type: spec.name,
    options,
    sections: parts.sections ?? {},
    ...(parts.parser && { parser: completed(around, parts.parser) }),
    ...(parts.parsers && { parsers: parts.parsers.map((parser) => completed(around, parser)) }),
    ...(parts.namedParsers && {
      namedParsers: Object.fromEntries(
        Object.entries(parts.namedParsers).map(([name, parser]) => [name, completed(around, parser)]),
      ),
    }),
    ...(parts.formatter && { formatter: completed(around, parts.formatter) }),
    at: section.at,
  };
  if (!passesCheck(around, owner, spec, model, section, buffer?.(read.common, parts))) return undefined;
  // Parsers were checked where they are defined; a formatter is made of the section's own properties.
  const formatter = model.formatter && lowering.registry.get('formatter', model.formatter.type);
  if (model.formatter && formatter && !passesCheck(around, owner, formatter, model.formatter, section, undefined))
    return undefined;
  compare(lowering, spec, owner, read);
  return { model, spec, common: read.common, places: read.places, parts };
}

function lowerParts(
  around: Surroundings,
  form: FluentbitForm,
  spec: Plugin,
  owner: Owner,
  read: ReadSection,
  instance: string,
): FluentbitParts {
  const { lowering } = around;
  for (const [name, option] of Object.entries(form.options ?? {}))
    if (read.options[name] === undefined && option.default !== undefined) read.options[name] = option.default;
  if (!form.lower) return {};
  const properties: Record<string, unknown> = {};
  let isComplete = true;
  for (const [name, property] of Object.entries(form.properties ?? {})) {
    const checked = property.schema.safeParse(read.properties[name]);
    if (checked.success) properties[name] = checked.data;
    else {
      isComplete = false;
      missing(around, owner, spellings(name, property, 'fluentbit')[0] ?? name, property.summary);
    }
  }
  if (!isComplete) return {};
  const tag = read.common['tag'];
  return form.lower({
    properties,
    options: withDefaults(spec, read.options),
    pairs: read.pairs,
    instance,
    tag: typeof tag === 'string' ? tag : undefined,
    at: owner.at,
    written: (name) => read.places.get(name),
    parser: (name, at) => around.parser(name, at),
    multilineParser: (name, at) => around.multilineParser(name, at),
    parsers: around.parsers(),
    upstream: (name, at) => around.upstream(name, at),
    joinedBytesMax: around.joinedBytesMax,
    error: (at, problem) => lowering.error(at, `${owner.title}: ${problem}`),
    warn: (at, problem) => lowering.warn(at, `${owner.title}: ${problem}`),
  });
}

function withDefaults(spec: Plugin, written: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(spec.options)) {
    const value = written[name] ?? option.schema.safeParse(undefined).data;
    if (value !== undefined) values[name] = value;
  }
  return values;
}

/** A model that a form made, with the defaults of its plugin. */
function completed({ lowering }: Surroundings, model: PluginModel): PluginModel {
  const spec = lowering.registry.get(model.kind, model.type);
  return spec ? { ...model, options: withDefaults(spec, model.options) } : model;
}

/** What `lower` made goes before what is written; the rest is the plugin's default. */
function mergedOptions(
  around: Surroundings,
  owner: Owner,
  spec: Plugin,
  read: ReadSection,
  parts: FluentbitParts,
): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(spec.options)) {
    const value = parts.options && name in parts.options ? parts.options[name] : read.options[name];
    const fixed = name === 'exactlyOnce' && around.lowering.exactlyOnce && spec.kind === 'output' ? true : undefined;
    const checked = option.schema.safeParse(value ?? fixed);
    if (checked.success) {
      if (checked.data !== undefined) options[name] = checked.data;
    } else if (value === undefined) {
      const form = spec.fluentbit?.options?.[name];
      const spelling = [form?.name ?? spellings(name, option, 'fluentbit')].flat()[0] ?? name;
      // What only `lower` can give was reported where it could not.
      if (form) missing(around, owner, spelling, option.summary);
    } else
      around.lowering.error(
        read.places.get(name) ?? owner.at,
        `${owner.title}: ${name}: ${boundsText(checked.error.issues)}`,
      );
  }
  return options;
}

function missing({ lowering }: Surroundings, owner: Owner, spelling: string, summary: string): void {
  lowering.error(owner.at, `${owner.title}: ${spelling} is required but missing (${summary.replace(/\.$/, '')})`);
}

/** Runs the plugin's own check over a lowered model; reports what it throws. */
function passesCheck(
  { lowering }: Surroundings,
  owner: Owner,
  spec: Plugin,
  model: PluginModel,
  section: Section,
  buffer: BufferModel | undefined,
): boolean {
  try {
    spec.check?.(model, buffer);
    return true;
  } catch (error) {
    if (error instanceof ConfigError) {
      lowering.problems.push(...error.problems);
      return !error.problems.some(isError);
    }
    const written = section.properties.map(({ value, valueAt }) => ({ text: value, at: valueAt }));
    lowering.error(patternPlace(error, written) ?? owner.at, `${owner.title}: ${errorText(error)}`);
    return false;
  }
}
