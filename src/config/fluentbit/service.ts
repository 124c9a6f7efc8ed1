/** `[SERVICE]`: what is true of the whole configuration. */
import { nearest } from '../../core/errors.ts';
import type { Location } from '../../core/errors.ts';
import type { Lowering } from '../fluentd/lowering.ts';
import { quote } from '../fluentd/values.ts';
import type { MonitorModel } from '../model.ts';
import { ignoredServicePrefixes, serviceProperties } from './common.ts';
import type { ServiceValues } from './common.ts';
import type { Property, Section } from './element.ts';
import { bySpelling, prefixed, readSection } from './form.ts';
import type { Reading } from './form.ts';
import { readBinaryBytes } from './values.ts';

/** What is made of it. */
export interface Service {
  /** Milliseconds after which what waits is written. */
  readonly flushMs: number;
  readonly logLevel: string | undefined;
  readonly retryBaseMs: number | undefined;
  readonly retryCapMs: number | undefined;
  /** `HTTP_Server` and what belongs to it; who is watched is not known yet. */
  readonly monitor: Omit<MonitorModel, 'sources' | 'outputs'> | undefined;
  /** Bytes of the longest record that multiline parsers join. */
  readonly joinedBytesMax: number;
  /** `Parsers_File`, each with its place. */
  readonly parsersFiles: readonly { readonly path: string; readonly at: Location }[];
}

/** Fluent Bit's `Flush` where none is written. */
const flushMs = 1000;
/** As `multiline_buffer_limit` of Fluent Bit. */
const joinedBytesDefault = 2 * 1024 * 1024;
/** The journal takes records of 16 MiB; half of that leaves room for what JSON needs to write some characters. */
const joinedBytesLargest = 8 * 1024 * 1024;
/** What may be written more than once. */
const fileKeys = new Set(['parsers_file', 'plugins_file', 'streams_file']);

/** Reads the sections of that name; what a later one says goes before an earlier one. */
export function lowerService(reading: Reading, sections: readonly Section[]): Service {
  const { lowering, variables } = reading;
  const first = sections[0];
  const properties = sections.flatMap((section) => section.properties);
  const isFile = ({ key }: Property) => fileKeys.has(key.toLowerCase());
  const known = bySpelling({}, {}, serviceProperties);
  const plain = properties.filter((property) => !isFile(property));
  const at = first?.at ?? { file: '', line: 1, column: 1 };
  const owner = { title: '[SERVICE]', at };
  const read = readSection(
    reading,
    owner,
    { name: 'service', properties: plain.filter(({ key }) => known.has(key.toLowerCase())), groups: [], at },
    { form: {}, options: {}, common: serviceProperties },
  );
  for (const property of plain)
    if (!known.has(property.key.toLowerCase())) reportOther(reading, property, [...known.keys()]);
  const files = properties.filter(isFile).map(({ key, value, valueAt }) => ({
    key: key.toLowerCase(),
    path: variables.put(value, valueAt),
    at: valueAt,
  }));
  for (const { key, at: place } of files)
    if (key === 'streams_file')
      lowering.error(place, 'Streams_File: stream tasks are not supported; send the records to the store and query it');
    else if (key === 'plugins_file')
      lowering.error(place, 'Plugins_File: plugins of Fluent Bit are libraries in C, which this program cannot load');
  const values = read.common as ServiceValues;
  if (values.flush !== undefined && values.flush <= 0)
    lowering.error(read.places.get('flush') ?? at, 'Flush: expected more than 0 seconds');
  return {
    flushMs: values.flush === undefined ? flushMs : Math.max(1, Math.round(values.flush * 1000)),
    logLevel: ownLevel(values.logLevel),
    retryBaseMs: values.schedulerBase === undefined ? undefined : values.schedulerBase * 1000,
    retryCapMs: values.schedulerCap === undefined ? undefined : values.schedulerCap * 1000,
    monitor: values.httpServer === true ? monitorOf(reading, values, read.places) : undefined,
    joinedBytesMax: joinedBytesOf(lowering, values.multilineBufferLimit, read.places.get('multilineBufferLimit') ?? at),
    parsersFiles: files.filter(({ key }) => key === 'parsers_file'),
  };
}

/** Defaults as in Fluent Bit 5.1, but for the address. */
function monitorOf(
  { lowering }: Reading,
  values: ServiceValues,
  places: ReadonlyMap<string, Location>,
): Omit<MonitorModel, 'sources' | 'outputs'> {
  const at = places.get('httpServer');
  if (values.httpListen === undefined && at)
    lowering.warn(
      at,
      'HTTP_Server listens on 127.0.0.1 alone, where Fluent Bit listens on all addresses; write HTTP_Listen 0.0.0.0 to answer other machines, or HTTP_Listen 127.0.0.1',
    );
  return {
    host: values.httpListen ?? '127.0.0.1',
    port: values.httpPort ?? 2020,
    ...(values.healthCheck === true && {
      health: {
        errorsMax: values.hcErrorsCount ?? 5,
        retriesFailedMax: values.hcRetryFailureCount ?? 5,
        periodSeconds: values.hcPeriod ?? 60,
      },
    }),
    tellsStorage: values.storageMetrics === true,
    canReload: values.hotReload === true,
  };
}

/** Nothing that can be read is the default there, and 0 no limit. */
function joinedBytesOf(lowering: Lowering, written: string | undefined, at: Location): number {
  if (written === undefined) return joinedBytesDefault;
  const bytes = readBinaryBytes(written);
  if (bytes === undefined) {
    lowering.warn(
      at,
      `multiline_buffer_limit: found ${quote(written)}, expected a size such as 2MB (powers of 1024); it counts as not written`,
    );
    return joinedBytesDefault;
  }
  if (bytes > 0 && bytes <= joinedBytesLargest) return bytes;
  lowering.warn(
    at,
    `multiline_buffer_limit: ${bytes === 0 ? 'no limit' : quote(written)} is more than the journal takes in a record; it counts as 8 MiB`,
  );
  return joinedBytesLargest;
}

/** The same level in the words of the own log. */
function ownLevel(level: ServiceValues['logLevel']): string | undefined {
  if (level === 'warning') return 'warn';
  return level === 'off' ? 'fatal' : level;
}

/** Fluent Bit passes over what it does not know here; so does this program, but not without a word. */
function reportOther({ lowering }: Reading, property: Property, known: readonly string[]): void {
  const key = property.key.toLowerCase();
  const reason = prefixed(ignoredServicePrefixes, key);
  if (reason !== undefined) {
    lowering.note(property.at, `${property.key}: ${reason}`, 'ignored', '[SERVICE]');
    return;
  }
  const near = nearest(key, known);
  lowering.warn(
    property.at,
    `[SERVICE] has no property ${property.key}${near === undefined ? '' : `; did you mean ${near}?`}: it has no effect, as in Fluent Bit`,
  );
}
