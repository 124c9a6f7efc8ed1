/**
 * Maps a Fluentd `<buffer>` to how this program cuts, writes and retries chunks. Waiting records are always in the
 * journal, so what a buffer says about files has no effect; limits on retries and on what may wait count only where they
 * are written, since giving up by default is how records get lost.
 */
import type { OutputSpec } from '../../core/plugin.ts';
import { defaultBuffer } from '../model.ts';
import type { BufferModel, RetryModel } from '../model.ts';
import { attribute, derivedAttribute } from './element.ts';
import type { Attribute, Section } from './element.ts';
import { bufferOptions, bufferTypes, flatBufferNames } from './buffer-options.ts';
import type { BufferValues } from './buffer-options.ts';
import type { Lowering } from './lowering.ts';
import { bySpelling, readOptions, reportUnknown } from './options.ts';
import { onlySection } from './sections.ts';
import { normalZone } from './zone.ts';

// Fluentd's flush_interval and timekey_wait, and the day that its file output cuts by.
const flushIntervalMs = 60_000;
const timekeyWaitMs = 600_000;
const daySeconds = 86_400;
// Fluentd's chunk_full_threshold.
const chunkFullPart = 0.95;
// Fluentd's chunk_limit_size of a file buffer.
const fileChunkBytes = 256 * 1024 * 1024;

const bufferNames = bySpelling(bufferOptions);

/** A buffer, and the keys of the output's own section that it was made from. */
export interface LoweredBuffer {
  readonly buffer: BufferModel;
  readonly keys: ReadonlySet<string>;
}

/** Reads `<buffer>` or the flat v0.12 parameters of an output's section. `at` of notes: the output's. */
export function lowerBuffer(lowering: Lowering, spec: OutputSpec, section: Section): LoweredBuffer {
  const written = onlySection(lowering, section, 'buffer');
  const { flat, keys } = flatParameters(lowering, spec, section, written !== undefined);
  const source: Section | undefined =
    written ??
    (flat.length > 0 ? { name: 'buffer', argument: '', attributes: flat, sections: [], at: section.at } : undefined);
  if (!source) return { buffer: withSlowFlush(unwrittenBuffer(spec), lowering, section), keys };
  const owner = { title: '<buffer>', at: section.at };
  checkType(lowering, source);
  const skipped = new Set(['@type', 'type', '@id', '@log_level', 'chunk_keys']);
  const { values, others } = readOptions(
    lowering,
    owner,
    bufferOptions,
    source.attributes.filter((candidate) => !skipped.has(candidate.key)),
  );
  reportUnknown(lowering, owner, others, [...bufferNames.keys()]);
  for (const inner of source.sections) lowering.error(inner.at, `<buffer> takes no section <${inner.name}>`);
  const buffer = buildBuffer(lowering, spec, source, values, section, written === undefined);
  return { buffer: withSlowFlush(buffer, lowering, section), keys };
}

/** Where a key that an output does not know would belong: into `<buffer>` when it is one of its options. */
export function belongsIntoBuffer(key: string): string | undefined {
  return bufferNames.has(key) ? '<buffer>' : undefined;
}

/** The flat parameters under their names in `<buffer>`; with a `<buffer>` Fluentd does not look at them. */
function flatParameters(
  lowering: Lowering,
  spec: OutputSpec,
  section: Section,
  hasBuffer: boolean,
): { flat: Attribute[]; keys: Set<string> } {
  const declared = bySpelling(spec.options);
  const keys = new Set(['slow_flush_log_threshold', 'time_as_integer'].filter((key) => !declared.has(key)));
  const flat: Attribute[] = [];
  for (const candidate of section.attributes) {
    const name = flatBufferNames.get(candidate.key);
    if (name === undefined) continue;
    const isDeclared = declared.has(candidate.key);
    // out_file needs the slice's format for its names as well.
    if (isDeclared && !candidate.key.startsWith('time_slice_')) continue;
    if (candidate.key === 'timezone' && !attribute(section, 'time_slice_format', 'time_slice_wait')) continue;
    if (candidate.key !== 'timezone' && !isDeclared) keys.add(candidate.key);
    if (hasBuffer) {
      if (!isDeclared)
        lowering.warn(candidate.at, `${candidate.key} has no effect beside <buffer>; write ${name} into it`);
      continue;
    }
    flat.push(...translated(lowering, candidate, name));
  }
  if (flat.some((candidate) => candidate.key === 'timekey')) flat.push(...flatUtc(section));
  return { flat, keys };
}

