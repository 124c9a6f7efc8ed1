/** `Types` of parsers: fields as numbers and booleans, the way C reads them. Source: Fluent Bit 5.1 flb_parser_typecast. */
import { Float } from '../core/record.ts';
import type { Value } from '../core/record.ts';

const longMax = 2n ** 63n - 1n;
const longMin = -(2n ** 63n);
const ulongMax = 2n ** 64n - 1n;

/** What a text becomes, by type. */
export const fluentbitCasts: Readonly<Record<string, (text: string) => Value>> = {
  integer: (text) => clamped(/^\s*([-+]?\d+)/.exec(text)?.[1] ?? '0', longMin, longMax),
  hex: (text) => {
    const digits = /^\s*(?:0[xX])?([0-9a-fA-F]+)/.exec(text)?.[1];
    return digits === undefined ? 0 : clamped(`0x${digits}`, 0n, ulongMax);
  },
  float: (text) => {
    const digits = /^\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)/.exec(text)?.[1];
    const value = Number(digits ?? 0);
    return Number.isFinite(value) ? new Float(value) : text;
  },
  bool: (text) => (/^true/i.test(text) ? true : /^false/i.test(text) ? false : text),
  string: (text) => text,
};

/** Compiles `key:type` words; what has no such form is passed over, as there, and a type that is not known keeps the text. */
export function compileTypes(words: readonly string[]): ReadonlyMap<string, (text: string) => Value> {
  const found = new Map<string, (text: string) => Value>();
  for (const word of words) {
    const colon = word.indexOf(':');
    if (colon < 0) continue;
    const key = word.slice(0, colon);
    if (!found.has(key)) found.set(key, fluentbitCasts[word.slice(colon + 1).toLowerCase()] ?? ((text) => text));
  }
  return found;
}

/** The types there are. */
export const typeNames: readonly string[] = Object.keys(fluentbitCasts);

function clamped(digits: string, min: bigint, max: bigint): Value {
  const exact = BigInt(digits.replace(/^\+/, ''));
  return integerValue(exact < min ? min : exact > max ? max : exact);
}

/** An integer as records hold it. */
export function integerValue(value: bigint): number | bigint {
  return value >= BigInt(Number.MIN_SAFE_INTEGER) && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}
