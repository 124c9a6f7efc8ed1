/**
 * The `secondary_file` output: keeps in files what another output did not get rid of. Names as Fluentd 1.16
 * out_secondary_file.rb gives them: `dump.bin.0`, with append `dump.bin`.
 */
import { join } from 'node:path';
import { entriesFormatter } from '../codecs/msgpack.ts';
import { compileInject } from '../codecs/inject.ts';
import { realDisk } from '../core/disk.ts';
import type { Disk } from '../core/disk.ts';
import { boolean, choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { Plugin } from '../core/plugin.ts';
import { FileOutput } from './file/output.ts';
import { checkKeys, compressSuffixes, indexMark } from './file/path.ts';

const options = {
  directory: text('Where the files go; may hold time formats, ${tag}, ${tag[1]} and ${field} of the chunk keys.', {
    required: true,
  }),
  basename: text('Their name, which may hold the same.', { default: 'dump.bin' }),
  append: boolean('Goes on with a file that is there, instead of numbering new ones .0, .1 and so on.', {
    default: false,
  }),
  compress: choice(['text', 'gzip'])('Compresses what is written; each write is a member of its own.', {
    default: 'text',
  }),
};

/** The plugin over a disk; tests give their own. */
export function secondaryFileOutputOver(disk: Disk): Plugin {
  return definePlugin({
    kind: 'output',
    name: 'secondary_file',
    summary: 'Keeps in files, as a secondary, what an output did not get rid of, in the format of that output.',
    options,
    isSecondaryOnly: true,
    example: `<match app.**>
  @type file
  path /mnt/remote/app
  <buffer time>
    timekey 1h
    retry_max_times 3
  </buffer>
  <secondary>
    @type secondary_file
    directory /var/log/post2log/failed
    basename app.%Y%m%d%H
  </secondary>
</match>`,
    differences: [
      {
        peer: 'fluentd',
        text: 'Makes a new number for each chunk. Here a number takes all that comes until the program is started anew, and each record is in the files once, also across `kill -9`.',
      },
    ],
    check({ options: { directory, basename } }, buffer) {
      if (basename.includes('/')) throw new Error(`basename ${basename} has a /; write the path to directory`);
      if (buffer) checkKeys('directory and basename', join(directory, basename), buffer);
    },
    create({ options: { directory, basename, append, compress }, formatter, inject }, context) {
      const number = append ? '' : `.${indexMark}`;
      const settings = {
        template: `${join(directory, basename)}${number}${compressSuffixes[compress]}`,
        compress,
        formatter: formatter ? context.formatter(formatter) : entriesFormatter,
        inject: compileInject(inject),
      };
      return new FileOutput(settings, context, disk);
    },
  });
}

/** `secondary_file` on the operating system's disk. */
export const secondaryFileOutput: Plugin = secondaryFileOutputOver(realDisk);
