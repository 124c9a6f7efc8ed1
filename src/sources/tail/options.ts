/** The options of `tail`, by Fluentd 1.16 in_tail.rb and in_tail/group_watch.rb. */
import { realClock } from '../../core/clock.ts';
import { boolean, bytes, bytesFrom, choice, duration, integer, list, pattern, text } from '../../core/options.ts';
import type { OptionValues } from '../../core/options.ts';
import type { PluginConfig, SectionTable } from '../../core/plugin.ts';
import { compileCapture } from '../../codecs/onigmo.ts';
import { zoneOf } from '../../codecs/strftime.ts';
import { encodingName } from './encoding.ts';
import { Limits, groupSection } from './limits.ts';
import { splitPaths } from './paths.ts';

export const tailOptions = {
  path: text('The files to read: paths with globs and strftime dates, separated by commas.', { required: true }),
  pathDelimiter: text('What separates the paths.', { default: ',' }),
  tag: text("The records' tag; * in it stands for the file's path with dots for slashes.", { required: true }),
  excludePath: list('Files that are left out, as paths or globs.', { default: [] }),
  pathTimezone: text("The zone of the dates in path; this machine's unless set."),
  globPolicy: choice(['backward_compatible', 'extended', 'always'])(
    'Which characters make a path a glob: * alone, also ? and [], or {} too (with another path_delimiter).',
    { default: 'backward_compatible' },
  ),
  pathKey: text("The field that gets the file's path, where the record has none of that name."),
  posFile: text(
    'A file that shows how far each file was read. Taken over at the first start; from then on the position that counts lies in the journal with the records.',
  ),
  db: text(
    "The database of Fluent Bit's tail. Positions in it are taken over at the first start; it is read only, and never written.",
  ),
  posFileCompactionInterval: duration('How often entries of files that are gone are taken out of pos_file.'),
  readFromHead: boolean(
    'Reads what the files hold at the first start too, not only what is added later. Files that are found later are read whole.',
    { default: false },
  ),
  refreshInterval: duration('How often new files are looked for.', { default: 60_000 }),
  rotateWait: duration(
    'How long a file is read on after it was renamed or removed; it is read to its end in any case.',
    {
      default: 5000,
    },
  ),
  followInodes: boolean('Tells files apart by inode, not by path.', {
    default: false,
    ignored: 'files are always told apart by device, inode and first bytes, whatever their path',
  }),
  readLinesLimit: integer(1)('Lines read at a time.', {
    default: 1000,
    ignored: 'files are read in pieces of bytes, in turn',
  }),
  readBytesLimitPerSecond: bytesFrom(-1)(
    'Bytes read of a file in a second, at least 64 KiB; -1: as many as there are.',
    {
      default: -1,
    },
  ),
  maxLineSize: bytes(
    'Longest line in bytes; a longer one is refused. Unless set, lines over 2 MiB become several records that say which part they are.',
  ),
  cutLongLines: boolean(
    'Takes the start of a line over max_line_size as a record with line_bytes, its whole length, instead of refusing it.',
    { default: false },
  ),
  emitUnmatchedLines: boolean(
    'Makes a record {"unmatched_line": …} of a line that does not parse, instead of refusing it.',
    {
      default: false,
    },
  ),
  encoding: text('The encoding of the records.'),
  fromEncoding: text('The encoding of the files, where it is another one; needs encoding UTF-8.'),
  limitRecentlyModified: duration('Leaves out files of a glob that were not changed for so long.'),
  enableWatchTimer: boolean('Looks at each file every second.', { default: true }),
  enableStatWatcher: boolean('Has the system tell of changes (inotify).', { default: true }),
  openFilesMax: integer(2)(
    'Files held open at a time; those that were read to their end are closed then until they change. Unless set, three quarters of what the system allows.',
  ),
  openOnEveryUpdate: boolean('Opens a file only while it is read.', {
    default: false,
    ignored: 'a file stays open until it was read to its end, or what is in it when it is renamed would be lost',
  }),
  skipRefreshOnStartup: boolean('Looks for files only after refresh_interval.', { default: false }),
  ignoreRepeatedPermissionError: boolean('Says that a file cannot be read only once.', {
    default: false,
    ignored: 'it is said once in any case, and again when the reason changes',
  }),
  multilineFlushInterval: duration(
    'Takes the last record of several lines as complete when its file was quiet for so long.',
  ),
  multilineBufferLimit: bytes('Longest record of several lines; a longer one is cut between two lines.', {
    default: 2 * 1024 * 1024,
  }),
  dockerMode: boolean("Joins the parts that Docker's json-file driver makes of long lines before they are parsed.", {
    default: false,
  }),
  unparsedKey: text(
    'Makes a record of a line that does not parse: this field gets it, beside those of path_key and offset_key.',
  ),
  offsetKey: text('The field that gets where in the file the line begins, in bytes.'),
  replacesKeys: boolean('Lets path_key and offset_key go before fields of the record that have their names.', {
    default: false,
  }),
  skipEmptyLines: boolean('Passes over lines without a character.', { default: false }),
  tagRegex: pattern(
    'Takes parts of the tag out of a path: <name> in tag stands for what the group of that name matched.',
  ),
  exitOnEof: boolean('Stops the program when all files were read to their end and all of it is delivered.', {
    default: false,
  }),
};
export type TailOptions = OptionValues<typeof tailOptions>;

export const tailSections = { group: groupSection } satisfies SectionTable;

/** What Fluentd keeps for itself and takes as no path_delimiter. */
const reservedDelimiters = ['/', '*', '%'];

/** What must fit together. */
export function checkTail(config: PluginConfig<typeof tailOptions>): void {
  const { options, parser } = config;
  if (options.tagRegex !== undefined) compileCapture(options.tagRegex);
  if (!parser)
    throw new Error('<parse> is missing: it says how a line becomes a record, such as <parse> with @type none');
  if (!options.enableWatchTimer && !options.enableStatWatcher)
    throw new Error('enable_watch_timer or enable_stat_watcher must be true, or no change would be noticed');
  if (options.pathDelimiter.length !== 1 || reservedDelimiters.includes(options.pathDelimiter))
    throw new Error(`path_delimiter ${options.pathDelimiter}: expected one character other than / * %`);
  if (options.globPolicy === 'always' && options.pathDelimiter === ',')
    throw new Error('glob_policy always needs another path_delimiter than the comma: {a,b} in a path has one');
  if (options.globPolicy === 'extended' && /\{.*,.*\}/.test(options.path) && /[*?]|\[.*\]/.test(options.path))
    throw new Error(`path ${options.path} has {} with a glob: write glob_policy always and another path_delimiter`);
  if (splitPaths(options).length === 0) throw new Error('path is empty: expected the files to read');
  if (options.cutLongLines && options.maxLineSize === undefined)
    throw new Error('cut_long_lines needs max_line_size, which says where lines are cut');
  if (options.followInodes && options.posFile === undefined) throw new Error('follow_inodes needs pos_file');
  if (options.readBytesLimitPerSecond > 0 && !options.enableWatchTimer)
    throw new Error('read_bytes_limit_per_second needs enable_watch_timer true');
  if (options.pathTimezone !== undefined) void zoneOf({ timezone: options.pathTimezone, localtime: true, utc: false });
  encodingName(options);
  void new Limits(realClock, -1, config.sections['group']?.[0]);
}