function translated(lowering: Lowering, from: Attribute, name: string): Attribute[] {
  const { text } = from.value;
  if (from.key === 'buffer_queue_full_action' && text === 'exception')
    return [derivedAttribute(from, name, 'throw_exception')];
  if (from.key !== 'time_slice_format') return [derivedAttribute(from, name)];
  const seconds = text.includes('%S') ? 1 : text.includes('%M') ? 60 : text.includes('%H') ? 3600 : daySeconds;
  if (seconds === daySeconds && !/%[dejF]/.test(text)) {
    lowering.error(from.value.at, `time_slice_format: found "${text}", expected a format with %d, %H, %M or %S`);
    return [];
  }
  return [derivedAttribute(from, name, String(seconds))];
}

function flatUtc(section: Section): Attribute[] {
  const utc = attribute(section, 'utc');
  if (utc) return [derivedAttribute(utc, 'timekey_use_utc')];
  const localtime = attribute(section, 'localtime');
  if (!localtime) return [];
  const isLocal = !/^(?:false|no)$/.test(localtime.value.text);
  return [derivedAttribute(localtime, 'timekey_use_utc', String(!isLocal))];
}

function checkType(lowering: Lowering, source: Section): void {
  const type = attribute(source, '@type', 'type');
  if (type && !type.value.isBroken && !bufferTypes.includes(type.value.text))
    lowering.error(type.value.at, `unknown buffer plugin ${type.value.text} (there are memory, file and file_single)`);
}

/** How an output works when its configuration says nothing about buffering. */
export function unwrittenBuffer(spec: OutputSpec): BufferModel {
  const chunkKeys = spec.buffer?.chunkKeys ?? [];
  const isTimed = chunkKeys.includes('time');
  return {
    ...defaultBuffer,
    chunkKeys,
    ...(isTimed && { timekeySeconds: spec.buffer?.timekeySeconds ?? daySeconds, timekeyWaitMs }),
    flushMode: spec.buffer?.flushMode ?? (isTimed ? 'lazy' : defaultBuffer.flushMode),
    flushIntervalMs: spec.buffer?.flushIntervalMs ?? defaultBuffer.flushIntervalMs,
    retry: { ...defaultBuffer.retry, ...spec.buffer?.retry },
  };
}

function buildBuffer(
  lowering: Lowering,
  spec: OutputSpec,
  source: Section,
  values: BufferValues,
  output: Section,
  isFlat: boolean,
): BufferModel {
  const chunkKeys = readChunkKeys(lowering, spec, source, values.timekey !== undefined && isFlat);
  const isTimed = chunkKeys.includes('time');
  const timekeySeconds = isTimed ? readTimekey(lowering, spec, source, values) : undefined;
  if (!isTimed && values.timekey !== undefined)
    lowering.warn(source.at, '<buffer>: timekey has no effect unless time is a chunk key: <buffer time>');
  const overflow = values.overflowAction === 'drop_oldest_chunk' ? 'drop_oldest' : 'block';
  const chunkBytesMax = chunkBytes(lowering, source, values.chunkLimitSize);
  const backlogBytesMax = backlogLimit(lowering, source, values, chunkBytesMax);
  noteOverflow(lowering, output, values, backlogBytesMax);
  const timezone = values.timekeyUseUtc === true ? '+00:00' : zone(lowering, source, values.timekeyZone);
  const flushing = flush(lowering, spec, source, values, isTimed, isFlat);
  const flushesAtStop = flushAtShutdown(source, values, flushing.flushMode);
  return {
    chunkKeys,
    ...(timekeySeconds !== undefined && { timekeySeconds }),
    timekeyWaitMs: isTimed ? (values.timekeyWait ?? timekeyWaitMs) : 0,
    ...(timezone !== undefined && { timezone }),
    chunkBytesMax,
    ...(values.chunkLimitRecords !== undefined && { chunkRecordsMax: values.chunkLimitRecords }),
    chunkFullPart: fullPart(lowering, source, values.chunkFullThreshold),
    ...flushing,
    ...(flushesAtStop !== undefined && { flushAtShutdown: flushesAtStop }),
    concurrency: values.flushThreadCount ?? defaultBuffer.concurrency,
    // As many as there are threads, where nothing is written (output.rb).
    queuedChunksMax: values.queuedChunksLimitSize ?? values.flushThreadCount ?? defaultBuffer.concurrency,
    ...(values.compress !== undefined && values.compress !== 'text' && { compress: values.compress }),
    slowFlushLogMs:
      values.slowFlushLogThreshold === undefined ? defaultBuffer.slowFlushLogMs : values.slowFlushLogThreshold * 1000,
    retry: retry(lowering, spec, source, output, values),
    overflow,
    ...(backlogBytesMax !== undefined && { backlogBytesMax }),
    ...(values.disableChunkBackup === true && { isRefusedDropped: true }),
  };
}

