/** The `content_modifier` processor of Fluent Bit: changes one field of each record. Source: Fluent Bit 5.1 processor_content_modifier/cm_logs.c, cm_utils.c. */
import { createHash } from 'node:crypto';
import { eachGuarded, guardMatch } from '../codecs/guarded-match.ts';
import type { GuardedMatch } from '../codecs/guarded-match.ts';
import { integerValue } from '../codecs/fluentbit-types.ts';
import { compileCapture } from '../codecs/onigmo.ts';
import { generalNumber } from '../codecs/printf-number.ts';
import { fluentbitForm } from '../core/fluentbit.ts';
import { choice, pattern, text } from '../core/options.ts';
import type { OptionValues } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import { Float, fieldEntries, fieldsFromEntries, getField } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const options = {
  action: choice(['insert', 'upsert', 'delete', 'rename', 'hash', 'extract', 'convert'])(
    'What is done: insert sets a field that is not there, upsert in any case, hash puts the SHA-256 of the value in its place, extract makes fields of the named groups of pattern.',
    { required: true },
  ),
  context: choice(['body', 'message', 'record'])('Where: records have fields only.', { default: 'body' }),
  key: text('The field.', { required: true }),
  value: text('Its text, or with rename its new name.'),
  pattern: pattern('The expression of extract.'),
  convertedType: choice(['string', 'boolean', 'int', 'double'])('What convert makes of it.'),
};

