/** Text by characters (code points), as Ruby counts; JavaScript counts UTF-16 units, which differ beyond U+FFFF. */

const pairs = /[\ud800-\udfff]/;

/** Number of characters. */
export function lengthOf(text: string): number {
  if (!pairs.test(text)) return text.length;
  let count = 0;
  for (const char of text) if (char !== '') count++;
  return count;
}
/** The characters. */
export function charactersOf(text: string): string[] {
  return pairs.test(text) ? Array.from(text) : text.split('');
}
/** `count` characters from the one at `from` on (0 to the length). */
export function slice(text: string, from: number, count: number): string {
  if (!pairs.test(text)) return text.slice(from, from + count);
  return Array.from(text)
    .slice(from, from + count)
    .join('');
}
/** The number of characters before a position in UTF-16 units. */
export function characterIndex(text: string, unit: number): number {
  return pairs.test(text) ? lengthOf(text.slice(0, unit)) : unit;
}
/** The position in UTF-16 units behind so many characters. */
export function unitIndex(text: string, characters: number): number {
  if (!pairs.test(text)) return characters;
  let unit = 0;
  let left = characters;
  for (const char of text) {
    if (left-- <= 0) break;
    unit += char.length;
  }
  return unit;
}
/** Text turned around. */
export function reversed(text: string): string {
  return charactersOf(text).reverse().join('');
}

/** A set of characters as `tr`, `delete`, `squeeze` and `count` write it: `a-z`, `^0-9`, `\-`. */
export interface CharacterSet {
  readonly list: readonly string[];
  readonly isNegated: boolean;
}
/** @throws RangeError for a range that ends before it begins */
export function characterSet(written: string): CharacterSet {
  const isNegated = written.length > 1 && written.startsWith('^');
  const chars = Array.from(isNegated ? written.slice(1) : written);
  const list: string[] = [];
  for (let at = 0; at < chars.length; at++) {
    let char = chars[at] as string;
    if (char === '\\' && at + 1 < chars.length) char = chars[++at] as string;
    const last = chars[at + 2];
    if (chars[at + 1] !== '-' || last === undefined) {
      list.push(char);
      continue;
    }
    at += 2;
    const end = last === '\\' && at + 1 < chars.length ? (chars[++at] as string) : last;
    const [from, to] = [char.codePointAt(0) as number, end.codePointAt(0) as number];
    if (from > to) throw new RangeError(`invalid range "${char}-${end}" in string transliteration`);
    for (let code = from; code <= to; code++) list.push(String.fromCodePoint(code));
  }
  return { list, isNegated };
}
/** True for the characters that are in all of the sets. */
export function inSets(sets: readonly CharacterSet[]): (char: string) => boolean {
  const made = sets.map(({ list, isNegated }) => ({ members: new Set(list), isNegated }));
  return (char) => made.every(({ members, isNegated }) => members.has(char) !== isNegated);
}
/** `tr` and `tr_s`. */
export function transliterate(text: string, from: CharacterSet, to: CharacterSet, squeezes: boolean): string {
  const last = to.list.at(-1) ?? '';
  const members = new Map<string, string>();
  if (!from.isNegated)
    for (const [i, char] of from.list.entries()) if (!members.has(char)) members.set(char, to.list[i] ?? last);
  const kept = new Set(from.list);
  let out = '';
  let before: string | undefined;
  for (const char of text) {
    const changed = from.isNegated ? (kept.has(char) ? undefined : last) : members.get(char);
    if (changed === undefined) out += char;
    else if (!squeezes || changed !== before) out += changed;
    before = changed;
  }
  return out;
}

/** `succ`: the next text, as `a9` goes to `b0`. */
export function successor(text: string): string {
  const chars = Array.from(text);
  const positions = chars.flatMap((char, i) => (/[a-zA-Z0-9]/.test(char) ? [i] : []));
  if (positions.length === 0) {
    if (chars.length === 0) return '';
    const code = (chars.at(-1) as string).codePointAt(0) as number;
    return [...chars.slice(0, -1), String.fromCodePoint(code === 0xd7ff ? 0xe000 : Math.min(0x10ffff, code + 1))].join(
      '',
    );
  }
  for (let i = positions.length - 1; i >= 0; i--) {
    const at = positions[i] as number;
    const char = chars[at] as string;
    const [wrap, carry] = char === 'z' ? ['a', 'a'] : char === 'Z' ? ['A', 'A'] : char === '9' ? ['0', '1'] : ['', ''];
    if (wrap === '') {
      chars[at] = String.fromCodePoint((char.codePointAt(0) as number) + 1);
      return chars.join('');
    }
    chars[at] = wrap;
    // What stands apart by other signs counts on its own.
    if (i === 0 || (positions[i - 1] as number) !== at - 1) {
      if (i === 0) chars.splice(at, 0, carry);
      if (i === 0) return chars.join('');
    }
  }
  return chars.join('');
}
