/**
 * Tests of a record's fields as DuckDB expressions that are true or false, never NULL. A field's values are: a text, number or
 * boolean itself; of an array or object every one inside of it, at any depth, and for exact texts its JSON as DuckDB prints it. One
 * value that passes is enough.
 *
 * A segment has frequent fields as columns. All others, and all fields of hot tables, are read from the JSON, with a cheap look
 * first whether it can hold them at all.
 */
import { sqlText } from '../database.ts';
import type { SegmentField, RowTable } from '../layout.ts';
import { bigintOf, bigintSql, compareColumnSql, compareSql, doubleSql } from './number-sql.ts';
import { isNumber } from './numbers.ts';
import { isPlace, pathsOf, pointerOf } from './paths.ts';
import type { Path } from './paths.ts';
import { isJsonNumber, loweredSql, textSql } from './text-sql.ts';
import type { TextTest } from './text-sql.ts';
import type { Bound, ValueTest } from './tree.ts';

/** A test of one of the record's own fields or of its JSON. */
export function fieldSql(table: RowTable, name: string, test: ValueTest): string {
  const { columns, paths } = placesOf(table, name);
  const tests = columns.map((field) => columnSql(field, test));
  if (paths.length > 0) tests.push(jsonSql(paths, test));
  if (tests.length === 0) return 'false';
  return tests.length === 1 ? (tests[0] ?? 'false') : `(${tests.join(' OR ')})`;
}

/** A test of a text that is never NULL but in a segment's columns. */
export function valueSql(x: string, test: ValueTest): string {
  switch (test.kind) {
    case 'exists':
      return `${x} IS NOT NULL`;
    case 'compare':
      return compareSql(x, test.operator, test.value);
    case 'range':
      return rangeSql(test, (operator, value) => compareSql(x, operator, value));
    case 'phrase':
    case 'exact':
    case 'wildcard':
    case 'regexp':
      return textSql(x, test);
    default:
      return test satisfies never;
  }
}

function rangeSql(
  range: { readonly from: Bound | undefined; readonly to: Bound | undefined },
  compare: (operator: '<' | '<=' | '>' | '>=', value: string) => string,
): string {
  const ends = [
    ...(range.from ? [compare(range.from.isInclusive ? '>=' : '>', range.from.value)] : []),
    ...(range.to ? [compare(range.to.isInclusive ? '<=' : '<', range.to.value)] : []),
  ];
  return `(${ends.join(' AND ') || 'true'})`;
}

// ------------------------------------------------------------------------------------------------- places

/** Where a table has what a name can mean: columns, and paths in the JSON. */
export function placesOf(table: RowTable, name: string): { columns: SegmentField[]; paths: Path[] } {
  if (table.kind === 'hot') {
    const shapes = table.survey?.shapes;
    const isKnownMissing = (path: Path): boolean =>
      shapes !== undefined && !path.some((key, at) => at > 0 && isPlace(key)) && !shapes.mayHave(path);
    return { columns: [], paths: pathsOf(name).filter((path) => !isKnownMissing(path)) };
  }
  const columns: SegmentField[] = [];
  const paths = new Map<string, Path>();
  const arrays = new Set<string>();
  for (const field of table.fields) {
    if (field.types.includes('array')) arrays.add(pointerOf(field.path));
    if (field.name !== name) continue;
    if (field.number === undefined) paths.set(pointerOf(field.path), field.path);
    else columns.push(field);
  }
  const known = new Set(columns.map((field) => pointerOf(field.path)));
  // What is inside of arrays is not listed: `users.0.name` may be there where `users` is an array.
  const isInArray = (path: Path): boolean =>
    path.some((key, index) => index > 0 && isPlace(key) && arrays.has(pointerOf(path.slice(0, index))));
  for (const path of pathsOf(name))
    if ((!table.isFieldListComplete || isInArray(path)) && !known.has(pointerOf(path)))
      paths.set(pointerOf(path), path);
  return { columns, paths: [...paths.values()] };
}

// ------------------------------------------------------------------------------------------------- columns

function columnSql(field: SegmentField, test: ValueTest): string {
  const t = `t${field.number}`;
  const n = `n${field.number}`;
  const { numeric } = field;
  if (test.kind === 'exists') return numeric ? `(${n} IS NOT NULL OR ${t} IS NOT NULL)` : `${t} IS NOT NULL`;
  // A column for the key `0` of an object has first elements of arrays, too.
  const isDeep =
    field.types.includes('array') ||
    field.types.includes('object') ||
    field.path.some((key, at) => at > 0 && isPlace(key));
  const plain = valueSql(t, test);
  const inText = isDeep
    ? `CASE WHEN ascii(${t}) IN (91, 123) THEN ${jsonSql([field.path], test)} ELSE ${plain} END`
    : plain;
  const inNumber = numeric ? numberColumnSql(n, numeric, test) : 'false';
  // Bare, so that DuckDB can skip by the smallest and largest.
  if (field.bounds) return inNumber === 'false' ? 'false' : `COALESCE(${inNumber}, false)`;
  if (inNumber === 'false') return `COALESCE(${inText}, false)`;
  return `(COALESCE(${inNumber}, false) OR COALESCE(${inText}, false))`;
}

