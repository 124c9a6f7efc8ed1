/** The `elasticsearch_dynamic` output. Source: fluent-plugin-elasticsearch 6.0. */
import { definePlugin } from '../core/plugin.ts';
import { dynamicDifferences } from './elasticsearch/differences.ts';
import { checkFluentd, createFluentd, targetOf } from './elasticsearch/fluentd.ts';
import { dynamicOptions, sections } from './elasticsearch/options.ts';

const kind = { typeRule: 'elasticsearch', isDynamic: true } as const;

export const elasticsearchDynamicOutput = definePlugin({
  kind: 'output',
  name: 'elasticsearch_dynamic',
  summary: 'Writes records to Elasticsearch where expressions in its options say, for each record anew.',
  options: dynamicOptions,
  sections,
  target: targetOf,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type elasticsearch_dynamic
  host logs.example.com
  logstash_format true
  logstash_prefix \${tag_parts[1]}.\${record["kubernetes"]["namespace_name"]}
</match>`,
  differences: dynamicDifferences,
  check: (config, buffer) => checkFluentd(config, buffer, kind),
  create: (config, context) => createFluentd(config, context, kind),
});
