/**
 * Where the file output writes: its path option with time, tag and field placeholders. Names as Fluentd 1.16 gives them:
 * `out` becomes `out.20240305_0.log`, with append `out.20240305.log`. Source: out_file.rb, output.rb.
 */
import { dirname, isAbsolute, normalize } from 'node:path';
import {
  checkPlaceholderKeys,
  compileChunkText,
  fieldPlaceholders,
  firstPlaceholderAt,
  hasTagPlaceholder,
} from '../../codecs/chunk-placeholders.ts';
import { compileStrftime } from '../../codecs/strftime.ts';
import type { BufferModel } from '../../config/model.ts';
import type { Chunk } from '../../core/plugin.ts';

export interface PathOptions {
  readonly path: string;
  readonly addPathSuffix: boolean;
  readonly pathSuffix: string;
  readonly append: boolean;
  readonly compress: 'text' | 'gz' | 'gzip' | 'zstd';
  readonly timeSliceFormat?: string | undefined;
}

/** What stands in a path for the number that keeps files apart without append, behind a `_` or a dot. */
export const indexMark = '**';

export const compressSuffixes = { text: '', gz: '.gz', gzip: '.gz', zstd: '.zstd' } as const;

/** The path with its time format, number mark and suffixes. @throws Error for a path that does not fit the buffer's keys */
export function pathTemplate(options: PathOptions, buffer: BufferModel): string {
  const mark = options.append ? '' : `_${indexMark}`;
  const packed = compressSuffixes[options.compress];
  const suffix = options.addPathSuffix ? options.pathSuffix : '';
  const timekey = buffer.chunkKeys.includes('time') ? buffer.timekeySeconds : undefined;
  if (timekey === undefined) {
    if (options.path.includes('*'))
      throw new Error(`path ${options.path} has a *, which stands for the time: add time to the <buffer> keys`);
    return `${options.path}${mark}${suffix}${packed}`;
  }
  const timeFormat = options.timeSliceFormat ?? timekeyFormat(timekey);
  if (options.path.includes('*')) return options.path.replaceAll('*', timeFormat + mark) + packed;
  const wanted = timekeyFormat(timekey).match(/../g) ?? [];
  if (options.timeSliceFormat === undefined && wanted.some((one) => options.path.includes(one))) {
    const missing = wanted.filter((one) => !options.path.includes(one));
    if (missing.length > 0)
      throw new Error(
        `path ${options.path} is too coarse for timekey ${timekey}: insufficient timestamp placeholders, add ${missing.join(' ')}`,
      );
    return `${options.path}${mark}${suffix}${packed}`;
  }
  return `${options.path}.${timeFormat}${mark}${suffix}${packed}`;
}

function timekeyFormat(timekeySeconds: number): string {
  if (timekeySeconds < 60) return '%Y%m%d%H%M%S';
  if (timekeySeconds < 3600) return '%Y%m%d%H%M';
  return timekeySeconds < 86_400 ? '%Y%m%d%H' : '%Y%m%d';
}

/** Checks that each placeholder has its chunk key and each chunk key its placeholder. @throws Error naming the one that is wrong */
export function checkPlaceholders(name: string, template: string, buffer: BufferModel): void {
  checkTime(name, template, buffer);
  checkKeys(name, template, buffer);
  if (buffer.chunkKeys.includes('tag') && !hasTagPlaceholder(template))
    throw new Error(`${name} ${template} has no \${tag}, but records are cut into chunks by tag: add it`);
  const fields = fieldPlaceholders(template);
  for (const key of buffer.chunkKeys)
    if (key !== 'tag' && key !== 'time' && !fields.includes(key))
      throw new Error(`${name} ${template} has no \${${key}}, but it is a chunk key: add it`);
}

/** Spans of time and what shows them in a name, finest first. Longer spans than a day are not checked. */
const timeMarks = [
  { seconds: 1, mark: '%S' },
  { seconds: 60, mark: '%M' },
  { seconds: 3600, mark: '%H' },
  { seconds: 86_400, mark: '%d' },
];

/** Checks that times of different chunks have different names. @throws Error naming what is missing */
export function checkTime(name: string, template: string, buffer: BufferModel): void {
  const timekey = buffer.chunkKeys.includes('time') ? buffer.timekeySeconds : undefined;
  if (timekey === undefined) return;
  const time = compileStrftime(template, { kind: 'utc' });
  // Midnight at the start of a year: a second, a minute, an hour later nothing else has changed.
  const base = 1_451_606_400;
  const finest = timeMarks.find(({ seconds }) => time(base + seconds, 0) !== time(base, 0));
  if (finest && finest.seconds <= timekey) return;
  const wanted = timeMarks.findLast(({ seconds }) => seconds <= timekey) ?? timeMarks[0];
  throw new Error(
    `${name} ${template} is too coarse for timekey ${timekey}: insufficient timestamp placeholders, add ${wanted?.mark}`,
  );
}

/** Checks that each placeholder has its chunk key. @throws Error naming the one that is wrong */
export function checkKeys(name: string, template: string, buffer: BufferModel): void {
  checkPlaceholderKeys(name, template, buffer);
  const hasTime = compileStrftime(template, { kind: 'utc' })(0, 0) !== template.replaceAll('%%', '%');
  if (hasTime && !buffer.chunkKeys.includes('time'))
    throw new Error(
      `${name} ${template} has time placeholders, but chunk key time is not configured: write <buffer time>`,
    );
}

/** The path for a chunk, or a reason not to write it: a tag or field must not lead out of the directory. */
export type ExpandPath = (chunk: Chunk) => { readonly path: string } | { readonly reason: string };

/** The directory that a template names before a tag, field or time has a say in it. Undefined: tags and fields have none at all. */
export function fixedDirectory(template: string): string | undefined {
  return firstPlaceholderAt(template) < 0 ? undefined : dirname(`${template.slice(0, template.search(/%|\$\{/))}x`);
}

/**
 * Compiles a template. Paths are normal: what tags such as `a//b` and `a/b` come to is one path, so that no file is known
 * under two names.
 */
export function compilePath(template: string, buffer: BufferModel, hasPlainNames = false): ExpandPath {
  let filled = '';
  const expand = compileChunkText(template, buffer, (value) => {
    const put = hasPlainNames ? plainName(value) : value;
    filled += put;
    return put;
  });
  return (chunk) => {
    filled = '';
    const { dated, text: path } = expand(chunk);
    // Looked at as a whole: two values side by side may come to what neither is.
    if (filled.includes('\0') || climbs(path) > climbs(dated) || (isAbsolute(path) && !isAbsolute(dated)))
      return { reason: `${JSON.stringify(path)} leads out of the directory of the path` };
    return { path: normalize(path) };
  };
}

/** Source: Fluent Bit 5.1 out_file/file.c, sanitize_tag_name. */
function plainName(value: string): string {
  const parts = value.split(/[/\\]+/).filter((part) => part !== '');
  const plain = parts.map((part) =>
    part === '.' || part === '..'
      ? '_'
      : Buffer.from(part)
          .toString('latin1')
          .replaceAll(/[^\w.-]/g, '_'),
  );
  return plain.join('/') || '_';
}

function climbs(path: string): number {
  return path.split('/').filter((part) => part === '..').length;
}
