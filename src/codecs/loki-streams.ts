/** Records as streams of Loki's push API, in JSON. Source: Fluent Bit 5.1 out_loki/loki.c; Grafana Loki HTTP API. */
import { epochNanosText } from './fluentbit-dates.ts';
import { compileFluentbitAccessor, compileFluentbitTemplate } from './fluentbit-accessor.ts';
import type { FluentbitAccessor, TemplateSource } from './fluentbit-accessor.ts';
import { fluentbitDouble, fluentbitJson, fluentbitScalar } from './fluentbit-text.ts';
import { rowFormatter } from './rows.ts';
import { stringifyJson } from '../core/json.ts';
import type { Formatter } from '../core/plugin.ts';
import { Float, fieldEntries, fieldsFromEntries, getField, isFields } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

export interface LokiOptions {
  /** `name=text`, `name=$accessor` or `$accessor`. */
  readonly labels: readonly string[];
  /** Accessors that are labels under their own names. */
  readonly labelKeys: readonly string[];
  readonly structuredMetadata: readonly string[];
  /** Accessors of maps whose entries are structured metadata. */
  readonly structuredMetadataMapKeys: readonly string[];
  readonly removeKeys: readonly string[];
  readonly lineFormat: 'json' | 'key_value';
  /** A record with one field left becomes its value; `raw`: a text without quotation marks. */
  readonly dropSingleKey: 'off' | 'on' | 'raw';
  readonly autoKubernetesLabels: boolean;
}

/** A body: what stands before, between and behind what the formatter writes. */
export interface LokiBody {
  readonly formatter: Formatter;
  readonly opening: string;
  readonly closing: string;
}

/** @throws Error saying which label, key or accessor cannot be read */
export function compileLoki(options: LokiOptions): LokiBody {
  const labels = pairsOf([...options.labels, ...accessorsOnly('label_keys', options.labelKeys)]);
  const metadata = pairsOf(options.structuredMetadata);
  const maps = accessorsOnly('structured_metadata_map_keys', options.structuredMetadataMapKeys).map((written) =>
    compileFluentbitAccessor(written),
  );
  const hasMetadata = metadata.length > 0 || maps.length > 0;
  const removed = [...labels, ...metadata].flatMap(({ removes: path }) => (path ? [path] : []));
  const removes = [...removed, ...maps.map(({ path }) => path), ...options.removeKeys.map(pathOf)];
  const isFixed = [...labels, ...metadata].every(({ isDynamic }) => !isDynamic) && maps.length === 0;
  const hasOneStream = isFixed && !options.autoKubernetesLabels;
  const stream = (source: TemplateSource): string => {
    const entries = [...entriesOf(labels, source), ...(options.autoKubernetesLabels ? podLabels(source.fields) : [])];
    return objectText(entries.length > 0 ? entries : [['job', 'fluent-bit']]);
  };
  const formatter = rowFormatter('application/json', (batch, row, out) => {
    const fields = batch.fields(row);
    const source = { tag: batch.tag, fields, captures: [] };
    const line = lineOf(withoutPaths(fields, removes), options);
    const more = hasMetadata ? `,${objectText([...mapEntries(maps, fields), ...entriesOf(metadata, source)])}` : '';
    const time = epochNanosText(batch.seconds(row), batch.nanos(row));
    const value = `["${time}",${stringifyJson(line)}${more}]`;
    out.text(hasOneStream ? value : `{"stream":${stream(source)},"values":[${value}]}`);
  });
  if (!hasOneStream) return { formatter, opening: '{"streams":[', closing: ']}' };
  const only = stream({ tag: '', fields: {}, captures: [] });
  return { formatter, opening: `{"streams":[{"stream":${only},"values":[`, closing: ']}]}' };
}

/** A label or a piece of metadata. */
interface Pair {
  readonly name: string;
  readonly value: (source: TemplateSource) => string;
  /** Whether it depends on the record or its tag. */
  readonly isDynamic: boolean;
  /** The field that it is taken from, which does not stand in the line again. */
  readonly removes?: readonly (string | number)[] | undefined;
}

function pairsOf(written: readonly string[]): Pair[] {
  return written.map((entry) => {
    if (entry.startsWith('$')) {
      const { path } = compileFluentbitAccessor(entry);
      return {
        name: labelName(path.join('_')),
        value: compileFluentbitTemplate(entry),
        isDynamic: true,
        removes: path,
      };
    }
    const split = entry.indexOf('=');
    const [name, text] = [entry.slice(0, split), entry.slice(split + 1)];
    if (split < 1 || text === '') throw new Error(`label ${entry}: name=value or $key was expected`);
    const isDynamic = text.startsWith('$');
    const isTag = /^\$(?:TAG|\d)/.test(text);
    return {
      name,
      value: isDynamic ? compileFluentbitTemplate(text) : () => text,
      isDynamic,
      removes: isDynamic && !isTag ? compileFluentbitAccessor(text).path : undefined,
    };
  });
}

