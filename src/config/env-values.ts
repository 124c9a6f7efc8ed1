/** The value grammar of environment variables: nobody's traps, `500ms` is half a second and `4Gi` are four gibibytes. */
import type { OptionKind } from '../core/options.ts';

/** A value read from a variable, or undefined when the text does not have the kind's form. */
export function readVariable(kind: OptionKind, text: string, choices: readonly string[] = []): unknown {
  if (kind === 'choice') return choices.includes(text.trim()) ? text.trim() : undefined;
  return readers[kind](text);
}

/** What a kind expects, for problems. */
export function variableForm(kind: OptionKind, choices: readonly string[] = []): string {
  return kind === 'choice' ? `one of ${choices.join(', ')}` : forms[kind];
}

const readers: Readonly<Record<Exclude<OptionKind, 'choice'>, (text: string) => unknown>> = {
  text: (text) => text,
  secret: (text) => text,
  pattern: (text) => text,
  boolean: (text) => booleans.get(text.trim().toLowerCase()),
  integer: (text) => (/^[-+]?\d{1,15}$/.test(text.trim()) ? Number(text) : undefined),
  number: (text) => (/^[-+]?\d{1,15}(?:\.\d{1,15})?$/.test(text.trim()) ? Number(text) : undefined),
  duration: (text) => scaled(text.trim(), durations, 1000),
  bytes: (text) => {
    const value = scaled(text.trim(), sizes, 1);
    return value === undefined ? undefined : Math.floor(value);
  },
  list: (text) =>
    text
      .split(',')
      .map((part) => part.trim())
      .filter((part) => part !== ''),
  map: () => undefined,
};

const forms: Readonly<Record<Exclude<OptionKind, 'choice'>, string>> = {
  text: 'text',
  secret: 'text',
  pattern: 'text',
  map: 'text',
  boolean: 'true, false, 1 or 0',
  integer: 'a whole number',
  number: 'a number',
  duration: 'a duration such as 500ms, 10s, 5m, 24h, 7d, or seconds',
  bytes: 'a size such as 10485760, 512Ki, 64Mi, 4Gi, 1Ti',
  list: 'a list separated by commas',
};

const booleans = new Map([
  ['true', true],
  ['1', true],
  ['false', false],
  ['0', false],
]);

const durations: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** Kubernetes quantities (powers of 1024 with an i, of 1000 without); a lower-case letter as Fluentd has it, 1024. */
const sizes: Readonly<Record<string, number>> = {
  B: 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
  K: 1000,
  M: 1000 ** 2,
  G: 1000 ** 3,
  T: 1000 ** 4,
  Ki: 1024,
  Mi: 1024 ** 2,
  Gi: 1024 ** 3,
  Ti: 1024 ** 4,
};

function scaled(text: string, units: Readonly<Record<string, number>>, plain: number): number | undefined {
  const found = /^(\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Z]*)$/.exec(text);
  if (!found) return undefined;
  const unit = found[2] ?? '';
  const factor = unit === '' ? plain : Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (factor === undefined) return undefined;
  const value = Math.round(Number(found[1]) * factor * 1000) / 1000;
  return value <= Number.MAX_SAFE_INTEGER ? value : undefined;
}
