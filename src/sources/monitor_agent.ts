/** The `monitor_agent` source: tells of the plugins that run, over HTTP. Source: Fluentd 1.16 in_monitor_agent.rb. */
import { boolean, duration, integer, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { EndpointContext, PluginConfig } from '../core/plugin.ts';
import type { PluginReport } from '../core/program-view.ts';
import { version } from '../core/version.ts';
import { EndpointServer, noSource } from './endpoints/server.ts';
import type { EndpointAnswer } from './endpoints/server.ts';

const options = {
  bind: text('Address to listen on; 0.0.0.0 answers everybody.', {
    default: '127.0.0.1',
    warnAbsent:
      'the source listens on 127.0.0.1 alone, where Fluentd listens on all addresses; write bind 0.0.0.0 to answer other machines, or bind 127.0.0.1',
  }),
  port: integer(0, 65_535)('Port to listen on.', { default: 24_220 }),
  tag: text('Tag of records with the counts. Not supported.'),
  emitInterval: duration('How often such records are made.', {
    default: 60_000,
    ignored: 'there are no records of counts',
  }),
  includeConfig: boolean('Tells how each plugin is configured; secrets are masked.', { default: false }),
  includeRetry: boolean('Tells of retries.', { default: false }),
  includeDebugInfo: boolean('Lets ?debug=1 write JSON over several lines.', { default: false }),
};

export const monitorAgentSource = definePlugin({
  kind: 'source',
  name: 'monitor_agent',
  summary: 'Tells of the plugins that run and their counts, at /api/plugins.json and the other paths of Fluentd’s.',
  options,
  exclusive: ['port'],
  example: `<source>
  @type monitor_agent
  bind 127.0.0.1
  port 24220
</source>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Each worker listens on a port of its own, port + its number. Here one process tells of all.',
      options: ['port'],
    },
    {
      peer: 'fluentd',
      verdict: 'unsupported',
      text: 'Emits its counts as records with a tag. Here tag is an error: have Prometheus read the metrics.',
      options: ['tag'],
    },
    {
      peer: 'fluentd',
      text: 'Tells of chunks, emits and instance variables. Here a queue’s length is how many chunks the output would make of what it holds, at least 1 while anything waits; retry_count counts since the start; there are no emit_count, slow_flush_count, timekeys and instance variables, and filters count nothing.',
    },
  ],
  check({ options: { tag } }) {
    if (tag !== undefined)
      throw new Error('tag: records of counts are not made; leave it out, and have Prometheus read the metrics');
  },
  endpoint: serveAgent,
  create: noSource,
});

type Values = PluginConfig<typeof options>['options'];

function serveAgent({ options: values }: PluginConfig<typeof options>, context: EndpointContext): EndpointServer {
  return new EndpointServer(
    {
      host: values.bind,
      port: values.port,
      answer: async (url) => answerOf(values, context, url),
    },
    context,
  );
}

async function answerOf(values: Values, { program }: EndpointContext, url: URL): Promise<EndpointAnswer> {
  const isPretty = values.includeDebugInfo && url.searchParams.has('debug');
  const list = async () => {
    const chosen = choose(await program.plugins(), url.searchParams, program.outputOf.bind(program));
    return chosen.map((report) => told(report, values));
  };
  const own = { pid: process.pid, ppid: process.ppid, version: `post2log ${version}` };
  switch (url.pathname) {
    case '/api/plugins.json':
      return json({ plugins: await list() }, isPretty);
    case '/api/plugins':
      return ltsv(await list());
    case '/api/config.json':
      return json(own, isPretty);
    case '/api/config':
      return ltsv([own]);
    default:
      return { ...json({ message: 'Not found' }, false), status: 404 };
  }
}

/** By the first of tag, id and type that is asked for. */
function choose(
  reports: readonly PluginReport[],
  query: URLSearchParams,
  outputOf: (tag: string) => string | undefined,
): readonly PluginReport[] {
  const tag = query.get('tag');
  if (tag !== null) {
    const output = outputOf(tag);
    return reports.filter(({ id, category }) => category === 'output' && id === output);
  }
  const id = query.get('@id') ?? query.get('id');
  if (id !== null) return reports.filter((report) => report.id === id).slice(0, 1);
  const type = query.get('@type') ?? query.get('type');
  return type === null ? reports : reports.filter((report) => report.type === type);
}

function told({ id, category, type, config, counts, retry }: PluginReport, values: Values): Record<string, unknown> {
  const isOutput = category === 'output';
  return {
    plugin_id: id,
    plugin_category: category,
    type,
    ...(values.includeConfig && { config }),
    output_plugin: isOutput,
    ...(!isOutput && { retry_count: null }),
    ...counts,
    ...(values.includeRetry && isOutput && { retry: retry ? retryOf(retry) : {} }),
  };
}

function retryOf({ startMs, nextMs }: NonNullable<PluginReport['retry']>): Record<string, string> {
  return {
    ...(startMs !== undefined && { start: new Date(startMs).toISOString() }),
    next_time: new Date(nextMs).toISOString(),
  };
}

function json(value: unknown, isPretty: boolean): EndpointAnswer {
  return { status: 200, type: 'application/json', body: JSON.stringify(value, undefined, isPretty ? 2 : undefined) };
}

/** Objects are left out, lists joined, as there. */
function ltsv(rows: readonly Readonly<Record<string, unknown>>[]): EndpointAnswer {
  const lines = rows.map((row) =>
    Object.entries(row)
      .flatMap(([key, value]) => {
        const text = ltsvText(value);
        return text === undefined ? [] : [`${key}:${text}`];
      })
      .join('\t'),
  );
  return { status: 200, type: 'text/plain', body: lines.map((line) => `${line}\n`).join('') };
}

function ltsvText(value: unknown): string | undefined {
  if (value === null) return '';
  if (Array.isArray(value)) return value.join(',');
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
