/** `${NAME}` in values. Source: Fluent Bit 5.1 flb_env.c. */
import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { errorText } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import type { Environment } from '../env.ts';
import type { Property } from './element.ts';

/** Who hears what is wrong with variables. */
interface Said {
  warn(at: Location, text: string): void;
  error(at: Location, text: string): void;
}

const fileMark = 'file://';

/** Puts variables into values: those of `@SET` and `env` before those of the environment. HOSTNAME is always there. */
export class Variables {
  readonly #values: ReadonlyMap<string, string>;
  readonly #env: Environment;
  readonly #to: Said;
  readonly #said = new Set<string>();

  constructor(set: readonly Property[], env: Environment, to: Said) {
    this.#env = env;
    this.#to = to;
    const values = new Map<string, string>();
    this.#values = values;
    for (const { key, value, valueAt } of set) {
      if (value.includes('${'))
        to.warn(
          valueAt,
          `${key}: variables are not put into the value of another one, as in Fluent Bit; it is ${value}`,
        );
      values.set(key, this.#ofFile(value, valueAt));
    }
  }
  /** A value with its variables put in. An environment may know a variable together with its default, as that of convert does. `${X:-text}` gives the text where X is not set or empty; one that is not set at all is empty, with a warning. */
  put(value: string, at: Location): string {
    return value.replaceAll(/\$\{([^}]+)\}/g, (_whole, inside: string) => {
      const split = inside.indexOf(':-');
      const whole = split < 0 ? undefined : this.#env[inside];
      if (whole !== undefined) return whole;
      const name = split < 0 ? inside : inside.slice(0, split);
      const found = this.#values.get(name) ?? this.#env[name] ?? (name === 'HOSTNAME' ? hostname() : undefined);
      if (found !== undefined && (found !== '' || split < 0)) return found;
      if (split >= 0) return inside.slice(split + 2);
      this.#sayUnset(name, at);
      return '';
    });
  }
  /** What a file holds that `@SET` or `env` names, without the line end behind it: a mounted secret. */
  #ofFile(value: string, at: Location): string {
    if (!value.startsWith(fileMark) || value.length === fileMark.length) return value;
    const path = value.slice(fileMark.length);
    try {
      const text = readFileSync(path, 'utf8').replace(/\r?\n$/, '');
      if (text === '') this.#to.error(at, `${path} is empty; the value of a variable was expected`);
      return text;
    } catch (error) {
      this.#to.error(at, `reading the value of a variable: ${errorText(error)}`);
      return '';
    }
  }
  #sayUnset(name: string, at: Location): void {
    if (this.#said.has(name)) return;
    this.#said.add(name);
    this.#to.warn(
      at,
      `\${${name}} is not set, neither by @SET or env nor in the environment; nothing stands in its place`,
    );
  }
}
