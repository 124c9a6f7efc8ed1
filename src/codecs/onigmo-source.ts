/**
 * Onigmo source made ready for the converter: hyphens that Ruby takes for themselves are escaped, and named groups get
 * names that cannot collide, because Ruby lets a name stand for several groups and holds names JavaScript has not.
 */

export interface PreparedSource {
  readonly source: string;
  /** The name of each named group, in order; a name may repeat. */
  readonly names: readonly string[];
}

/** How the named groups are called in the prepared source: `p2l0`, `p2l1`, … */
const groupPrefix = 'p2l';

/**
 * Prepares a source; what is wrong in it stays wrong, for the converter to say. `isExtended`: letter x stands behind it.
 * `renames`: groups get new names.
 */
export function prepareOnigmo(source: string, isExtended: boolean, renames: boolean): PreparedSource {
  const names: string[] = [];
  let out = '';
  let at = 0;
  while (at < source.length) {
    const char = source[at] as string;
    if (char === '\\') {
      out += source.slice(at, at + 2);
      at += 2;
    } else if (char === '[') {
      const end = classEnd(source, at);
      out += hyphensEscaped(source.slice(at, end));
      at = end;
    } else if (source.startsWith('(?#', at) || (char === '#' && isExtended)) {
      const close = source.indexOf(char === '#' ? '\n' : ')', at);
      const end = close < 0 ? source.length : close;
      out += source.slice(at, end);
      at = end;
    } else {
      const group = /^\(\?(?:<([^=!>][^>]*)>|'([^']+)')/.exec(source.slice(at, at + 200));
      if (group) {
        out += renames ? `(?<${groupPrefix}${names.length}>` : group[0];
        names.push(group[1] ?? group[2] ?? '');
        at += group[0].length;
      } else {
        out += char;
        at++;
      }
    }
  }
  return { source: renames ? withReferences(out, names) : out, names };
}

/** `\k<name>` and `\g<name>` follow the groups to their new names; of several groups to the last. */
function withReferences(source: string, names: readonly string[]): string {
  if (names.length === 0) return source;
  return source.replaceAll(
    /(\\\\)|\\([kg])(?:<([^>]+)>|'([^']+)')/g,
    (text, escaped: string | undefined, letter, inner, quoted) => {
      const name = String(inner ?? quoted);
      const index = names.lastIndexOf(name);
      return escaped !== undefined || index < 0 ? text : `\\${String(letter)}<${groupPrefix}${index}>`;
    },
  );
}

/** The place behind the class that begins at `from`. */
function classEnd(source: string, from: number): number {
  let depth = 0;
  for (let at = from; at < source.length; at++) {
    const char = source[at];
    if (char === '\\') at++;
    else if (source.startsWith('[:', at) && depth > 0 && /^\[:\^?[a-z]+:\]/i.test(source.slice(at, at + 20)))
      at = source.indexOf(':]', at) + 1;
    else if (char === '[') {
      depth++;
      // A closing bracket that comes first is meant as itself.
      if (source[at + 1] === '^') at++;
      if (source[at + 1] === ']' && source.indexOf(']', at + 2) > 0) at++;
    } else if (char === ']' && --depth === 0) return at + 1;
  }
  return source.length;
}

const setEscape = /^\\(?:[dDwWsShHRX]|[pP]\{[^}]*\})/;

/** Escapes hyphens beside sets (`[\w-.]`) and behind ranges (`[a-z-.]`), which make no range. */
function hyphensEscaped(text: string): string {
  let out = '';
  /** What stands before: nothing a range could begin with, a letter that could, or the end of a range. */
  let before: 'none' | 'letter' | 'set' = 'none';
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    const posix = /^\[:\^?[a-z]+:\]/i.exec(rest)?.[0];
    const set = setEscape.exec(rest)?.[0] ?? (at > 0 ? posix : undefined);
    if (set !== undefined) {
      out += set;
      at += set.length;
      before = 'set';
    } else if (rest.startsWith('&&')) {
      out += '&&';
      at += 2;
      before = 'none';
    } else if (rest.startsWith('[') || rest.startsWith(']')) {
      const isEnd = rest.startsWith(']') && at > 0;
      out += rest[0];
      at++;
      if (rest[1] === '^' && !isEnd) {
        out += '^';
        at++;
      }
      before = isEnd ? 'set' : 'none';
    } else if (rest.startsWith('-') && (before === 'set' || setEscape.test(rest.slice(1)))) {
      out += '\\-';
      at++;
      before = 'letter';
    } else if (rest.startsWith('-') && before === 'letter' && !/^-[\][]/.test(rest)) {
      const end = /^-(?:\\(?:x\{?[0-9a-f]+\}?|u\{?[0-9a-f]+\}?|.)|.)/is.exec(rest)?.[0] ?? '-';
      out += end;
      at += end.length;
      before = 'set';
    } else {
      const one = /^(?:\\(?:x\{?[0-9a-f]{1,6}\}?|u\{?[0-9a-f]{1,6}\}?|[0-7]{1,3}|c.|.)|.)/is.exec(rest)?.[0] ?? rest;
      out += one;
      at += one.length;
      before = 'letter';
    }
  }
  return out;
}