export const contentModifierFilter = definePlugin({
  kind: 'filter',
  name: 'content_modifier',
  summary: 'Changes one field of each record: insert, upsert, delete, rename, hash, extract or convert.',
  options,
  fluentbit: fluentbitForm({
    options: { action: {}, context: {}, key: {}, value: {}, pattern: {}, convertedType: {} },
    example: `[FILTER]
    Name   content_modifier
    Match  *
    action hash
    key    email`,
  }),
  example: `<filter app.**>
  @type content_modifier
  action hash
  key email
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      text: 'Is a processor only. Here it is a filter too.',
    },
    {
      peer: 'fluentbit',
      verdict: 'better',
      text: 'A record without the field of extract or convert, or with a value that they cannot take, leaves all that follow in its chunk as they were. Here only that record stays as it was.',
    },
    {
      peer: 'fluentbit',
      text: 'Leaves a key twice in a record where `rename` gives a field the name of another one. Here the later of the two stays.',
    },
    {
      peer: 'fluentbit',
      text: '`context` of metadata and of OpenTelemetry is an error here: records have fields only.',
      options: ['context'],
    },
  ],
  check({ options: values }) {
    const { action } = values;
    if (['insert', 'upsert', 'rename'].includes(action) && values.value === undefined)
      throw new Error(`action ${action} needs value`);
    if (action === 'extract') compileCapture(needed(values.pattern, 'action extract needs pattern'));
    if (action === 'convert') needed(values.convertedType, 'action convert needs converted_type');
  },
  create({ options: values }) {
    const action = compileAction(values);
    return {
      apply(batch, reject) {
        const changed: (Fields | undefined)[] = [];
        eachGuarded(
          batch.count,
          action.matches,
          (row) => (changed[row] = action.change(batch.fields(row))),
          (row) => {
            changed[row] = undefined;
            reject(row, 'time_limit');
          },
        );
        return batch.map((_fields, row) => changed[row]);
      },
    };
  },
});

interface Action {
  change(fields: Fields): Fields;
  readonly matches: readonly GuardedMatch[];
}

function needed<T>(value: T | undefined, problem: string): T {
  if (value === undefined) throw new Error(problem);
  return value;
}

function compileAction({
  action,
  key,
  value = '',
  pattern: expression,
  convertedType,
}: OptionValues<typeof options>): Action {
  const plain = (change: Action['change']): Action => ({ change, matches: [] });
  switch (action) {
    case 'insert':
      return plain((fields) => (getField(fields, key) === undefined ? last(fields, [[key, value]]) : fields));
    case 'upsert':
      return plain((fields) => last(fields, [[key, value]]));
    case 'delete':
      return plain((fields) => (getField(fields, key) === undefined ? fields : without(fields, [key])));
    case 'rename':
      return plain((fields) => renamed(fields, key, value));
    case 'hash':
      return plain((fields) => {
        const value = getField(fields, key);
        const shown = value instanceof Uint8Array ? value : textOf(value);
        return shown === undefined || shown.length === 0 ? fields : inPlace(fields, key, sha256(shown));
      });
    case 'convert':
      return plain((fields) => {
        const before = getField(fields, key);
        const after = before === undefined ? undefined : convert(before, convertedType ?? 'string');
        return after === undefined ? fields : last(fields, [[key, after]]);
      });
    default:
      return extraction(key, expression ?? '');
  }
}

function extraction(key: string, source: string): Action {
  const { expression, names } = compileCapture(source);
  const match = guardMatch(expression, source);
  const change = (fields: Fields) => {
    const value = getField(fields, key);
    const found = typeof value === 'string' ? match.exec(value) : null;
    if (!found) return fields;
    return last(
      fields,
      names.map((name, i): [string, Value] => [name, found[i + 1] ?? '']),
    );
  };
  return { change, matches: [match] };
}

function without(fields: Fields, keys: readonly string[]): Fields {
  return fieldsFromEntries(fieldEntries(fields).filter(([key]) => !keys.includes(key)));
}

/** Behind all others. */
function last(fields: Fields, added: readonly [string, Value][]): Fields {
  const names = added.map(([name]) => name);
  return fieldsFromEntries([...fieldEntries(fields).filter(([key]) => !names.includes(key)), ...added]);
}

function inPlace(fields: Fields, key: string, value: Value): Fields {
  return fieldsFromEntries(fieldEntries(fields).map(([one, held]) => [one, one === key ? value : held]));
}

/** Of two fields that have the name then, the later one stays. */
function renamed(fields: Fields, key: string, name: string): Fields {
  if (key === name || getField(fields, key) === undefined) return fields;
  const entries = fieldEntries(fields);
  const at = (wanted: string) => entries.findIndex(([one]) => one === wanted);
  const left = at(name) > at(key) ? key : name;
  return fieldsFromEntries(
    entries.flatMap(([one, held]): [string, Value][] => (one === left ? [] : [[one === key ? name : one, held]])),
  );
}

const sha256 = (shown: string | Uint8Array) => createHash('sha256').update(shown).digest('hex');

/** Undefined for what has no text: objects and lists. */
function textOf(value: Value | undefined): string | undefined {
  if (value === null) return 'null';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean' || typeof value === 'bigint') return String(value);
  if (value instanceof Float) return generalNumber(value.value, 17);
  if (typeof value === 'number') return Number.isInteger(value) ? String(value) : generalNumber(value, 17);
  return undefined;
}

type ConvertedType = NonNullable<OptionValues<typeof options>['convertedType']>;

/** Undefined: it cannot be converted. */
function convert(value: Value, type: ConvertedType): Value | undefined {
  if (type === 'string') return textOf(value);
  if (typeof value === 'string') return convertText(value, type);
  const number = value instanceof Float ? value.value : value === null ? 0 : value;
  if (typeof number !== 'number' && typeof number !== 'bigint' && typeof number !== 'boolean') return undefined;
  if (type === 'boolean') return Number(number) !== 0;
  if (type === 'double') return new Float(Number(number));
  if (typeof number === 'bigint') return number;
  const whole = typeof number === 'boolean' ? Number(number) : halfAway(number);
  return Math.abs(whole) < 2 ** 63 ? integerValue(BigInt(whole)) : undefined;
}

/** Halves go away from zero in C. */
const halfAway = (number: number) => Math.sign(number) * Math.round(Math.abs(number));

function convertText(value: string, type: 'boolean' | 'int' | 'double'): Value | undefined {
  if (type === 'boolean') return /^true$/i.test(value);
  if (type === 'double') {
    const digits = /^\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?/.exec(value)?.[0];
    const number = Number(digits);
    return digits === undefined || !Number.isFinite(number) ? undefined : new Float(number);
  }
  // Whole texts, and no more than an int or unsigned int of C holds.
  if (!/^\s*[-+]?\d*$/.test(value)) return undefined;
  const number = Number(value);
  return number >= -(2 ** 31) && number < 2 ** 32 ? number : undefined;
}
