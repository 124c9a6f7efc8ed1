/** The `opensearch` output. Source: fluent-plugin-opensearch 1.1. */
import { definePlugin } from '../core/plugin.ts';
import { opensearchDifferences } from './elasticsearch/differences.ts';
import { checkFluentd, createFluentd, targetOf } from './elasticsearch/fluentd.ts';
import { opensearchOptions, sections } from './elasticsearch/options.ts';

const kind = { typeRule: 'opensearch' } as const;

export const opensearchOutput = definePlugin({
  kind: 'output',
  name: 'opensearch',
  summary: 'Writes records to OpenSearch, in bulk; what one record is refused for keeps no other back.',
  options: opensearchOptions,
  sections,
  target: targetOf,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type opensearch
  host logs.example.com
  scheme https
  user collector
  password secret
  logstash_format true
  logstash_prefix app
</match>`,
  differences: opensearchDifferences,
  check: (config, buffer) => checkFluentd(config, buffer, kind),
  create: (config, context) => createFluentd(config, context, kind),
});
