/**
 * Metrics that configurations define over records: counters, gauges, summaries and histograms, and their text for
 * Prometheus. Source: fluent-plugin-prometheus 2.2 with prometheus-client 4 (Ruby): a summary has a sum and a count and no
 * quantiles. Kept for the whole process, as there: a reload goes on counting.
 */

export type MetricType = 'counter' | 'gauge' | 'summary' | 'histogram';

export interface MetricDefinition {
  readonly name: string;
  readonly type: MetricType;
  readonly help: string;
  /** Of histograms, ascending; undefined: those of the Ruby client. */
  readonly buckets?: readonly number[] | undefined;
}

/** Values by name, in the order in which they are shown. */
export type Labels = readonly (readonly [name: string, value: string])[];

/** As in the Ruby client. */
const bucketsDefault = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Sets of labels of one metric: whoever puts an id of each request into a label would fill the memory otherwise. */
const seriesMax = 10_000;

interface Series {
  readonly labels: Labels;
  value: number;
  count: number;
  /** Of histograms: how many values were at most each bucket, and above the one before. */
  readonly buckets: number[];
}

/** One metric. */
export class RecordMetric {
  readonly definition: MetricDefinition;
  readonly #bounds: readonly number[];
  readonly #series = new Map<string, Series>();

  constructor(definition: MetricDefinition) {
    this.definition = definition;
    this.#bounds = definition.type === 'histogram' ? (definition.buckets ?? bucketsDefault) : [];
  }
  /** Shows these labels with nothing counted yet. */
  touch(labels: Labels): void {
    this.#of(labels);
  }
  /** Adds to a counter, sets a gauge, takes a value into the others. False: there are too many sets of labels. */
  take(value: number, labels: Labels): boolean {
    const series = this.#of(labels);
    if (!series) return false;
    if (this.definition.type === 'gauge') series.value = value;
    else series.value += value;
    series.count++;
    const bucket = this.#bounds.findIndex((bound) => value <= bound);
    if (bucket >= 0) series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
    return true;
  }
  text(): string {
    const { name, type, help } = this.definition;
    const lines = [`# TYPE ${name} ${type}`, `# HELP ${name} ${escaped(help)}`];
    for (const series of this.#series.values()) {
      const { labels, value, count } = series;
      if (type === 'counter' || type === 'gauge') lines.push(`${name}${labelsText(labels)} ${numberText(value)}`);
      else {
        if (type === 'histogram') lines.push(...this.#bucketLines(series));
        lines.push(`${name}_sum${labelsText(labels)} ${numberText(value)}`);
        lines.push(`${name}_count${labelsText(labels)} ${count}`);
      }
    }
    return lines.map((line) => `${line}\n`).join('');
  }
  #bucketLines({ labels, buckets, count }: Series): string[] {
    let sum = 0;
    const lines = this.#bounds.map((bound, index) => {
      sum += buckets[index] ?? 0;
      return [String(bound), sum] as const;
    });
    const { name } = this.definition;
    return [...lines, ['+Inf', count] as const].map(
      ([bound, value]) => `${name}_bucket${labelsText([...labels, ['le', bound]])} ${value}`,
    );
  }
  #of(labels: Labels): Series | undefined {
    const key = JSON.stringify(labels);
    const known = this.#series.get(key);
    if (known || this.#series.size >= seriesMax) return known;
    const series: Series = { labels, value: 0, count: 0, buckets: [] };
    this.#series.set(key, series);
    return series;
  }
}

/** All of them in a process, and what else is to stand beside them. */
export class RecordMetrics {
  readonly #metrics = new Map<string, RecordMetric>();
  readonly #others = new Map<string, () => Promise<string>>();

  /** The metric of a definition. One of its name that is defined otherwise (before a reload) ends. */
  metric(definition: MetricDefinition): RecordMetric {
    const known = this.#metrics.get(definition.name);
    if (known && JSON.stringify(known.definition) === JSON.stringify(definition)) return known;
    const metric = new RecordMetric(definition);
    this.#metrics.set(definition.name, metric);
    return metric;
  }
  /** Text that `key` adds, asked for at each scrape; undefined: it adds none any more. */
  add(key: string, text: (() => Promise<string>) | undefined): void {
    if (text) this.#others.set(key, text);
    else this.#others.delete(key);
  }
  async text(): Promise<string> {
    const others = await Promise.all([...this.#others.values()].map((text) => text()));
    return [...this.#metrics.values()].map((metric) => metric.text()).join('') + others.join('');
  }
}

/** Under which plugins share it. */
export const recordMetricsKey = 'record-metrics';

/** `{a="b"}`; empty where there are no labels. */
export function labelsText(labels: Labels): string {
  if (labels.length === 0) return '';
  return `{${labels.map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`).join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}

function numberText(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  if (!Number.isFinite(value)) return value > 0 ? '+Inf' : '-Inf';
  return String(value);
}
