/** SQL that makes and fills a segment's table. */
import type { Column } from './columns.ts';
import { sqlName, sqlText } from './database.ts';
import { rowColumns } from './layout.ts';
import { pointerOf } from './query/paths.ts';
import { segmentSql } from './segments.ts';

/** Texts that repeat: a dictionary, whose entries are packed too. Said, not left to choose: trying all costs half again the time. */
const dictionary = "USING COMPRESSION 'dict_fsst'";
const zstandard = "USING COMPRESSION 'zstd'";

/** Statement that makes the table. */
export function createSegmentSql(alias: string, number: number, columns: readonly Column[]): string {
  const fixed = rowColumns.map(([name, type]) => {
    const compression = name === 'fields' ? ` ${zstandard}` : type === 'VARCHAR' ? ` ${dictionary}` : '';
    return `${sqlName(name)} ${type}${compression}`;
  });
  const promoted = columns.flatMap((column) => {
    if (column.number === undefined) return [];
    const text = `t${column.number} VARCHAR ${column.isLongText ? zstandard : dictionary}`;
    return column.numeric ? [`n${column.number} ${column.numeric}`, text] : [text];
  });
  return `CREATE TABLE ${segmentSql(alias, number)}(${[...fixed, ...promoted].join(', ')})`;
}

/**
 * Statement that adds the rows of a table with rowids in [from, to), in their order. Values are what DuckDB reads in the record's JSON. A record that DuckDB
 * does not take for JSON has NULL in all columns: it must not keep the others from being sealed.
 */
export function fillSegmentSql(
  alias: string,
  number: number,
  columns: readonly Column[],
  source: string,
  { from, to }: { readonly from: number; readonly to: number },
): string {
  const promoted = columns.filter((column) => column.number !== undefined);
  const mixed = promoted.filter((column) => column.numeric && column.hasTexts);
  const pointers = (list: readonly Column[]): string =>
    `[${list.map(({ path }) => sqlText(pointerOf(path))).join(', ')}]`;
  const names = rowColumns.map(([name]) => sqlName(name));
  const rows = `SELECT ${names.join(', ')}${
    promoted.length > 0 ? `, TRY(json_extract_string(fields, ${pointers(promoted)})) AS texts` : ''
  }${mixed.length > 0 ? `, TRY(json_extract(fields, ${pointers(mixed)})) AS written` : ''} FROM ${source} WHERE rowid >= ${from} AND rowid < ${to}`;
  const numbers = promoted.flatMap((column, i) => {
    if (!column.numeric) return [];
    const text = `texts[${i + 1}]`;
    const isText = mixed.includes(column)
      ? `starts_with(CAST(written[${mixed.indexOf(column) + 1}] AS VARCHAR), '"')`
      : '';
    const number = `TRY_CAST(${text} AS ${column.numeric})`;
    const isPrinted = `CAST(${number} AS VARCHAR) = ${text}`;
    return [
      `CASE WHEN ${isText === '' ? '' : `NOT ${isText} AND `}${isPrinted} THEN ${number} END AS n${column.number}`,
    ];
  });
  const values = promoted.flatMap((column, i) => {
    const text = `texts[${i + 1}]`;
    return column.numeric ? [`n${column.number}`, `CASE WHEN n${column.number} IS NULL THEN ${text} END`] : [text];
  });
  return `INSERT INTO ${segmentSql(alias, number)} SELECT ${[...names, ...values].join(', ')} FROM (SELECT ${['*', ...numbers].join(', ')} FROM (${rows}))`;
}
