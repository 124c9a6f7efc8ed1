/** The counts of sources and outputs under the names that Fluent Bit's monitoring has. Source: Fluent Bit 5.1 flb_metrics.c, api/v1/metrics.c. */
import type { MonitorModel } from '../config/model.ts';
import { readSamples } from '../core/metric-text.ts';

/** Counts by Fluent Bit's name of each. */
export type Counts = Readonly<Record<string, number>>;

/** As `/api/v1/metrics` has them: input, filter and output, by instance. */
export interface MonitorCounts {
  readonly input: Readonly<Record<string, Counts>>;
  /** Filters count nothing here. */
  readonly filter: Readonly<Record<string, never>>;
  readonly output: Readonly<Record<string, Counts>>;
}

const usedUp = 'retries_exhausted';

/** Makes them of the program's own metrics, in Prometheus text. */
export function monitorCounts(text: string, { sources, outputs }: MonitorModel): MonitorCounts {
  const samples = readSamples(text);
  const count = (metric: string, label: string, id: string, fits: (reason: string) => boolean = () => true): number =>
    samples
      .filter(({ name, labels }) => name === metric && labels[label] === id && fits(labels['reason'] ?? ''))
      .reduce((sum, { value }) => sum + value, 0);
  const isUsedUp = (reason: string): boolean => reason.startsWith(usedUp);
  return {
    input: mapped(sources, (id) => ({
      records: count('records_received_total', 'source', id),
      bytes: count('received_bytes_total', 'source', id),
    })),
    filter: {},
    output: mapped(outputs, (id) => ({
      proc_records: count('records_delivered_total', 'output', id),
      proc_bytes: count('delivered_bytes_total', 'output', id),
      errors: count('output_records_refused_total', 'output', id, (reason) => !isUsedUp(reason)),
      retries: count('output_retries_total', 'output', id),
      retries_failed: count('output_records_refused_total', 'output', id, isUsedUp),
      dropped_records: count('output_records_refused_total', 'output', id),
      retried_records: count('output_retried_records_total', 'output', id),
    })),
  };
}

function mapped<T>(ids: Readonly<Record<string, string>>, of: (id: string) => T): Record<string, T> {
  return Object.fromEntries(Object.entries(ids).map(([name, id]) => [name, of(id)]));
}

const helps: Readonly<Record<string, string>> = {
  fluentbit_input_records_total: 'Number of input records.',
  fluentbit_input_bytes_total: 'Number of input bytes.',
  fluentbit_output_proc_records_total: 'Number of processed output records.',
  fluentbit_output_proc_bytes_total: 'Number of processed output bytes.',
  fluentbit_output_errors_total: 'Number of output errors.',
  fluentbit_output_retries_total: 'Number of output retries.',
  fluentbit_output_retries_failed_total:
    'Number of abandoned batches because the maximum number of re-tries was reached.',
  fluentbit_output_dropped_records_total: 'Number of dropped records.',
  fluentbit_output_retried_records_total: 'Number of retried records.',
};

/** A metric and its values by instance. */
interface Family {
  readonly name: string;
  readonly values: readonly (readonly [instance: string, value: number])[];
}

function familiesOf({ input, output }: MonitorCounts): Family[] {
  return [...families('input', input), ...families('output', output)].sort((a, b) => (a.name < b.name ? -1 : 1));
}
function families(kind: string, instances: Readonly<Record<string, Counts>>): Family[] {
  const names = Object.keys(Object.values(instances)[0] ?? {});
  return names.map((name) => ({
    name: `fluentbit_${kind}_${name}_total`,
    values: Object.entries(instances).map(([instance, counts]) => [instance, counts[name] ?? 0] as const),
  }));
}

/** Prometheus text. `stampMs`: the time behind each value, as version 1 of the API has it. */
export function prometheusText(counts: MonitorCounts, stampMs: number | undefined): string {
  const stamp = stampMs === undefined ? '' : ` ${stampMs}`;
  return familiesOf(counts)
    .flatMap(({ name, values }) => [
      `# HELP ${name} ${helps[name] ?? 'Fluentbit metrics.'}`,
      `# TYPE ${name} counter`,
      ...values.map(([instance, value]) => `${name}{name="${labelText(instance)}"} ${value}${stamp}`),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/** A line for each value, as `/api/v2/metrics` has them. */
export function plainText(counts: MonitorCounts, now: string): string {
  return familiesOf(counts)
    .flatMap(({ name, values }) =>
      values.map(([instance, value]) => `${now} ${name}{name="${labelText(instance)}"} = ${value}\n`),
    )
    .join('');
}

export function labelText(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
