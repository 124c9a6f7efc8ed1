/**
 * Options, declared once. From one declaration come the TypeScript type, the check with its place in the config, secret
 * masking, both dialects' spellings and value grammars, the JSON Schema and the reference page.
 *
 * The name of an option in code is camelCase. Unless it says otherwise its Fluentd spelling is snake_case and its
 * Fluent Bit spelling Snake_Case (matched without regard to case).
 */
import { z } from 'zod';

/** What an option holds. Dialects turn config text into the value by kind; their rules differ (`10m` is minutes or mebibytes). */
export type OptionKind =
  | 'text'
  /** Masked wherever options are shown. */
  | 'secret'
  | 'integer'
  | 'number'
  | 'boolean'
  /** Value: milliseconds. */
  | 'duration'
  /** Value: bytes. */
  | 'bytes'
  | 'choice'
  /** A list of texts; both dialects accept commas, Fluentd also JSON arrays. */
  | 'list'
  /** A map of text to text. */
  | 'map'
  /** A regular expression as written in Fluentd (`/…/im` or bare), Onigmo syntax; the value is the text as written. */
  | 'pattern';

export interface OptionSpec<T = unknown> {
  readonly kind: OptionKind;
  /** Checks the value after the dialect read it, and gives its type; its default is the option's. */
  readonly schema: z.ZodType<T>;
  /** One sentence for the reference page and `check`. */
  readonly summary: string;
  readonly isRequired: boolean;
  readonly choices: readonly string[] | undefined;
  /** Spellings that differ from the rule above; the first is shown in the docs, the others are deprecated ones. */
  readonly fluentd: readonly string[] | undefined;
  readonly fluentbit: readonly string[] | undefined;
  /** Accepted and without effect here; the text says why. */
  readonly ignored: string | undefined;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;
export type OptionValues<T extends OptionTable> = { readonly [K in keyof T]: z.output<T[K]['schema']> };

interface Extras {
  readonly fluentd?: string | readonly string[];
  readonly fluentbit?: string | readonly string[];
  readonly ignored?: string;
}
interface Optional extends Extras {
  readonly required?: false;
}
interface Required extends Extras {
  readonly required: true;
}
interface Defaulted<T> extends Extras {
  readonly default: T;
}

const asList = (names: string | readonly string[] | undefined): readonly string[] | undefined =>
  names === undefined || typeof names !== 'string' ? names : [names];

interface Make<T> {
  (summary: string, extras: Defaulted<T> | Required): OptionSpec<T>;
  (summary: string, extras?: Optional): OptionSpec<T | undefined>;
}

function maker<T>(kind: OptionKind, schema: z.ZodType<T>, choices?: readonly string[]): Make<T> {
  function make(summary: string, extras: Extras & { default?: T; required?: boolean } = {}): OptionSpec<T | undefined> {
    const isRequired = extras.required === true;
    const withDefault: z.ZodType<T | undefined> =
      extras.default !== undefined ? schema.default(extras.default as never) : isRequired ? schema : schema.optional();
    return {
      kind,
      schema: withDefault,
      summary,
      isRequired,
      choices,
      fluentd: asList(extras.fluentd),
      fluentbit: asList(extras.fluentbit),
      ignored: extras.ignored,
    };
  }
  return make as Make<T>;
}

/** Free text. */
export const text: Make<string> = maker('text', z.string());
/** Text that is masked wherever it is shown. */
export const secret: Make<string> = maker('secret', z.string());
export const boolean: Make<boolean> = maker('boolean', z.boolean());
export const number: Make<number> = maker('number', z.number());
/** Milliseconds, not negative. */
export const duration: Make<number> = maker('duration', z.number().min(0));
/** Bytes, whole, not negative. */
export const bytes: Make<number> = maker('bytes', z.number().int().min(0));
export const list: Make<string[]> = maker('list', z.array(z.string()));
export const map: Make<Record<string, string>> = maker('map', z.record(z.string(), z.string()));
/** A regular expression, kept as written. */
export const pattern: Make<string> = maker('pattern', z.string());
/** A whole number between min and max. */
export function integer(min: number = Number.MIN_SAFE_INTEGER, max: number = Number.MAX_SAFE_INTEGER): Make<number> {
  return maker('integer', z.number().int().min(min).max(max));
}
/** One of the words given. */
export function choice<const T extends string>(words: readonly T[]): Make<T> {
  return maker<T>('choice', z.enum(words as readonly [T, ...T[]]), words);
}

/** `retryMaxTimes` → `retry_max_times`. */
export function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** The spellings a dialect accepts for an option, preferred one first. Fluent Bit's are compared without case. */
export function spellings(name: string, spec: OptionSpec, dialect: 'fluentd' | 'fluentbit'): readonly string[] {
  const own = dialect === 'fluentd' ? spec.fluentd : spec.fluentbit;
  if (own) return own;
  const snake = snakeCase(name);
  return [dialect === 'fluentd' ? snake : snake.replaceAll(/(?:^|_)[a-z]/g, (start) => start.toUpperCase())];
}

/** What stands in place of a secret wherever options are shown. */
export const maskedSecret = '******';
