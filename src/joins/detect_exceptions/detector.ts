/** Follows the lines of a stream through the rules of languages. */
import { guardMatch } from '../../codecs/guarded-match.ts';
import type { GuardedMatch } from '../../codecs/guarded-match.ts';
import { compileOnigmo } from '../../codecs/onigmo.ts';
import { languageRules } from './rules.ts';

/** What a line is: outside of any trace, the first of one, within one, its last. */
export type LinePlace = 'none' | 'start' | 'inside' | 'end';

const start = 'start';

interface Way {
  readonly match: GuardedMatch;
  readonly to: string;
}
/** The ways out of each state, in the order in which they are tried. */
export type TraceWays = ReadonlyMap<string, readonly Way[]>;

/** Compiles the rules of languages; none: of all. @throws Error for a language that is not known */
export function compileTraces(languages: readonly string[]): TraceWays {
  const ways = new Map<string, Way[]>();
  const seen = new Set<string>();
  for (const language of languages.length === 0 ? ['all'] : languages) {
    const rules = languageRules[language.toLowerCase()];
    if (!rules)
      throw new Error(`Unknown language: ${language} (there are ${Object.keys(languageRules).toSorted().join(', ')})`);
    for (const { from, pattern, to } of rules) {
      const match = guardMatch(compileOnigmo(pattern), pattern);
      for (const state of from) {
        const key = `${state}\n${pattern}\n${to}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const list = ways.get(state);
        if (list) list.push({ match, to });
        else ways.set(state, [{ match, to }]);
      }
    }
  }
  return ways;
}

/** One stream's place in the rules. */
export class TraceDetector {
  readonly #ways: TraceWays;
  #state = start;

  constructor(ways: TraceWays) {
    this.#ways = ways;
  }
  /** @throws MatchLate when the line took too long; it is outside of a trace then. */
  update(line: string): LinePlace {
    const wasInside = this.#step(line);
    // A line that ends a trace by not belonging to it may begin another one.
    if (!wasInside) this.#step(line);
    const isInside = this.#state !== start;
    if (wasInside) return isInside ? 'inside' : 'end';
    return isInside ? 'start' : 'none';
  }
  reset(): void {
    this.#state = start;
  }
  /** False: no rule leads on from here. */
  #step(line: string): boolean {
    const before = this.#state;
    this.#state = start;
    for (const { match, to } of this.#ways.get(before) ?? [])
      if (match.exec(line)) {
        this.#state = to;
        return true;
      }
    return false;
  }
}
