/** The `elasticsearch` output. Source: fluent-plugin-elasticsearch 6.0. */
import { definePlugin } from '../../core/plugin.ts';
import { elasticsearchDifferences } from './differences.ts';
import { checkFluentd, createFluentd, targetOf } from './fluentd.ts';
import { elasticsearchOptions, sections } from './options.ts';

export const elasticsearchOutput = definePlugin({
  kind: 'output',
  name: 'elasticsearch',
  summary:
    'Writes records to Elasticsearch or OpenSearch, in bulk; what one record is refused for keeps no other back.',
  options: elasticsearchOptions,
  sections,
  target: targetOf,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type elasticsearch
  hosts https://a.example.com:9200,https://b.example.com:9200
  user collector
  password secret
  logstash_format true
  logstash_prefix app
  include_tag_key true
  index_retention 30d
  exactly_once true
  <buffer tag>
    flush_interval 5s
  </buffer>
</match>`,
  differences: elasticsearchDifferences,
  check: (config, buffer) => checkFluentd(config, buffer, { typeRule: 'elasticsearch' }),
  create: (config, context) => createFluentd(config, context, { typeRule: 'elasticsearch' }),
});
