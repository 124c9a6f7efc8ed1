/** What tests of endpoints need. Not used by the program. */
import type { EndpointContext, Plugin, PluginConfig, PluginContext, Source } from '../../core/plugin.ts';
import type { PluginReport, ProgramView } from '../../core/program-view.ts';
import { builtinPlugins } from '../../plugins.ts';
import { configOf, contextOf } from '../../../test/fixture.ts';

const reports: readonly PluginReport[] = [
  {
    id: 'in',
    category: 'input',
    type: 'tail',
    config: { '@type': 'tail' },
    counts: { emit_records: 7, emit_size: 70 },
  },
  {
    id: 'out',
    category: 'output',
    type: 'http',
    config: { '@type': 'http', password: '******' },
    counts: {
      buffer_queue_length: 2,
      buffer_total_queued_size: 300,
      buffer_stage_length: 0,
      buffer_available_buffer_space_ratios: 99.5,
      retry_count: 4,
      emit_records: 6,
      write_count: 3,
      rollback_count: 4,
      flush_time_count: 12,
    },
    retry: { startMs: 1_700_000_000_000, nextMs: 1_700_000_008_000 },
  },
  { id: 'filter.0', category: 'filter', type: 'grep', config: { '@type': 'grep' }, counts: {} },
];

const program: ProgramView = {
  metricsText: () => Promise.resolve('own_metric 1\n'),
  plugins: () => Promise.resolve(reports),
  outputOf: (tag) => (tag === 'app' ? 'out' : undefined),
};

/** An endpoint, made but not started. */
export function endpointOf(
  plugin: Plugin,
  options: Record<string, unknown> = {},
  sections: PluginConfig['sections'] = {},
  context: PluginContext = contextOf(builtinPlugins),
): Source {
  if (plugin.kind !== 'source' || !plugin.endpoint) throw new TypeError(`${plugin.name} is no endpoint`);
  const config = configOf(plugin, options, { sections });
  plugin.check?.(config);
  const whole: EndpointContext = { ...context, id: plugin.name, program };
  return plugin.endpoint(config, whole);
}

/** One that listens, until the test ends; asks it. */
export async function listening(
  test: { after(end: () => Promise<void>): void },
  ...made: Parameters<typeof endpointOf>
): Promise<(path: string, init?: RequestInit) => Promise<Response>> {
  const [plugin, options = {}, ...rest] = made;
  const endpoint = endpointOf(plugin, { port: 0, bind: '127.0.0.1', ...options }, ...rest);
  await endpoint.start();
  test.after(() => endpoint.stop());
  const { port } = endpoint as unknown as { readonly port: number };
  return (path, init) => fetch(`http://127.0.0.1:${port}${path}`, init);
}
