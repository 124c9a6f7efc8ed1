/** Metrics of what runs, under the names that Fluentd's monitors give them. Source: fluent-plugin-prometheus 2.2 in_prometheus_{,output_}monitor.rb. */
import { labelsOf, compileLabels, isAccessor, labelsSection } from '../../codecs/record-metrics/labels.ts';
import type { LabelTemplate } from '../../codecs/record-metrics/labels.ts';
import { recordMetrics } from '../../codecs/record-metrics/instruments.ts';
import { labelsText } from '../../codecs/record-metrics/metrics.ts';
import type { Labels } from '../../codecs/record-metrics/metrics.ts';
import { duration } from '../../core/options.ts';
import type { EndpointContext, PluginConfig, Source } from '../../core/plugin.ts';
import type { PluginReport } from '../../core/program-view.ts';

/** A metric, and its value for a plugin; undefined: it has none. */
export interface MonitorRow {
  readonly name: string;
  readonly help: string;
  readonly type?: 'counter';
  readonly value: (report: PluginReport) => number | undefined;
}

export const intervalOption = duration('How often the metrics are renewed.', {
  default: 5000,
  ignored: 'they are read whenever they are asked for',
});
export const monitorSections = { labels: labelsSection };

/** @throws Error where labels are wrong */
export function checkMonitor({ sections }: Pick<PluginConfig, 'sections'>): void {
  for (const { key, value } of sections['labels']?.[0]?.pairs ?? [])
    if (isAccessor(value)) throw new Error(`label ${key}: there is no record here that $… could look into`);
  compileLabels(sections['labels']?.[0]);
}

/** Adds the rows to what the prometheus source shows, while it runs. */
export function monitor(
  { sections }: Pick<PluginConfig, 'sections'>,
  context: EndpointContext,
  rows: readonly MonitorRow[],
  wants: (report: PluginReport) => boolean,
  ownLabels: (report: PluginReport) => Labels,
): Source {
  const records = recordMetrics(context);
  const base: readonly LabelTemplate[] = compileLabels(sections['labels']?.[0]);
  const text = async (): Promise<string> => {
    const reports = (await context.program.plugins()).filter(wants);
    return rows
      .map((row) => family(row, reports, (report) => [...labelsOf(base, '', {}), ...ownLabels(report)]))
      .join('');
  };
  return {
    start() {
      records.add(context.id, text);
      return Promise.resolve();
    },
    stop() {
      records.add(context.id, undefined);
      return Promise.resolve();
    },
  };
}

function family(
  { name, help, type, value }: MonitorRow,
  reports: readonly PluginReport[],
  labels: (report: PluginReport) => Labels,
): string {
  const lines = reports.flatMap((report) => {
    const found = value(report);
    return found === undefined ? [] : [`${name}${labelsText(labels(report))} ${found}`];
  });
  if (lines.length === 0) return '';
  return [`# TYPE ${name} ${type ?? 'gauge'}`, `# HELP ${name} ${help}`, ...lines].map((line) => `${line}\n`).join('');
}

/** The value under Fluentd's name. */
export function counted(name: string): MonitorRow['value'] {
  return ({ counts }) => counts[name];
}
