/** Fluentd's spelling of values and sections. */
import type { OptionSpec, OptionTable } from '../../core/options.ts';
import { snakeCase, spellings } from '../../core/options.ts';
import type { Plugin, SectionSpec, SectionTable } from '../../core/plugin.ts';
import type { Registry } from '../../core/registry.ts';
import type { InjectModel, PluginModel, SectionModel } from '../model.ts';
import { marksIn, spellMarks } from './variables.ts';

const indented = (lines: readonly string[]): string[] => lines.map((line) => `  ${line}`);

/** A section with its lines. */
export function sectionLines(name: string, argument: string, lines: readonly string[]): string[] {
  return [`<${name}${argument === '' ? '' : ` ${argument}`}>`, ...indented(lines), `</${name}>`];
}

/** A text as a value; what could be read as something else stands in double quotes. */
function fluentdText(text: string): string {
  if (/^[\w./*:@%+~=,?&-][\w./*:@%+~=,?& -]*$/.test(text) && text.trim() === text) return text;
  return `"${spellMarks(text, variableText, escapedText)}"`;
}

/** A variable, or one with its default: `X:-y`. */
function variableText(name: string): string {
  const split = name.indexOf(':-');
  const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`;
  return split < 0
    ? `#{ENV['${name}']}`
    : `#{ENV.fetch(${quoted(name.slice(0, split))}, ${quoted(name.slice(split + 2))})}`;
}

const letters: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't', '\f': 'f', '\b': 'b', '\0': '0' };
function escapedText(part: string): string {
  return part.replaceAll(/[\\"\n\r\t\f\b\0]|#(?=\{)/g, (char) => `\\${letters[char] ?? char}`);
}

/** A value as the kind of its option. */
function fluentdValue(spec: OptionSpec, value: unknown): string {
  if (spec.kind === 'duration' && typeof value === 'number') {
    const seconds = value / 1000;
    return Number.isInteger(seconds) ? `${seconds}s` : String(seconds);
  }
  if (spec.kind === 'list' || spec.kind === 'map') return fluentdJson(value);
  if (spec.kind === 'pattern' && typeof value === 'string')
    return value.startsWith('/') && !/\s#|\n|\s$/.test(value) && marksIn(value).length === 0
      ? value
      : fluentdText(value);
  return typeof value === 'string' ? fluentdText(value) : String(value);
}

/** JSON, in whose strings variables may stand as in double quotes. */
function fluentdJson(value: unknown): string {
  return spellMarks(JSON.stringify(value).replaceAll('#{', String.raw`\u0023{`), variableText, (part) => part);
}

function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/** The options that are not what they are by themselves. */
export function optionLines(table: OptionTable, values: Readonly<Record<string, unknown>>): string[] {
  return Object.entries(table).flatMap(([name, spec]) => {
    const value = values[name];
    if (value === undefined || spec.ignored !== undefined) return [];
    if (sameValue(spec.schema.safeParse(undefined).data, value)) return [];
    return [`${spellings(name, spec, 'fluentd')[0] ?? name} ${fluentdValue(spec, value)}`];
  });
}

/** What stands in the section of a plugin, but for its `@id` and what is around it. */
export function pluginLines(registry: Registry, model: PluginModel): string[] {
  const spec: Plugin | undefined = registry.get(model.kind, model.type);
  return [
    `@type ${model.type}`,
    ...optionLines(spec?.options ?? {}, model.options),
    ...sectionsLines(spec?.sections ?? {}, model.sections),
    ...nestedLines(registry, 'parse', model.parser ?? (model.parsers?.length === 1 ? model.parsers[0] : undefined)),
    ...nestedLines(registry, 'format', model.formatter),
    ...injectLines(model.inject),
  ];
}

function nestedLines(registry: Registry, name: string, model: PluginModel | undefined): string[] {
  return model ? sectionLines(name, '', pluginLines(registry, model)) : [];
}

function sectionsLines(table: SectionTable, sections: Readonly<Record<string, readonly SectionModel[]>>): string[] {
  return Object.entries(sections).flatMap(([name, models]) =>
    models.flatMap((model) => sectionLines(name, model.argument, oneSection(table[name], model))),
  );
}

function oneSection(spec: SectionSpec | undefined, model: SectionModel): string[] {
  return [
    ...optionLines(spec?.options ?? {}, model.options),
    ...model.pairs.map(
      ({ key, value, json }) => `${pairKey(key)} ${json === undefined ? pairText(value) : fluentdJson(json)}`,
    ),
    ...sectionsLines(spec?.sections ?? {}, model.sections ?? {}),
  ];
}

/** A key ends at a blank, unless it stands in quotes. */
function pairKey(key: string): string {
  return /^[\w.@$-]+$/.test(key) ? key : `"${escapedText(key)}"`;
}
function pairText(value: string): string {
  return value === '' ? '""' : fluentdText(value);
}

function injectLines(inject: InjectModel | undefined): string[] {
  if (!inject) return [];
  return sectionLines(
    'inject',
    '',
    Object.entries(inject).map(([key, value]) => `${snakeCase(key)} ${fluentdText(String(value))}`),
  );
}
