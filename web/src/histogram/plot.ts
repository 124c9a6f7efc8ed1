/** The bars, drawn by uPlot on a canvas: colours come from the page's style, times are ms. */
import uPlot from 'uplot';
import type { Histogram } from '../api/types.ts';
import type { Formats } from '../i18n/format.ts';
import type { Bounds } from '../time/range.ts';

export interface PlotOptions {
  readonly target: HTMLElement;
  readonly height: number;
  readonly formats: Formats;
  /** A range was brushed. */
  readonly onBrush: (bounds: Bounds) => void;
  /** The bar that is pointed at, and where its middle is in pixels; undefined: none. */
  readonly onPoint: (index: number | undefined, left: number) => void;
}

export interface Plot {
  readonly show: (histogram: Histogram) => void;
  readonly resize: (width: number) => void;
  /** Colours anew, after the theme changed. */
  readonly repaint: () => void;
  /** Where a bar is, in pixels of the target: for the keyboard's choice. */
  readonly place: (index: number) => { readonly left: number; readonly width: number };
  readonly remove: () => void;
}

/** Pixels between the time marks under the bars: a date and a time beside each other must fit. */
const tickSpace = 84;
/** Of times as long as there are no bars: no time is marked in it. */
const noRange: [number, number] = [0, 1];
/** Pixels one must drag: less is a click that slipped. */
const dragMin = 4;

/** What a canvas paints with is what the style's variable comes to now. */
function colour(element: HTMLElement, name: string): string {
  element.style.setProperty('color', `var(${name})`);
  const found = getComputedStyle(element).color;
  element.style.removeProperty('color');
  return found;
}

export function createPlot(options: PlotOptions): Plot {
  const { target, height } = options;
  let shown: Histogram | undefined;
  const plot = new uPlot(
    {
      width: Math.max(target.clientWidth, 100),
      height,
      ms: 1,
      padding: [6, 0, 0, 0],
      legend: { show: false },
      cursor: {
        y: false,
        points: { show: false },
        drag: { x: true, y: false, setScale: false, dist: dragMin },
      },
      scales: {
        x: { time: false, range: () => (shown ? rangeOf(shown) : noRange) },
        y: { range: (_plot, _min, max) => [0, Math.max(max || 1, 1)] },
      },
      series: [{}, barSeries(target)],
      axes: [timeAxis(target, options.formats), countAxis(target, options.formats)],
      hooks: {
        setSelect: [(self) => brushed(self, options.onBrush)],
        setCursor: [(self) => pointed(self, shown, options.onPoint)],
      },
    },
    [[], []],
    target,
  );
  return {
    show(histogram) {
      shown = histogram;
      const starts = histogram.counts.map((_, index) => histogram.startMs + index * histogram.widthMs);
      plot.setData([starts, histogram.counts.map((count) => (count === 0 ? null : count))]);
    },
    resize: (width) => plot.setSize({ width, height }),
    repaint: () => plot.redraw(true, true),
    place(index) {
      if (!shown) return { left: 0, width: 0 };
      const startMs = shown.startMs + index * shown.widthMs;
      const left = plot.valToPos(startMs, 'x');
      return {
        left: left + plot.bbox.left / devicePixelRatio,
        width: plot.valToPos(startMs + shown.widthMs, 'x') - left,
      };
    },
    remove: () => plot.destroy(),
  };
}

function rangeOf({ startMs, widthMs, counts }: Histogram): [number, number] {
  return [startMs, startMs + Math.max(counts.length, 1) * widthMs];
}

function barSeries(target: HTMLElement): uPlot.Series {
  const bars = uPlot.paths.bars?.({ align: 1, size: [1, 48], gap: 1, radius: [0.12, 0] });
  return {
    fill: () => colour(target, '--bar'),
    stroke: () => colour(target, '--bar'),
    width: 0,
    points: { show: false },
    ...(bars ? { paths: bars } : {}),
  };
}

const font =
  '11px -apple-system, BlinkMacSystemFont, "Segoe UI", Roboto, Inter, "Liberation Sans", system-ui, sans-serif';

function timeAxis(target: HTMLElement, formats: Formats): uPlot.Axis {
  return {
    size: 20,
    gap: 4,
    font,
    space: tickSpace,
    incrs: tickSteps,
    stroke: () => colour(target, '--text-faint'),
    grid: { show: false },
    ticks: { show: true, size: 3, width: 1, stroke: () => colour(target, '--line-strong') },
    splits: (_plot, _axis, min, max, step) => (max === noRange[1] ? [] : localSplits(min, max, step)),
    // One that would be cut off at the right edge is left out. While the plot changes its width its elements have the old one.
    values: (plot, splits, _axis, _space, step) =>
      splits.map((ms) =>
        plot.valToPos(ms, 'x') + tickSpace / 3 > plot.bbox.width / devicePixelRatio ? '' : formats.tick(ms, step),
      ),
  };
}

function countAxis(target: HTMLElement, formats: Formats): uPlot.Axis {
  return {
    size: 44,
    gap: 6,
    font,
    space: 28,
    incrs: [
      1,
      2,
      5,
      ...[1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9].flatMap((power) => [power, 2 * power, 5 * power]),
    ],
    stroke: () => colour(target, '--text-faint'),
    grid: { width: 1, stroke: () => colour(target, '--line-faint') },
    ticks: { show: false },
    values: (_plot, splits) => splits.map((count) => formats.compact(count)),
  };
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const tickSteps = [
  1,
  2,
  5,
  10,
  20,
  50,
  100,
  200,
  500,
  ...[1, 2, 5, 10, 15, 30].map((count) => count * 1000),
  ...[1, 2, 5, 10, 15, 30].map((count) => count * minuteMs),
  ...[1, 2, 3, 6, 12].map((count) => count * hourMs),
  ...[1, 2, 7, 14, 30, 60, 90, 180, 365, 730, 3650, 36_500].map((count) => count * dayMs),
];

/** Marks at round local times: the zone's distance from UTC is taken out before rounding. */
function localSplits(min: number, max: number, step: number): number[] {
  const splits: number[] = [];
  const offset = new Date(min).getTimezoneOffset() * minuteMs;
  for (let at = Math.ceil((min - offset) / step) * step + offset; at <= max && splits.length < 100; at += step)
    splits.push(at);
  return splits;
}

function brushed(plot: uPlot, onBrush: PlotOptions['onBrush']): void {
  const { left, width } = plot.select;
  if (width < dragMin) return;
  const fromMs = plot.posToVal(left, 'x');
  const toMs = plot.posToVal(left + width, 'x');
  plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  onBrush({ fromMs, toMs });
}

function pointed(plot: uPlot, shown: Histogram | undefined, onPoint: PlotOptions['onPoint']): void {
  const { left } = plot.cursor;
  if (!shown || left === undefined || left < 0) {
    onPoint(undefined, 0);
    return;
  }
  const index = Math.floor((plot.posToVal(left, 'x') - shown.startMs) / shown.widthMs);
  const isBar = index >= 0 && index < shown.counts.length;
  onPoint(isBar ? index : undefined, left + plot.bbox.left / devicePixelRatio);
}
