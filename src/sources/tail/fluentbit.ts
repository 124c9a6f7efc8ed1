/** How Fluent Bit's configurations write `tail`. Source: Fluent Bit 5.1 in_tail/tail.c. */
import type { PairModel, PluginModel } from '../../config/model.ts';
import { fluentbitForm, madeModel } from '../../core/fluentbit.ts';
import type { FluentbitWritten } from '../../core/fluentbit.ts';
import { boolean, bytes, duration, text } from '../../core/options.ts';

const readAsItComes = 'files are read in pieces, in turn';
const inJournal = 'how far a file was read lies in the journal, in one write with its records';

/** How lines become records. */
interface Lines {
  readonly parser?: PluginModel | undefined;
  readonly parsers?: readonly PluginModel[];
  readonly options?: Readonly<Record<string, unknown>>;
}

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
    bufferChunkSize: bytes('Accepted without effect: files are read in pieces, in turn.', { default: 32_768 }),
    bufferMaxSize: bytes('Longest line with Skip_Long_Lines.', { default: 32_768 }),
    truncateLongLines: boolean('Cuts lines longer than Buffer_Max_Size, and marks them with line_bytes.', {
      default: false,
    }),
    skipLongLines: boolean('Leaves out lines longer than Buffer_Max_Size.', { default: false }),
    multiline: boolean(
      'Joins lines by Parser_Firstline and Parser_1, Parser_2, …; `multiline.parser` is the newer way.',
      {
        default: false,
      },
    ),
    multilineFlush: duration('How long such a record waits for its next line.', { default: 4000 }),
    parserFirstline: text('The [PARSER] for the first line of a record; further lines join its last field.'),
    dockerMode: boolean("Joins the parts that Docker's json-file driver makes of long lines.", { default: false }),
    dockerModeFlush: duration('How long parts wait for the next one.', { default: 4000 }),
    dockerModeParser: text('The [PARSER] for lines that begin a record of several lines of Docker_Mode.'),
  },
  repeated: {
    'multiline.parser':
      'Multiline parsers that are tried in order: docker, cri, java, python, go, ruby, or those that [MULTILINE_PARSER] defines.',
    'parser_*': 'With Multiline: further [PARSER]s, for the lines behind the first one, as Parser_1, Parser_2.',
  },
  ignored: {
    'db.*': inJournal,
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
  lower(written) {
    const { key, bufferMaxSize, skipLongLines, truncateLongLines } = written.properties;
    const { options } = written;
    const lines = linesOf(written as TailWritten);
    checkSizes(written as TailWritten);
    return {
      options: {
        unparsedKey: key,
        replacesKeys: true,
        globPolicy: 'extended',
        multilineBufferLimit: written.joinedBytesMax,
        // Ignore_Older 0 is no limit.
        ...(options['limitRecentlyModified'] === 0 && { limitRecentlyModified: undefined }),
        ...(options['fromEncoding'] !== undefined && { encoding: 'UTF-8' }),
        ...((skipLongLines || truncateLongLines) && { maxLineSize: bufferMaxSize }),
        ...(truncateLongLines && { cutLongLines: true }),
        ...lines.options,
      },
      parser: lines.parser ?? madeModel('parser', 'none', { messageKey: key, estimateCurrentEvent: true }, written.at),
      ...(lines.parsers && { parsers: lines.parsers }),
    };
  },
  example: `[INPUT]
    Name           tail
    Path           /var/log/app/*.log
    Tag            app.*
    Read_from_Head On`,
});

interface TailProperties {
  readonly key: string;
  readonly bufferChunkSize: number;
  readonly bufferMaxSize: number;
  readonly parser?: string;
  readonly multiline: boolean;
  readonly multilineFlush: number;
  readonly parserFirstline?: string;
  readonly dockerMode: boolean;
  readonly dockerModeFlush: number;
  readonly dockerModeParser?: string;
}
type TailWritten = Omit<FluentbitWritten, 'properties'> & { readonly properties: TailProperties };

