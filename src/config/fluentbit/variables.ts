/** `${NAME}` in values. Source: Fluent Bit 5.1 flb_env.c. */
import type { Location } from '../../core/errors.ts';
import type { Environment } from '../env.ts';
import type { Property } from './element.ts';

/** Puts variables into values: those of `@SET` and `env` before those of the environment. */
export class Variables {
  readonly #values: ReadonlyMap<string, string>;
  readonly #env: Environment;
  readonly #warn: (at: Location, text: string) => void;
  readonly #said = new Set<string>();

  constructor(set: readonly Property[], env: Environment, warn: (at: Location, text: string) => void) {
    this.#env = env;
    this.#warn = warn;
    const values = new Map<string, string>();
    this.#values = values;
    for (const { key, value, valueAt } of set) values.set(key, this.put(value, valueAt));
  }
  /** A value with its variables put in. `${X:-text}` gives the text where X is not set or empty; one that is not set at all is empty, with a warning. */
  put(value: string, at: Location): string {
    return value.replaceAll(/\$\{([^}]+)\}/g, (_whole, inside: string) => {
      const split = inside.indexOf(':-');
      const name = split < 0 ? inside : inside.slice(0, split);
      const found = this.#values.get(name) ?? this.#env[name];
      if (found !== undefined && (found !== '' || split < 0)) return found;
      if (split >= 0) return inside.slice(split + 2);
      this.#sayUnset(name, at);
      return '';
    });
  }
  #sayUnset(name: string, at: Location): void {
    if (this.#said.has(name)) return;
    this.#said.add(name);
    this.#warn(
      at,
      `\${${name}} is not set, neither by @SET or env nor in the environment; nothing stands in its place`,
    );
  }
}
