/**
 * The `file` output. Names and formats as Fluentd 1.16 out_file.rb; unlike there, records are appended to their file as
 * they come in instead of when a chunk's time is over, so that readers see them at once, and each reaches it exactly once.
 */
import { compileInject } from '../../codecs/inject.ts';
import type { Disk } from '../../core/disk.ts';
import { realDisk } from '../../core/disk.ts';
import { boolean, bytes, choice, integer, text } from '../../core/options.ts';
import { definePlugin } from '../../core/plugin.ts';
import type { Plugin } from '../../core/plugin.ts';
import { fileForm } from './fluentbit.ts';
import { FileOutput } from './output.ts';
import { checkPlaceholders, checkTime, pathTemplate } from './path.ts';

const options = {
  path: text('Where to write; may hold time formats, ${tag}, ${tag[1]}, ${field} and * for the time.', {
    required: true,
  }),
  addPathSuffix: boolean('Adds path_suffix to the path.', { default: true }),
  pathSuffix: text('What is added to the path.', { default: '.log' }),
  plainNames: boolean(
    'Puts an underscore in place of each byte of a tag or field that is no letter, digit, -, _, . or / in a name, as Fluent Bit does.',
    { default: false },
  ),
  append: boolean('Goes on with a file that is there, instead of numbering new ones _0, _1 and so on.', {
    default: false,
  }),
  compress: choice(['text', 'gz', 'gzip', 'zstd'])('Compresses what is written; each write is a member of its own.', {
    default: 'text',
  }),
  recompress: boolean('Compresses chunks again.', { ignored: 'chunks are compressed once, when they are written' }),
  symlinkPath: text('A symbolic link to the newest file.'),
  timeSliceFormat: text('The time in the name, instead of one that fits the timekey.'),
  rotateBytes: bytes('Starts a new file before this one grows larger: path becomes path.1, path.1 becomes path.2.'),
  rotateBackups: integer(1, 10_000)('How many rotated files are kept.', { default: 5 }),
};

/** The plugin over a disk; tests give their own. */
export function fileOutputOver(disk: Disk): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'file',
    summary: 'Appends records to files, each exactly once, in files by time, tag or field, rotated by size if wanted.',
    options,
    defaultFormatter: 'out_file',
    usesInject: true,
    fluentbit: fileForm,
    target: ({ path }) => path,
    buffer: { flushMode: 'immediate', chunkKeys: ['time'], timekeySeconds: 86_400 },
    example: `<match app.**>
  @type file
  path /var/log/post2log/app
  append true
  <format>
    @type json
  </format>
  <buffer time>
    timekey 1h
  </buffer>
</match>`,
    differences: [
      {
        peer: 'fluentd',
        verdict: 'better',
        text: 'Writes a chunk when its `timekey` is over, and may write it twice after a crash. Here records reach the file soon after they arrive, each exactly once, also across `kill -9`.',
      },
    ],
    check({ options: given }, buffer, isSecondary) {
      if (!buffer) return;
      const template = pathTemplate(given, buffer);
      if (isSecondary !== true) checkPlaceholders('path', template, buffer);
      else if (given.symlinkPath !== undefined)
        throw new Error('symlink_path has no effect in <secondary>; remove it, or use secondary_file');
      // Numbers keep apart what tags and fields would: Fluentd asks a secondary for times alone.
      else checkTime('path', template, buffer);
    },
    create({ options: given, formatter, inject }, context) {
      const { rotateBytes, rotateBackups } = given;
      const settings = {
        template: pathTemplate(given, context.buffer),
        linkTemplate: given.symlinkPath,
        hasPlainNames: given.plainNames,
        compress: given.compress,
        formatter: context.formatter(formatter ?? 'out_file'),
        inject: compileInject(inject),
        rotate: rotateBytes === undefined ? undefined : { bytes: rotateBytes, backups: rotateBackups },
      };
      return new FileOutput(settings, context, disk);
    },
  });
}

/** `file` on the operating system's disk. */
export const fileOutput: Plugin = fileOutputOver(realDisk);
