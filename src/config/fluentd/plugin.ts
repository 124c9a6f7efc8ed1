/** Lowers one configured plugin: its options, its sections, and the parser, formatter and inject inside it. */
import { ConfigError, errorText, isError, nearest } from '../../core/errors.ts';
import { spellings } from '../../core/options.ts';
import type { Plugin, PluginKind } from '../../core/plugin.ts';
import type { BufferModel, InjectModel, PluginModel, SectionModel } from '../model.ts';
import { patternPlace } from '../pattern-place.ts';
import { compare } from './comparison.ts';
import { attribute, derivedAttribute, sectionsNamed } from './element.ts';
import type { Attribute, Section, WrittenValue } from './element.ts';
import { flatInject, lowerInject } from './inject.ts';
import { isLater } from './later-plugins.ts';
import type { Lowering } from './lowering.ts';
import { bySpelling, readOptions, reportUnknown } from './options.ts';
import type { OptionOwner } from './options.ts';
import { lowerPatterns } from './patterns.ts';
import { lowerSections, onlySection, pair } from './sections.ts';
import { quote } from './values.ts';

/** What the caller of lowerPlugin reads itself. */
export interface PluginPlace {
  /** Keys and sections that were read elsewhere (`<buffer>`, `@label` of a source). */
  readonly keys?: ReadonlySet<string>;
  readonly sections?: ReadonlySet<string>;
  /** Where a key that is no option here would belong, for texts. */
  readonly belongs?: (key: string) => string | undefined;
  /** Option values from outside the configuration. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** An output's, for its check. */
  readonly buffer?: BufferModel;
  readonly isSecondary?: boolean;
}

/** The written `@type` of a section (v0.12: `type`), or undefined after reporting that it is missing. */
export function typeOf(lowering: Lowering, section: Section, title: string): Attribute | undefined {
  const type = attribute(section, '@type', 'type');
  if (type?.value.isBroken) return undefined;
  if (type && type.value.text !== '') return type;
  lowering.error(type?.at ?? section.at, `${title} has no @type: the name of a plugin was expected`);
  return undefined;
}

/** The `@id` of a plugin's section (v0.12: `id`, unless that is an option of the plugin). `@id`s were claimed before. */
export function writtenId(lowering: Lowering, section: Section, plugin: Plugin): string | undefined {
  const written = attribute(section, '@id');
  if (written) return written.value.text === '' ? undefined : written.value.text;
  const old = bySpelling(plugin.options).has('id') ? undefined : attribute(section, 'id');
  if (!old || old.value.text === '') return undefined;
  lowering.claimId(old.value.text, old.value.at);
  return old.value.text;
}

