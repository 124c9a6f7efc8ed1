/**
 * A query's tree as a DuckDB expression over one table (layout.ts): true or false for every row, never NULL, so that NOT gives
 * exactly the other rows. All that a user wrote goes into it as a literal.
 */
import type { RowTable } from '../layout.ts';
import { fieldSql, valueSql } from './field-sql.ts';
import { bigintSql } from './number-sql.ts';
import { QueryError } from './query-error.ts';
import { anyValueSql } from './text-sql.ts';
import { momentOf, parseTime, timeForms } from './times.ts';
import type { Moment, TimeSpan } from './times.ts';
import type { FieldTest, QueryTree, ValueTest } from './tree.ts';

/**
 * The condition for a table's rows. `shards` are the journal's shards by the numbers they have in the table's partition.
 * @throws QueryError for tests of the record's own fields that parseQuery would not have let pass.
 */
export function toSql(tree: QueryTree, table: RowTable, shards: ReadonlyMap<number, string>): string {
  switch (tree.kind) {
    case 'all':
      return 'true';
    case 'and':
    case 'or':
      return `(${tree.operands.map((operand) => toSql(operand, table, shards)).join(tree.kind === 'and' ? ' AND ' : ' OR ')})`;
    case 'not':
      return `(NOT ${toSql(tree.operand, table, shards)})`;
    case 'test':
      return testSql(tree, table, shards);
    default:
      return tree satisfies never;
  }
}

/** The condition for record times in [fromMs, toMs). */
export function timeSql(fromMs: number | undefined, toMs: number | undefined): string {
  const ends = [
    ...(fromMs === undefined ? [] : [notBefore(momentOf(fromMs))]),
    ...(toMs === undefined ? [] : [before(momentOf(toMs))]),
  ];
  return ends.length === 0 ? 'true' : `(${ends.join(' AND ')})`;
}

function testSql(node: FieldTest, table: RowTable, shards: ReadonlyMap<number, string>): string {
  const { field, test } = node;
  switch (field) {
    case undefined:
      return freeSql(node);
    case '_time':
      return ownTimeSql(node);
    case '_id':
      return idSql(node, shards);
    case '_tag':
    case '_source':
      return `COALESCE(${valueSql(field.slice(1), test)}, false)`;
    default:
      return fieldSql(table, field, test);
  }
}

/** Free text: any value of the record. */
function freeSql({ test, at }: FieldTest): string {
  if (test.kind === 'phrase') return anyValueSql('fields', [{ kind: 'text', text: test.text }]);
  if (test.kind === 'wildcard') return anyValueSql('fields', test.parts);
  throw new QueryError('this needs the name of a field; write field: before it', at);
}

// ------------------------------------------------------------------------------------------------- _time

function notBefore({ seconds, nanos }: Moment): string {
  const second = bigintSql(BigInt(seconds));
  return nanos === 0 ? `seconds >= ${second}` : `(seconds >= ${second} AND (seconds > ${second} OR nanos >= ${nanos}))`;
}
function before({ seconds, nanos }: Moment): string {
  const second = bigintSql(BigInt(seconds));
  return nanos === 0 ? `seconds < ${second}` : `(seconds <= ${second} AND (seconds < ${second} OR nanos < ${nanos}))`;
}

/** A written time is a span (`2026-11-21` a day): `>` is behind it, `>=` from its start, `<=` to its end. */
function ownTimeSql({ test, at }: FieldTest): string {
  const span = (text: string): TimeSpan => {
    const found = parseTime(text);
    if (!found) throw new QueryError(`"${text}" is no time; write one of ${timeForms}`, at);
    return found;
  };
  const compare = (operator: '<' | '<=' | '>' | '>=', text: string): string => {
    const { start, end } = span(text);
    if (operator === '<' || operator === '<=') return before(operator === '<' ? start : end);
    return notBefore(operator === '>' ? end : start);
  };
  switch (test.kind) {
    case 'exists':
      return 'true';
    case 'phrase':
    case 'exact':
      return `(${compare('>=', test.text)} AND ${compare('<=', test.text)})`;
    case 'compare':
      return `(${compare(test.operator, test.value)})`;
    case 'range': {
      const from = test.from ? compare(test.from.isInclusive ? '>=' : '>', test.from.value) : 'true';
      const to = test.to ? compare(test.to.isInclusive ? '<=' : '<', test.to.value) : 'true';
      return `(${from} AND ${to})`;
    }
    case 'wildcard':
    case 'regexp':
      throw new QueryError('_time is compared with times; write _time >= 2026-11-21', at);
    default:
      return test satisfies never;
  }
}

// ------------------------------------------------------------------------------------------------- _id

function idSql({ test, at }: FieldTest, shards: ReadonlyMap<number, string>): string {
  if (test.kind === 'exists') return 'true';
  const text = idText(test);
  const [, shard, offset = '', ordinal = '-1'] = /^([^]*)-(\d{1,16})(?:\.(\d{1,9}))?$/.exec(text ?? '') ?? [];
  if (shard === undefined)
    throw new QueryError('this is no _id of the store; it looks like <shard>-<offset> or <shard>-<offset>.<k>', at);
  const numbers = [...shards].flatMap(([number, name]) => (name === shard ? [number] : []));
  if (numbers.length === 0) return 'false';
  return `(shard IN (${numbers.join(', ')}) AND "offset" = ${bigintSql(BigInt(offset))} AND ordinal = ${Number(ordinal)})`;
}
function idText(test: ValueTest): string | undefined {
  return test.kind === 'phrase' || test.kind === 'exact' ? test.text : undefined;
}
