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
  const { form, inForm, others } = formOf(promoted);
  const mixed = promoted.filter((column) => column.numeric && column.hasTexts);
  const names = rowColumns.map(([name]) => sqlName(name));
  const read = [
    ...(inForm.size > 0 ? [`TRY(json_transform(fields, ${sqlText(JSON.stringify(form))})) AS form`] : []),
    ...(others.length > 0 ? [`TRY(json_extract_string(fields, ${pointers(others)})) AS texts`] : []),
    ...(mixed.length > 0 ? [`TRY(json_extract(fields, ${pointers(mixed)})) AS written`] : []),
  ];
  const rows = `SELECT ${[...names, ...read].join(', ')} FROM ${source} WHERE rowid >= ${from} AND rowid < ${to}`;
  const textOf = (column: Column): string => {
    if (!inForm.has(column)) return `texts[${others.indexOf(column) + 1}]`;
    const value = column.path.reduce((object, key) => `struct_extract(${object}, ${sqlText(key)})`, 'form');
    // Small and large numbers have another text there (1e-05) than where a query reads the JSON (0.00001).
    if (!column.hasDecimals) return value;
    return `CASE WHEN contains(${value}, 'e') THEN TRY(json_extract_string(fields, ${pointers([column])}))[1] ELSE ${value} END`;
  };
  const numbers = promoted.flatMap((column) => {
    if (!column.numeric) return [];
    const text = textOf(column);
    const isText = mixed.includes(column)
      ? `starts_with(CAST(written[${mixed.indexOf(column) + 1}] AS VARCHAR), '"')`
      : '';
    const number = `TRY_CAST(${text} AS ${column.numeric})`;
    const isPrinted = `CAST(${number} AS VARCHAR) = ${text}`;
    return [
      `CASE WHEN ${isText === '' ? '' : `NOT ${isText} AND `}${isPrinted} THEN ${number} END AS n${column.number}`,
    ];
  });
  const values = promoted.flatMap((column) => {
    const text = textOf(column);
    return column.numeric ? [`n${column.number}`, `CASE WHEN n${column.number} IS NULL THEN ${text} END`] : [text];
  });
  return `INSERT INTO ${segmentSql(alias, number)} SELECT ${[...names, ...values].join(', ')} FROM (SELECT ${['*', ...numbers].join(', ')} FROM (${rows}))`;
}

function pointers(columns: readonly Column[]): string {
  return `[${columns.map(({ path }) => sqlText(pointerOf(path))).join(', ')}]`;
}

/** Objects in which values are looked for, by key; 'VARCHAR' is a value. */
interface Form {
  [key: string]: Form | 'VARCHAR';
}

/**
 * Columns whose values are read in one pass over a record, two thirds of what a list of pointers takes. Not for DuckDB's structs: empty
 * keys, keys that differ by upper and lower case only, and values of which parts are columns too.
 */
function formOf(columns: readonly Column[]): { form: Form; inForm: ReadonlySet<Column>; others: readonly Column[] } {
  const form: Form = Object.create(null) as Form;
  const inForm = new Set<Column>();
  const others: Column[] = [];
  for (const column of columns)
    if (addToForm(form, column.path)) inForm.add(column);
    else others.push(column);
  return { form, inForm, others };
}

function addToForm(form: Form, path: readonly string[]): boolean {
  const [key = '', ...rest] = path;
  const there = form[key];
  const lower = key.toLowerCase();
  const isLike = there === undefined && Object.keys(form).some((other) => other.toLowerCase() === lower);
  if (key === '' || isLike) return false;
  if (rest.length === 0) {
    if (there !== undefined) return false;
    form[key] = 'VARCHAR';
    return true;
  }
  if (there === 'VARCHAR') return false;
  const inner = there ?? (Object.create(null) as Form);
  if (!addToForm(inner, rest)) return false;
  form[key] = inner;
  return true;
}
