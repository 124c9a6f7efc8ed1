/** `<metric>` of the prometheus filter and output: what is counted of each record. Source: fluent-plugin-prometheus 2.2 prometheus.rb. */
import type { SectionModel } from '../../config/model.ts';
import { compileAccessor } from '../../core/accessor.ts';
import type { Batch } from '../../core/batch.ts';
import { boolean, choice, list, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { PluginConfig, PluginContext, SectionSpec } from '../../core/plugin.ts';
import { Float } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { compileLabels, isAccessor, labelsOf, labelsSection, mergedLabels } from './labels.ts';
import type { LabelTemplate } from './labels.ts';
import { RecordMetrics, recordMetricsKey } from './metrics.ts';
import type { Labels, MetricDefinition, RecordMetric } from './metrics.ts';

const options = {
  name: text('Name of the metric.', { required: true }),
  type: choice(['counter', 'gauge', 'summary', 'histogram'])('What it is.', { required: true }),
  desc: text('What Prometheus shows as its help.', { required: true }),
  key: text('Where in the record the value stands, as key or $.a.b; a counter without it counts records.'),
  buckets: list('Upper bounds of a histogram’s buckets, ascending.'),
  initialized: boolean('Shows the metric with nothing counted before the first record.', { default: false }),
};
type MetricOptions = OptionValues<typeof options>;

export const metricSections = {
  metric: {
    summary: 'A metric over records.',
    options,
    isMany: true,
    sections: {
      labels: labelsSection,
      initlabels: {
        summary: 'With initialized: values of labels that come from tag or record, a section for each metric shown.',
        options: {},
        isFreeform: true,
        isMany: true,
      },
    },
  },
  labels: labelsSection,
} as const satisfies Readonly<Record<string, SectionSpec>>;

/** @throws Error saying what is wrong with a metric */
export function checkMetrics({ sections }: Pick<PluginConfig, 'sections'>): void {
  const all = compileLabels(sections['labels']?.[0]);
  const seen = new Map<string, string>();
  for (const section of sections['metric'] ?? []) {
    const { definition } = readMetric(section, all, () => undefined);
    const { name, type, help } = definition;
    const told = JSON.stringify([type, help]);
    if ((seen.get(name) ?? told) !== told)
      throw new Error(`metric ${name} is defined twice, with another type or desc; give each its own name`);
    seen.set(name, told);
  }
}

/** Counts records into the metrics of a configuration. */
export class Instruments {
  readonly #instruments: readonly Instrument[];

  constructor({ sections }: Pick<PluginConfig, 'sections'>, context: PluginContext) {
    const said = new Set<string>();
    const sayOnce = (key: string, words: string): void => {
      if (said.has(key)) return;
      said.add(key);
      context.log.warn(words);
    };
    const unknown = (mark: string): void =>
      sayOnce(
        mark,
        `prometheus: the placeholder ${mark} has no value in some records; it stays as it is in the label.`,
      );
    const registry = recordMetrics(context);
    const all = compileLabels(sections['labels']?.[0], unknown);
    const failed = context.metrics.counter(
      'prometheus_values_refused_total',
      'Values of records that a metric of the prometheus filter or output did not take: no numbers, or too many labels',
      ['metric'],
    );
    this.#instruments = (sections['metric'] ?? []).map((section) => {
      const { definition, labels, initial, value } = readMetric(section, all, unknown);
      const metric = registry.metric(definition);
      for (const one of initial) metric.touch(one);
      const { name } = definition;
      const refuse = (why: string): void => {
        failed.inc({ metric: name });
        sayOnce(`${name} ${why}`, `prometheus: metric ${name}: ${why}; such values are counted and left out.`);
      };
      return { metric, labels, value, refuse };
    });
  }
  take(batch: Batch): void {
    for (let row = 0; row < batch.count; row++) {
      const fields = batch.fields(row);
      for (const { metric, labels, value, refuse } of this.#instruments) {
        const found = value === undefined ? 1 : value(fields);
        // As there: no value is none, and false is none but to counters, which cannot add it.
        if (found === undefined || found === null || (found === false && metric.definition.type !== 'counter'))
          continue;
        const number = numberOf(found);
        if (number === undefined) refuse('some values are no numbers');
        else if (metric.definition.type === 'counter' && !(number >= 0)) refuse('some values are below 0');
        else if (!metric.take(number, labelsOf(labels, batch.tag, fields)))
          refuse('there are more than 10000 sets of labels');
      }
    }
  }
}

