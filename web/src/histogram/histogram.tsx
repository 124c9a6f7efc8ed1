import { useEffect, useEffectEvent, useRef, useState } from 'react';
import type { KeyboardEvent, RefObject } from 'react';
import 'uplot/dist/uPlot.min.css';
import type { Histogram as Counts } from '../api/types.ts';
import { useFormats, useTexts } from '../i18n/use-texts.ts';
import { setRange } from '../state/location.ts';
import { onSettings } from '../state/settings.ts';
import { between } from '../time/range.ts';
import type { Bounds } from '../time/range.ts';
import type { Plot } from './plot.ts';
import './histogram.css';

const height = 104;

interface Pointed {
  readonly index: number;
  readonly left: number;
}

/** Bars chosen by keyboard: from `anchor` to `at`. */
interface Chosen {
  readonly anchor: number;
  readonly at: number;
}

export function Histogram({ counts, isStale }: { readonly counts: Counts | undefined; readonly isStale: boolean }) {
  const texts = useTexts();
  const formats = useFormats();
  const target = useRef<HTMLDivElement>(null);
  const [pointed, setPointed] = useState<Pointed>();
  const [chosen, setChosen] = useState<Chosen>();
  const plot = usePlot(target, counts, setPointed);
  const onKeyDown = (key: KeyboardEvent): void => {
    if (!counts) return;
    const next = keyed(key, chosen, counts.counts.length);
    if (next === undefined) return;
    key.preventDefault();
    if (next !== 'zoom') setChosen(next);
    else if (chosen) {
      const [first, last] = [Math.min(chosen.anchor, chosen.at), Math.max(chosen.anchor, chosen.at)];
      setRange(between(counts.startMs + first * counts.widthMs, counts.startMs + (last + 1) * counts.widthMs));
      setChosen(undefined);
    }
  };
  const at = chosen && counts ? chosen.at : pointed?.index;
  const peak = counts ? Math.max(0, ...counts.counts) : 0;
  return (
    <div
      className="histogram"
      role="group"
      tabIndex={0}
      data-arrows
      data-stale={isStale}
      aria-label={
        counts && counts.counts.length > 0
          ? `${texts.histogram.label}. ${texts.histogram.summary(
              formats.number(counts.total),
              formats.dateTime(counts.startMs),
              formats.dateTime(counts.startMs + counts.counts.length * counts.widthMs),
              formats.number(peak),
            )}. ${texts.histogram.keys}`
          : texts.histogram.label
      }
      onKeyDown={onKeyDown}
      onBlur={() => setChosen(undefined)}
    >
      <div ref={target} className="histogram-plot" />
      {chosen && plot.current && <ChosenBars chosen={chosen} plot={plot.current} />}
      {counts && at !== undefined && at < counts.counts.length && (
        <BarTooltip
          counts={counts}
          index={at}
          left={chosen && plot.current ? plot.current.place(at).left : (pointed?.left ?? 0)}
        />
      )}
    </div>
  );
}

/** The bars that the arrow keys chose. */
function ChosenBars({ chosen, plot }: { readonly chosen: Chosen; readonly plot: Plot }) {
  const first = plot.place(Math.min(chosen.anchor, chosen.at));
  const last = plot.place(Math.max(chosen.anchor, chosen.at));
  return <div className="histogram-chosen" style={{ left: first.left, width: last.left + last.width - first.left }} />;
}

function BarTooltip({
  counts,
  index,
  left,
}: {
  readonly counts: Counts;
  readonly index: number;
  readonly left: number;
}) {
  const texts = useTexts();
  const formats = useFormats();
  const count = counts.counts[index] ?? 0;
  const startMs = counts.startMs + index * counts.widthMs;
  return (
    <div className="histogram-tooltip" role="status" style={{ '--at': `${left}px` }}>
      <strong className="numeric">{texts.histogram.records(formats.number(count), count)}</strong>
      <span className="faint numeric">{formats.between(startMs, startMs + counts.widthMs)}</span>
    </div>
  );
}

function usePlot(
  target: RefObject<HTMLDivElement | null>,
  counts: Counts | undefined,
  setPointed: (pointed: Pointed | undefined) => void,
): RefObject<Plot | undefined> {
  const plot = useRef<Plot>(undefined);
  const formats = useFormats();
  const made = useEffectEvent((created: Plot) => {
    plot.current = created;
    if (counts) created.show(counts);
  });
  useEffect(() => {
    const element = target.current;
    if (!element) return undefined;
    const end = new AbortController();
    const options = {
      target: element,
      height,
      formats,
      onBrush: ({ fromMs, toMs }: Bounds) => setRange(between(fromMs, toMs)),
      onPoint: (index: number | undefined, left: number) =>
        setPointed(index === undefined ? undefined : { index, left }),
    };
    // A file of its own: the page is there before the bars are.
    void import('./plot.ts').then(({ createPlot }) => {
      if (end.signal.aborted) return;
      const created = createPlot(options);
      made(created);
      end.signal.addEventListener('abort', follow(created, element));
    });
    return () => {
      end.abort();
      plot.current = undefined;
    };
  }, [target, formats, setPointed]);
  useEffect(() => {
    if (counts) plot.current?.show(counts);
  }, [counts]);
  return plot;
}

/** Keeps the bars to their place's width and the theme's colours; returns what ends that and them. */
function follow(plot: Plot, element: HTMLElement): () => void {
  const observer = new ResizeObserver(() => plot.resize(element.clientWidth));
  observer.observe(element);
  const scheme = window.matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', plot.repaint);
  const unsubscribe = onSettings(plot.repaint);
  return () => {
    unsubscribe();
    scheme.removeEventListener('change', plot.repaint);
    observer.disconnect();
    plot.remove();
  };
}

/** What a key does to the choice; undefined: the key is not for the bars. */
function keyed(
  { key, shiftKey }: KeyboardEvent,
  chosen: Chosen | undefined,
  count: number,
): Chosen | 'zoom' | undefined {
  if (key === 'Enter' && chosen) return 'zoom';
  if ((key !== 'ArrowLeft' && key !== 'ArrowRight') || count === 0) return undefined;
  const by = key === 'ArrowLeft' ? -1 : 1;
  const at = chosen ? Math.min(Math.max(chosen.at + by, 0), count - 1) : by < 0 ? count - 1 : 0;
  return { anchor: shiftKey && chosen ? chosen.anchor : at, at };
}
