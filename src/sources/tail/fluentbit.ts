/** How Fluent Bit's configurations write `tail`. Source: Fluent Bit 5.1 in_tail/tail.c. */
import { fluentbitForm, madeModel } from '../../core/fluentbit.ts';
import { boolean, bytes, text } from '../../core/options.ts';

const readAsItComes = 'files are read in pieces, in turn';
const inJournal = 'how far a file was read lies in the journal, in one write with its records';

export const tailForm = fluentbitForm({
  options: {
    path: {},
    excludePath: {},
    readFromHead: {},
    db: {},
    refreshInterval: { default: 60_000 },
    rotateWait: { default: 5000 },
    pathKey: {},
    offsetKey: {},
    limitRecentlyModified: { name: 'ignore_older' },
    skipEmptyLines: {},
    exitOnEof: {},
    enableStatWatcher: { name: 'inotify_watcher' },
    tagRegex: {},
    fromEncoding: { name: ['unicode.encoding', 'generic.encoding'] },
  },
  properties: {
    parser: text('The [PARSER] that makes records of lines; without one a line is the field of Key.'),
    key: text('The field of lines that are not parsed.', { default: 'log' }),
    bufferMaxSize: bytes('Longest line with Skip_Long_Lines.', { default: 32_768 }),
    truncateLongLines: boolean('Cuts lines longer than Buffer_Max_Size, and marks them with line_bytes.', {
      default: false,
    }),
    skipLongLines: boolean('Leaves out lines longer than Buffer_Max_Size.', { default: false }),
  },
  ignored: {
    'db.*': inJournal,
    buffer_chunk_size: readAsItComes,
    static_batch_size: readAsItComes,
    event_batch_size: readAsItComes,
    watcher_interval: 'what a system tells of changes is looked at at once, everything else every second',
    progress_check_interval: readAsItComes,
    progress_check_interval_nsec: readAsItComes,
    file_cache_advise: 'what the system keeps in its cache is left to it',
    ignore_active_older_files: 'a file that is followed is read on whatever its age',
    read_newly_discovered_files_from_head:
      'files that are found later are always read whole, or what was written before they were found would be lost',
  },
  lower({ properties, options, at, written, parser }) {
    const { key, bufferMaxSize, skipLongLines, truncateLongLines } = properties;
    const place = written('parser');
    const named = properties.parser !== undefined && place ? parser(properties.parser, place) : undefined;
    return {
      options: {
        unparsedKey: key,
        replacesKeys: true,
        globPolicy: 'extended',
        // Ignore_Older 0 is no limit.
        ...(options['limitRecentlyModified'] === 0 && { limitRecentlyModified: undefined }),
        ...(options['fromEncoding'] !== undefined && { encoding: 'UTF-8' }),
        ...((skipLongLines || truncateLongLines) && { maxLineSize: bufferMaxSize }),
        ...(truncateLongLines && { cutLongLines: true }),
      },
      parser: named ?? madeModel('parser', 'none', { messageKey: key, estimateCurrentEvent: true }, at),
    };
  },
  example: `[INPUT]
    Name           tail
    Path           /var/log/app/*.log
    Tag            app.*
    Read_from_Head On`,
});
