/** What a record becomes in the line protocol: which values are tags, which fields, and how each is written. */
import { rubyText } from '../../codecs/ruby.ts';
import { stringifyJson } from '../../core/json.ts';
import { Float, fieldEntries, getField, isFields } from '../../core/record.ts';
import type { Fields, Value } from '../../core/record.ts';
import { areTagsClear, escapeFieldKey, escapeTag, escapeTagValue, fluentbitNames, quoteText } from './names.ts';

/** A dialect's way. */
export interface PointForm {
  /** Source of the texts: the Fluentd plugins write as Ruby does, Fluent Bit as C and JSON do. */
  readonly dialect: 'fluentd' | 'fluentbit';
  readonly tagKeys: ReadonlySet<string>;
  /** Every text is a tag. */
  readonly hasAutoTags: boolean;
  /** A list under this key names more keys of tags, for its record alone, and is not written itself. */
  readonly tagsListKey: string | undefined;
  /** Values under other keys are left out; undefined: none are. */
  readonly fieldKeys: ReadonlySet<string> | undefined;
  /** Tags and fields by name, instead of in the record's order. */
  readonly isSorted: boolean;
  /** `5i`, `5`, or `5.0`. */
  readonly integers: 'suffixed' | 'plain' | 'float';
  /** Objects and arrays: as JSON text, their fields as `a.b`, or left out. */
  readonly nested: 'json' | 'flatten' | 'skip';
  /** Its value is the point's time. */
  readonly timeKey: string | undefined;
  /** Its value is the point's retention policy. */
  readonly policyKey: string | undefined;
}

/** A record taken apart. */
export interface Point {
  readonly time: Value | undefined;
  readonly policy: Value | undefined;
  /** By key, neither escaped. */
  readonly tags: Map<string, string>;
  readonly fields: Map<string, Value>;
}

/** What InfluxDB's types are, as it names them. */
export type FieldType = 'float' | 'integer' | 'string' | 'boolean' | 'unsigned';

/** A name that no other value has. InfluxDB leaves out a field called time, and refuses such a tag: it calls the point's own so. It knows no empty name. */
export function freeName(taken: ReadonlyMap<string, unknown>, name: string): string {
  let free = name === 'time' ? 'time_' : name === '' ? '_' : name;
  while (taken.has(free)) free += '_';
  return free;
}

export function takeApart(record: Fields, form: PointForm): Point {
  const tags = new Map<string, string>();
  const fields = new Map<string, Value>();
  let time: Value | undefined;
  let policy: Value | undefined;
  const listed = form.tagsListKey === undefined ? undefined : getField(record, form.tagsListKey);
  const isListed = (name: string): boolean => Array.isArray(listed) && listed.includes(name);
  const add = (name: string, value: Value): void => {
    if (form.tagKeys.has(name) || isListed(name) || (form.hasAutoTags && typeof value === 'string')) {
      const text = tagText(value, form);
      if (text !== '') tags.set(freeName(tags, name), text);
    } else if (form.nested === 'flatten' && isFields(value)) {
      for (const [key, inner] of fieldEntries(value)) add(`${name}.${key}`, inner);
    } else if (form.fieldKeys?.has(name) ?? true) fields.set(freeName(fields, name), value);
  };
  for (const [key, value] of fieldEntries(record)) {
    if (key === form.timeKey) time = value;
    else if (key === form.policyKey) policy = value;
    else if (key === form.tagsListKey && Array.isArray(value)) continue;
    else add(key, value);
  }
  return { time, policy, tags, fields };
}

/** Empty: no tag. InfluxDB refuses a tag without a value. */
function tagText(value: Value, form: PointForm): string {
  if (form.dialect === 'fluentd') {
    const text = isInteger(value) ? String(value) : rubyText(value);
    return text.trim() === '' ? '' : text;
  }
  if (typeof value === 'string') return fluentbitNames.text(value);
  if (value instanceof Uint8Array) return fluentbitNames.text(rubyText(value));
  return scalarText(value, form) ?? '';
}

export function writeTag(key: string, value: string, form: PointForm): string {
  return form.dialect === 'fluentbit'
    ? `,${fluentbitNames.tag(key)}=${fluentbitNames.tag(value)}`
    : `,${escapeTag(key)}=${escapeTag(value)}`;
}

/** Tags with a comma before each. */
export function writeTags(tags: readonly (readonly [key: string, value: string])[], form: PointForm): string {
  if (form.dialect === 'fluentd') {
    const written = tags.map(([key, value]) => `,${escapeTag(key)}=${escapeTagValue(value)}`).join('');
    if (areTagsClear(written)) return written;
  }
  return tags.map(([key, value]) => writeTag(key, value, form)).join('');
}

export function writeFieldKey(key: string, form: PointForm): string {
  return form.dialect === 'fluentbit' ? fluentbitNames.tag(key) : escapeFieldKey(key);
}

/** A field's value as it is written, and the type that InfluxDB sees; undefined: there is nothing to write. */
export function fieldValue(
  value: Value,
  form: PointForm,
): { readonly text: string; readonly type: FieldType } | undefined {
  if (typeof value === 'string') return textValue(value, form);
  if (value instanceof Uint8Array) return textValue(rubyText(value), form);
  if (Array.isArray(value) || isFields(value))
    return form.nested === 'skip' ? undefined : textValue(stringifyJson(value), form);
  const text = scalarText(value, form);
  if (text === undefined) return undefined;
  if (typeof value === 'boolean') return { text, type: 'boolean' };
  return { text, type: isInteger(value) && form.integers === 'suffixed' ? 'integer' : 'float' };
}

export function textValue(text: string, form: PointForm): { readonly text: string; readonly type: FieldType } {
  return { text: quoteText(form.dialect === 'fluentbit' ? fluentbitNames.text(text) : text), type: 'string' };
}

function isInteger(value: Value): value is number | bigint {
  // Beyond 10^21 a number is printed, and was written, with an exponent.
  return typeof value === 'bigint' || (Number.isInteger(value) && Math.abs(value as number) < 1e21);
}

/** True for what InfluxDB's integers, of 64 bits, cannot hold. */
export function isBeyond64Bits(value: Value): boolean {
  return isInteger(value) && BigInt.asIntN(64, BigInt(value)) !== BigInt(value);
}

function scalarText(value: Value, form: PointForm): string | undefined {
  if (value === null) return undefined;
  const isC = form.dialect === 'fluentbit';
  if (typeof value === 'boolean') return isC ? (value ? 'TRUE' : 'FALSE') : String(value);
  if (isInteger(value)) {
    if (form.integers === 'float') return rubyText(new Float(Number(value)));
    return form.integers === 'suffixed' ? `${value}i` : String(value);
  }
  const size = value instanceof Float ? value.value : typeof value === 'number' ? value : Number.NaN;
  // The line protocol has no infinity, and nothing that is not a number.
  if (!Number.isFinite(size)) return undefined;
  return isC ? sixDigits(size) : rubyText(new Float(size));
}

/** C's `%f`, unless that would change the value: then all of its digits. */
export function sixDigits(value: number): string {
  const text = value.toFixed(6);
  return Number(text) === value && !text.includes('e') ? text : String(value);
}
