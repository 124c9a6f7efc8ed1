/** The `aws-elasticsearch-service` output. Source: fluent-plugin-aws-elasticsearch-service 2.4 on fluent-plugin-elasticsearch. */
import { definePlugin } from '../core/plugin.ts';
import { endpointSection, endpointSigning, endpointsOf } from './elasticsearch/aws.ts';
import { elasticsearchDifferences } from './elasticsearch/differences.ts';
import { checkFluentd, createFluentd } from './elasticsearch/fluentd.ts';
import { elasticsearchOptions, sections } from './elasticsearch/options.ts';

const kind = { typeRule: 'elasticsearch' } as const;

export const awsElasticsearchServiceOutput = definePlugin({
  kind: 'output',
  name: 'aws-elasticsearch-service',
  aliases: ['amazon_es'],
  summary: 'Writes records to Amazon OpenSearch (Elasticsearch) domains and collections, with signed requests.',
  options: elasticsearchOptions,
  sections: { ...sections, ...endpointSection },
  target: ({ logstashFormat, logstashPrefix, indexName }, written) =>
    `${[...endpointsOf(written).keys()].map(({ shown }) => shown).join(',')}/${logstashFormat ? logstashPrefix : indexName}`,
  buffer: { chunkKeys: ['tag'] },
  example: `<match app.**>
  @type aws-elasticsearch-service
  logstash_format true
  include_tag_key true
  <endpoint>
    url https://search-app-abc.eu-west-1.es.amazonaws.com
    region eu-west-1
    assume_role_arn arn:aws:iam::123456789012:role/logs
    assume_role_web_identity_token_file /var/run/secrets/eks.amazonaws.com/serviceaccount/token
  </endpoint>
  <buffer tag>
    flush_interval 5s
  </buffer>
</match>`,
  differences: [
    ...elasticsearchDifferences,
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Fetches keys for each request, and fails with all that waits when they have expired. Here keys are renewed before they end; what is answered 403 waits, and the log says what to check.',
    },
    {
      peer: 'fluentd',
      text: 'Signs for `es` alone. Here for `aoss` too, where the URL is one of OpenSearch Serverless, or for what `aws_service_name` says.',
      options: ['awsServiceName'],
    },
    {
      peer: 'fluentd',
      text: 'Looks for keys in the shared files, the machine and ECS alone. Here in the environment and in all other places where the AWS SDKs do as well.',
    },
  ],
  check(config, buffer) {
    endpointsOf(config.sections);
    checkFluentd(config, buffer, kind);
  },
  create(config, context) {
    const endpoints = endpointsOf(config.sections);
    const signing = endpointSigning(endpoints, context.clock);
    return createFluentd(config, context, kind, { hosts: [...endpoints.keys()], signing });
  },
});
