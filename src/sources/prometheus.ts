/** The `prometheus` source: shows metrics to Prometheus. Source: fluent-plugin-prometheus 2.2 in_prometheus.rb. */
import { recordMetrics } from '../codecs/record-metrics/instruments.ts';
import { boolean, choice, duration, integer, map, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { EndpointContext, PluginConfig } from '../core/plugin.ts';
import { EndpointServer, noSource } from './endpoints/server.ts';
import { transportProblem, transportSection } from './requests/transport.ts';

const options = {
  bind: text('Address to listen on.', { default: '127.0.0.1' }),
  port: integer(0, 65_535)('Port to listen on.', { default: 24_231 }),
  metricsPath: text('Path of the metrics.', { default: '/metrics' }),
  aggregatedMetricsPath: text('Path of the metrics of all workers, which are the same here.', {
    default: '/aggregated_metrics',
  }),
  contentEncoding: choice(['identity', 'gzip'])('How answers are packed.', { default: 'identity' }),
  ignoreErrorLogInterval: duration('How long an error that repeats is not said again.', {
    default: 3_600_000,
    ignored: 'an answer that fails says so in the log',
  }),
};
const sslOptions = {
  enable: boolean('Whether TLS is spoken.', { default: false }),
  certificatePath: text('PEM file with the certificate.'),
  privateKeyPath: text('PEM file with its private key.'),
  caPath: text('PEM file with certificates.', { ignored: 'clients need no certificate' }),
  extraConf: map('Settings of WEBrick.', { ignored: 'there is no WEBrick here' }),
};

export const prometheusSource = definePlugin({
  kind: 'source',
  name: 'prometheus',
  summary:
    'Shows the program’s metrics, and those that the prometheus filter, output and monitors make, to Prometheus.',
  options,
  sections: {
    transport: transportSection,
    ssl: { summary: 'The older way to write <transport tls>.', options: sslOptions },
  },
  exclusive: ['port'],
  example: `<source>
  @type prometheus
  bind 127.0.0.1
  port 24231
</source>
<source>
  @type prometheus_output_monitor
</source>`,
  differences: [
    {
      peer: 'fluentd',
      text: 'Each worker listens on a port of its own, port + its number. Here one process shows all, on port alone, at both paths.',
      options: ['port', 'aggregatedMetricsPath'],
    },
    {
      peer: 'fluentd',
      text: 'Shows what its other plugins make. Here the program’s own metrics, those of the admin server’s /metrics, stand before them.',
    },
  ],
  check({ sections }) {
    const transport = sections['transport']?.[0];
    const ssl = sections['ssl']?.[0]?.options as OptionValues<typeof sslOptions> | undefined;
    if (ssl?.enable === true && transport)
      throw new Error('<ssl> stands beside <transport>: write <transport tls> alone');
    if (ssl?.enable === true && (ssl.certificatePath === undefined || ssl.privateKeyPath === undefined))
      throw new Error('<ssl> needs certificate_path and private_key_path; certificates are not made on the fly here');
    const problem = transportProblem(transport);
    if (problem !== undefined) throw new Error(problem);
  },
  endpoint: serveMetrics,
  create: noSource,
});

const textType = 'text/plain; version=0.0.4';

function serveMetrics(
  { options: values, sections }: PluginConfig<typeof options>,
  context: EndpointContext,
): EndpointServer {
  const records = recordMetrics(context);
  const { metricsPath, aggregatedMetricsPath } = values;
  const ssl = sections['ssl']?.[0];
  const sslValues = ssl?.options as OptionValues<typeof sslOptions> | undefined;
  const old = ssl &&
    sslValues?.enable === true && {
      ...ssl,
      argument: 'tls',
      options: { certPath: sslValues.certificatePath, privateKeyPath: sslValues.privateKeyPath },
    };
  return new EndpointServer(
    {
      host: values.bind.replace(/^\[(.*)\]$/, '$1'),
      port: values.port,
      transport: old || sections['transport']?.[0],
      isGzipped: values.contentEncoding === 'gzip',
      async answer({ pathname }) {
        if (pathname !== metricsPath && pathname !== aggregatedMetricsPath)
          return { status: 404, type: 'text/plain', body: `there are ${metricsPath} and ${aggregatedMetricsPath}\n` };
        const [own, others] = await Promise.all([context.program.metricsText(), records.text()]);
        return { status: 200, type: textType, body: own + (own.endsWith('\n') ? '' : '\n') + others };
      },
    },
    context,
  );
}
