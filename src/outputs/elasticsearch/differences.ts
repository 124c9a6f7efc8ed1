/** Where these outputs do something else than Fluentd's. */
import type { Difference } from '../../core/difference.ts';

const shared: readonly Difference[] = [
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Emits records that are to be written again under their tag, where they pass filters a second time, or drops them with the chunk when the server is busy (`es_rejected_execution_exception`). Here each record of an answer counts for itself: what is busy is written again from where it waits, what is refused goes to the secondary or the dead letters with the server’s words.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Fails to start while the server does not answer. Here records wait until it does.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Drops a record without an id where `create`, `update` or `upsert` needs one. Here it goes to the secondary or the dead letters.',
    options: ['writeOperation', 'idKey'],
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Counts a document whose id is there already as written. Here it is read back: where another one stands under the id, the record goes to the secondary or the dead letters.',
    options: ['idKey'],
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Tries a request that is too large again and again. Here it is halved.',
    options: ['bulkMessageRequestThreshold'],
  },
  {
    peer: 'fluentd',
    text: 'Emits an event for each time that cannot be read. Here a line in the log tells of it, once a field.',
    options: ['timeKey', 'timeKeyFormat'],
  },
];

const placeholders: Difference = {
  peer: 'fluentd',
  verdict: 'better',
  text: 'Opens a connection anew whenever the host that placeholders come to is another, and takes any value for a host. Here servers are kept open, up to 100 of them, and records with a value that is no name of a server (`a/b`, `x@y`) go to the secondary or the dead letters.',
  options: ['host', 'hosts'],
};

const affinity: Difference = {
  peer: 'fluentd',
  verdict: 'better',
  text: 'Finds the index of ten documents of a chunk, as many as the server answers by itself. Here of all.',
  options: ['targetIndexAffinity'],
};

const connections: Difference = {
  peer: 'fluentd',
  text: 'Looks for other servers of the cluster. Here requests go to those that are written, and to the next one when one fails.',
  options: ['reloadConnections', 'reloadOnFailure', 'reloadAfter', 'snifferClassName'],
};

export const opensearchDifferences: readonly Difference[] = [
  ...shared,
  affinity,
  placeholders,
  connections,
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Fetches the keys of `<endpoint>` every `refresh_credentials_interval`, and fails with all that waits when they have expired before. Here they are renewed before they end.',
    options: ['region', 'url'],
  },
];

export const dataStreamDifferences: readonly Difference[] = [
  ...shared,
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Writes the documents that a data stream did not take into the log, and loses them. Here they are written again, or go to the secondary or the dead letters.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Gives its templates no priority: the second of two streams whose names begin alike (`app`, `app-web`) is refused by the server for ever, and a stream `logs-*-*` of Elasticsearch follows the template that the server brings. Here the longer name goes first, and `index_retention`, `kubernetes_template` and `data_stream_ilm_policy` hold in any case.',
    options: ['dataStreamName'],
  },
  placeholders,
  connections,
];

export const elasticsearchDifferences: readonly Difference[] = [
  ...shared,
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Takes OpenSearch for the Elasticsearch of its version and sends `_type`, which OpenSearch refuses since 2. Here the two are told apart.',
  },
  affinity,
  placeholders,
  connections,
];

export const dynamicDifferences: readonly Difference[] = [
  ...shared,
  {
    peer: 'fluentd',
    text: 'Evaluates any Ruby in its options. Here expressions are read by an evaluator of their own (docs/ruby-expressions.md), and in host and hosts stand placeholders of chunk keys alone.',
    options: ['indexName', 'logstashPrefix', 'host', 'hosts'],
  },
  {
    peer: 'fluentd',
    text: 'Copies the value of `time_key` to @timestamp as it is. Here it is read, and written as ISO 8601.',
    options: ['timeKey'],
  },
  placeholders,
  connections,
];
