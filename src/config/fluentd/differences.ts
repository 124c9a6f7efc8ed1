/** Where the dialect as a whole differs from Fluentd 1.16: its language, its buffers, its routing. Plugins declare their own. */
import type { Verdict } from '../../core/difference.ts';

/** One difference: what Fluentd does, what is done here, and why. */
export interface DialectDifference {
  readonly verdict: Verdict;
  readonly theirs: string;
  readonly ours: string;
  readonly why?: string;
}

/** Of the configuration language. */
export const languageDifferences: readonly DialectDifference[] = [
  {
    verdict: 'better',
    theirs: 'An unknown option or section is a warning, and is ignored',
    ours: 'Error with file, line, column and the nearest name',
    why: 'A mistyped `flush_intervall` should not be found out in production',
  },
  {
    verdict: 'better',
    theirs: '`@include` of a path that does not exist is ignored',
    ours: 'Error',
    why: 'Half a configuration would run',
  },
  {
    verdict: 'unsupported',
    theirs: '`#{…}` runs any Ruby',
    ours: "Understands `ENV['X']`, `ENV.fetch`, `hostname`, `worker_id`, `use_nil`, `use_default`, `File.join`, `File.read`, literals, operators, `? :`, `if` behind, and methods of text and arrays (`split`, `gsub`, `upcase` …); anything else is an error that names it",
    why: 'A configuration is read here, not run',
  },
  {
    verdict: 'better',
    theirs:
      'A size or duration may have anything around its digits: `500ms` is 500 minutes, `0.2s` is 2 seconds, `1h30m` 30 minutes',
    ours: 'The same value, with a warning that says what was read and what to write',
    why: 'Configurations run as they did; nobody is surprised twice',
  },
  {
    verdict: 'different',
    theirs: '`#{…}` in the strings of JSON arrays and objects is text (1.16), or run (from 1.18 on)',
    ours: 'Run, as everywhere in double quotes',
  },
  {
    verdict: 'different',
    theirs: '`<worker N>`: a process with outputs, buffers and `#{worker_id}` of its own',
    ours: 'Sources and routes as there. Outputs run in one process for all, so one that stands outside of `<worker>` writes once, and `#{worker_id}` is 0',
  },
  {
    verdict: 'better',
    theirs: 'A file that is not UTF-8 ends with an error of the regular expressions',
    ours: 'An error that names the byte, its line and column',
  },
  { verdict: 'better', theirs: 'A boolean `on` is false', ours: 'The same, with a warning', why: 'As above' },
  {
    verdict: 'different',
    theirs: "Fluentd's own log goes through the pipeline as `fluent.*`, also into a top-level `<match **>`",
    ours: "The same where `<label @FLUENT_LOG>` is written or a top-level pattern begins with `fluent`, from `info` on and at most 100 lines a second; else the program's own log goes to standard error only, where it is in any case. With several workers it is the log of the receiving processes",
    why: 'A log of failed deliveries should not need a delivery unless somebody asked for it',
  },
  {
    verdict: 'better',
    theirs: 'Exit 1 (2 without a supervisor) for a bad configuration, which ends at its first mistake',
    ours: 'Exit 2, and all mistakes are listed',
  },
];

/** Of `<buffer>`. */
export const bufferDifferences: readonly DialectDifference[] = [
  {
    verdict: 'better',
    theirs: '`@type memory`: what is in memory is lost in a crash',
    ours: 'Everything is in the journal before it is acknowledged',
  },
  { verdict: 'different', theirs: '`@type file`, `path`', ours: 'Accepted; the path is not used' },
  {
    verdict: 'better',
    theirs: '`retry_max_times`, `retry_timeout` default to 72 hours, then the chunk is dropped',
    ours: 'Tried until delivered. A limit that is written in the configuration holds: then `<secondary>`, else the dead letters',
  },
  {
    verdict: 'better',
    theirs: '`overflow_action throw_exception` (default), `block`',
    ours: "Receiving goes on until the journal or the disk is full. The output's lag is shown; a `total_limit_size` or `queue_limit_length` that is written warns when more than that waits",
  },
  {
    verdict: 'different',
    theirs:
      '`overflow_action drop_oldest_chunk` drops whole chunks once `total_limit_size` (512 MB, 64 GB for files) is reached',
    ours: 'Drops the oldest records, as many as need be, when more than the limit that is written waits (what was not read from the journal yet is estimated from what the output got so far), or when the journal is full and no other output needs them; counted as refused (`overflow`)',
  },
  {
    verdict: 'different',
    theirs: '`compress` packs all chunks',
    ours: 'Packs those that are staged on disk (open for more than a minute, or for want of memory); the journal is not packed',
  },
  {
    verdict: 'better',
    theirs: 'A chunk that is refused is copied to a backup directory, or thrown away with `disable_chunk_backup true`',
    ours: 'Refused records go to the dead letters, from where they can be replayed. With `disable_chunk_backup true` they are dropped and counted; those that ran out of tries are kept all the same',
  },
  {
    verdict: 'better',
    theirs: 'Chunks of a `timekey` stay in memory, or in files that are not synced, until they are written',
    ours: 'Open for more than a minute, or more than memory should hold, they are staged in synced files, whose records are neither lost nor written twice across `kill -9`; the journal need not keep them',
  },
  {
    verdict: 'different',
    theirs: '`flush_at_shutdown` is true for `memory`, false for `file`',
    ours: 'The same for chunks with a `timekey`; all others are written at a stop unless `false` is written, as far as outputs take them within `P2L_GRACE`',
  },
  {
    verdict: 'better',
    theirs: 'A chunk with one record that the target refuses is dropped, or retried for ever',
    ours: 'The chunk is halved until that record is found; it alone goes to the dead letters',
  },
];

/** Of labels, `<match>` and `<filter>`. */
export const routingDifferences: readonly DialectDifference[] = [
  {
    verdict: 'better',
    theirs: 'A record that no `<match>` takes is dropped with a warning',
    ours: 'The same, refused as `no_route` and counted in `records_no_route_total`',
  },
  {
    verdict: 'better',
    theirs: 'Retagging in a circle runs for ever',
    ours: 'Ends after 32 hops; refused as `hop_limit`, kept in the dead letters',
  },
];