/** `queue_limit_length` counts in chunks, and goes before `total_limit_size` (buffer.rb). */
function backlogLimit(
  lowering: Lowering,
  source: Section,
  { totalLimitSize, queueLimitLength }: BufferValues,
  chunkBytesMax: number,
): number | undefined {
  const written = queueLimitLength === undefined ? totalLimitSize : queueLimitLength * chunkBytesMax;
  if (written === undefined || written > 0) return written;
  const key = queueLimitLength === undefined ? 'total_limit_size' : 'queue_limit_length';
  lowering.error(attribute(source, key)?.value.at ?? source.at, `${key}: expected more than 0`);
  return undefined;
}

function noteOverflow(
  lowering: Lowering,
  output: Section,
  { overflowAction }: BufferValues,
  backlogBytesMax: number | undefined,
): void {
  if (overflowAction === 'drop_oldest_chunk')
    lowering.note(
      output.at,
      backlogBytesMax === undefined
        ? 'drop_oldest_chunk: when the journal is full, its oldest records are dropped for this output and counted as refused, unless another output needs them too'
        : `drop_oldest_chunk: when more than ${backlogBytesMax} bytes wait for this output, or the journal is full, its oldest records are dropped and counted as refused`,
    );
  else if (overflowAction !== undefined)
    lowering.note(
      output.at,
      `overflow_action ${overflowAction}: only when the whole journal is full, sources wait and postbacks are answered 503`,
    );
  if (backlogBytesMax !== undefined && overflowAction !== 'drop_oldest_chunk')
    lowering.note(
      output.at,
      `when more than ${backlogBytesMax} bytes wait for this output a warning says so; they stay in the journal, and receiving goes on`,
      'better',
    );
}

function fullPart(lowering: Lowering, source: Section, written: number | undefined): number {
  if (written === undefined) return chunkFullPart;
  if (written > 0 && written <= 1) return written;
  lowering.error(
    attribute(source, 'chunk_full_threshold')?.value.at ?? source.at,
    `chunk_full_threshold: found ${written}, expected a part above 0 and up to 1, such as 0.95`,
  );
  return chunkFullPart;
}

function readChunkKeys(lowering: Lowering, spec: OutputSpec, source: Section, isSliced: boolean): readonly string[] {
  if (isSliced) return ['time'];
  const argument = source.argument || (attribute(source, 'chunk_keys')?.value.text ?? '');
  if (argument === '') return spec.buffer?.chunkKeys ?? [];
  let keys = argument.split(',');
  if (argument.startsWith('[')) {
    try {
      keys = (JSON.parse(argument) as unknown[]).map(String);
    } catch {
      lowering.error(source.at, `<buffer ${argument}>: the chunk keys are no JSON array; write <buffer tag,time>`);
      return [];
    }
  }
  keys = keys.map((key) => key.trim()).filter((key) => key !== '');
  for (const key of keys)
    if (!/^[-_.@a-zA-Z0-9]+$/.test(key) && !/^\$\.[^\s]+$/.test(key))
      lowering.error(
        source.at,
        `<buffer>: ${key} is no chunk key: tag, time, a field's name or $.path.to.field was expected, separated by commas`,
      );
  return [...new Set(keys)];
}

function readTimekey(lowering: Lowering, spec: OutputSpec, source: Section, values: BufferValues): number | undefined {
  const seconds = values.timekey === undefined ? undefined : values.timekey / 1000;
  if (seconds === undefined) {
    // An output that is cut by time anyway (file) has a span of its own.
    if (spec.buffer?.timekeySeconds !== undefined) return spec.buffer.timekeySeconds;
    if (spec.buffer?.chunkKeys?.includes('time') === true) return daySeconds;
    lowering.error(source.at, '<buffer time> needs a timekey, such as timekey 1h');
  } else if (seconds < 1) {
    lowering.error(attribute(source, 'timekey')?.value.at ?? source.at, 'timekey: expected at least 1 second');
    return undefined;
  }
  return seconds;
}

function zone(lowering: Lowering, source: Section, written: string | undefined): string | undefined {
  if (written === undefined) return undefined;
  const normal = normalZone(written);
  if (normal === undefined)
    lowering.error(
      attribute(source, 'timekey_zone')?.value.at ?? source.at,
      `timekey_zone: found "${written}", expected an offset such as +09:00 or a zone such as Asia/Seoul`,
    );
  return normal;
}

function chunkBytes(lowering: Lowering, source: Section, written: number | undefined): number {
  if (written === undefined) return isFileBuffer(source) ? fileChunkBytes : defaultBuffer.chunkBytesMax;
  if (written > 0) return written;
  lowering.error(
    attribute(source, 'chunk_limit_size')?.value.at ?? source.at,
    'chunk_limit_size: expected more than 0',
  );
  return defaultBuffer.chunkBytesMax;
}

