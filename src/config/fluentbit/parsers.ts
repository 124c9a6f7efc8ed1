/** `[PARSER]` and `[MULTILINE_PARSER]`: parsers by name, lowered once, and handed to whoever names them. */
import { nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import type { Plugin } from '../../core/plugin.ts';
import type { PluginModel } from '../model.ts';
import { lastProperty } from './element.ts';
import type { Section } from './element.ts';
import type { Reading } from './form.ts';
import { lowerPlugin } from './plugin.ts';
import type { Surroundings } from './plugin.ts';

/** The plugins that stand behind the two kinds of sections. */
const parserPlugin = 'fluentbit';
const multilinePlugin = 'fluentbit_multiline';

/** Multiline parsers that need no definition. */
const builtinMultiline = ['docker', 'cri', 'java', 'python', 'go', 'ruby'];

/** The parsers of one configuration. */
export class Parsers {
  readonly #reading: Reading;
  readonly #parsers = new Map<string, PluginModel | undefined>();
  readonly #multiline = new Map<string, PluginModel | undefined>();

  constructor(reading: Reading) {
    this.#reading = reading;
  }
  /** What lowering a plugin needs, with these parsers in it; parsers themselves send nothing. */
  surroundings(upstream: Surroundings['upstream'] = () => undefined): Surroundings {
    return {
      ...this.#reading,
      upstream,
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
    this.#define(this.#multiline, '[MULTILINE_PARSER]', multilinePlugin, section);
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
  #multilineParser(name: string, at: Location): PluginModel | undefined {
    if (this.#multiline.has(name) || !builtinMultiline.includes(name))
      return this.#find(this.#multiline, 'multiline parser', name, at, builtinMultiline);
    const { lowering } = this.#reading;
    const spec = lowering.registry.get('parser', multilinePlugin);
    if (!spec)
      lowering.problems.push({
        at,
        text: `multiline parser ${name}: known, not in this version yet`,
        severity: 'later',
      });
    return spec && { kind: 'parser', type: spec.name, options: { builtin: name }, sections: {}, at };
  }
  /** Fluent Bit starts without a parser that does not exist, and takes lines as they are; who names it decides what that means. */
  #find(
    among: ReadonlyMap<string, PluginModel | undefined>,
    what: string,
    name: string,
    at: Location,
    others: readonly string[] = [],
  ): PluginModel | undefined {
    if (among.has(name)) return among.get(name);
    const known = [...among.keys(), ...others];
    const near = nearest(name, known);
    const all = known.length > 0 && known.length <= 12 ? ` (there are ${known.join(', ')})` : '';
    this.#reading.lowering.warn(
      at,
      `there is no ${what} ${name}${near === undefined ? all : `; did you mean ${near}?`}: as in Fluent Bit, records are taken without it`,
    );
    return undefined;
  }
}
