/** Prints outcomes as text tables. */
import type { Outcome, Table, Target } from './scenario.ts';

function cell(value: string | number | undefined): string {
  if (value === undefined) return '-';
  if (typeof value === 'string') return value;
  if (Number.isInteger(value) || Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

function tableLines(table: Table): string[] {
  const rows = [table.columns, ...table.rows.map((row) => row.map(cell))];
  const widths = table.columns.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const isNumber = table.columns.map((_, column) => table.rows.some((row) => typeof row[column] === 'number'));
  const print = (row: readonly string[]): string =>
    `| ${row.map((text, column) => (isNumber[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (isNumber[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width))).join(' | ')} |`;
  const [head = [], ...body] = rows;
  return [table.title, '', print(head), rule, ...body.map(print), ''];
}

function targetLine(target: Target): string {
  const verdict = target.isMet === undefined ? 'not measured' : target.isMet ? 'met' : 'MISSED';
  return `${target.kind.padEnd(4)} ${target.text}: ${target.measured === undefined ? '' : `${cell(target.measured)}, `}${verdict}`;
}

/** The outcome as lines of text; tables are Markdown, so that they can be pasted. */
export function reportLines(name: string, outcome: Outcome): string[] {
  const versions = Object.entries(outcome.versions).map(([program, version]) => `${program} ${version}`);
  return [
    `## ${name}`,
    '',
    ...(versions.length > 0 ? [`versions: ${versions.join(', ')}`, ''] : []),
    ...outcome.tables.flatMap(tableLines),
    ...outcome.targets.map(targetLine),
    ...outcome.notes.map((note) => `note: ${note}`),
    ...(outcome.resultHash === '' ? [] : [`result hash: ${outcome.resultHash}`]),
  ];
}
