/** A joining plugin with records given to it by hand, for tests. */
import { configOf, contextOf } from '../../test/fixture.ts';
import { builtinPlugins } from '../plugins.ts';
import { FakeClock } from '../core/clock.ts';
import type { Joiner, JoinerInput, JoinerResult } from '../core/joiner.ts';
import type { JoinSpec, Plugin } from '../core/plugin.ts';
import type { Fields } from '../core/record.ts';

export class JoinTrial {
  readonly clock = new FakeClock();
  readonly joiner: Joiner;
  readonly given: { readonly parts: readonly number[]; readonly result: JoinerResult }[] = [];
  readonly #numbers = new Map<JoinerInput, number>();

  constructor(plugin: Plugin, options: Readonly<Record<string, unknown>>, rest: Parameters<typeof configOf>[2] = {}) {
    const emit = (parts: readonly JoinerInput[], result: JoinerResult): void => {
      this.given.push({ parts: parts.map((part) => this.#take(part)), result });
    };
    const spec = plugin as Plugin & JoinSpec;
    const config = configOf(plugin, options, rest);
    spec.check?.(config);
    this.joiner = spec.create(
      config,
      { ...contextOf(builtinPlugins), clock: this.clock },
      { emit, pass: (input) => emit([input], input) },
    );
  }
  /** Gives a record, numbered in order from 0; its time is its number in seconds. */
  add(fields: Fields, tag = 'app'): this {
    const number = this.#numbers.size;
    const input = { tag, time: { seconds: number, nanos: 0 }, fields, bytes: JSON.stringify(fields).length };
    this.#numbers.set(input, number);
    this.joiner.add(input, this.clock.monotonicMs());
    return this;
  }
  pass(ms: number): this {
    this.clock.advance(ms);
    if ((this.joiner.dueMs ?? Infinity) <= this.clock.monotonicMs()) this.joiner.flush(this.clock.monotonicMs());
    return this;
  }
  finish(mayKeep = false): this {
    this.joiner.finish(mayKeep);
    return this;
  }
  /** What was given since the last call: the fields of each, with what else is unusual. */
  take(): unknown[] {
    return this.given
      .splice(0)
      .map(({ parts, result: { fields, way } }) =>
        way === undefined || way === 'joined' ? [parts, fields] : [parts, fields, way],
      );
  }
  /** Numbers that were given to it and not given back. */
  get held(): number[] {
    return [...this.#numbers.values()].filter((number) => !this.#over.has(number));
  }
  readonly #over = new Set<number>();
  #take(part: JoinerInput): number {
    const number = this.#numbers.get(part);
    if (number === undefined || this.#over.has(number)) throw new Error(`given a second time, or from nowhere`);
    this.#over.add(number);
    return number;
  }
}
