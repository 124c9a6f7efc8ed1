/** Regular expressions of Fluent Bit's configurations. Source: Fluent Bit 5.1 flb_regex.c. */
import { guardMatch } from './guarded-match.ts';
import type { GuardedMatch } from './guarded-match.ts';
import { compileOnigmo, subjectOf } from './onigmo.ts';

/** An expression that values are searched for. */
export interface FluentbitPattern {
  readonly match: GuardedMatch;
  /** What was found; null for a value that is no text, or does not match. */
  exec(value: unknown): RegExpExecArray | null;
}

/**
 * Compiles an expression: bare, `/…/`, or `/…/` with some of the letters i, m, x behind it; anything else that begins with
 * a slash is a bare one. @throws Error saying what is wrong
 */
export function compileFluentbitPattern(text: string): FluentbitPattern {
  const [, inner, letters = ''] = /^\/(.*)\/([imox]*)$/s.exec(text) ?? [];
  const isBare = inner === undefined || /^o+$/.test(letters);
  const source = isBare ? text : inner;
  const match = guardMatch(compileOnigmo(source, isBare ? '' : letters.replaceAll('o', '')), source);
  return {
    match,
    exec(value) {
      if (typeof value === 'string') return match.exec(value);
      // What came as text and is no UTF-8.
      return value instanceof Uint8Array
        ? match.exec(subjectOf(Buffer.from(value.buffer, value.byteOffset, value.length)).text)
        : null;
    },
  };
}
