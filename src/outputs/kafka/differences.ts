/** Where the Kafka outputs do something else than fluent-plugin-kafka. */
import type { Difference } from '../../core/difference.ts';

export const kafkaDifferences: readonly Difference[] = [
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'One record that is too large for the topic stops its chunk, and with it the output, for ever. Here the batch is halved until that record is found; it alone is refused, with the broker’s words.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Drops records that its format cannot write, and those over max_send_limit_bytes, with a line in the log. Here they are refused, counted and kept.',
    options: ['maxSendLimitBytes'],
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Sends a whole chunk again after an error, with all that the brokers took already. Here only what they did not take; `idempotent` has them take each batch once while the program runs, and `exactly_once` each record once, across crashes.',
    options: ['exactlyOnce'],
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Stops at a topic that a record names and the brokers do not know or may not be written. Here such a record is refused alone, after the brokers had a second to create the topic; a topic that the configuration names is waited for.',
  },
  {
    peer: 'fluentd',
    text: 'Spreads records without a key by chance. Here in turn over the partitions, from one by chance.',
  },
  {
    peer: 'fluentd',
    text: 'Flushes once a minute where no buffer is written, and makes a chunk for each topic. Here once a second, and the topics of a chunk are read from its records.',
  },
  {
    peer: 'fluentd',
    verdict: 'unsupported',
    text: 'Logs in with Kerberos or AWS IAM. Here with SASL/PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and client certificates.',
  },
];
