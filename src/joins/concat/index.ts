/** The `concat` join, a filter of Fluentd: lines that belong together become one record. Source: fluent-plugin-concat 2.6 filter_concat.rb. */
import { boolean, bytes, choice, duration, integer, pattern, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import { ConcatJoiner, compileConcat } from './joiner.ts';

const options = {
  key: text('The field whose texts are joined; records without it pass.', { required: true }),
  separator: text('Stands between the texts.', { default: '\n' }),
  nLines: integer()('Joins so many records each.'),
  multilineStartRegexp: pattern('A text that matches begins a record.'),
  multilineEndRegexp: pattern('A text that matches ends a record.'),
  continuousLineRegexp: pattern('A text in the middle of a record must match; another one ends it, and passes.'),
  streamIdentityKey: text('The field that tells streams apart, besides the tag.'),
  flushInterval: duration('A record that gets no more lines for so long is given on as timed out; 0: never.', {
    default: 60_000,
  }),
  timeoutLabel: text('The label that records enter that timed out.'),
  useFirstTimestamp: boolean('A joined record has the time of its first part instead of its last.', { default: false }),
  partialKey: text('The field that says whether a record is only a part.'),
  partialValue: text('What that field holds in a record that is not the last part.'),
  keepPartialKey: boolean('Leaves that field in joined records.', { default: false }),
  usePartialMetadata: boolean('Joins by the fields that the log drivers of Docker add to parts.', { default: false }),
  partialMetadataFormat: choice(['docker-fluentd', 'docker-journald', 'docker-journald-lowercase'])(
    'Which driver named these fields.',
    { default: 'docker-fluentd' },
  ),
  keepPartialMetadata: boolean('Leaves these fields in joined records.', { default: false }),
  usePartialCriLogtag: boolean('Joins by the P and F of lines of CRI runtimes.', { default: false }),
  partialCriLogtagKey: text('The field that holds P or F.', { default: 'logtag' }),
  partialCriStreamKey: text('The field that names the stream; it is not in joined records.', { default: 'stream' }),
  bufferLimitSize: bytes('With partial_key: bytes of a record from which on buffer_overflow_method decides.', {
    default: 500 * 1024,
  }),
  bufferOverflowMethod: choice(['ignore', 'truncate', 'drop', 'new'])(
    'What becomes of a part that is too much: joined all the same, left out, all of it refused, or the first of a new record.',
    { default: 'ignore' },
  ),
};
export type ConcatOptions = OptionValues<typeof options>;

export const concatJoin = definePlugin({
  kind: 'join',
  place: 'filter',
  labelOptions: ['timeoutLabel'],
  name: 'concat',
  summary: 'Joins the lines of several records into one, by expressions, by number, or by what container runtimes say.',
  options,
  example: `<filter app.**>
  @type concat
  key log
  multiline_start_regexp /^\\d{4}-\\d{2}-\\d{2}/
  flush_interval 5s
  use_first_timestamp true
</filter>`,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Holds the parts of a record in memory: a crash loses them. Here they stay in the journal until the joined record is there too, and a restart goes on where it was.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Gives what is unfinished at a stop to timeout_label, or drops it with an error where there is none. Here it goes to timeout_label as well; without one it stays in the journal, and the next start joins it to what follows.',
      options: ['timeoutLabel'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Drops a record that timed out where there is neither timeout_label nor `@ERROR`. Here it goes to the dead letters (`concat_timeout`).',
      options: ['flushInterval'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Puts fields of the record that begins the next group into the one that it ends. Here a joined record has fields of its own parts only: those of the last, and over them those of the first.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Fails on every record of use_partial_cri_logtag where partial_cri_logtag_key is not set. Here that is `logtag`, as the cri parser names it.',
      options: ['partialCriLogtagKey'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Holds as much as comes. Here a record that gets larger than 4 MiB is given on as it is, and so is the oldest when all together hold more than 64 MiB.',
    },
  ],
  check({ options: values }) {
    checkModes(values);
    compileConcat(values);
  },
  create: ({ options: values }, context, outlet) => new ConcatJoiner(values, context, outlet),
});

/** @throws Error naming what excludes what, or what is missing */
function checkModes(values: ConcatOptions): void {
  const byRegexp = values.multilineStartRegexp !== undefined || values.multilineEndRegexp !== undefined;
  const modes: [string, boolean][] = [
    ['n_lines', values.nLines !== undefined],
    ['multiline_start_regexp/multiline_end_regexp', byRegexp],
    ['partial_key', values.partialKey !== undefined],
    ['use_partial_metadata', values.usePartialMetadata],
    ['use_partial_cri_logtag', values.usePartialCriLogtag],
  ];
  const chosen = modes.filter(([, isSet]) => isSet).map(([name]) => name);
  if (chosen.length === 0)
    throw new Error(
      'Either n_lines, multiline_start_regexp, multiline_end_regexp, partial_key, use_partial_metadata or use_partial_cri_logtag is required',
    );
  // Fluentd takes these two together, and joins by the metadata.
  const both = chosen.filter((name) => name !== 'use_partial_cri_logtag' || !values.usePartialMetadata);
  if (both.length > 1) throw new Error(`${both.slice(0, -1).join(', ')} and ${both.at(-1) ?? ''} are exclusive`);
  if (values.partialKey !== undefined && values.partialValue === undefined)
    throw new Error('partial_value is required when partial_key is specified');
}
