/** The `type_converter` filter of Fluent Bit: copies fields as values of another type. Source: Fluent Bit 5.1 filter_type_converter/type_converter.c, flb_typecast.c. */
import { compileFluentbitAccessor } from '../codecs/fluentbit-accessor.ts';
import { fluentbitCasts, integerValue } from '../codecs/fluentbit-types.ts';
import { generalNumber } from '../codecs/printf-number.ts';
import { fluentbitForm, fluentbitWords, madeSection } from '../core/fluentbit.ts';
import type { FluentbitWritten } from '../core/fluentbit.ts';
import { choice, text } from '../core/options.ts';
import { definePlugin } from '../core/plugin.ts';
import type { PluginConfig } from '../core/plugin.ts';
import { Float, fieldEntries, fieldsFromEntries } from '../core/record.ts';
import type { Fields, Value } from '../core/record.ts';

const sourceTypes = ['string', 'int', 'uint', 'float'] as const;
const targetTypes = ['string', 'int', 'uint', 'float', 'hex', 'bool'] as const;
type SourceType = (typeof sourceTypes)[number];
type TargetType = (typeof targetTypes)[number];

/** The properties, in the order in which they are worked through. */
const properties: readonly (readonly [string, SourceType])[] = [
  ['str_key', 'string'],
  ['int_key', 'int'],
  ['uint_key', 'uint'],
  ['float_key', 'float'],
];

export const typeConverterFilter = definePlugin({
  kind: 'filter',
  name: 'type_converter',
  summary: 'Copies fields as values of another type: texts as numbers, numbers as texts.',
  options: {},
  sections: {
    convert: {
      summary: 'A field, what it is, and what becomes of it.',
      isMany: true,
      isRequired: true,
      options: {
        from: text("The field, or a record accessor ($a['b']).", { required: true }),
        to: text('The field that gets the value; one that cannot be converted is copied as it is.', {
          required: true,
        }),
        sourceType: choice(sourceTypes)('What it is.', { default: 'string' }),
        targetType: choice(targetTypes)('What it becomes; hex reads a text as a number in base 16.', {
          required: true,
        }),
      },
    },
  },
  fluentbit: fluentbitForm({
    repeated: {
      str_key: 'A text to convert: field, new field, type.',
      int_key: 'An integer to convert: field, new field, type.',
      uint_key: 'An unsigned integer to convert: field, new field, type.',
      float_key: 'A number with a fraction to convert: field, new field, type.',
    },
    lower(written) {
      const convert = properties.flatMap(([key, type]) =>
        written.pairs.filter((pair) => pair.key === key).flatMap((pair) => ruleOf(written, type, pair)),
      );
      if (convert.length === 0)
        written.error(written.at, 'str_key, int_key, uint_key or float_key is required, with a type that is known');
      return { sections: { convert } };
    },
    example: `[FILTER]
    Name    type_converter
    Match   *
    str_key status status_code int`,
  }),
  example: `<filter app.**>
  @type type_converter
  <convert>
    from status
    to status_code
    target_type int
  </convert>
</filter>`,
  differences: [
    {
      peer: 'fluentbit',
      text: 'Where not one field of a chunk can be converted, the new fields are left out. Here they hold the values as they were, as there with any other chunk.',
    },
    {
      peer: 'fluentbit',
      text: 'Leaves a key twice in a record that has the new field already. Here what is converted replaces it.',
    },
  ],
  check: (config) => void compileRules(config),
  create(config) {
    const rules = compileRules(config);
    return { apply: (batch) => batch.map((fields) => converted(fields, rules)) };
  },
});

function ruleOf(
  { error, warn }: FluentbitWritten,
  sourceType: SourceType,
  { key, value, at, valueAt = at }: FluentbitWritten['pairs'][number],
) {
  const [from, to, type, ...rest] = fluentbitWords(value) ?? [];
  if (from === undefined || to === undefined || type === undefined || rest.length > 0) {
    error(valueAt, `${key} ${value}: a field, a new field and a type were expected`);
    return [];
  }
  // A beginning is enough there: the first type that has it.
  const order: readonly TargetType[] = ['int', 'uint', 'float', 'hex', 'string', 'bool'];
  const targetType = order.find((one) => one.startsWith(type.toLowerCase()));
  if (targetType === undefined) {
    warn(valueAt, `${key} ${value}: ${type} is none of ${targetTypes.join(', ')}; as in Fluent Bit it has no effect`);
    return [];
  }
  return [madeSection({ from, to, sourceType, targetType }, at)];
}

