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

/** Behind a name: what becomes of the variable where its default cannot be written beside it. */
const asks = ':?';

/** Where letters of a default stand that mean something in a value: a colon in a host is one. */
const hidingPlace = 0xe400;
const hidden = (name: string): string =>
  name.replaceAll(/[^\w\u0080-\uffff]/g, (char) => String.fromCharCode(hidingPlace + char.charCodeAt(0)));
const shown = (name: string): string =>
  name.replaceAll(/[\ue400-\ue47f]/g, (char) => String.fromCharCode(char.charCodeAt(0) - hidingPlace));

/**
 * An environment in which every variable is its mark, but for those that `resolved` names. A variable with a default that is
 * a text, `X:-text`, is one mark. One with another default is `X:?`: its mark, or empty where it is not set, and `dropped` is
 * told its name, since only one of the two can be written.
 */
export function markedEnvironment(
  real: Environment,
  resolved: ReadonlySet<string>,
  dropped: Set<string> = new Set(),
): Environment {
  const valued = new Set([...resolved].flatMap((name) => [name, withoutDefault(name)]));
  const markOf = (name: string): string | undefined => {
    // What the program itself reads is none of the configuration's.
    if (name.startsWith('P2L_')) return undefined;
    if (name === asks) return '';
    if (name.endsWith(asks)) {
      const asked = name.slice(0, -asks.length);
      if (valued.has(asked)) return undefined;
      dropped.add(asked);
      return real[asked] === undefined ? '' : markOf(asked);
    }
    // A default in which another variable or a closing brace stands has no spelling.
    if (name.includes(':-') && /[}\uE0F0\n]/.test(name)) return undefined;
    return valued.has(name) ? real[name] : `${open}${hidden(name)}${close}`;
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

/** The name in `X:-y`, a variable with its default. */
export function withoutDefault(name: string): string {
  return name.replace(/:-.*/s, '');
}

/** The variables whose marks stand in a text. */
export function marksIn(text: string): string[] {
  return Array.from(text.matchAll(mark), ([, name = '']) => shown(name));
}

/** A text with `spell` in place of marks and `plain` over what is between them. */
export function spellMarks(text: string, spell: (name: string) => string, plain: (part: string) => string): string {
  return text
    .split(mark)
    .map((part, i) => (i % 2 === 1 ? spell(shown(part)) : plain(part)))
    .join('');
}
