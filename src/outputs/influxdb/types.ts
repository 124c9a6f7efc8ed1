/**
 * What InfluxDB was found to hold in which field. It gives a field the type of the first value it sees, and refuses points
 * with another one for as long as that shard of its lives. What it said is kept here for a while, so that a record that
 * would be refused is written in another way, or refused with the reason, without asking again.
 */
import { rubyText } from '../../codecs/ruby.ts';
import { stringifyJson } from '../../core/json.ts';
import { Float, isFields } from '../../core/record.ts';
import type { Value } from '../../core/record.ts';
import { fieldValue, isBeyond64Bits, textValue } from './form.ts';
import type { FieldType, PointForm } from './form.ts';

/** A new shard may begin with another type, and somebody may have dropped the measurement. */
const believedMs = 3_600_000;
/** A server with more fields than that in conflict has another problem; a name and a type need some 200 bytes. */
const fieldsMax = 10_000;

export type TypesOf = ReadonlyMap<string, FieldType>;

export class FieldTypes {
  #byMeasurement = new Map<string, Map<string, FieldType>>();
  #count = 0;
  #sinceMs = 0;

  /** What is known of a measurement's fields. */
  of(measurement: string, nowMs: number): TypesOf | undefined {
    if (this.#count > 0 && nowMs - this.#sinceMs > believedMs) this.#forget();
    return this.#byMeasurement.get(measurement);
  }
  /** True where that was not known. */
  learn(measurement: string, field: string, type: FieldType, nowMs: number): boolean {
    if (this.#count >= fieldsMax) this.#forget();
    if (this.#count === 0) this.#sinceMs = nowMs;
    const fields = this.#byMeasurement.get(measurement) ?? new Map<string, FieldType>();
    this.#byMeasurement.set(measurement, fields);
    const before = fields.get(field);
    fields.set(field, type);
    if (before === undefined) this.#count++;
    return before !== type;
  }
  #forget(): void {
    this.#byMeasurement = new Map();
    this.#count = 0;
  }
}

/** A field as it is written, under its own name or the one beside it; or why its record cannot be. */
export type FittedField =
  { readonly isDiverted: boolean; readonly text: string } | { readonly problem: string } | undefined;

/** Where a value goes that its field cannot hold. */
export const divertedSuffix = '__str';

/**
 * Fits a value to the type that the server has. What loses nothing is done: `5` into a float field, `5.0` into an integer
 * one, anything into a text. Else it goes as text into the field beside it, or its record is refused.
 */
export function fitField(
  value: Value,
  type: FieldType | undefined,
  form: PointForm,
  isDiverting: boolean,
): FittedField {
  const own = fieldValue(value, form);
  if (own === undefined) return undefined;
  const isTooLarge = own.type === 'integer' && isBeyond64Bits(value);
  if (!isTooLarge && (type === undefined || type === own.type)) return { isDiverted: false, text: own.text };
  const fitted = isTooLarge && type !== 'string' ? undefined : converted(value, type, form);
  if (fitted !== undefined) return { isDiverted: false, text: fitted };
  if (isDiverting) return { isDiverted: true, text: textValue(asText(value), form).text };
  return {
    problem: isTooLarge
      ? 'is an integer beyond 64 bits'
      : `is ${own.type}, and the server holds ${type ?? 'another type'}`,
  };
}

function converted(value: Value, type: FieldType | undefined, form: PointForm): string | undefined {
  if (type === 'string') return textValue(asText(value), form).text;
  const number = value instanceof Float ? value.value : value;
  if (typeof number !== 'number' || !Number.isSafeInteger(number)) return undefined;
  if (type === 'float') return rubyText(new Float(number));
  if (type === 'integer') return `${number}i`;
  if (type === 'unsigned' && number >= 0) return `${number}u`;
  return undefined;
}

function asText(value: Value): string {
  return Array.isArray(value) || isFields(value) ? stringifyJson(value) : rubyText(value);
}
