/** Which tables can have rows for a query, by what is known of their fields alone. */
import type { RowTable, SegmentField } from '../layout.ts';
import { placesOf } from './field-sql.ts';
import { mayCompare } from './number-sql.ts';
import { compareNumbers, isNumber } from './numbers.ts';
import type { QueryTree, ValueTest } from './tree.ts';

const ownFields = new Set(['_time', '_tag', '_source', '_id']);

/** False: no row of the table matches. */
export function mayMatch(tree: QueryTree, table: RowTable): boolean {
  switch (tree.kind) {
    case 'all':
    case 'not':
      return true;
    case 'and':
      return tree.operands.every((operand) => mayMatch(operand, table));
    case 'or':
      return tree.operands.some((operand) => mayMatch(operand, table));
    case 'test': {
      const { field, test } = tree;
      if (field === undefined || ownFields.has(field)) return true;
      const { columns, paths } = placesOf(table, field);
      return paths.length > 0 || columns.some((column) => mayHold(column, test));
    }
    default:
      return tree satisfies never;
  }
}

function mayHold({ bounds }: SegmentField, test: ValueTest): boolean {
  if (!bounds) return true;
  switch (test.kind) {
    case 'compare':
      return mayCompare(bounds, test.operator, test.value);
    case 'range': {
      const { from, to } = test;
      return (
        (!from || mayCompare(bounds, from.isInclusive ? '>=' : '>', from.value)) &&
        (!to || mayCompare(bounds, to.isInclusive ? '<=' : '<', to.value))
      );
    }
    case 'phrase':
      // `5` is a word of -5, too.
      return isBetween(bounds, test.text) || (!/^[-+]/.test(test.text) && isBetween(bounds, `-${test.text}`));
    case 'exact':
      return isBetween(bounds, test.text);
    case 'wildcard':
    case 'regexp':
    case 'exists':
      return true;
    default:
      return test satisfies never;
  }
}

function isBetween({ low, high }: NonNullable<SegmentField['bounds']>, text: string): boolean {
  // Parts of a number, such as its exponent, can be words of their own.
  if (![low, high, text].every(isNumber)) return true;
  return compareNumbers(text, low) >= 0 && compareNumbers(text, high) <= 0;
}