/** What plugins of the process share. */
export function recordMetrics(context: Pick<PluginContext, 'shared'>): RecordMetrics {
  return context.shared(recordMetricsKey, () => new RecordMetrics());
}

interface Instrument {
  readonly metric: RecordMetric;
  readonly labels: readonly LabelTemplate[];
  /** Undefined: each record counts one. */
  readonly value: ((fields: Fields) => Value | undefined) | undefined;
  readonly refuse: (why: string) => void;
}

interface ReadMetric {
  readonly definition: MetricDefinition;
  readonly labels: readonly LabelTemplate[];
  readonly initial: readonly Labels[];
  readonly value: Instrument['value'];
}

function readMetric(section: SectionModel, all: readonly LabelTemplate[], unknown: (mark: string) => void): ReadMetric {
  const { name, type, desc, key, buckets, initialized } = section.options as MetricOptions;
  if (!/^[a-zA-Z_:][a-zA-Z0-9_:]*$/.test(name))
    throw new Error(`metric ${name}: expected a name of letters, digits, _ and :, not beginning with a digit`);
  if (key === undefined && type !== 'counter')
    throw new Error(`metric ${name}: a ${type} needs key, where its value stands`);
  if (buckets !== undefined && type !== 'histogram') throw new Error(`metric ${name}: buckets are for a histogram`);
  const labels = mergedLabels(all, compileLabels(section.sections?.['labels']?.[0], unknown));
  const accessor = key === undefined ? undefined : compileAccessor(key);
  return {
    definition: { name, type, help: desc, ...(buckets && { buckets: boundsOf(name, buckets) }) },
    labels,
    initial: initialized ? initialLabels(name, labels, section.sections?.['initlabels'] ?? []) : [],
    value: accessor && ((fields) => accessor.get(fields)),
  };
}

function boundsOf(name: string, written: readonly string[]): number[] {
  const bounds = written.map(Number);
  const isAscending = bounds.every((bound, index) => index === 0 || bound > (bounds[index - 1] as number));
  if (bounds.length === 0 || !bounds.every(Number.isFinite) || !isAscending)
    throw new Error(`metric ${name}: buckets ${written.join(', ')}: expected ascending numbers`);
  return bounds;
}

/** The sets of labels that are shown at once. */
function initialLabels(name: string, labels: readonly LabelTemplate[], sections: readonly SectionModel[]): Labels[] {
  const open = labels.filter(({ isFixed }) => !isFixed).map((label) => label.name);
  if (open.length > 0 && sections.length === 0)
    throw new Error(
      `metric ${name}: initialized needs <initlabels> with ${open.join(', ')}, whose values come from records`,
    );
  const sets =
    sections.length === 0 ? [new Map<string, string>()] : sections.map(({ pairs }) => valuesOf(name, open, pairs));
  return sets.map((values) =>
    labels.map((label) => [label.name, values.get(label.name) ?? label.make('', {})] as const),
  );
}

function valuesOf(name: string, open: readonly string[], pairs: SectionModel['pairs']): Map<string, string> {
  const values = new Map<string, string>();
  for (const { key, value } of pairs) {
    if (!open.includes(key))
      throw new Error(
        `metric ${name}: <initlabels> has ${key}, which is no label whose value comes from tag or record`,
      );
    if (isAccessor(value) || value.startsWith('${'))
      throw new Error(`metric ${name}: <initlabels> ${key}: expected a plain value, found ${value}`);
    values.set(key, value);
  }
  const missing = open.filter((label) => !values.has(label));
  if (missing.length > 0) throw new Error(`metric ${name}: <initlabels> lacks ${missing.join(', ')}`);
  return values;
}

function numberOf(value: Value): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value instanceof Float ? value.value : undefined;
}
