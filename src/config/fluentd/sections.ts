/** Lowers the sections of a plugin against its declaration. */
import { nearest } from '../../core/errors.ts';
import type { SectionSpec, SectionTable } from '../../core/plugin.ts';
import type { PairModel, SectionModel } from '../model.ts';
import { sectionsNamed } from './element.ts';
import type { Attribute, Section } from './element.ts';
import type { Lowering } from './lowering.ts';
import { bySpelling, readOptions, reportUnknown } from './options.ts';
import type { OptionOwner } from './options.ts';
import { jsonOf } from './values.ts';

/** The one section of that name; reports a second one. */
export function onlySection(lowering: Lowering, section: Section, name: string): Section | undefined {
  const [first, ...more] = sectionsNamed(section, name);
  for (const extra of more)
    lowering.error(extra.at, `<${name}> may stand only once here (first on line ${first?.at.line ?? 0})`);
  return first;
}

/** Lowers the sections inside `section` against a table; `own` are those that the caller reads. */
export function lowerSections(
  lowering: Lowering,
  owner: OptionOwner,
  table: SectionTable,
  section: Section,
  own: ReadonlySet<string>,
): Record<string, SectionModel[]> {
  const lowered: Record<string, SectionModel[]> = {};
  for (const inner of section.sections) {
    const spec = Object.hasOwn(table, inner.name) ? table[inner.name] : undefined;
    if (spec) (lowered[inner.name] ??= []).push(lowerSection(lowering, spec, inner));
    else if (!own.has(inner.name)) unknownSection(lowering, owner, inner, [...Object.keys(table), ...own]);
  }
  for (const [name, spec] of Object.entries(table)) {
    const count = lowered[name]?.length ?? 0;
    if (count === 0 && spec.isRequired === true)
      lowering.error(owner.at, `${owner.title}: a section <${name}> is required but missing`);
    if (count > 1 && spec.isMany !== true) onlySection(lowering, section, name);
  }
  return lowered;
}

function unknownSection(lowering: Lowering, owner: OptionOwner, section: Section, known: readonly string[]): void {
  const near = nearest(section.name, known);
  const all = known.length > 0 ? ` (it takes ${known.map((name) => `<${name}>`).join(', ')})` : '';
  const hint = near === undefined ? all : `; did you mean <${near}>?`;
  lowering.error(section.at, `${owner.title} takes no section <${section.name}>${hint}`);
}

function lowerSection(lowering: Lowering, spec: SectionSpec, section: Section): SectionModel {
  const owner: OptionOwner = { title: `<${section.name}>`, at: section.at };
  const { values, others } = readOptions(lowering, owner, spec.options, section.attributes);
  if (spec.isFreeform !== true) reportUnknown(lowering, owner, others, [...bySpelling(spec.options).keys()]);
  const sections = lowerSections(lowering, owner, spec.sections ?? {}, section, new Set());
  return {
    argument: section.argument,
    options: values,
    pairs: spec.isFreeform === true ? others.flatMap(pair) : [],
    ...(spec.sections && { sections }),
    at: section.at,
  };
}

/** A free-form pair; none for what use_default leaves out or what is broken. use_nil gives null. */
export function pair(written: Attribute): PairModel[] {
  const { key, value, at } = written;
  if (value.isBroken || value.unset === 'default') return [];
  if (value.unset === 'nil') return [{ key, value: '', json: null, at, valueAt: value.at }];
  const json = jsonOf(value.text);
  return [{ key, value: value.text, ...(json !== undefined && { json }), at, valueAt: value.at }];
}
