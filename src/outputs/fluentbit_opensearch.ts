/** Fluent Bit's output `opensearch`; under another name here, as Fluentd has one called so too. Source: Fluent Bit 5.1 opensearch.c. */
import { definePlugin } from '../core/plugin.ts';
import {
  checkFluentbit,
  createFluentbit,
  fluentbitDifferences,
  fluentbitOptions,
  formOf,
  targetOf,
} from './elasticsearch/fluentbit.ts';

export const fluentbitOpensearchOutput = definePlugin({
  kind: 'output',
  name: 'fluentbit_opensearch',
  summary: 'Writes records to OpenSearch as Fluent Bit’s opensearch does: created in bulk, the time first.',
  options: fluentbitOptions,
  fluentbit: formOf(
    'opensearch',
    fluentbitOptions,
    `[OUTPUT]
    Name               opensearch
    Match              *
    Host               logs.example.com
    Index              app-$kubernetes['namespace_name']
    Suppress_Type_Name On
    Generate_ID        On`,
  ),
  target: targetOf,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type fluentbit_opensearch
  host logs.example.com
  logstash_format true
</match>`,
  differences: fluentbitDifferences,
  check: ({ options, at }) => checkFluentbit(options, at),
  create: ({ options }, context) => createFluentbit(options, context, 'opensearch'),
});
