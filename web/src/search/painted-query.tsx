import { useEffect, useLayoutEffect, useMemo, useRef } from 'react';
import type { RefObject } from 'react';
import { tokenize } from '../query/tokens.ts';

interface PaintedQueryProps {
  readonly text: string;
  readonly problem: { readonly start: number; readonly end: number } | undefined;
  readonly inputRef: RefObject<HTMLInputElement | null>;
}

interface Stroke {
  readonly text: string;
  readonly kind: string;
  readonly isWrong: boolean;
}

/** The query in colours, under an input whose own text is transparent; scrolls along with it. */
export function PaintedQuery({ text, problem, inputRef }: PaintedQueryProps) {
  const paint = useRef<HTMLPreElement>(null);
  const follow = (): void => {
    if (paint.current && inputRef.current) paint.current.scrollLeft = inputRef.current.scrollLeft;
  };
  useLayoutEffect(follow);
  useEffect(() => {
    const input = inputRef.current;
    input?.addEventListener('scroll', follow);
    return () => input?.removeEventListener('scroll', follow);
  });
  const strokes = useMemo(() => strokesOf(text, problem), [text, problem]);
  return (
    <pre ref={paint} className="search-paint" aria-hidden="true">
      {strokes.map((stroke, index) => (
        <span key={index} className={`code-${stroke.kind}`} data-wrong={stroke.isWrong}>
          {stroke.text}
        </span>
      ))}
    </pre>
  );
}

function strokesOf(text: string, problem: PaintedQueryProps['problem']): Stroke[] {
  const strokes: Stroke[] = [];
  // A fault of no width, such as an end that came too soon, is marked at the last character.
  const start = problem && Math.min(problem.start, Math.max(0, text.length - 1));
  const end = problem && Math.max(problem.end, (start ?? 0) + 1);
  for (const token of tokenize(text)) {
    const cuts = [token.start, start ?? 0, end ?? 0, token.end]
      .filter((at) => at >= token.start && at <= token.end)
      .toSorted((a, b) => a - b);
    for (const [index, from] of cuts.entries()) {
      const to = cuts[index + 1] ?? from;
      if (to === from) continue;
      const isWrong = start !== undefined && end !== undefined && from >= start && to <= end;
      strokes.push({ text: text.slice(from, to), kind: token.kind, isWrong });
    }
  }
  return strokes;
}
