/**
 * Variables that stand in a configuration stay variables when it is converted: while it is read each is given a mark for a
 * value, and where the mark comes out again the other dialect's spelling is written. Their values are never looked at, but
 * for those in numbers and truth values.
 */
import type { Environment } from '../env.ts';

/** Of Unicode's private use: no configuration has them. */
const open = '\uE0F0';
const close = '\uE0F1';
const mark = /\uE0F0([^\uE0F1]*)\uE0F1/g;

/** An environment in which every variable is its mark, but for those that `resolved` names. */
export function markedEnvironment(real: Environment, resolved: ReadonlySet<string>): Environment {
  const markOf = (name: string): string | undefined => {
    // What the program itself reads is none of the configuration's.
    if (name.startsWith('P2L_')) return undefined;
    return resolved.has(name) ? real[name] : `${open}${name}${close}`;
  };
  return new Proxy<Record<string, string | undefined>>(
    {},
    {
      get: (_target, name) => (typeof name === 'string' ? markOf(name) : undefined),
      has: (_target, name) => typeof name === 'string' && markOf(name) !== undefined,
      getOwnPropertyDescriptor: (_target, name) =>
        typeof name === 'string' && markOf(name) !== undefined
          ? { value: markOf(name), configurable: true, enumerable: true, writable: false }
          : undefined,
    },
  );
}

/** The variables whose marks stand in a text. */
export function marksIn(text: string): string[] {
  return Array.from(text.matchAll(mark), ([, name = '']) => name);
}

/** A text with `spell` in place of marks and `plain` over what is between them. */
export function spellMarks(text: string, spell: (name: string) => string, plain: (part: string) => string): string {
  return text
    .split(mark)
    .map((part, i) => (i % 2 === 1 ? spell(part) : plain(part)))
    .join('');
}