function isFileBuffer(source: Section): boolean {
  return attribute(source, '@type', 'type')?.value.text.startsWith('file') ?? false;
}

/** What stays open by time stays so over a stop, as with Fluentd's file buffer; short intervals are written then. */
function flushAtShutdown(
  source: Section,
  values: BufferValues,
  flushMode: BufferModel['flushMode'],
): boolean | undefined {
  if (flushMode === 'immediate') return undefined;
  if (values.flushAtShutdown !== undefined) return values.flushAtShutdown;
  return flushMode === 'lazy' && isFileBuffer(source) ? false : undefined;
}

function flush(
  lowering: Lowering,
  spec: OutputSpec,
  source: Section,
  values: BufferValues,
  isTimed: boolean,
  isFlat: boolean,
): Pick<BufferModel, 'flushMode' | 'flushIntervalMs'> {
  const isExplicit = values.flushMode !== undefined && values.flushMode !== 'default';
  const hasInterval = values.flushInterval !== undefined;
  // Without a mode in the configuration, an output that knows better (file, stdout: at once) goes before Fluentd's rule.
  const byRule = isTimed ? 'lazy' : 'interval';
  const byDefault = hasInterval && (isFlat || !isTimed) ? 'interval' : (spec.buffer?.flushMode ?? byRule);
  const flushMode = values.flushMode !== undefined && values.flushMode !== 'default' ? values.flushMode : byDefault;
  if (hasInterval && flushMode !== 'interval') {
    const at = attribute(source, 'flush_interval')?.at ?? source.at;
    if (isExplicit)
      lowering.error(
        at,
        `flush_interval can stand only with flush_mode interval, not with flush_mode ${flushMode}; remove one of them`,
      );
    else lowering.warn(at, 'flush_interval has no effect beside the chunk key time; write flush_mode interval for it');
  }
  return { flushMode, flushIntervalMs: values.flushInterval ?? spec.buffer?.flushIntervalMs ?? flushIntervalMs };
}

function retry(
  lowering: Lowering,
  spec: OutputSpec,
  source: Section,
  output: Section,
  values: BufferValues,
): RetryModel {
  const byDefault = { ...defaultBuffer.retry, ...spec.buffer?.retry };
  const isForever = values.retryForever === true;
  const at = (key: string) => attribute(source, key)?.at ?? source.at;
  if (isForever && (values.retryTimeout !== undefined || values.retryMaxTimes !== undefined))
    lowering.warn(at('retry_forever'), 'retry_forever: the other limits on retries have no effect beside it');
  if (!isForever && values.retryTimeout === undefined && values.retryMaxTimes === undefined)
    lowering.note(
      output.at,
      'retries go on until delivered (the default retry_timeout of 72h does not apply; write it to limit them)',
      'better',
    );
  const threshold = values.retrySecondaryThreshold ?? defaultBuffer.retry.secondaryThreshold;
  if (threshold < 0 || threshold > 1)
    lowering.error(at('retry_secondary_threshold'), 'retry_secondary_threshold: expected a part between 0 and 1');
  const base = values.retryExponentialBackoffBase ?? defaultBuffer.retry.base;
  if (base < 1)
    lowering.error(at('retry_exponential_backoff_base'), 'retry_exponential_backoff_base: expected at least 1');
  return {
    type: values.retryType ?? defaultBuffer.retry.type,
    waitMs: values.retryWait ?? byDefault.waitMs,
    base,
    waitMsMax: values.retryMaxInterval ?? Math.max(byDefault.waitMsMax, values.retryWait ?? 0),
    isRandomized: values.retryRandomize ?? defaultBuffer.retry.isRandomized,
    ...(!isForever && values.retryMaxTimes !== undefined && { triesMax: values.retryMaxTimes }),
    ...(!isForever && values.retryTimeout !== undefined && { timeoutMs: values.retryTimeout }),
    secondaryThreshold: threshold,
  };
}

/** `slow_flush_log_threshold` stands beside `<buffer>`, not in it. */
function withSlowFlush(buffer: BufferModel, lowering: Lowering, section: Section): BufferModel {
  const written = attribute(section, 'slow_flush_log_threshold');
  if (!written) return buffer;
  const owner = { title: 'output', at: section.at };
  const table = { slowFlushLogThreshold: bufferOptions.slowFlushLogThreshold };
  const seconds = readOptions(lowering, owner, table, [written]).values['slowFlushLogThreshold'];
  return typeof seconds === 'number' ? { ...buffer, slowFlushLogMs: seconds * 1000 } : buffer;
}
