/**
 * Options, declared once. From one declaration come the TypeScript type, the check with its place in the config, secret
 * masking, both dialects' spellings and value grammars, the JSON Schema and the reference page.
 *
 * The name of an option in code is camelCase. Unless it says otherwise its Fluentd spelling is snake_case and its
 * Fluent Bit spelling Snake_Case (matched without regard to case).
 */
import * as v from 'valibot';

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
  readonly schema: Schema<T>;
  /** One sentence for the reference page and `check`. */
  readonly summary: string;
  readonly isRequired: boolean;
  readonly choices: readonly string[] | undefined;
  /** Spellings that differ from the rule above; the first is shown in the docs, the others are deprecated ones. */
  readonly fluentd: readonly string[] | undefined;
  readonly fluentbit: readonly string[] | undefined;
  /** Accepted and without effect here; the text says why. */
  readonly ignored: string | undefined;
  /** Said as a warning where the option is written, or where it is not: something a person should know who comes from the program it is named after. */
  readonly warnWritten: string | undefined;
  readonly warnAbsent: string | undefined;
  /** Fluent Bit goes on without a value that it cannot read; so it counts as not written there, with a warning. */
  readonly isLenient: boolean;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;
export type OptionValues<T extends OptionTable> = {
  readonly [K in keyof T]: T[K] extends OptionSpec<infer V> ? V : never;
};

/** How a value of an option turned out. */
type Checked<T> =
  | { readonly success: true; readonly data: T; readonly error?: undefined }
  | {
      readonly success: false;
      readonly data?: undefined;
      readonly error: { readonly issues: readonly { readonly message: string }[] };
    };

/** The check of one option's value. Undefined stands for an option that is not set: it gives the default, if there is one. */
export class Schema<T = unknown> {
  /** For the JSON Schema. */
  readonly source: v.GenericSchema<unknown, T>;

  constructor(source: v.GenericSchema<unknown, T>) {
    this.source = source;
  }
  safeParse(value: unknown): Checked<T> {
    const { success, output, issues } = v.safeParse(this.source, value);
    return success ? { success, data: output } : { success: false, error: { issues } };
  }
  /** @throws ValiError for a value that does not fit. */
  parse(value: unknown): T {
    return v.parse(this.source, value);
  }
}

interface Extras {
  readonly fluentd?: string | readonly string[];
  readonly fluentbit?: string | readonly string[];
  readonly ignored?: string;
  readonly warnWritten?: string;
  readonly warnAbsent?: string;
  readonly isLenient?: boolean;
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

function maker<T>(kind: OptionKind, base: v.GenericSchema<T>, choices?: readonly string[]): Make<T> {
  function make(summary: string, extras: Extras & { default?: T; required?: boolean } = {}): OptionSpec<T | undefined> {
    const isRequired = extras.required === true;
    const whole = isRequired ? base : v.optional(base, extras.default as never);
    return {
      kind,
      schema: new Schema<T | undefined>(whole),
      summary,
      isRequired,
      choices,
      fluentd: asList(extras.fluentd),
      fluentbit: asList(extras.fluentbit),
      ignored: extras.ignored,
      warnWritten: extras.warnWritten,
      warnAbsent: extras.warnAbsent,
      // A size that Fluent Bit cannot read is none, which loses nothing here.
      isLenient: extras.isLenient ?? kind === 'bytes',
    };
  }
  return make as Make<T>;
}

/** Free text. */
export const text: Make<string> = maker('text', v.string());
/** Text that is masked wherever it is shown. */
export const secret: Make<string> = maker('secret', v.string());
export const boolean: Make<boolean> = maker('boolean', v.boolean());
export const number: Make<number> = maker('number', v.pipe(v.number(), v.finite()));
/** Milliseconds, not negative. */
export const duration: Make<number> = maker('duration', v.pipe(v.number(), v.finite(), v.minValue(0)));
/** Milliseconds, at least so many minutes. */
export function durationFrom(minutes: number): Make<number> {
  return maker('duration', v.pipe(v.number(), v.finite(), v.minValue(minutes * 60_000, `at least ${minutes}m`)));
}
/** Bytes, whole, not negative. */
export const bytes: Make<number> = maker('bytes', v.pipe(v.number(), v.safeInteger(), v.minValue(0)));
/** Bytes, at least so many. */
export function bytesFrom(min: number): Make<number> {
  return maker('bytes', v.pipe(v.number(), v.safeInteger(), v.minValue(min)));
}
export const list: Make<string[]> = maker('list', v.array(v.string()));
export const map: Make<Record<string, string>> = maker('map', v.record(v.string(), v.string()));
/** A regular expression, kept as written. */
export const pattern: Make<string> = maker('pattern', v.string());
/** A whole number between min and max. */
export function integer(min: number = Number.MIN_SAFE_INTEGER, max: number = Number.MAX_SAFE_INTEGER): Make<number> {
  return maker('integer', v.pipe(v.number(), v.safeInteger(), v.minValue(min), v.maxValue(max)));
}
/** One of the words given. */
export function choice<const T extends string>(words: readonly T[]): Make<T> {
  return maker<T>('choice', v.picklist(words), words);
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
