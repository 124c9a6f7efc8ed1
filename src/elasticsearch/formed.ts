/** Tests of fields whose values have a form of their own: times, addresses, truth values, objects without a mapping. */
import { isIP } from 'node:net';
import type { Comparison } from '../store/query/numbers.ts';
import { QueryError } from '../store/query/query-error.ts';
import { parseTime } from '../store/query/times.ts';
import type { Moment, TimeSpan } from '../store/query/times.ts';
import type { FieldTest, ValueTest, WildcardPart } from '../store/query/tree.ts';
import { exists, nothing, oneOf, range, term } from './clauses.ts';
import type { Clause } from './clauses.ts';
import type { FieldVariant } from './mapping.ts';
import { endsOf } from './numbers.ts';

// ------------------------------------------------------------------------------------------------- times

/** A written time is a span (`2026-11-21` a day), as for `_time` in the store. */
export function dateClause(field: FieldVariant, test: ValueTest): Clause | undefined {
  switch (test.kind) {
    case 'exists':
      return exists(field.name);
    case 'phrase':
    case 'exact':
      return timeRange(field, [
        { operator: '>=', value: test.text },
        { operator: '<=', value: test.text },
      ]);
    case 'compare':
    case 'range':
      return timeRange(field, endsOf(test));
    case 'wildcard':
    case 'regexp':
      return undefined;
    default:
      return test satisfies never;
  }
}

function timeRange(field: FieldVariant, ends: readonly { operator: Comparison; value: string }[]): Clause {
  const bounds: Record<string, string> = {};
  for (const { operator, value } of ends) {
    const span = parseTime(value);
    if (!span) return nothing;
    const isLower = operator[0] === '>';
    bounds[isLower ? 'gte' : 'lt'] = timeText(endOf(span, operator), isNanos(field));
  }
  return range(field.name, { ...bounds, format: isNanos(field) ? 'strict_date_optional_time_nanos' : 'epoch_millis' });
}

function endOf({ start, end }: TimeSpan, operator: Comparison): Moment {
  return operator === '>=' || operator === '<' ? start : end;
}

/** True for fields that keep nanoseconds; others keep milliseconds. */
function isNanos({ types }: FieldVariant): boolean {
  return types.includes('date_nanos');
}

/** The first time of the field's own steps that is not before the moment. */
function timeText({ seconds, nanos }: Moment, hasNanos: boolean): string {
  if (!hasNanos) return String(seconds * 1000 + Math.ceil(nanos / 1e6));
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;
}

// ------------------------------------------------------------------------------------------------- addresses

/** `10.0.0.1`, `10.0` and `10.0.*` for networks, `10.0.0.0/8`. */
export function addressClause(field: FieldVariant, test: ValueTest): Clause | undefined {
  switch (test.kind) {
    case 'exists':
      return exists(field.name);
    case 'phrase':
    case 'exact': {
      const network = isIP(test.text) > 0 ? test.text : networkOf(test.text);
      return network === undefined ? nothing : term(field.name, network);
    }
    case 'wildcard':
      return addressPattern(field, test.parts);
    case 'compare':
    case 'range': {
      const ends = endsOf(test);
      if (ends.some(({ value }) => isIP(value) === 0)) return nothing;
      const names = { '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' };
      return range(field.name, Object.fromEntries(ends.map(({ operator, value }) => [names[operator], value])));
    }
    case 'regexp':
      return undefined;
    default:
      return test satisfies never;
  }
}

function addressPattern(field: FieldVariant, parts: readonly WildcardPart[]): Clause | undefined {
  const [first, ...rest] = parts;
  if (first?.kind !== 'text' || rest.length === 0 || rest.some(({ kind }) => kind !== 'any')) return undefined;
  const network = first.text.endsWith('.') ? networkOf(first.text.slice(0, -1)) : undefined;
  return network === undefined ? undefined : term(field.name, network);
}

/** The network of the first numbers of an address, or one that is written as such. */
function networkOf(text: string): string | undefined {
  const [, address = '', bits] = /^(.*)\/(\d{1,3})$/.exec(text) ?? [];
  if (isIP(address) > 0 && bits !== undefined)
    return Number(bits) <= (isIP(address) === 4 ? 32 : 128) ? text : undefined;
  const numbers = text.split('.');
  if (numbers.length > 3 || numbers.some((number) => !/^\d{1,3}$/.test(number) || Number(number) > 255))
    return undefined;
  return `${[...numbers, '0', '0', '0'].slice(0, 4).join('.')}/${numbers.length * 8}`;
}

// ------------------------------------------------------------------------------------------------- truth values

/** `true` and `false` are the only values; they are tested here. */
export function flagClause(field: FieldVariant, test: ValueTest): Clause | undefined {
  if (test.kind === 'exists') return exists(field.name);
  if (test.kind === 'regexp') return undefined;
  const found = ['true', 'false'].filter((value) => isFlag(value, test));
  return found.length === 2 ? exists(field.name) : oneOf(field.name, found);
}

function isFlag(value: string, test: Exclude<ValueTest, { kind: 'exists' | 'regexp' }>): boolean {
  switch (test.kind) {
    case 'exact':
      return test.text === value;
    case 'phrase':
      return test.text === '' || test.text.toLowerCase() === value;
    case 'wildcard': {
      const pattern = test.parts.map((part) =>
        part.kind === 'text'
          ? part.text.toLowerCase().replaceAll(/[^a-z]/g, '\\x00')
          : part.kind === 'any'
            ? '.*'
            : '.',
      );
      return new RegExp(`^${pattern.join('')}$`).test(value);
    }
    case 'compare':
    case 'range':
      return endsOf(test).every(({ operator, value: bound }) => isCompared(value, operator, bound));
    default:
      return test satisfies never;
  }
}

function isCompared(value: string, operator: Comparison, bound: string): boolean {
  if (/^[-+]?\d/.test(bound)) return false;
  if (value === bound) return operator.length === 2;
  return value < bound === (operator[0] === '<');
}

// ------------------------------------------------------------------------------------------------- objects without a mapping

/** A key in such an object is a keyword of which servers find whole values and beginnings only. */
export function flatClause(field: FieldVariant, { test, at }: FieldTest): Clause {
  switch (test.kind) {
    case 'exists':
      return exists(field.name);
    case 'phrase':
    case 'exact':
      return term(field.name, test.text);
    case 'wildcard': {
      const [first, ...rest] = test.parts;
      if (first?.kind === 'text' && rest.length > 0 && rest.every(({ kind }) => kind === 'any'))
        return { prefix: { [field.name]: { value: first.text } } };
      break;
    }
    case 'compare':
    case 'range': {
      const names = { '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' };
      return range(field.name, Object.fromEntries(endsOf(test).map(({ operator, value }) => [names[operator], value])));
    }
    case 'regexp':
      break;
    default:
      return test satisfies never;
  }
  throw new QueryError(
    `${field.name} lies in an object without a mapping there; whole values and beginnings are found: ${field.name}:value, ${field.name}:value*`,
    at,
  );
}
