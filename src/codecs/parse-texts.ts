/** Many texts through a parser, as sources and filters need it. */
import type { ParseProblem, Parsed, Parser } from '../core/plugin.ts';
import { runLimited } from './time-limit.ts';

/**
 * Parses texts and hands over what each gave, in order: all its records, or why there are none. A text that takes longer
 * than the parser's limit gives a problem of kind `timeout`.
 */
export function parseTexts(
  parser: Parser,
  texts: readonly (Buffer | string)[],
  take: (parsed: Parsed, index: number) => void,
): void {
  const limitMs = parser.timeLimitMs;
  const parseOne = (text: Buffer | string) => (parser.parseAll ? parser.parseAll(text) : parser.parse(text));
  const hand = (found: Parsed | readonly Parsed[], index: number) => {
    if ('length' in found) for (const one of found) take(one, index);
    else take(found, index);
  };
  if (limitMs === undefined) {
    texts.forEach((text, index) => hand(parseOne(text), index));
    return;
  }
  const results: (Parsed | readonly Parsed[])[] = [];
  runLimited(
    texts.length,
    limitMs,
    (index) => {
      results[index] = parseOne(texts[index] as Buffer | string);
    },
    (index) => {
      results[index] = timedOut(limitMs);
    },
  );
  results.forEach(hand);
}

/** The problem of a text that took too long. */
function timedOut(limitMs: number): Parsed {
  return {
    kind: 'timeout',
    problem: `parsing took longer than ${limitMs} ms; the expression backtracks too much on it`,
  };
}

/** Under which reason a text that gave no record is counted as refused. */
export function refusalReason({ kind }: ParseProblem): string {
  return kind === 'timeout' ? 'parse_timeout' : 'parse_failed';
}
