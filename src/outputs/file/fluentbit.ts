/** How Fluent Bit's configurations write `file`. Source: Fluent Bit 5.1 out_file/file.c. */
import { fluentbitForm, madeModel } from '../../core/fluentbit.ts';
import { boolean, bytes, choice, integer, text } from '../../core/options.ts';

/** Fluent Bit knows these and passes over any other. */
const delimiters: Readonly<Record<string, string>> = { tab: '\t', '\\t': '\t', space: ' ', comma: ',' };

const fixedNames = 'names of files do not depend on records';

export const fileForm = fluentbitForm({
  properties: {
    path: text('Directory of the files.', { default: '.' }),
    file: text('Name of the file; without it the tag.'),
    format: choice(['out_file', 'plain', 'csv', 'ltsv', 'template', 'msgpack'])('The form of the lines.', {
      default: 'out_file',
    }),
    delimiter: text('What stands between values of csv and ltsv: tab, space or comma.'),
    labelDelimiter: text('What stands between label and value of ltsv: tab, space or comma. Default: a colon.'),
    csvColumnNames: boolean('Whether a file of csv begins with the names of the columns.', {
      default: false,
      fluentbit: 'csv_column_names',
    }),
    template: text('The line of template.', { default: '{time} {message}' }),
    enableStrftime: boolean('Whether Path and File hold time formats, filled from the time of writing.', {
      default: false,
      fluentbit: 'enable_strftime',
    }),
    rotate: boolean('Whether files that grow large are rotated.', { default: false }),
    rotateMaxSize: bytes('How large a file may grow.', { default: 100_000_000 }),
    rotateMaxFiles: integer(1, 10_000)('How many rotated files are kept.', { default: 7 }),
  },
  ignored: {
    mkdir: 'directories are made in any case',
    max_dynamic_files: fixedNames,
    on_missing_field: fixedNames,
    on_limit_reached: fixedNames,
    fallback_path: fixedNames,
    fallback_file: fixedNames,
    rotate_gzip: 'rotated files stay as they are',
  },
  lower({ properties, at, written, warn, error }) {
    const {
      path,
      file,
      format,
      template,
      rotate,
      rotateMaxSize,
      rotateMaxFiles,
      csvColumnNames: hasNames,
    } = properties;
    const known = (name: 'delimiter' | 'labelDelimiter') => {
      const value = properties[name];
      const found = value === undefined ? undefined : delimiters[value.toLowerCase()];
      if (value !== undefined && found === undefined)
        warn(
          written(name) ?? at,
          `"${value}" is none of tab, space and comma: as in Fluent Bit the delimiter is the format's own`,
        );
      return found;
    };
    const delimiter = known('delimiter');
    const labelDelimiter = known('labelDelimiter');
    for (const name of ['path', 'file'] as const)
      if (properties[name]?.includes('$') === true)
        error(
          written(name) ?? at,
          `${name}: values of records are not put into names of files; write an output with a Match for each file`,
        );
    if (properties.enableStrftime)
      error(
        written('enableStrftime') ?? at,
        'enable_strftime is not supported: leave it out, and have files rotated by size with rotate on',
      );
    // A percent sign would be a time there.
    const directory = path.replaceAll('%', '%%').replace(/\/+$/, '');
    return {
      options: {
        path: `${directory}/${file?.replaceAll('%', '%%') ?? `\${tag}`}`,
        addPathSuffix: false,
        plainNames: true,
        append: true,
        ...(rotate && { rotateBytes: rotateMaxSize, rotateBackups: rotateMaxFiles }),
      },
      chunkKeys: file === undefined ? ['tag'] : [],
      formatter:
        format === 'plain'
          ? madeModel('formatter', 'json', {}, at)
          : format === 'msgpack'
            ? madeModel('formatter', 'fluentbit_msgpack', {}, at)
            : madeModel(
                'formatter',
                'fluentbit_file',
                { layout: format, delimiter, labelDelimiter, template, hasNames },
                at,
              ),
    };
  },
  example: `[OUTPUT]
    Name   file
    Match  *
    Path   /var/log/post2log
    Format plain`,
});
