/** Where the dialect as a whole differs from Fluent Bit 5.1: its language, where records wait, its routing. Plugins declare their own. */
import type { DialectDifference } from '../fluentd/differences.ts';

/** Of the configuration language. */
export const languageDifferences: readonly DialectDifference[] = [
  {
    verdict: 'better',
    theirs: 'Ends at the first mistake, with a line or without; exit 1 or 255',
    ours: 'Exit 2, and all mistakes are listed with file, line, column and the nearest name',
  },
  {
    verdict: 'better',
    theirs: 'An unknown section is passed over: `[OUTPT]` loses what it should get',
    ours: 'An error where a known one is near, else a warning. So with `@` commands and keys at the top of YAML',
  },
  {
    verdict: 'better',
    theirs: 'An unknown key in `[SERVICE]`, `[PARSER]` and `[MULTILINE_PARSER]` is passed over',
    ours: 'The same, with a warning',
  },
  {
    verdict: 'better',
    theirs: 'A `Format` of stdout, tcp or udp, or a `json_date_format`, that is none counts as the default',
    ours: 'The same, with a warning that has a place',
  },
  {
    verdict: 'better',
    theirs: 'A `Match_Regex` that is no expression is passed over, and the plugin gets nothing',
    ours: 'An error',
  },
  {
    verdict: 'better',
    theirs: 'A size that is none (`lots`) is no limit; a number may have anything behind its digits',
    ours: 'The size counts as not written, the number as its digits, with a warning that says so; a number without digits is an error',
  },
  {
    verdict: 'better',
    theirs: 'A `Parser` that does not exist is an error in the log, and lines are taken as they are',
    ours: 'The same, with a warning that has a place',
  },
  {
    verdict: 'different',
    theirs: 'Of `Match`, `Alias` and others that are read for every plugin the last one counts',
    ours: 'The same, with a warning. Aliases must differ from each other: they name places in the journal',
  },
  {
    verdict: 'unsupported',
    theirs: '`[PLUGINS]`, `Plugins_File`, `[STREAM_TASK]`, `Streams_File`, `[CUSTOM]`',
    ours: 'An error with its place',
    why: 'Plugins there are libraries in C. Queries are asked of the store',
  },
  {
    verdict: 'better',
    theirs: '`Upstream` names a file; `upstream_servers` in the main file has no effect',
    ours: 'An output names either, the entry by its `name`; one that none names is a warning. Of outputs `forward` has it',
  },
  {
    verdict: 'unsupported',
    theirs: '`processors` of YAML for logs, metrics and traces',
    ours: 'Those for logs that name a filter this program has, with their conditions; others are an error',
  },
  {
    verdict: 'better',
    theirs:
      'A number as the value of a condition is taken for the bits of another one: `gt 500` is true of anything above 0',
    ours: 'Compared as a number, or for `eq`, `neq` and `regex` as its text',
  },
  {
    verdict: 'unsupported',
    theirs: 'Anchors and aliases of YAML are refused without a reason',
    ours: 'Refused, with the place',
  },
];

/** Of where records wait. */
export const storageDifferences: readonly DialectDifference[] = [
  {
    verdict: 'better',
    theirs:
      '`storage.type memory` (default): what waits is lost in a crash; `filesystem` is not synced before anybody is answered',
    ours: 'Everything is in the journal, on disk, before it is acknowledged, whatever `storage.*` says',
  },
  {
    verdict: 'better',
    theirs: '`Retry_Limit` is 1 where none is written: a chunk is dropped after two failures',
    ours: 'Tried until delivered. A limit that is written holds: then the dead letters',
  },
  {
    verdict: 'better',
    theirs:
      '`Mem_Buf_Limit` pauses an input, which loses what comes meanwhile over UDP or from a file that is rotated away',
    ours: 'Accepted without effect: only a full journal makes sources wait',
  },
  {
    verdict: 'different',
    theirs: '`storage.total_limit_size` drops the oldest chunks of an output',
    ours: 'Drops when the journal is full and no other output needs the records; counted as refused',
  },
  {
    verdict: 'different',
    theirs: '`scheduler.base` 5 and `scheduler.cap` 2000 seconds between retries',
    ours: 'As written; otherwise from 1 second up to 60',
  },
  {
    verdict: 'better',
    theirs: 'A chunk with one record that the target refuses is dropped, or retried until its limit',
    ours: 'The chunk is halved until that record is found; it alone goes to the dead letters',
  },
  { verdict: 'different', theirs: '`Grace` is how long a stop may take', ours: '`P2L_GRACE` says it' },
  {
    verdict: 'different',
    theirs: '`HTTP_Server` listens on all addresses where `HTTP_Listen` is not written',
    ours: 'On 127.0.0.1 alone, with a warning',
  },
  {
    verdict: 'different',
    theirs: 'Its metrics count chunks that failed (`errors`, `retries_failed`), and what filters drop and add',
    ours: 'The same names count records; filters count nothing. The admin server has more',
  },
  {
    verdict: 'better',
    theirs: '`/api/v2/reload` answers `done` before the configuration is read; a bad one ends the program',
    ours: 'Answers once it runs; a bad one is answered 400 with what is wrong, and the running one goes on',
  },
];

/** Of routing. */
export const routeDifferences: readonly DialectDifference[] = [
  {
    verdict: 'better',
    theirs: 'A record that no output takes is dropped',
    ours: 'The same, refused as `no_route` and counted in `records_no_route_total`',
  },
  {
    verdict: 'different',
    theirs: 'Filters run before records are kept',
    ours: 'Records are kept as they came; filters run on their way from the journal, and each time they are read again give the same',
  },
];