interface Rule {
  readonly from: (fields: Fields) => Value | undefined;
  readonly to: string;
  readonly convert: (value: Value) => Value | undefined;
}

function compileRules({ sections }: PluginConfig): Rule[] {
  return (sections['convert'] ?? []).map(({ options }) => {
    const accessor = compileFluentbitAccessor(String(options['from']));
    const target = options['targetType'] as TargetType;
    return {
      from: (fields) => accessor.get(fields),
      to: String(options['to']),
      convert: compileConversion(options['sourceType'] as SourceType, target),
    };
  });
}

function converted(fields: Fields, rules: readonly Rule[]): Fields {
  const made: [string, Value][] = [];
  for (const { from, to, convert } of rules) {
    const value = from(fields);
    if (value !== undefined) made.push([to, convert(value) ?? value]);
  }
  return made.length === 0 ? fields : fieldsFromEntries([...fieldEntries(fields), ...made]);
}

/** Undefined: the value is not of that type, or cannot be converted. */
function compileConversion(source: SourceType, target: TargetType): (value: Value) => Value | undefined {
  switch (source) {
    case 'string':
      return (value) => (typeof value === 'string' ? textAs(target, value) : undefined);
    case 'float':
      return (value) => {
        const number = value instanceof Float ? value.value : value;
        const isFloat = value instanceof Float || (typeof number === 'number' && !Number.isInteger(number));
        return isFloat ? floatAs(target, number as number) : undefined;
      };
    default:
      return (value) => {
        const isInteger = typeof value === 'bigint' || (typeof value === 'number' && Number.isInteger(value));
        return isInteger ? integerAs(source, target, BigInt(value)) : undefined;
      };
  }
}

/** A text without a number in front, and one that is 0, count as none there. */
function textAs(target: TargetType, value: string): Value | undefined {
  const isNone = (number: Value | undefined) => (number === 0 ? undefined : number);
  switch (target) {
    case 'int':
      return isNone(fluentbitCasts['integer']?.(value));
    case 'uint': {
      const digits = /^\s*([-+]?)(\d+)/.exec(value);
      return digits ? isNone(unsigned(BigInt(digits[2] ?? 0), digits[1] === '-')) : undefined;
    }
    case 'hex':
      return isNone(fluentbitCasts['hex']?.(value));
    case 'float':
      return fluentbitCasts['float']?.(value);
    case 'bool':
      return /^true/i.test(value) ? true : /^false/i.test(value) ? false : undefined;
    default:
      return undefined;
  }
}

const unsignedMax = 2n ** 64n - 1n;

function unsigned(value: bigint, isNegative: boolean): number | bigint {
  if (value > unsignedMax) return unsignedMax;
  return integerValue(BigInt.asUintN(64, isNegative ? -value : value));
}

function integerAs(source: 'int' | 'uint', target: TargetType, value: bigint): Value | undefined {
  const read = source === 'int' ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value);
  if (target === 'string') return String(read);
  if (target === 'float') return new Float(Number(read));
  if (target === 'uint' && source === 'int') return integerValue(BigInt.asUintN(64, read));
  return target === 'int' && source === 'uint' ? integerValue(BigInt.asIntN(64, read)) : undefined;
}

function floatAs(target: TargetType, value: number): Value | undefined {
  const isWhole = Number.isInteger(value) && Math.abs(value) < 2 ** 63;
  if (target === 'string') return isWhole ? value.toFixed(1) : generalNumber(value, 16);
  if (target !== 'int' && target !== 'uint') return undefined;
  // Beyond 64 bits C leaves open what comes out: the value stays.
  if (!Number.isFinite(value) || Math.abs(value) >= 2 ** 63) return undefined;
  const whole = BigInt(Math.trunc(value));
  return integerValue(target === 'int' ? whole : BigInt.asUintN(64, whole));
}
