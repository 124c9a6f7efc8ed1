/** The variables of an Elasticsearch or OpenSearch that the explorer searches. */
import { boolean, secret, text } from '../core/options.ts';

export const explorerVariables = {
  explorerUrl: {
    name: 'P2L_EXPLORER_URL',
    spec: text(
      'An Elasticsearch (7 to 9) or OpenSearch (1 to 3) that the explorer, the API and `post2log query` search, beside the store or without one: https://logs.example.com:9200; several with commas between them',
    ),
  },
  explorerIndex: {
    name: 'P2L_EXPLORER_INDEX',
    spec: text('Its indices, data streams and aliases, patterns too, with commas between them', {
      default: 'logstash-*',
    }),
  },
  explorerTimeField: {
    name: 'P2L_EXPLORER_TIME_FIELD',
    spec: text('The field that is the time of a record there', { default: '@timestamp' }),
  },
  explorerTagField: {
    name: 'P2L_EXPLORER_TAG_FIELD',
    spec: text('The field that is the tag of a record there', { default: 'tag' }),
  },
  explorerUser: { name: 'P2L_EXPLORER_USER', spec: text('User that searches there') },
  explorerPassword: { name: 'P2L_EXPLORER_PASSWORD', spec: secret('Password of that user') },
  explorerApiKey: {
    name: 'P2L_EXPLORER_API_KEY',
    spec: secret('API key of Elasticsearch in place of a user, as it is given: encoded'),
  },
  explorerAwsRegion: {
    name: 'P2L_EXPLORER_AWS_REGION',
    spec: text('Signs requests for Amazon OpenSearch in this region, with keys from where the AWS SDKs find them'),
  },
  explorerAwsService: {
    name: 'P2L_EXPLORER_AWS_SERVICE',
    spec: text('The service to sign for; without it aoss for collections of OpenSearch Serverless, else es'),
  },
  explorerAwsRole: { name: 'P2L_EXPLORER_AWS_ROLE', spec: text('ARN of a role to assume for that') },
  explorerTlsCa: {
    name: 'P2L_EXPLORER_TLS_CA',
    spec: text('PEM file with the certificates that the server’s must come from; without it those of the system'),
  },
  explorerTlsCert: { name: 'P2L_EXPLORER_TLS_CERT', spec: text('PEM file with a certificate to show to the server') },
  explorerTlsKey: { name: 'P2L_EXPLORER_TLS_KEY', spec: text('PEM file with the private key of that certificate') },
  explorerTlsKeyPassword: { name: 'P2L_EXPLORER_TLS_KEY_PASSWORD', spec: secret('Passphrase of that key') },
  explorerTlsVerify: {
    name: 'P2L_EXPLORER_TLS_VERIFY',
    spec: boolean('Whether the server’s certificate is looked at', { default: true }),
  },
} as const;
