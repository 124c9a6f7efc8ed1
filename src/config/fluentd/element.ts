/** The syntax tree of a Fluentd configuration: what the parser gives and lowering reads. Every piece knows its place. */
import type { Location } from '../../core/errors.ts';

/** A value as written. `text` is what is left after quoting rules, escapes and embedded expressions. */
export interface WrittenValue {
  readonly text: string;
  /** `json`: an array or object written as such; `text` is then its compact JSON. `empty`: a key alone on its line. */
  readonly form: 'bare' | 'single' | 'double' | 'json' | 'empty';
  /** `use_nil` or `use_default` decided this value: the option counts as not given. */
  readonly unset: 'nil' | 'default' | undefined;
  /** Something in it was reported already; whoever reads it must not add a second problem. */
  readonly isBroken: boolean;
  readonly at: Location;
}

/** `key value` on a line. */
export interface Attribute {
  readonly key: string;
  /** What stands in the configuration, where the key was made from another spelling. */
  readonly writtenKey?: string;
  readonly value: WrittenValue;
  readonly at: Location;
}

/** `<name argument> … </name>`. Attributes are unique by key: like Fluentd the last one counts, at the first one's position. */
export interface Section {
  readonly name: string;
  readonly argument: string;
  readonly attributes: readonly Attribute[];
  readonly sections: readonly Section[];
  /** Its end was not found where it should be (reported): what stands in it may belong elsewhere. */
  readonly isTorn?: boolean;
  readonly at: Location;
}

/** The attribute of that key, if it is written and not unset by `use_nil` or `use_default`. */
export function attribute(section: Section, ...keys: readonly string[]): Attribute | undefined {
  for (const key of keys) {
    const found = section.attributes.find((candidate) => candidate.key === key);
    if (found && found.value.unset === undefined) return found;
  }
  return undefined;
}

/** Sections of that name, in written order. */
export function sectionsNamed(section: Section, name: string): Section[] {
  return section.sections.filter((candidate) => candidate.name === name);
}

/** Whether a section or one inside it is torn. */
export function hasTorn(section: Section): boolean {
  return section.isTorn === true || section.sections.some(hasTorn);
}

/** An attribute made from another one (a v0.12 spelling translated): new key and text, same place. */
export function derivedAttribute(from: Attribute, key: string, text: string = from.value.text): Attribute {
  return { key, writtenKey: from.writtenKey ?? from.key, at: from.at, value: { ...from.value, text } };
}
