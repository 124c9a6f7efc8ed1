/**
 * `Upstream` of outputs: servers that take turns. They stand in a file of their own, `[UPSTREAM]` and a `[NODE]` for each,
 * or in YAML under `upstream_servers`, of that file or of the main one, which outputs name by `name`. Source: Fluent Bit 5.1 flb_upstream_ha.c.
 */
import type { Location } from '../../core/errors.ts';
import type { FluentbitNode } from '../../core/fluentbit.ts';
import { lastProperty } from './element.ts';
import type { Section } from './element.ts';
import type { Reading } from './form.ts';

export class Upstreams {
  readonly #reading: Reading;
  readonly #found = new Map<
    string,
    { readonly nodes: readonly FluentbitNode[]; readonly at: Location; isUsed: boolean }
  >();

  constructor(reading: Reading) {
    this.#reading = reading;
  }
  has(name: string): boolean {
    return this.#found.has(name);
  }
  /** Takes an entry of `upstream_servers` in the main file. */
  define(section: Section): void {
    const { lowering, variables } = this.#reading;
    const written = lastProperty(section, 'name');
    if (!written) return lowering.error(section.at, 'upstream_servers: an entry has no name, by which outputs call it');
    const name = variables.put(written.value, written.valueAt);
    if (this.has(name))
      return lowering.error(written.valueAt, `upstream_servers: ${name} is written twice; give each its own name`);
    this.#add(name, section.groups, section.at);
  }
  /** Takes the sections of a file that an output names. */
  addFile(path: string, sections: readonly Section[], at: Location): void {
    const [upstream] = sections.filter(({ name }) => name === 'upstream');
    if (!upstream) return this.#reading.lowering.error(at, `Upstream ${path}: the file has no [UPSTREAM]`);
    const nodes = sections.filter(({ name }) => name === 'node');
    this.#add(path, nodes.length > 0 ? nodes : upstream.groups, upstream.at);
  }
  /** The servers of a name or file. Undefined after reporting that there are none. */
  find(name: string, at: Location): readonly FluentbitNode[] | undefined {
    const found = this.#found.get(name);
    // A file that cannot be read was reported where it was read.
    if (!found) return undefined;
    found.isUsed = true;
    if (found.nodes.length > 0) return found.nodes;
    this.#reading.lowering.error(
      at,
      `Upstream ${name}: it has no servers; a name, host and port for each were expected`,
    );
    return undefined;
  }
  /** Says which entries no output names. */
  sayUnused(): void {
    for (const [name, { at, isUsed }] of this.#found)
      if (!isUsed)
        this.#reading.lowering.warn(at, `upstream_servers: no output names ${name} with upstream: it has no effect`);
  }
  #add(name: string, groups: readonly Section[], at: Location): void {
    const { variables } = this.#reading;
    const nodes = groups.map((node) => ({
      at: node.at,
      values: new Map(
        node.properties.map(({ key, value, valueAt }) => [
          key.toLowerCase(),
          { value: variables.put(value, valueAt), at: valueAt },
        ]),
      ),
    }));
    this.#found.set(name, { nodes, at, isUsed: false });
  }
}
