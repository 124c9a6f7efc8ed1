/** Rules of a multiline parser, compiled. Source: Fluent Bit 5.1 src/multiline/flb_ml_rule.c. */
import { compileFluentbitPattern } from '../codecs/fluentbit-pattern.ts';
import { MatchLate } from '../codecs/guarded-match.ts';
import type { MultilineDefinition } from './contract.ts';

const startState = 'start_state';

/** A rule, and those that may follow it. */
export interface Rule {
  readonly index: number;
  readonly isStart: boolean;
  /** Whether the text is one it wants; one that takes too long to tell is not. */
  readonly matches: (text: string) => boolean;
  /** Nearly every text needs a time limit: many are best matched under one. */
  readonly isSlow: boolean;
  /** Rules for the next line. Those that begin a record are not among them. */
  readonly next: readonly Rule[];
  /** A record may begin behind it, so that what is joined is complete. */
  readonly endsRecord: boolean;
}

/** @throws Error saying what is wrong with a pattern */
export function compileRules({ rules, isBuiltin }: MultilineDefinition): readonly Rule[] {
  const compiled = rules.map(({ from, pattern }, index) => {
    const { match } = compileFluentbitPattern(pattern);
    const next: Rule[] = [];
    return { index, isStart: from.includes(startState), ...matcher(match, isBuiltin), next, endsRecord: false };
  });
  for (const [index, { to }] of rules.entries()) {
    if (to === undefined) continue;
    const rule = compiled[index] as (typeof compiled)[number];
    const following = compiled.filter((_, other) => rules[other]?.from.includes(to) === true);
    rule.next.push(...following.filter(({ isStart }) => !isStart));
    rule.endsRecord = following.some(({ isStart }) => isStart);
  }
  return compiled;
}

function matcher(match: ReturnType<typeof compileFluentbitPattern>['match'], isBuiltin: boolean) {
  if (isBuiltin) return { isSlow: false, matches: (text: string) => match.expression.test(text) };
  return {
    isSlow: match.isSlow,
    matches(text: string) {
      try {
        return match.exec(text) !== null;
      } catch (error) {
        if (error instanceof MatchLate) return false;
        throw error;
      }
    },
  };
}
