/** The `elasticsearch_data_stream` output. Source: fluent-plugin-elasticsearch 6.0. */
import { definePlugin } from '../core/plugin.ts';
import { dataStreamDifferences } from './elasticsearch/differences.ts';
import { checkFluentd, createFluentd, dataStreamTarget } from './elasticsearch/fluentd.ts';
import { elasticsearchDataStreamOptions, sections } from './elasticsearch/options.ts';

export const elasticsearchDataStreamOutput = definePlugin({
  kind: 'output',
  name: 'elasticsearch_data_stream',
  summary: 'Writes records to a data stream of Elasticsearch, which is made where it is not there.',
  options: elasticsearchDataStreamOptions,
  sections,
  target: dataStreamTarget,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type elasticsearch_data_stream
  host logs.example.com
  data_stream_name logs-app-default
  index_retention 30d
</match>`,
  differences: dataStreamDifferences,
  check: (config, buffer) =>
    checkFluentd(config, buffer, { typeRule: 'elasticsearch', dataStreamName: config.options.dataStreamName }),
  create: (config, context) =>
    createFluentd(config, context, { typeRule: 'elasticsearch', dataStreamName: config.options.dataStreamName }),
});
