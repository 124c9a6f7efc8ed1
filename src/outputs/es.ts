/** Fluent Bit's output `es`. Source: Fluent Bit 5.1 es.c. */
import { definePlugin } from '../core/plugin.ts';
import {
  checkFluentbit,
  createFluentbit,
  esOptions,
  fluentbitDifferences,
  formOf,
  targetOf,
} from './elasticsearch/fluentbit.ts';

export const esOutput = definePlugin({
  kind: 'output',
  name: 'es',
  summary: 'Writes records to Elasticsearch as Fluent Bit’s es does: created in bulk, the time first.',
  options: esOptions,
  fluentbit: formOf(
    'es',
    esOptions,
    `[OUTPUT]
    Name               es
    Match              *
    Host               logs.example.com
    Logstash_Format    On
    Suppress_Type_Name On
    HTTP_User          collector
    HTTP_Passwd        secret
    tls                On`,
  ),
  target: targetOf,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type es
  host logs.example.com
  logstash_format true
</match>`,
  differences: fluentbitDifferences,
  check: ({ options, at }) => checkFluentbit(options, at),
  create: ({ options }, context) => createFluentbit(options, context, 'es'),
});
