/** Sections that each are a parser: `<pattern>` of multi_format. Their `format` names the parser, its options stand beside it. */
import type { Plugin } from '../../core/plugin.ts';
import type { PluginModel, SectionModel } from '../model.ts';
import { attribute, derivedAttribute } from './element.ts';
import type { Section } from './element.ts';
import type { Lowering } from './lowering.ts';

interface Patterns {
  readonly names: readonly string[];
  readonly parsers: readonly PluginModel[];
  readonly sections: Readonly<Record<string, readonly SectionModel[]>>;
}

type Lower = (plugin: Plugin, section: Section) => PluginModel | undefined;

/** `lower` reads a parser's section. Undefined: the plugin takes none. Problems are reported. */
export function lowerPatterns(
  lowering: Lowering,
  plugin: Plugin,
  section: Section,
  lower: Lower,
): Patterns | undefined {
  const names = plugin.kind === 'parser' ? (plugin.parserSections ?? []) : [];
  const [first] = names;
  if (first === undefined) return undefined;
  const parsers: PluginModel[] = [];
  const sections: SectionModel[] = [];
  for (const [i, pattern] of section.sections.entries()) {
    if (!names.includes(pattern.name)) continue;
    const format = attribute(pattern, 'format');
    const parser = lowerPattern(lowering, pattern, lower);
    if (!parser || !format) continue;
    const formatName = attribute(pattern, 'format_name')?.value.text ?? `${format.value.text}#${i}`;
    parsers.push(parser);
    sections.push({ argument: '', options: { formatName }, pairs: [], at: pattern.at });
  }
  return { names, parsers, sections: { [first]: sections } };
}

function lowerPattern(lowering: Lowering, pattern: Section, lower: Lower): PluginModel | undefined {
  const format = attribute(pattern, 'format');
  if (!format || format.value.text === '') {
    if (!format?.value.isBroken)
      lowering.error(format?.at ?? pattern.at, `<${pattern.name}> has no format: the name of a parser was expected`);
    return undefined;
  }
  const { text } = format.value;
  const isRegexp = text.length > 1 && text.startsWith('/') && text.endsWith('/');
  const parser = lowering.plugin('parser', isRegexp ? 'regexp' : text, format.value.at);
  if (!parser) return undefined;
  const attributes = pattern.attributes.filter(({ key }) => key !== 'format' && key !== 'format_name');
  if (isRegexp) attributes.push(derivedAttribute(format, 'expression'));
  return lower(parser, { ...pattern, attributes });
}