/** What Fluent Bit does not start with. */
function checkSizes({ properties, options, written, error, at }: TailWritten): void {
  const { bufferChunkSize, bufferMaxSize } = properties;
  if (bufferMaxSize < bufferChunkSize)
    error(
      written('bufferMaxSize') ?? written('bufferChunkSize') ?? at,
      `Buffer_Max_Size is ${bufferMaxSize}: at least Buffer_Chunk_Size (${bufferChunkSize}) was expected`,
    );
  if (options['refreshInterval'] === 0)
    error(written('refreshInterval') ?? at, 'Refresh_Interval is 0: at least a second was expected');
}

const needsFirstLine = 'Multiline needs Parser_Firstline, the [PARSER] for the first line of a record';

/** Of the ways to join lines the first one that is written: multiline.parser, Multiline, Docker_Mode. */
function linesOf(written: TailWritten): Lines {
  const { properties, pairs } = written;
  const named = (name: 'parser' | 'parserFirstline' | 'dockerModeParser') => {
    const [value, place] = [properties[name], written.written(name)];
    return value !== undefined && place ? written.parser(value, place) : undefined;
  };
  const multiline = pairs.filter(({ key }) => key === 'multiline.parser');
  const others = pairs.filter(({ key }) => key !== 'multiline.parser');
  if (properties.multiline && properties.dockerMode)
    written.error(written.written('dockerMode') ?? written.at, 'Docker_Mode cannot be on beside Multiline');
  if (multiline.length > 0) {
    // Fluent Bit looks for the first line's parser whatever else joins lines.
    if (properties.multiline && properties.parserFirstline === undefined)
      written.error(written.written('multiline') ?? written.at, needsFirstLine);
    const unused = (['parser', 'multiline', 'dockerMode'] as const).find((name) => written.written(name));
    const place = unused && written.written(unused);
    if (place) written.warn(place, `${unused} has no effect beside multiline.parser`);
    return joinedBy(written, multiline);
  }
  if (properties.multiline) {
    const place = written.written('parser');
    if (place) written.warn(place, 'Parser has no effect beside Multiline');
    return joinedByFirstLine(written, named('parserFirstline'), others);
  }
  if (!properties.dockerMode) return { parser: named('parser') };
  const first = named('dockerModeParser');
  return {
    parser: named('parser'),
    ...(first && { parsers: [first] }),
    options: { dockerMode: true, multilineFlushInterval: Math.max(properties.dockerModeFlush, 1000) },
  };
}

function joinedBy(written: TailWritten, pairs: readonly PairModel[]): Lines {
  const parsers = pairs.flatMap(({ value, valueAt, at }) =>
    value
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .flatMap((name) => written.multilineParser(name, valueAt ?? at) ?? []),
  );
  const timeouts = parsers.map(({ options }) => Number(options['flushTimeout']));
  const place = pairs[0]?.valueAt ?? written.at;
  if (timeouts.length > 0 && Math.max(...timeouts) < flushTimeoutMsMin)
    written.error(place, `multiline.parser: Flush_Timeout is ${Math.max(...timeouts)}; 500 milliseconds are the least`);
  return { parsers };
}

/** As there, where the longest of all counts. */
const flushTimeoutMsMin = 500;

function joinedByFirstLine(written: TailWritten, first: PluginModel | undefined, pairs: readonly PairModel[]): Lines {
  const { key, multilineFlush } = written.properties;
  const further = pairs.flatMap(({ key: spelling, value, valueAt, at }) => {
    const parser = written.parser(value, valueAt ?? at);
    if (!parser) written.error(valueAt ?? at, `${spelling}: a [PARSER] named ${value} was expected`);
    return parser ?? [];
  });
  if (!first) {
    const place = written.written('parserFirstline') ?? written.written('multiline') ?? written.at;
    written.error(place, needsFirstLine);
    return {};
  }
  const parser = {
    ...madeModel('parser', 'fluentbit_firstline', { messageKey: key }, written.at),
    parsers: [first, ...further],
  };
  return { parser, options: { multilineFlushInterval: Math.max(multilineFlush, 1000) } };
}
