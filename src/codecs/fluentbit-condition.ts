/** Conditions of Fluent Bit's processors. Source: Fluent Bit 5.1 flb_conditionals.c, flb_processor.c. */
import type { ConditionModel, ConditionRule } from '../config/model.ts';
import type { Fields } from '../core/record.ts';
import { compileFluentbitTemplate } from './fluentbit-accessor.ts';
import { compileFluentbitPattern } from './fluentbit-pattern.ts';
import type { GuardedMatch } from './guarded-match.ts';

export interface Condition {
  /** @throws MatchLate when an expression took too long */
  readonly holds: (tag: string, fields: Fields) => boolean;
  readonly matches: readonly GuardedMatch[];
}

/** @throws Error saying what is wrong with a rule */
export function compileCondition({ op, rules }: ConditionModel): Condition {
  const compiled = rules.map(compileRule);
  return {
    matches: compiled.flatMap(({ match }) => match ?? []),
    holds: (tag, fields) =>
      op === 'and'
        ? compiled.every(({ holds }) => holds(tag, fields))
        : compiled.some(({ holds }) => holds(tag, fields)),
  };
}

interface CompiledRule {
  readonly holds: Condition['holds'];
  readonly match?: GuardedMatch;
}

/** Values are compared as texts; what is missing is the empty one. */
function compileRule({ field, op, values }: ConditionRule): CompiledRule {
  const template = compileFluentbitTemplate(field);
  const textOf = (tag: string, fields: Fields): string => template({ tag, fields, captures: [] });
  const [value = ''] = values;
  switch (op) {
    case 'eq':
    case 'in':
      return { holds: (tag, fields) => values.includes(textOf(tag, fields)) };
    case 'neq':
    case 'not_in':
      return { holds: (tag, fields) => !values.includes(textOf(tag, fields)) };
    case 'regex':
    case 'not_regex': {
      const { match } = compileFluentbitPattern(value);
      const wants = op === 'regex';
      return { match, holds: (tag, fields) => (match.exec(textOf(tag, fields)) !== null) === wants };
    }
    default: {
      const limit = Number(value);
      if (value.trim() === '' || !Number.isFinite(limit)) throw new Error(`${op} ${value}: a number was expected`);
      const compare = comparisons[op];
      return { holds: (tag, fields) => compare(leadingNumber(textOf(tag, fields)), limit) };
    }
  }
}

const comparisons = {
  gt: (a: number, b: number) => a > b,
  lt: (a: number, b: number) => a < b,
  gte: (a: number, b: number) => a >= b,
  lte: (a: number, b: number) => a <= b,
} as const;

/** atof: a text that does not begin with a number is 0. */
function leadingNumber(text: string): number {
  return Number(/^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/.exec(text)?.[0] ?? 0);
}
