/** Where the Kafka sources do something else than fluent-plugin-kafka. */
import type { Difference } from '../../core/difference.ts';

export const sourceDifferences: readonly Difference[] = [
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Notes how far it read apart from its buffer: after a crash records are missing or there twice. Here: both in one write to the journal, so that each is there once.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Drops values that it cannot parse with a line in the log. Here they are refused, counted and kept in the dead letters.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Reads a batch that cannot be decompressed again and again, and nothing behind it. Here its bytes go to the dead letters, its records are counted as refused (`undecodable_batch`), and reading goes on.',
  },
  {
    peer: 'fluentd',
    verdict: 'better',
    text: 'Reads what open and aborted transactions wrote. Here only what was committed.',
  },
  {
    peer: 'fluentd',
    verdict: 'unsupported',
    text: 'Takes the name of any parser as `format`, with its options in the source itself. Here such a parser is written as `<parse>`.',
    options: ['format'],
  },
  {
    peer: 'fluentd',
    verdict: 'unsupported',
    text: 'Logs in with Kerberos or AWS IAM. Here with SASL/PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 and client certificates.',
  },
];
