/** The `opensearch_data_stream` output. Source: fluent-plugin-opensearch 1.1. */
import { definePlugin } from '../core/plugin.ts';
import { endpointSigning, endpointsOf, opensearchEndpointSection } from './elasticsearch/aws.ts';
import { dataStreamDifferences } from './elasticsearch/differences.ts';
import { checkFluentd, createFluentd, dataStreamTarget } from './elasticsearch/fluentd.ts';
import { opensearchDataStreamOptions, sections } from './elasticsearch/options.ts';

export const opensearchDataStreamOutput = definePlugin({
  kind: 'output',
  name: 'opensearch_data_stream',
  summary: 'Writes records to a data stream of OpenSearch, which is made where it is not there.',
  options: opensearchDataStreamOptions,
  sections: { ...sections, ...opensearchEndpointSection },
  target(options, written) {
    const [endpoint] = endpointsOf(written, false).keys();
    return dataStreamTarget(endpoint ? { ...options, hosts: endpoint.shown } : options);
  },
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type opensearch_data_stream
  host logs.example.com
  data_stream_name logs-app
</match>`,
  differences: dataStreamDifferences,
  check(config, buffer) {
    endpointsOf(config.sections, false);
    checkFluentd(config, buffer, kindOf(config.options.dataStreamName));
  },
  create(config, context) {
    const kind = kindOf(config.options.dataStreamName);
    const endpoints = endpointsOf(config.sections, false);
    if (endpoints.size === 0) return createFluentd(config, context, kind);
    const signing = endpointSigning(endpoints, context.clock);
    return createFluentd(config, context, kind, { hosts: [...endpoints.keys()], signing });
  },
});

const kindOf = (dataStreamName: string) => ({ typeRule: 'opensearch', dataStreamName }) as const;
