/** `[PARSER]` and `[MULTILINE_PARSER]`: parsers by name, lowered once, and handed to whoever names them. */
import { multilineNames, quotedToken } from '../../codecs/fluentbit_multiline.ts';
import { nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import type { Plugin } from '../../core/plugin.ts';
import type { PluginModel } from '../model.ts';
import { lastProperty } from './element.ts';
import type { Property, Section } from './element.ts';
import type { Reading } from './form.ts';
import { lowerPlugin } from './plugin.ts';
import type { Surroundings } from './plugin.ts';

/** The plugins that stand behind the two kinds of sections. */
const parserPlugin = 'fluentbit';
const multilinePlugin = 'fluentbit_multiline';

/** The parsers of one configuration. */
export class Parsers {
  readonly #reading: Reading;
  readonly #joinedBytesMax: number;
  readonly #parsers = new Map<string, PluginModel | undefined>();
  readonly #multiline = new Map<string, PluginModel | undefined>();

  constructor(reading: Reading, joinedBytesMax: number) {
    this.#reading = reading;
    this.#joinedBytesMax = joinedBytesMax;
  }
  /** What lowering a plugin needs, with these parsers in it; parsers themselves send nothing. */
  surroundings(upstream: Surroundings['upstream'] = () => undefined): Surroundings {
    return {
      ...this.#reading,
      upstream,
      joinedBytesMax: this.#joinedBytesMax,
      parser: (name, at) => this.#find(this.#parsers, 'parser', name, at),
      multilineParser: (name, at) => this.#multilineParser(name, at),
      parsers: () => new Map([...this.#parsers].flatMap(([name, model]) => (model ? [[name, model] as const] : []))),
    };
  }
  /** Lowers a `[PARSER]`; a name that is taken is an error. */
  define(section: Section): void {
    this.#define(this.#parsers, '[PARSER]', parserPlugin, section);
  }
  defineMultiline(section: Section): void {
    this.#define(this.#multiline, '[MULTILINE_PARSER]', multilinePlugin, withRules(section, this.#reading));
    const written = lastProperty(section, 'name');
    if (written && isBuiltin(written.value))
      this.#reading.lowering.warn(
        written.valueAt,
        `[MULTILINE_PARSER] ${written.value}: there is a built-in one of that name, which counts; give it another name`,
      );
  }
  #define(into: Map<string, PluginModel | undefined>, header: string, type: string, section: Section): void {
    const { lowering, variables } = this.#reading;
    const written = lastProperty(section, 'name');
    if (!written) return lowering.error(section.at, `${header} has no Name: sections name parsers by it`);
    const name = variables.put(written.value, written.valueAt);
    if (into.has(name))
      return lowering.error(written.valueAt, `${header} ${name}: there is one of that name already; give each its own`);
    const spec: Plugin | undefined = lowering.registry.get('parser', type);
    if (!spec) {
      into.set(name, undefined);
      lowering.problems.push({ at: section.at, text: `${header}: known, not in this version yet`, severity: 'later' });
      return;
    }
    // Even where it is wrong: who names it should not hear that there is none.
    into.set(name, lowerPlugin(this.surroundings(), spec, section, name)?.model);
  }
  /** Names count in any case, and built-in ones first. Fluent Bit does not start without one that is named. */
  #multilineParser(name: string, at: Location): PluginModel | undefined {
    const { lowering } = this.#reading;
    const builtin = name.toLowerCase();
    if (isBuiltin(builtin)) {
      const { options } = lowering.registry.get('parser', multilinePlugin) as Plugin;
      const defaults = Object.entries(options).map(([key, { schema }]) => [key, schema.safeParse(undefined).data]);
      const values = Object.fromEntries(defaults.filter(([, value]) => value !== undefined)) as Record<string, unknown>;
      return { kind: 'parser', type: multilinePlugin, options: { ...values, builtin }, sections: {}, at };
    }
    for (const [known, model] of this.#multiline) if (known.toLowerCase() === builtin) return model;
    const known = [...multilineNames, ...this.#multiline.keys()];
    const near = nearest(name, known);
    lowering.error(
      at,
      `there is no multiline parser ${name}${near === undefined ? ` (there are ${known.join(', ')})` : `; did you mean ${near}?`}`,
    );
    return undefined;
  }
  /** Fluent Bit starts without a parser that does not exist, and takes lines as they are; who names it decides what that means. */
  #find(
    among: ReadonlyMap<string, PluginModel | undefined>,
    what: string,
    name: string,
    at: Location,
  ): PluginModel | undefined {
    if (among.has(name)) return among.get(name);
    const known = [...among.keys()];
    const near = nearest(name, known);
    const all = known.length > 0 && known.length <= 12 ? ` (there are ${known.join(', ')})` : '';
    this.#reading.lowering.warn(
      at,
      `there is no ${what} ${name}${near === undefined ? all : `; did you mean ${near}?`}: as in Fluent Bit, records are taken without it`,
    );
    return undefined;
  }
}

function isBuiltin(name: string): boolean {
  return (multilineNames as readonly string[]).includes(name.toLowerCase());
}

/** Rules that YAML has as maps, as they are written in the classic form. */
function withRules(section: Section, { lowering }: Reading): Section {
  const rules = section.groups.flatMap((group): Property[] => {
    const parts = ['state', 'regex', 'next_state'].map((key) => lastProperty(group, key));
    const [state, regex, next] = parts;
    if (group.name !== 'rules' || !state || !regex || !next) {
      lowering.error(group.at, 'multiline_parsers: rules with state, regex and next_state were expected');
      return [];
    }
    const value = [state, regex, next].map((part) => quotedToken(part.value)).join(' ');
    return [{ key: 'rule', value, at: group.at, valueAt: regex.valueAt }];
  });
  return { ...section, properties: [...section.properties, ...rules], groups: [] };
}
