/** What runs, in the words of Fluentd's monitor_agent. Source: Fluentd 1.16 in_monitor_agent.rb, plugin/output.rb (statistics). */
import type { Status } from '../admin/backend.ts';
import { shownOptions } from '../config/describe.ts';
import { rootLabel } from '../config/model.ts';
import type { ActionModel, OutputModel, PipelineModel, PluginModel } from '../config/model.ts';
import type { PluginReport } from '../core/program-view.ts';
import { readSamples, sumOf } from '../core/metric-text.ts';
import type { Sample } from '../core/metric-text.ts';
import type { Registry } from '../core/registry.ts';
import { compileMatch } from '../router/match.ts';

export interface ReportParts {
  readonly model: PipelineModel;
  readonly registry: Registry;
  readonly status: Status;
  readonly metricsText: string;
}

/** Inputs, outputs, filters, in this order, as there. */
export function pluginReports({ model, registry, status, metricsText }: ReportParts): PluginReport[] {
  const samples = readSamples(metricsText);
  const config = (plugin: PluginModel): PluginReport['config'] => ({
    '@type': plugin.type,
    ...Object.fromEntries(shownOptions(registry.get(plugin.kind, plugin.type)?.options ?? {}, plugin.options)),
  });
  const inputs = [...model.sources, ...(model.endpoints ?? [])].map(({ id, plugin }): PluginReport => ({
    id,
    category: 'input',
    type: plugin.type,
    config: config(plugin),
    counts: {
      emit_records: sumOf(samples, 'records_received_total', { source: id }),
      emit_size: sumOf(samples, 'received_bytes_total', { source: id }),
    },
  }));
  const outputs = model.outputs.map((output): PluginReport => ({
    id: output.id,
    category: 'output',
    type: output.plugin.type,
    config: config(output.plugin),
    ...outputReport(output, status, samples),
  }));
  const filters = filtersOf(model).map((plugin, index): PluginReport => ({
    id: `filter.${index}`,
    category: 'filter',
    type: plugin.type,
    config: config(plugin),
    counts: {},
  }));
  return [...inputs, ...outputs, ...filters];
}

/** Chunks are not kept: what waits is counted in them as the output would cut it. */
function outputReport(
  { id, buffer }: OutputModel,
  { outputs, journal }: Status,
  samples: readonly Sample[],
): Pick<PluginReport, 'counts' | 'retry'> {
  const own = outputs.find((output) => output.id === id);
  if (!own) return { counts: {} };
  const { waiting, queuedBytes, backlog, delivered, refused, state, nextTryMs, target } = own;
  const bytes = backlog?.bytes ?? queuedBytes;
  const [used, most] = backlog ? [backlog.bytes, backlog.bytesMax] : [journal.bytes, journal.bytesMax];
  const retries = sumOf(samples, 'output_retries_total', { output: id });
  const refusals = Object.values(refused).reduce((sum, count) => sum + count, 0);
  return {
    counts: {
      buffer_queue_length: waiting === 0 ? 0 : Math.max(1, Math.ceil(bytes / buffer.chunkBytesMax)),
      buffer_total_queued_size: bytes,
      retry_count: retries,
      emit_records: delivered + refusals + waiting,
      emit_size: sumOf(samples, 'delivered_bytes_total', { output: id }),
      write_count: sumOf(samples, 'output_write_seconds_count', { output: id }),
      rollback_count: retries,
      flush_time_count: Math.round(1000 * sumOf(samples, 'output_write_seconds_sum', { output: id })),
      buffer_stage_length: 0,
      buffer_stage_byte_size: 0,
      buffer_queue_byte_size: bytes,
      buffer_available_buffer_space_ratios: most > 0 ? Math.round(1000 * Math.max(0, 1 - used / most)) / 10 : 0,
    },
    ...(state === 'retrying' &&
      nextTryMs !== undefined && {
        retry: { startMs: target?.answers === false ? target.sinceMs : undefined, nextMs: nextTryMs },
      }),
  };
}

function filtersOf({ labels }: PipelineModel): PluginModel[] {
  return Object.values(labels).flatMap((steps) =>
    steps.flatMap(({ action }) => (action.kind === 'filter' ? [action.plugin] : [])),
  );
}

/** The output that the first step of @ROOT which takes the tag sends to. */
export function outputOfTag({ labels }: PipelineModel, tag: string): string | undefined {
  for (const { match, action } of labels[rootLabel] ?? []) {
    const output = outputIn(action);
    if (output !== undefined && compileMatch(match)(tag)) return output;
  }
  return undefined;
}

function outputIn(action: ActionModel): string | undefined {
  if (action.kind === 'output') return action.output;
  if (action.kind !== 'copy' && action.kind !== 'roundrobin') return undefined;
  return action.actions.map(outputIn).find((output) => output !== undefined);
}