function accessorsOnly(option: string, written: readonly string[]): readonly string[] {
  const wrong = written.find((entry) => !entry.startsWith('$'));
  if (wrong !== undefined) throw new Error(`${option}: ${wrong}: a key behind a $ was expected, such as $${wrong}`);
  return written;
}

function pathOf(written: string): readonly (string | number)[] {
  return compileFluentbitAccessor(written.startsWith('$') ? written : `$${written}`).path;
}

/** Loki takes letters, digits and `_`, no digit first. */
function labelName(name: string): string {
  const safe = Buffer.from(name).toString('latin1').replaceAll(/\W/g, '_');
  return /^\d/.test(safe) ? `_${safe}` : safe;
}

type Entry = readonly [name: string, value: string];

/** Those that are not empty for a record. */
function entriesOf(pairs: readonly Pair[], source: TemplateSource): Entry[] {
  return pairs.flatMap(({ name, value }) => {
    const text = value(source);
    return text === '' ? [] : [[name, text] as const];
  });
}

function mapEntries(maps: readonly Pick<FluentbitAccessor, 'get'>[], fields: Fields): Entry[] {
  return maps.flatMap((accessor) => {
    const map = accessor.get(fields);
    if (!isFields(map)) return [];
    return fieldEntries(map).map(
      ([name, value]) => [labelName(name), typeof value === 'string' ? value : stringifyJson(value)] as const,
    );
  });
}

function podLabels(fields: Fields): Entry[] {
  const pod = getField(fields, 'kubernetes');
  const labels = isFields(pod) ? getField(pod, 'labels') : undefined;
  if (!isFields(labels)) return [];
  return fieldEntries(labels).flatMap(([name, value]) =>
    typeof value === 'string' ? [[labelName(name), value] as const] : [],
  );
}

/** Of two entries with the same name the last one counts, as readers of JSON take it. */
function objectText(entries: readonly Entry[]): string {
  return stringifyJson(fieldsFromEntries(new Map(entries)));
}

/** The record without these places; the record itself where it has none of them. */
function withoutPaths(fields: Fields, paths: readonly (readonly (string | number)[])[]): Fields {
  return paths.reduce((left, path) => withoutPath(left, path), fields);
}

function withoutPath(fields: Fields, [key, ...rest]: readonly (string | number)[]): Fields {
  const inner = typeof key === 'string' ? getField(fields, key) : undefined;
  if (inner === undefined) return fields;
  const kept = rest.length === 0 ? undefined : isFields(inner) ? withoutPath(inner, rest) : inner;
  if (kept === inner) return fields;
  return fieldsFromEntries(
    fieldEntries(fields).flatMap((entry) =>
      entry[0] !== key ? [entry] : kept === undefined ? [] : [[entry[0], kept] as [string, Value]],
    ),
  );
}

/** A line is compared and searched as it is, so it is written exactly as Fluent Bit writes it. */
function lineOf(fields: Fields, { lineFormat, dropSingleKey }: LokiOptions): string {
  const entries = fieldEntries(fields);
  const only = dropSingleKey !== 'off' && entries.length === 1 ? entries[0]?.[1] : undefined;
  if (lineFormat === 'json') {
    return typeof only === 'string' && dropSingleKey === 'raw' ? only : fluentbitJson(only ?? fields);
  }
  if (only !== undefined) return typeof only === 'string' ? only : plainText(only);
  return entries.map(([key, value]) => `${key}=${plainText(value)}`).join(' ');
}

/** A value of key_value. Texts are not escaped. */
function plainText(value: Value): string {
  if (typeof value === 'string') return `"${value}"`;
  if (value === null) return 'null';
  if (Array.isArray(value)) return `"[${value.map(plainText).join(' ')}]"`;
  if (isFields(value))
    return `"map[${fieldEntries(value)
      .map(([key, inner]) => `${key}:${plainText(inner)}`)
      .join(' ')}]"`;
  const number = value instanceof Float ? value.value : value;
  if (typeof number === 'number' && (value instanceof Float || !Number.isSafeInteger(number)))
    return fluentbitDouble(number);
  return fluentbitScalar(value) ?? '';
}