/** Lowers the section of a plugin that is known; undefined when it had errors, which are reported. */
export function lowerPlugin(
  lowering: Lowering,
  plugin: Plugin,
  section: Section,
  place: PluginPlace = {},
): PluginModel | undefined {
  const owner: OptionOwner = { title: `${plugin.kind} ${plugin.name}`, at: section.at };
  const errorsBefore = countErrors(lowering);
  checkLogLevel(lowering, section, plugin);
  if (isLater(plugin)) return lowerLater(lowering, plugin, section, place);
  const written = section.attributes.filter((candidate) => !isReserved(candidate.key, section, plugin, place));
  const { values, others } = readOptions(lowering, owner, plugin.options, written, place.fixed);
  const rest = new Set(others);
  const parser = lowerParser(lowering, plugin, section, rest);
  const patterns = lowerPatterns(lowering, plugin, section, (parserPlugin, inner) =>
    lowerPlugin(lowering, parserPlugin, inner),
  );
  const { formatter = lowerInnerFormatter(lowering, plugin, section, values, rest), inject } = lowerFormat(
    lowering,
    owner,
    plugin,
    section,
    rest,
  );
  const known = [...bySpelling(plugin.options).keys()];
  reportUnknown(lowering, owner, [...rest], known, place.belongs);
  const own = new Set([...(place.sections ?? []), ...(parser || usesParser(plugin) ? ['parse'] : [])]);
  if (defaultFormatter(plugin) !== undefined) own.add('format');
  if (usesInject(plugin)) own.add('inject');
  for (const name of patterns?.names ?? []) own.add(name);
  const declared = Object.entries(plugin.sections ?? {}).filter(([name]) => patterns?.names.includes(name) !== true);
  const sections = lowerSections(lowering, owner, Object.fromEntries(declared), section, own);
  if (countErrors(lowering) > errorsBefore) return undefined;
  const model: PluginModel = {
    kind: plugin.kind,
    type: plugin.name,
    options: values,
    sections: patterns ? { ...sections, ...patterns.sections } : sections,
    ...(parser && { parser }),
    ...(patterns && { parsers: patterns.parsers }),
    ...(formatter && { formatter }),
    ...(inject && { inject }),
    at: section.at,
  };
  if (!passesCheck(lowering, owner, plugin, model, section, place)) return undefined;
  claimExclusive(lowering, plugin, section, values);
  compare(lowering, plugin, section, written);
  return model;
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal'];

/** `@log_level` of one plugin (v0.12: `log_level`, unless that is an option of it). */
function checkLogLevel(lowering: Lowering, section: Section, plugin: Plugin): void {
  const isDeclared = bySpelling(plugin.options).has('log_level');
  const written = attribute(section, '@log_level') ?? (isDeclared ? undefined : attribute(section, 'log_level'));
  if (!written || written.value.isBroken) return;
  const { text, at } = written.value;
  if (logLevels.includes(text.toLowerCase())) {
    lowering.note(
      section.at,
      `${written.key}: the own log has one level, P2L_LOGLEVEL or log_level of <system>`,
      'ignored',
      `${plugin.kind} ${plugin.name}`,
    );
    return;
  }
  const near = nearest(text, logLevels);
  lowering.error(
    at,
    `${written.key}: found ${quote(text)}, expected one of ${logLevels.join(', ')}${near === undefined ? '' : `; did you mean ${near}?`}`,
  );
}

function claimExclusive(
  lowering: Lowering,
  plugin: Plugin,
  section: Section,
  values: Readonly<Record<string, unknown>>,
): void {
  for (const name of plugin.exclusive ?? []) {
    const spec = plugin.options[name];
    const value = values[name];
    if (!spec || typeof value !== 'string') continue;
    const keys = spellings(name, spec, 'fluentd');
    const at = attribute(section, ...keys)?.value.at ?? section.at;
    const taken = lowering.claimValue(`${plugin.kind} ${plugin.name} ${name}`, value, at);
    if (taken)
      lowering.error(
        at,
        `${keys[0] ?? name} ${quote(value)} is used by another ${plugin.kind} ${plugin.name} already (${taken.file}:${taken.line}); give each its own`,
      );
  }
}

/** The section of a plugin that comes later: its texts as written, and what is known inside it checked as everywhere. */
function lowerLater(lowering: Lowering, plugin: Plugin, section: Section, place: PluginPlace): PluginModel | undefined {
  const errorsBefore = countErrors(lowering);
  const of = `${plugin.kind} ${plugin.name}`;
  lowering.note(section.at, 'comes with a later version; its options are not checked', 'unsupported', of);
  const written = section.attributes.filter((candidate) => !isReserved(candidate.key, section, plugin, place));
  const parse = sectionsNamed(section, 'parse')[0];
  const parseType = parse && typeOf(lowering, parse, '<parse>');
  const parser = parseType && nested(lowering, 'parser', parseType, parse);
  const format = sectionsNamed(section, 'format')[0];
  const formatType = format && attribute(format, '@type', 'type');
  const formatter = formatType && nested(lowering, 'formatter', formatType, format);
  const inject = sectionsNamed(section, 'inject')[0];
  const model: PluginModel = {
    kind: plugin.kind,
    type: plugin.name,
    options: Object.fromEntries(
      written.flatMap(({ key, value }) => (value.unset === undefined ? [[key, value.text] as const] : [])),
    ),
    sections: rawSections(section, new Set(['parse', 'format', 'inject', ...(place.sections ?? [])])),
    ...(parser && { parser }),
    ...(formatter && { formatter }),
    ...(inject && { inject: lowerInject(lowering, inject) }),
    at: section.at,
  };
  return countErrors(lowering) > errorsBefore ? undefined : model;
}

function rawSections(section: Section, known: ReadonlySet<string>): Record<string, SectionModel[]> {
  const raw: Record<string, SectionModel[]> = {};
  for (const inner of section.sections)
    if (!known.has(inner.name))
      (raw[inner.name] ??= []).push({
        argument: inner.argument,
        options: {},
        pairs: inner.attributes.flatMap(pair),
        sections: rawSections(inner, new Set()),
        at: inner.at,
      });
  return raw;
}

/** Runs the plugin's own check over a lowered model; reports what it throws. */
function passesCheck(
  lowering: Lowering,
  owner: OptionOwner,
  plugin: Plugin,
  model: PluginModel,
  section: Section,
  { buffer, isSecondary }: PluginPlace,
): boolean {
  try {
    plugin.check?.(model, buffer, isSecondary);
    return true;
  } catch (error) {
    // A check that knows the places tells them itself, and may have warnings only.
    if (error instanceof ConfigError) {
      lowering.problems.push(...error.problems);
      return !error.problems.some(isError);
    }
    lowering.error(patternPlace(error, writtenIn(section)) ?? owner.at, `${owner.title}: ${errorText(error)}`);
    return false;
  }
}

/** The values of a section and of those in it. */
function writtenIn({ attributes, sections }: Section): WrittenValue[] {
  return [...attributes.map(({ value }) => value), ...sections.flatMap(writtenIn)];
}

function countErrors(lowering: Lowering): number {
  return lowering.problems.filter(isError).length;
}

function isReserved(key: string, section: Section, plugin: Plugin, place: PluginPlace): boolean {
  if (place.keys?.has(key) || key === '@type' || key === '@id' || key === '@log_level') return true;
  if (key !== 'type' && key !== 'id' && key !== 'log_level') return false;
  // v0.12 wrote them without the @; an option of that name goes first, unless it stands for the missing @type.
  const isDeclared = bySpelling(plugin.options).has(key);
  return !isDeclared || (key === 'type' && attribute(section, '@type') === undefined);
}

function usesParser(plugin: Plugin): boolean {
  return 'usesParser' in plugin && (plugin.usesParser ?? false);
}
function defaultParser(plugin: Plugin): string | undefined {
  return 'defaultParser' in plugin ? plugin.defaultParser : undefined;
}
function parserDefaults(plugin: Plugin): Readonly<Record<string, unknown>> {
  return ('parserDefaults' in plugin && plugin.parserDefaults) || {};
}
function defaultFormatter(plugin: Plugin): string | undefined {
  return 'defaultFormatter' in plugin ? plugin.defaultFormatter : undefined;
}
function usesInject(plugin: Plugin): boolean {
  return 'usesInject' in plugin && (plugin.usesInject ?? false);
}

// ------------------------------------------------------------------------------------------ parser, formatter, inject

/** `<parse>`, or v0.12's flat `format` with the parser's options beside it; takes what it reads out of `rest`. */
function lowerParser(
  lowering: Lowering,
  plugin: Plugin,
  section: Section,
  rest: Set<Attribute>,
): PluginModel | undefined {
  if (!usesParser(plugin)) return undefined;
  const written = onlySection(lowering, section, 'parse');
  const fallback = defaultParser(plugin);
  if (written) {
    const hasType = attribute(written, '@type', 'type') !== undefined;
    const type = !hasType && fallback !== undefined ? fallback : typeOf(lowering, written, '<parse>');
    return type !== undefined ? nested(lowering, 'parser', type, written, parserDefaults(plugin)) : undefined;
  }
  const format = [...rest].find((candidate) => candidate.key === 'format');
  const fixed = parserDefaults(plugin);
  if (!format) return fallback === undefined ? undefined : flatParser(lowering, fallback, section, rest, fixed);
  rest.delete(format);
  const isRegexp = format.value.text.startsWith('/') && format.value.text.endsWith('/');
  const parser = lowering.plugin('parser', isRegexp ? 'regexp' : format.value.text, format.value.at);
  if (!parser) {
    rest.clear();
    return undefined;
  }
  joinTypes(rest);
  const flat = takeDeclared(parser, rest);
  if (isRegexp) flat.push(derivedAttribute(format, 'expression'));
  const made: Section = { name: 'parse', argument: '', attributes: flat, sections: [], at: format.at };
  return lowerPlugin(lowering, parser, made, { fixed });
}

/** The options of a source's default parser where they stand in the source itself. */
function flatParser(
  lowering: Lowering,
  name: string,
  section: Section,
  rest: Set<Attribute>,
  fixed: Readonly<Record<string, unknown>>,
): PluginModel | undefined {
  const parser = lowering.plugin('parser', name, section.at);
  const attributes = parser ? takeDeclared(parser, rest) : [];
  const at = attributes[0]?.at ?? (Object.keys(fixed).length > 0 ? section.at : undefined);
  if (!parser || !at) return undefined;
  return lowerPlugin(lowering, parser, { name: 'parse', argument: '', attributes, sections: [], at }, { fixed });
}

/** v0.12's `types` with delimiters of its own becomes the JSON object it stands for. */
function joinTypes(rest: Set<Attribute>): void {
  const find = (key: string) => [...rest].find((candidate) => candidate.key === key);
  const types = find('types');
  const outer = find('types_delimiter');
  const inner = find('types_label_delimiter');
  if (!types || (!outer && !inner)) return;
  const pairs = types.value.text
    .split(outer?.value.text ?? ',')
    .map((pair) => pair.split(inner?.value.text ?? ':'))
    .map(([key, ...type]) => [key, type.join(inner?.value.text ?? ':')]);
  for (const used of [types, outer, inner]) if (used) rest.delete(used);
  rest.add(derivedAttribute(types, 'types', JSON.stringify(Object.fromEntries(pairs))));
}

/** Takes those attributes out of `rest` that the plugin declares. */
function takeDeclared(plugin: Plugin, rest: Set<Attribute>): Attribute[] {
  const names = bySpelling(plugin.options);
  const found = [...rest].filter((candidate) => names.has(candidate.key));
  for (const used of found) rest.delete(used);
  return found;
}

function lowerFormat(
  lowering: Lowering,
  owner: OptionOwner,
  plugin: Plugin,
  section: Section,
  rest: Set<Attribute>,
): { formatter?: PluginModel | undefined; inject?: InjectModel | undefined } {
  const flat = [...rest];
  let inject: InjectModel | undefined;
  if (usesInject(plugin)) {
    const written = onlySection(lowering, section, 'inject');
    if (written) inject = lowerInject(lowering, written);
    else {
      const made = flatInject(lowering, owner, flat);
      inject = made.inject;
      for (const used of flat) if (made.taken.has(used.key)) rest.delete(used);
    }
  }
  const fallback = defaultFormatter(plugin);
  if (fallback === undefined) return { inject };
  const written = onlySection(lowering, section, 'format');
  if (written) {
    const type = attribute(written, '@type', 'type');
    return { formatter: nested(lowering, 'formatter', type ?? fallback, written), inject };
  }
  const format = flat.find((candidate) => candidate.key === 'format');
  if (format) rest.delete(format);
  const at = format?.at ?? section.at;
  const formatter = lowering.plugin('formatter', format?.value.text ?? fallback, format?.value.at ?? section.at);
  if (!formatter) {
    // Its options would all be reported as unknown: one problem is enough.
    rest.clear();
    return { inject };
  }
  const names = bySpelling(formatter.options);
  const own = flat.filter((candidate) => names.has(candidate.key));
  for (const used of own) rest.delete(used);
  const made: Section = { name: 'format', argument: '', attributes: own, sections: [], at };
  return { formatter: lowerPlugin(lowering, formatter, made), inject };
}

/** The formatter that a formatter hands records on to, with those of the section's keys that are its own. */
function lowerInnerFormatter(
  lowering: Lowering,
  plugin: Plugin,
  section: Section,
  values: Readonly<Record<string, unknown>>,
  rest: Set<Attribute>,
): PluginModel | undefined {
  if (plugin.kind !== 'formatter' || plugin.innerFormatter === undefined) return undefined;
  const name = values[plugin.innerFormatter];
  const inner = typeof name === 'string' ? lowering.find('formatter', name) : undefined;
  if (!inner || inner === plugin) return undefined;
  const attributes = takeDeclared(inner, rest);
  const isDefault = name === plugin.options[plugin.innerFormatter]?.schema.parse(undefined);
  if (isDefault && attributes.length === 0) return undefined;
  return lowerPlugin(lowering, inner, { name: 'format', argument: '', attributes, sections: [], at: section.at });
}

function nested(
  lowering: Lowering,
  kind: Extract<PluginKind, 'parser' | 'formatter'>,
  type: Attribute | string,
  section: Section,
  fixed: Readonly<Record<string, unknown>> = {},
): PluginModel | undefined {
  if (typeof type !== 'string' && type.value.isBroken) return undefined;
  const name = typeof type === 'string' ? type : type.value.text;
  const plugin = lowering.plugin(kind, name, typeof type === 'string' ? section.at : type.value.at);
  if (section.argument !== '')
    lowering.warn(section.at, `<${section.name}>: the argument ${section.argument} has no effect; write @type`);
  return plugin && lowerPlugin(lowering, plugin, section, { fixed });
}
