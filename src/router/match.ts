/** Tag patterns of both dialects, compiled once. */
import { compileOnigmo, splitPattern } from '../codecs/onigmo.ts';
import { escapedTag as escaped, fluentdPatternSource } from '../codecs/tag-pattern.ts';
import type { MatchModel } from '../config/model.ts';

/** Compiles a match: whether a step applies to a tag. @throws Error saying what is wrong with the pattern */
export function compileMatch(model: MatchModel): (tag: string) => boolean {
  switch (model.syntax) {
    case 'fluentd':
      return compileFluentd(model.pattern);
    case 'glob':
      return compileGlob(model.pattern);
    default: {
      // Fluent Bit looks at the beginning of the tag, and an empty match is none (onig_match in flb_router.c).
      const { source, letters } = splitPattern(model.pattern);
      const pattern = compileOnigmo(`\\A(?=[\\s\\S])(?:${source})`, letters);
      return (tag) => pattern.test(tag);
    }
  }
}

/** `<match a.* b.**>`: several patterns separated by spaces; any may match. Source: Fluentd 1.16 match.rb. */
function compileFluentd(text: string): (tag: string) => boolean {
  const patterns = text.split(/\s+/).filter((one) => one !== '');
  if (patterns.includes('**')) return () => true;
  const tests = patterns.map(compileOne);
  const [only] = tests;
  if (tests.length === 1 && only) return only;
  return (tag) => tests.some((test) => test(tag));
}

function compileOne(pattern: string): (tag: string) => boolean {
  if (pattern.startsWith('/')) {
    if (pattern.length < 2 || !pattern.endsWith('/'))
      throw new Error(`match pattern ${pattern}: a pattern that starts with / must end with /`);
    // Without a group, as Fluentd has it: /a|b/ takes what begins with a, or ends with b.
    const expression = compileOnigmo(`\\A${pattern.slice(1, -1)}\\Z`);
    return (tag) => expression.test(tag);
  }
  if (/^[\w-]+(?:\.[\w-]+)*$/.test(pattern)) return (tag) => tag === pattern;
  const expression = new RegExp(`^(?:${fluentdPatternSource(pattern)})(?=\\n?$)`, 'u');
  return (tag) => expression.test(tag);
}

/** Fluent Bit's `Match`: `*` is any text, all else stands for itself. Source: Fluent Bit 5.1 flb_router.c. */
function compileGlob(text: string): (tag: string) => boolean {
  const parts = text.split(/\*+/);
  if (parts.length === 1) return (tag) => tag === text;
  if (parts.every((part) => part === '')) return () => true;
  const expression = new RegExp(`^${parts.map((part) => escaped(part)).join('.*')}$`, 'su');
  return (tag) => expression.test(tag);
}
