/** The `tail` source: lines of growing files as records. Source: Fluentd 1.16 in_tail.rb. */
import { definePlugin } from '../../core/plugin.ts';
import { checkTail, tailOptions, tailSections } from './options.ts';
import { tailForm } from './fluentbit.ts';
import { TailSource } from './source.ts';

export const tailSource = definePlugin({
  kind: 'source',
  name: 'tail',
  summary: 'Follows files and takes each line as a record; how far it read is kept with the records.',
  options: tailOptions,
  sections: tailSections,
  usesParser: true,
  differences: [
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Without pos_file, or when it dies between a write to its buffer and one to pos_file, lines are lost or doubled. Here: the position lies in the journal in one write with the records; pos_file is written for people, and read at the first start only.',
      options: ['posFile'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'A file that was renamed while Fluentd was down is not read to its end, and a wildcard that matches the new name reads it again. Here: files are known by device, inode, birth time and bytes. What rotation put aside beside the path (app.log.1, app-20260101.log, .gz and .zst too, several times) is read under the old name, once, in order and before the new file.',
      options: ['followInodes'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'Lines that do not parse, lines before the first one of a record, and lines over max_line_size are dropped with a warning. Here: they are counted as refused and kept with the dead letters.',
      options: ['maxLineSize'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'A file that appears under a known path while the program is down is read from its end unless read_from_head is set. Here: from its head, as one that appears while it runs.',
      options: ['readFromHead'],
    },
    {
      peer: 'fluentd',
      text: 'New files are found every refresh_interval. Here: also when their directory changes, within a moment.',
      options: ['refreshInterval'],
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'The last record of several lines that does not parse at a stop is dropped, and its position is passed. Here: it stays in the file, and is read again at the next start.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'A line longer than Buffer_Max_Size ends the reading of its file, or is dropped with Skip_Long_Lines. Here lines up to 2 MiB are taken whole and longer ones in parts; with Skip_Long_Lines they are kept with the dead letters, with Truncate_Long_Lines cut and marked with line_bytes.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'Positions lie in a database beside the records, so that a crash doubles or loses lines, and without DB they are forgotten. Here they lie in the journal in one write with the records; DB is read at the first start, and never written.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'What copytruncate takes before it was read is lost without a word. Here: the rest is read from the copy beside the file, compressed or not; where there is none, the bytes are counted (tail_lost_bytes_total) and said.',
    },
    {
      peer: 'fluentd',
      text: 'Lines over the limit of a group wait in their file. Here too, unless over_limit divert sends them on under divert_tag.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'A file that was rotated while Fluent Bit was down is not read to its end; what is rotated twice between two looks, compressed, or cut before it was read is lost. Here: files beside the path are known by their bytes, read once, in order and before the new one; what is gone for good is counted (tail_lost_bytes_total) and said.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'What multiline.parser holds of a record when the program stops is lost. Here it is a record, or read again at the next start.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'A Tag_Regex that is no expression is passed over. Here it is an error.',
      options: ['tagRegex'],
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'An empty line that ends in CR LF becomes a carriage return. Here it is empty.',
    },
    {
      peer: 'fluentd',
      verdict: 'better',
      text: 'With encoding alone replaces each byte beyond ASCII, those of whole characters too. Here bytes stay as they are.',
      options: ['encoding'],
    },
    {
      peer: 'fluentd',
      verdict: 'unsupported',
      text: 'Any encoding may be written as the target. Here: encoding is UTF-8 where from_encoding is given.',
      options: ['encoding', 'fromEncoding'],
    },
  ],
  fluentbit: tailForm,
  exclusive: ['posFile'],
  check: checkTail,
  example: `<source>
  @type tail
  path /var/log/app/*.log
  tag app.*
  read_from_head true
  <parse>
    @type json
  </parse>
</source>`,
  create: (config, context) => new TailSource(config, context),
});
