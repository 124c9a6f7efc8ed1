/**
 * Regular expressions of filters under the time limit of a record, without its cost where an expression cannot take long:
 * how often backtracking can try is bounded by the text's length to the power of the repeats that stand behind each other.
 */
import { isLimited, runLimited, timeLimitMsDefault } from './time-limit.ts';

/** Tries that take well below a second. */
const triesMax = 1e8;

export interface GuardedMatch {
  /** Without the guard. */
  readonly expression: RegExp;
  /** @throws MatchLate when the text took too long. */
  exec(text: string): RegExpExecArray | null;
  /** Nearly every text needs the limit: set it once for many of them. */
  readonly isSlow: boolean;
}

/** A text took longer than a record may. */
export class MatchLate extends Error {}

/** Guards an expression; `source` is what it was compiled from. */
export function guardMatch(expression: RegExp, source: string): GuardedMatch {
  const quick = quickLength(source);
  return {
    expression,
    // Shorter than what fields mostly hold.
    isSlow: quick < 64,
    exec(text) {
      if (text.length <= quick || isLimited()) return expression.exec(text);
      let found: RegExpExecArray | null = null;
      let isLate = false;
      runLimited(
        1,
        timeLimitMsDefault,
        () => (found = expression.exec(text)),
        () => (isLate = true),
      );
      if (isLate) throw new MatchLate(`matching took longer than ${timeLimitMsDefault} ms`);
      return found;
    },
  };
}

/** Runs `step` for each row, which may match; `late` for those that took too long. */
export function eachGuarded(
  count: number,
  matches: readonly GuardedMatch[],
  step: (row: number) => void,
  late: (row: number) => void,
): void {
  if (matches.some(({ isSlow }) => isSlow) && !isLimited()) {
    runLimited(count, timeLimitMsDefault, step, late);
    return;
  }
  for (let row = 0; row < count; row++) {
    try {
      step(row);
    } catch (error) {
      if (!(error instanceof MatchLate)) throw error;
      late(row);
    }
  }
}

/** The length of text on which an expression is surely done in time; 0 where repeats repeat. */
function quickLength(source: string): number {
  const plain = source.replaceAll(/\\./gs, 'x').replaceAll(/\[(?:[^\]\\]|\\.)*\]/g, 'x');
  if (/\)[*+{]/.test(plain) || /\(\?<?[=!]/.test(plain)) return 0;
  // {4} leaves nothing to try again.
  const repeats = plain.match(/[*+]|\{\d*,\d*\}/g)?.length ?? 0;
  const optional = plain.match(/[^*+?}(]\?|\)\?/g)?.length ?? 0;
  const starts = /^(?:\\A|\^)/.test(source) ? 0 : 1;
  const tries = triesMax / 2 ** Math.min(optional, 30);
  return Math.floor(tries ** (1 / Math.max(1, repeats + starts)));
}
