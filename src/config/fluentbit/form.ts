/** Reads the properties of a section: as options of the plugin, properties of its form, and those every plugin of its kind has. */
import { nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import type { FluentbitForm } from '../../core/fluentbit.ts';
import { spellings } from '../../core/options.ts';
import type { OptionSpec, OptionTable } from '../../core/options.ts';
import type { PluginKind } from '../../core/plugin.ts';
import type { Lowering } from '../fluentd/lowering.ts';
import { boundsText, quote } from '../fluentd/values.ts';
import type { PairModel } from '../model.ts';
import { ignoredPrefixes } from './common.ts';
import type { Property, Section } from './element.ts';
import { expectedForm, readKind } from './values.ts';
import type { Variables } from './variables.ts';

/** Whose properties are read: `output es`, for texts; and its place. */
export interface Owner {
  readonly title: string;
  readonly at: Location;
}

/** What reading needs besides. */
export interface Reading {
  readonly lowering: Lowering;
  readonly variables: Variables;
}

/** A declared property: whose it is, and how it is read. */
interface Declared {
  readonly name: string;
  readonly from: 'option' | 'property' | 'common';
  readonly spec: OptionSpec;
  readonly unit: 'ms' | undefined;
}

/** What stands in a section, checked. Names are those in code. */
export interface ReadSection {
  /** Only what is written, without defaults. */
  readonly options: Record<string, unknown>;
  readonly properties: Record<string, unknown>;
  readonly common: Record<string, unknown>;
  /** Properties of `repeated`, their keys in lower case, variables put in. */
  readonly pairs: PairModel[];
  /** Where the values begin. */
  readonly places: Map<string, Location>;
}

/** What a section of a plugin may hold. `common`: of every plugin of its kind. */
export function readSection(
  reading: Reading,
  owner: Owner,
  section: Section,
  declared: {
    readonly kind?: PluginKind;
    readonly form: FluentbitForm;
    readonly options: OptionTable;
    readonly common: OptionTable;
  },
): ReadSection {
  const { lowering, variables } = reading;
  const names = bySpelling(declared.form, declared.options, declared.common);
  const read: ReadSection = { options: {}, properties: {}, common: {}, pairs: [], places: new Map() };
  const seen = new Map<string, Property>();
  for (const property of section.properties) {
    const key = property.key.toLowerCase();
    if (key === 'name' && declared.kind !== undefined) continue;
    const value = variables.put(property.value, property.valueAt);
    if (!names.has(key) && isRepeated(declared.form, key)) {
      read.pairs.push({ key, value, at: property.at, valueAt: property.valueAt });
      continue;
    }
    const found = names.get(key);
    if (!found) {
      reportOther(lowering, owner, declared.form, property, [
        ...names.keys(),
        ...Object.keys(declared.form.repeated ?? {}),
      ]);
      continue;
    }
    if (isTwice(lowering, owner, seen.get(found.name), property, found)) continue;
    seen.set(found.name, property);
    // A variable that is not set leaves the property out, as there.
    if (value === '') continue;
    const result = readValue(lowering, owner, property, value, found);
    if (result === undefined) continue;
    targetOf(read, found)[found.name] = result.value;
    read.places.set(found.name, property.valueAt);
  }
  return read;
}

function isRepeated({ repeated = {} }: FluentbitForm, key: string): boolean {
  if (Object.hasOwn(repeated, key)) return true;
  return Object.keys(repeated).some((known) => known.endsWith('*') && key.startsWith(known.slice(0, -1)));
}

function targetOf(read: ReadSection, { from }: Declared): Record<string, unknown> {
  return from === 'property' ? read.properties : from === 'option' ? read.options : read.common;
}

/** Everything that can be written, by spelling in lower case; what a form declares goes before what every plugin has. */
export function bySpelling(form: FluentbitForm, options: OptionTable, common: OptionTable): Map<string, Declared> {
  const names = new Map<string, Declared>();
  const add = (declared: Declared, written: readonly string[]) => {
    for (const spelling of written) names.set(spelling.toLowerCase(), declared);
  };
  for (const [name, spec] of Object.entries(common))
    add({ name, from: 'common', spec, unit: undefined }, spellings(name, spec, 'fluentbit'));
  for (const [name, spec] of Object.entries(form.properties ?? {}))
    add({ name, from: 'property', spec, unit: undefined }, spellings(name, spec, 'fluentbit'));
  for (const [name, option] of Object.entries(form.options ?? {})) {
    const spec = options[name];
    if (spec)
      add(
        { name, from: 'option', spec, unit: option.unit },
        [option.name ?? spellings(name, spec, 'fluentbit')].flat(),
      );
  }
  return names;
}

/** Fluent Bit refuses an option that is written twice; of what it reads itself the last one counts. */
function isTwice(
  lowering: Lowering,
  owner: Owner,
  twin: Property | undefined,
  property: Property,
  { from }: Declared,
): boolean {
  if (!twin) return false;
  if (from === 'common') {
    lowering.warn(property.at, `${property.key} is written twice (first on line ${twin.at.line}); the last one counts`);
    return false;
  }
  lowering.error(
    property.at,
    `${owner.title}: ${property.key} is written twice (first on line ${twin.at.line}); write it once`,
  );
  return true;
}

function readValue(
  lowering: Lowering,
  owner: Owner,
  { key, at, valueAt }: Property,
  value: string,
  { spec, unit }: Declared,
): { value: unknown } | undefined {
  if (spec.warnWritten !== undefined) lowering.warn(at, `${key}: ${spec.warnWritten}`);
  if (spec.ignored !== undefined) lowering.note(owner.at, `${key}: ${spec.ignored}`, 'ignored', owner.title);
  const read = readKind(spec.kind, value, { choices: spec.choices, unit });
  const expected = expectedForm(spec.kind, spec.choices, unit);
  if ('problem' in read) {
    const found = spec.kind === 'secret' ? '' : `: ${read.problem}`;
    if (spec.isLenient) {
      lowering.warn(valueAt, `${key}${found}, expected ${expected}; it counts as not written`);
      return undefined;
    }
    const near = spec.choices ? nearest(value.toLowerCase(), spec.choices) : undefined;
    lowering.error(valueAt, `${key}${found}, expected ${expected}${near ? `; did you mean ${near}?` : ''}`);
    return undefined;
  }
  if (read.warning !== undefined) lowering.warn(valueAt, `${key}: ${read.warning}`);
  const checked = spec.schema.safeParse(read.value);
  if (checked.success) return { value: checked.data };
  const shown = spec.kind === 'secret' ? '' : ` ${quote(value)}`;
  lowering.error(valueAt, `${key}: found${shown}, expected ${expected}, ${boundsText(checked.error.issues)}`);
  return undefined;
}

/** A property that nobody reads: without effect here, or unknown. */
function reportOther(
  lowering: Lowering,
  owner: Owner,
  form: FluentbitForm,
  property: Property,
  known: readonly string[],
): void {
  const key = property.key.toLowerCase();
  const reason = ignoredReason(form.ignored ?? {}, key) ?? prefixed(ignoredPrefixes, key);
  if (reason !== undefined) {
    lowering.note(owner.at, `${property.key}: ${reason}`, 'ignored', owner.title);
    return;
  }
  const near = nearest(key, known);
  const all = known.length > 0 && known.length <= 12 ? ` (it has ${known.join(', ')})` : '';
  const text = `${owner.title} has no property ${property.key}${near === undefined ? all : `; did you mean ${near}?`}`;
  if (form.passesOver === true) lowering.warn(property.at, `${text}: it has no effect, as in Fluent Bit`);
  else lowering.error(property.at, text);
}

function ignoredReason(ignored: Readonly<Record<string, string>>, key: string): string | undefined {
  if (Object.hasOwn(ignored, key)) return ignored[key];
  return Object.entries(ignored).find(([name]) => name.endsWith('*') && key.startsWith(name.slice(0, -1)))?.[1];
}

/** The reason of a beginning that a key has. */
export function prefixed(reasons: Readonly<Record<string, string>>, key: string): string | undefined {
  return Object.entries(reasons).find(([prefix]) => key.startsWith(prefix))?.[1];
}
