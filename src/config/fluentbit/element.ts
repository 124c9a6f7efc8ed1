/** The syntax tree of a Fluent Bit configuration, the same for its classic and its YAML form. Every piece knows its place. */
import type { ConfigProblem, Location } from '../../core/errors.ts';

/** `Key value`; a list in YAML is one of these for each of its entries. `value` is as written: variables are not put in yet. */
export interface Property {
  readonly key: string;
  readonly value: string;
  /** Where the key and the value begin. */
  readonly at: Location;
  readonly valueAt: Location;
}

/** `[INPUT]` and what stands under it, or the same in YAML; `name` in lower case. */
export interface Section {
  readonly name: string;
  readonly properties: readonly Property[];
  /** Sections inside it: `processors`, rules of a multiline parser, nodes of an upstream. */
  readonly groups: readonly Section[];
  readonly at: Location;
}

/** What a text and the files it includes hold. */
export interface ParsedConfig {
  readonly sections: readonly Section[];
  /** `@SET` and `env`, in written order; a later one goes before an earlier one. */
  readonly variables: readonly Property[];
  readonly problems: readonly ConfigProblem[];
}

/** The last property of that name, as Fluent Bit takes those it reads itself; compared without case. */
export function lastProperty(section: Pick<Section, 'properties'>, name: string): Property | undefined {
  return section.properties.findLast(({ key }) => key.toLowerCase() === name);
}
