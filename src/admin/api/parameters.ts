/** Query parameters of the API: each is checked, and what is wrong is said with what was expected. */
import { nearest } from '../../core/errors.ts';
import type { Selection } from '../../store/contract.ts';
import { timeoutMaxMs } from '../../store/search-steps.ts';
import type { Place } from './asking.ts';
import { RequestError } from './failures.ts';
import { parseTime, timeForms } from './times.ts';

/** Longest that finding an answer may take unless the request says otherwise, in ms: a person still waits for it. */
export const timeoutDefaultMs = 10_000;
/** Names of a selection's parameters. */
export const selectionNames = ['query', 'from', 'to', 'in'] as const;

/** A selection as it was asked for, at one moment: `now` is the same for both ends. */
export type Asked = Selection & { readonly timeoutMs: number };

/** The parameters of one request. */
export class Parameters {
  readonly #given: Readonly<Record<string, string>>;
  /** `raw` as Fastify parsed it, `names` what the route knows. @throws RequestError for others, and for one that is there twice. */
  constructor(raw: unknown, names: readonly string[]) {
    const given: Record<string, string> = {};
    for (const [name, value] of Object.entries(raw as Record<string, unknown>)) {
      if (!names.includes(name)) throw new RequestError(400, unknownText(name, names));
      if (typeof value !== 'string') throw new RequestError(400, `${name} is given twice; expected it once`);
      given[name] = value;
    }
    this.#given = given;
  }
  /** The text given, or undefined; an empty one counts as not given. */
  text(name: string): string | undefined {
    const text = Object.hasOwn(this.#given, name) ? this.#given[name] : undefined;
    return text === '' ? undefined : text;
  }
  whole(name: string, min: number, max: number, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw wrong(name, text, `a whole number from ${min} to ${max}`);
    return value;
  }
  choice<const T extends string>(name: string, choices: readonly [T, ...T[]]): T {
    const text = this.text(name);
    if (text === undefined) return choices[0];
    const chosen = choices.find((choice) => choice === text);
    if (chosen === undefined) throw wrong(name, text, choices.join(' or '));
    return chosen;
  }
  /** `in`: where records are looked for; undefined: wherever there are some. */
  place(): Place | undefined {
    return this.text('in') === undefined ? undefined : this.choice('in', ['store', 'index']);
  }
  time(name: string, nowMs: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const ms = parseTime(text, nowMs);
    if (ms === undefined) throw wrong(name, text, timeForms);
    return ms;
  }
  /** `query`, `from`, `to`, and the time limit. */
  selection(nowMs: number): Asked {
    const fromMs = this.time('from', nowMs);
    const toMs = this.time('to', nowMs);
    if (fromMs !== undefined && toMs !== undefined && fromMs >= toMs)
      throw new RequestError(
        400,
        `from=${this.text('from')} is not before to=${this.text('to')}; expected a time range`,
      );
    const timeoutMs = this.whole('timeout', 1, timeoutMaxMs, timeoutDefaultMs);
    return { query: this.text('query') ?? '', fromMs, toMs, timeoutMs };
  }
}

function wrong(name: string, text: string, expected: string): RequestError {
  const shown = text.length > 60 ? `${text.slice(0, 59)}…` : text;
  return new RequestError(400, `${name}=${shown}: expected ${expected}`);
}

function unknownText(name: string, names: readonly string[]): string {
  const near = nearest(name, names);
  return `no parameter ${name} here; ${near === undefined ? `there ${names.length === 0 ? 'are none' : `are ${names.join(', ')}`}` : `did you mean ${near}?`}`;
}