function numberColumnSql(n: string, type: 'BIGINT' | 'DOUBLE', test: Exclude<ValueTest, { kind: 'exists' }>): string {
  switch (test.kind) {
    case 'compare':
      return compareColumnSql(n, type, test.operator, test.value);
    case 'range':
      return rangeSql(test, (operator, value) => compareColumnSql(n, type, operator, value));
    case 'phrase':
    case 'exact':
      return type === 'BIGINT' ? integerSql(n, test) : doubleTextSql(n, test);
    case 'wildcard':
    case 'regexp':
      return textSql(`CAST(${n} AS VARCHAR)`, test);
    default:
      return test satisfies never;
  }
}

/** A phrase or an exact text in the text of an integer, which is digits, perhaps behind a minus. */
function integerSql(n: string, test: Extract<TextTest, { kind: 'phrase' | 'exact' }>): string {
  const { text, kind } = test;
  if (kind === 'exact') return equalsInteger(n, text === '-0' ? 0n : bigintOf(text));
  if (text === '-') return `${n} < 0`;
  const isSafe = isNumber(text) && Number.isSafeInteger(Number(text));
  const value = bigintOf(text) ?? (isJsonNumber(text) && isSafe ? BigInt(Number(text)) : undefined);
  // `5` is a whole word in -5.
  if (value === undefined || value <= 0n) return equalsInteger(n, value);
  return `${n} IN (${bigintSql(value)}, ${bigintSql(-value)})`;
}
function equalsInteger(n: string, value: bigint | undefined): string {
  return value === undefined ? 'false' : `${n} = ${bigintSql(value)}`;
}

/** The same in the text of a DOUBLE; looked at as a text only where the number fits. */
function doubleTextSql(n: string, test: Extract<TextTest, { kind: 'phrase' | 'exact' }>): string {
  if (!isJsonNumber(test.text)) return 'false';
  const value = doubleSql(test.text);
  return `CASE WHEN ${n} IN (${value}, -${value}) THEN ${textSql(`CAST(${n} AS VARCHAR)`, test)} ELSE false END`;
}

// ------------------------------------------------------------------------------------------------- JSON

/** The values in an array's or object's JSON as DuckDB prints it, without blanks: strings (keys with their colon), numbers, true, false. */
const tokenPattern = '"(?:[^"\\\\]|\\\\.)*":?|[-0-9][-+.0-9eE]*|true|false';

/** A test of what the record's JSON has at these paths. A record that DuckDB's reader does not take has nothing. */
function jsonSql(paths: readonly Path[], test: ValueTest): string {
  const pointers = `[${paths.map((path) => sqlText(pointerOf(path))).join(', ')}]`;
  const found = `TRY(json_extract_string(fields, ${pointers}))`;
  const condition =
    test.kind === 'exists'
      ? 'v IS NOT NULL'
      : `CASE WHEN ascii(v) IN (91, 123) AND json_type(fields, ${pointers}[i]) IN ('ARRAY', 'OBJECT') THEN ${insideSql('v', test)} ELSE ${valueSql('v', test)} END`;
  const isFound = `COALESCE(len(list_filter(${found}, lambda v, i: ${condition})) > 0, false)`;
  const needed = [...keyNeeded(paths), ...textNeeded(test)];
  return needed.reduceRight((inner, need) => `CASE WHEN NOT ${need} THEN false ELSE ${inner} END`, isFound);
}

function insideSql(json: string, test: ValueTest): string {
  const tokens = `list_filter(regexp_extract_all(${json}, ${sqlText(tokenPattern)}), lambda k: NOT ends_with(k, ':'))`;
  const isInside = `len(list_filter(list_transform(${tokens}, lambda k: json_extract_string(k, '$')), lambda w: ${valueSql('w', test)})) > 0`;
  // Lists of values give an array or object as its JSON.
  return test.kind === 'exact' ? `(${json} = ${sqlText(test.text)} OR ${isInside})` : isInside;
}

/** All readings of a name end in the same characters. A place in an array is no key. */
function keyNeeded(paths: readonly Path[]): string[] {
  const end = paths[0]?.at(-1)?.split('.').at(-1);
  if (end === undefined || paths.some((path) => !path.at(-1)?.endsWith(end) || isPlace(path.at(-1) ?? ''))) return [];
  return [`contains(fields, ${sqlText(JSON.stringify(end).slice(1))})`];
}

/**
 * The longest run of a text's characters that cannot look different in the record's JSON: no escapes, none that stand between
 * values, and no number, which can be written in several ways.
 */
function textNeeded(test: ValueTest): string[] {
  const texts =
    test.kind === 'phrase' || test.kind === 'exact'
      ? [test.text]
      : test.kind === 'wildcard'
        ? test.parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []))
        : [];
  const runs = texts.flatMap((text) => text.split(/[\p{Cc}\s"\\{}[\],:]+/u)).filter((run) => /[^-+.0-9eE]/.test(run));
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  return longest === '' ? [] : [`contains(lower(fields), ${loweredSql(longest)})`];
}
