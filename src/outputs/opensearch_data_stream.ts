/** The `opensearch_data_stream` output. Source: fluent-plugin-opensearch 1.1. */
import { definePlugin } from '../core/plugin.ts';
import { dataStreamDifferences } from './elasticsearch/differences.ts';
import { checkFluentd, createFluentd, dataStreamTarget } from './elasticsearch/fluentd.ts';
import { opensearchDataStreamOptions, sections } from './elasticsearch/options.ts';

export const opensearchDataStreamOutput = definePlugin({
  kind: 'output',
  name: 'opensearch_data_stream',
  summary: 'Writes records to a data stream of OpenSearch, which is made where it is not there.',
  options: opensearchDataStreamOptions,
  sections,
  target: dataStreamTarget,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type opensearch_data_stream
  host logs.example.com
  data_stream_name logs-app
</match>`,
  differences: dataStreamDifferences,
  check: (config, buffer) =>
    checkFluentd(config, buffer, { typeRule: 'opensearch', dataStreamName: config.options.dataStreamName }),
  create: (config, context) =>
    createFluentd(config, context, { typeRule: 'opensearch', dataStreamName: config.options.dataStreamName }),
});
