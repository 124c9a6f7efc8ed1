/** The `opensearch` output. Source: fluent-plugin-opensearch 1.1. */
import { definePlugin } from '../core/plugin.ts';
import { endpointSigning, endpointsOf, opensearchEndpointSection } from './elasticsearch/aws.ts';
import { opensearchDifferences } from './elasticsearch/differences.ts';
import { checkFluentd, createFluentd, targetOf } from './elasticsearch/fluentd.ts';
import { opensearchOptions, sections } from './elasticsearch/options.ts';

const kind = { typeRule: 'opensearch' } as const;

export const opensearchOutput = definePlugin({
  kind: 'output',
  name: 'opensearch',
  summary: 'Writes records to OpenSearch, in bulk; what one record is refused for keeps no other back.',
  options: opensearchOptions,
  sections: { ...sections, ...opensearchEndpointSection },
  target(options, written) {
    const [endpoint] = endpointsOf(written, false).keys();
    return targetOf(endpoint ? { ...options, hosts: endpoint.shown } : options);
  },
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
  check(config, buffer) {
    endpointsOf(config.sections, false);
    checkFluentd(config, buffer, kind);
  },
  create(config, context) {
    const endpoints = endpointsOf(config.sections, false);
    if (endpoints.size === 0) return createFluentd(config, context, kind);
    const signing = endpointSigning(endpoints, context.clock);
    return createFluentd(config, context, kind, { hosts: [...endpoints.keys()], signing });
  },
});
