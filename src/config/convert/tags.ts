/** Which tags a step gets: patterns of both dialects, what they have in common, and how the other dialect writes them. */
import { compileOnigmo } from '../../codecs/onigmo.ts';
import { escapedTag, fluentdPatternSource } from '../../codecs/tag-pattern.ts';
import type { MatchModel } from '../model.ts';

/** Tags that fit one expression, and as far as it is known how they begin. */
export interface TagSet {
  /** Onigmo source that has to take the whole tag. */
  readonly source: string;
  /** What every such tag begins with. */
  readonly prefix: string;
  /** The prefix is the whole tag. */
  readonly isLiteral: boolean;
  readonly isAll: boolean;
}

export const allTags: TagSet = { source: String.raw`[\s\S]*`, prefix: '', isLiteral: false, isAll: true };

/** False only where no tag can be in both. */
export function mayOverlap(a: TagSet, b: TagSet): boolean {
  if (a.isLiteral && b.isLiteral) return a.prefix === b.prefix;
  const [short, long] = a.prefix.length <= b.prefix.length ? [a, b] : [b, a];
  return !short.isLiteral && long.prefix.startsWith(short.prefix);
}

/** The tags that a match takes. */
export function tagSetOf({ syntax, pattern }: MatchModel): TagSet {
  if (syntax === 'glob') return globSet(pattern);
  if (syntax === 'regexp') {
    const [, source = pattern, letters = ''] = /^\/(.*)\/([imx]*)$/s.exec(pattern) ?? [];
    const own = letters === '' ? source : `(?${letters}:${source})`;
    return { source: `(?:${own})${String.raw`[\s\S]*`}`, prefix: '', isLiteral: false, isAll: false };
  }
  const parts = pattern.split(/\s+/).filter((part) => part !== '');
  if (parts.includes('**')) return allTags;
  const sets = parts.map(fluentdSet);
  const [only] = sets;
  if (sets.length === 1 && only) return only;
  return {
    source: `(?:${sets.map(({ source }) => source).join('|')})`,
    prefix: commonPrefix(sets.map(({ prefix }) => prefix)),
    isLiteral: false,
    isAll: false,
  };
}

function fluentdSet(pattern: string): TagSet {
  if (pattern.startsWith('/'))
    return { source: `(?:${pattern.slice(1, -1)})`, prefix: '', isLiteral: false, isAll: false };
  const plain = /^[^*{}\\]*/.exec(pattern)?.[0] ?? '';
  const isLiteral = plain === pattern;
  // `a.**` takes `a` too.
  const prefix = isLiteral ? plain : plain.replace(/\.$/, '');
  return { source: fluentdPatternSource(pattern), prefix, isLiteral, isAll: false };
}

function globSet(pattern: string): TagSet {
  const parts = pattern.split(/\*+/);
  const prefix = parts[0] ?? '';
  if (parts.length > 1 && parts.every((part) => part === '')) return allTags;
  return {
    source: parts.map(escapedTag).join(String.raw`[\s\S]*`),
    prefix,
    isLiteral: parts.length === 1,
    isAll: false,
  };
}

function commonPrefix(texts: readonly string[]): string {
  let prefix = texts[0] ?? '';
  for (const text of texts) while (!text.startsWith(prefix)) prefix = prefix.slice(0, -1);
  return prefix;
}

/** A match of Fluent Bit as a pattern of `<match>` and `<filter>`. */
export function fluentdPattern(match: MatchModel): string {
  if (match.syntax === 'fluentd') return match.pattern;
  const set = tagSetOf(match);
  if (set.isAll) return '**';
  if (set.isLiteral && /^[\w.-]+$/.test(set.prefix)) return set.prefix;
  // Blanks separate patterns there.
  return `/${set.source.replaceAll(/\s/g, (blank) => (blank === ' ' ? String.raw`\x20` : String.raw`\s`))}/`;
}

/** Tags that are in all of `within` and in none of `without`. */
export interface Route {
  readonly within: readonly TagSet[];
  readonly without: readonly TagSet[];
}

/** `Match` or `Match_Regex` for the tags of any of the routes. */
export function fluentbitMatch(routes: readonly Route[]): {
  readonly key: 'match' | 'match_regex';
  readonly value: string;
} {
  const simple = routes.map(simplified).filter((route) => route !== undefined);
  const [only] = simple;
  // A tag that no record has.
  if (simple.length === 0) return { key: 'match_regex', value: String.raw`(?!)` };
  if (simple.some(({ within, without }) => within.length === 0 && without.length === 0))
    return { key: 'match', value: '*' };
  if (simple.length === 1 && only?.without.length === 0 && only.within.length === 1 && only.within[0]?.isLiteral)
    return { key: 'match', value: only.within[0].prefix };
  const sources = simple.map(({ within, without }) => {
    const refused = without.map(({ source }) => `(?!(?:${source})\\z)`);
    const wanted = within.map(({ source }) => `(?=(?:${source})\\z)`);
    return `${refused.join('')}${wanted.join('')}${String.raw`[\s\S]`}`;
  });
  return { key: 'match_regex', value: sources.length === 1 ? (sources[0] as string) : `(?:${sources.join('|')})` };
}

/** Without what says nothing: everything, the same twice, and what no tag of it could be in. Undefined: no tag is left. */
function simplified({ within, without }: Route): Route | undefined {
  const literal = within.find(({ isLiteral }) => isLiteral);
  if (literal) {
    const isIn = ({ source }: TagSet): boolean => compileOnigmo(String.raw`\A(?:${source})\z`).test(literal.prefix);
    return within.every(isIn) && !without.some(isIn) ? { within: [literal], without: [] } : undefined;
  }
  const wanted = [...new Map(within.filter(({ isAll }) => !isAll).map((set) => [set.source, set])).values()];
  const refused = without.filter((set) => wanted.every((own) => mayOverlap(set, own)));
  return { within: wanted, without: [...new Map(refused.map((set) => [set.source, set])).values()] };
}
