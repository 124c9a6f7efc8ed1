/** Many texts through a parser, as sources and filters need it. */
import type { ParseProblem, Parsed, Parser } from '../core/plugin.ts';
import { isLimited, runLimited, timeLimitMsDefault } from './time-limit.ts';

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
function timedOut(limitMs: number): ParseProblem {
  return {
    kind: 'timeout',
    problem: `parsing took longer than ${limitMs} ms; the expression backtracks too much on it`,
  };
}

/** Under which reason a text that gave no record is counted as refused. */
export function refusalReason({ kind }: ParseProblem): string {
  return kind === 'timeout' ? 'parse_timeout' : 'parse_failed';
}

/**
 * A parser whose expressions may backtrack without end, under a limit: also where a text comes alone. What runs out of
 * memory instead of time is a problem too.
 */
export function limited(parser: Parser, timeLimitMs: number = timeLimitMsDefault): Parser {
  const alone = <T>(run: () => T, otherwise: (problem: ParseProblem) => T): T => {
    let result: T | undefined;
    try {
      if (isLimited()) return run();
      const late = () => {
        result = otherwise(timedOut(timeLimitMs));
      };
      runLimited(1, timeLimitMs, () => (result = run()), late);
    } catch (error) {
      // V8 keeps the places to go back to on a stack of its own, and says so when that is full.
      if (!(error instanceof RangeError)) throw error;
      return otherwise({ kind: 'invalid', problem: `the expression runs out of memory on it: ${error.message}` });
    }
    return result as T;
  };
  const parseAll = parser.parseAll?.bind(parser);
  const isFirstLine = parser.isFirstLine?.bind(parser);
  return {
    ...parser,
    timeLimitMs,
    parse: (text) =>
      alone<Parsed>(
        () => parser.parse(text),
        (problem) => problem,
      ),
    ...(parseAll && {
      parseAll: (text) =>
        alone<readonly Parsed[]>(
          () => parseAll(text),
          (problem) => [problem],
        ),
    }),
    ...(isFirstLine && {
      isFirstLine: (line) =>
        alone<boolean>(
          () => isFirstLine(line),
          () => false,
        ),
    }),
  };
}
